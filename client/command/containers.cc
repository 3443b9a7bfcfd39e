#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

int containers(bool all, Context& context) {
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const auto rows = connection->cell().containers(all);
  if (!rows) {
    return context.fail(rows.error());
  }
  Json list = Json::array();
  Table table({"SERIAL", "SLOT", "ACTIVATION ID", "LICENSES"});
  for (const client::ContainerInfo& row : *rows) {
    list.push_back({{"serial", row.serial},
                    {"activation_id", row.activation_id},
                    {"licenses", row.licenses},
                    {"slot", row.slot == 0 ? Json() : Json(row.slot)}});
    table.add({row.serial, row.slot == 0 ? "virtual" : std::to_string(row.slot), row.activation_id,
               std::to_string(row.licenses)});
  }
  return context.print({{"containers", list}}, rows->empty() ? "no container" : table.text());
}

}  // namespace

void add_containers(CLI::App& app, Context& context) {
  auto all = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("containers", "the virtual container");
  verb->add_flag("--all", *all, "also the three real ones");
  context.add_cell(*verb);
  verb->callback([all, &context] { context.action = [all, &context] { return containers(*all, context); }; });
}

}  // namespace tercet::command
