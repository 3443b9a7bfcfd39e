#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/verbs.h"
#include "client/issuer/cell_files.h"
#include "client/issuer/issuer.h"
#include "wire/seal/key_file.h"

namespace tercet::command {

void add_cell_init(CLI::App& cell, Context& context) {
  struct Arguments {
    std::string folder, interface, aead = "aes-256-gcm";
    std::vector<std::string> vips, lbs, backends, issuers;
  };
  auto given = std::make_shared<Arguments>();
  CLI::App* verb = cell.add_subcommand("init", "write the five servers' files, the client's, and the keys");
  verb->add_option("DIR", given->folder, "where: DIR/lb1/lb1.toml, lb1.key, …, DIR/client/client.toml")
      ->required();
  verb->add_option("--vip", given->vips,
                   "virtual IP, with or without /PREFIX (default: a cell on loopback addresses)")
      ->allow_extra_args(false);
  verb->add_option("--lb", given->lbs, "a load balancer's address, twice")->allow_extra_args(false);
  verb->add_option("--backend", given->backends, "a backend's address, three times")->allow_extra_args(false);
  verb->add_option("--issuer", given->issuers, "an issuer.pub whose licenses the cell takes")
      ->allow_extra_args(false);
  verb->add_option("--interface", given->interface, "where the virtual IP lives (default eth0)");
  verb->add_option("--aead", given->aead,
                   "aes-256-gcm, or chacha20-poly1305 if a machine lacks AES instructions");
  context.add_json(*verb);
  verb->callback([given, &context] {
    context.action = [given, &context]() -> int {
      issuer::CellPlan plan = issuer::loopback_plan();
      if (!given->vips.empty() || !given->lbs.empty() || !given->backends.empty()) {
        plan = {};
        plan.virtual_ips = given->vips;
        plan.lbs = given->lbs;
        plan.backends = given->backends;
      }
      if (!given->interface.empty()) {
        plan.interface = given->interface;
      }
      const auto aead = seal::parse_algorithm(given->aead);
      if (!aead) {
        return context.fail(kUsage, "--aead: " + aead.error());
      }
      plan.aead = *aead;
      if (!seal::available(plan.aead)) {
        return context.fail(kUsage, given->aead +
                                        " needs AES instructions, which this machine lacks: give --aead "
                                        "chacha20-poly1305");
      }
      for (const std::string& path : given->issuers) {
        const auto key = issuer::read_issuer_public(path);
        if (!key) {
          return context.fail(kUsage, key.error());
        }
        plan.issuers.push_back(*key);
      }
      const auto id = issuer::write_cell_files(given->folder, plan);
      if (!id) {
        return context.fail(kUsage, id.error());
      }
      const std::string text = seal::text_of(*id);
      return context.print({{"cell_id", text}, {"folder", given->folder}, {"virtual_ips", plan.virtual_ips}},
                           "cell " + text + " in " + given->folder +
                               "\nnext: tercet container init --config " + given->folder +
                               "/b1/b1.toml (and b2, b3), then start the five servers");
    };
  });
}

}  // namespace tercet::command
