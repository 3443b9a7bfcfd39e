// container init, container request: on a backend's machine, by its own configuration.

#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/verbs.h"
#include "client/issuer/container_files.h"

namespace tercet::command {

void add_container_init(CLI::App& container, Context& context) {
  auto config = std::make_shared<std::string>();
  CLI::App* verb = container.add_subcommand("init", "make a backend's container (its key pair), once");
  verb->add_option("--config", *config, "the backend's configuration")->required();
  context.add_json(*verb);
  verb->callback([config, &context] {
    context.action = [config, &context]() -> int {
      const auto made = issuer::init_container(*config);
      if (!made) {
        return context.fail(kUsage, made.error());
      }
      return context.print({{"serial", made->serial},
                            {"slot", index(made->slot) + 1},
                            {"activation_id", made->activation_id},
                            {"public_key", seal::text_of(made->key.public_key())}},
                           "container " + made->serial + " (slot " + std::to_string(index(made->slot) + 1) +
                               ", activation id " + made->activation_id + ")");
    };
  });
}

void add_container_request(CLI::App& container, Context& context) {
  auto config = std::make_shared<std::string>();
  CLI::App* verb = container.add_subcommand("request", "print the container's request file for the issuer");
  verb->add_option("--config", *config, "the backend's configuration")->required();
  context.add_json(*verb);
  verb->callback([config, &context] {
    context.action = [config, &context]() -> int {
      const auto text = issuer::request_of(*config);
      if (!text) {
        return context.fail(kUsage, text.error());
      }
      context.out << *text;  // JSON in any case
      return kDone;
    };
  });
}

}  // namespace tercet::command
