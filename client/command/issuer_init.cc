#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/verbs.h"
#include "client/issuer/issuer.h"

namespace tercet::command {

void add_issuer_init(CLI::App& issuer, Context& context) {
  auto folder = std::make_shared<std::string>();
  CLI::App* verb =
      issuer.add_subcommand("init", "make an issuer: its signing key, TMR-ID counter and record");
  verb->add_option("DIR", *folder, "where; keep it safe, whoever has it can issue licenses")->required();
  context.add_json(*verb);
  verb->callback([folder, &context] {
    context.action = [folder, &context]() -> int {
      const auto made = issuer::Issuer::init(*folder);
      if (!made) {
        return context.fail(kUsage, made.error());
      }
      const std::string id = seal::text_of(seal::key_id_of(made->public_key()));
      return context.print(
          {{"key_id", id},
           {"public_key", seal::text_of(made->public_key())},
           {"public_file", made->public_file()}},
          "issuer " + id + " in " + *folder + "\nnext: tercet cell init DIR --issuer " + made->public_file());
    };
  });
}

}  // namespace tercet::command
