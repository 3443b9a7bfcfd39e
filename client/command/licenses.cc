#include <CLI/CLI.hpp>

#include "base/time_text.h"
#include "client/command/context.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

Json row_of(const client::License& license) {
  return {{"firm_code", license.firm},
          {"product_code", license.product},
          {"tmr_id", license.tmr_id},
          {"name", license.name},
          {"mode", client::name_of_mode(license.mode)},
          {"quantity", license.quantity},
          {"in_use", license.in_use},
          {"features", features_text(license.features)},
          {"constituents", license.constituents},
          {"valid", license.valid},
          {"withdrawn", license.withdrawn},
          {"valid_from", time_or_null(license.valid_from)},
          {"valid_until", time_or_null(license.valid_until)},
          {"lease_ms", license.lease_ms},
          {"revision", license.revision}};
}

int licenses(bool all, Context& context) {
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const auto rows = connection->cell().licenses(all);
  if (!rows) {
    return context.fail(rows.error());
  }
  Json list = Json::array();
  Table table({"FIRM", "PRODUCT", "TMR-ID", "MODE", "IN USE", "OF", "CONSTITUENTS", "VALID", "FROM", "UNTIL",
               "NAME"});
  for (const client::License& row : *rows) {
    list.push_back(row_of(row));
    std::string constituents;
    for (const bool present : row.constituents) {
      constituents += present ? '*' : '-';
    }
    table.add({std::to_string(row.firm), std::to_string(row.product), std::to_string(row.tmr_id),
               client::name_of_mode(row.mode), std::to_string(row.in_use),
               row.mode == LicenseMode::no_user_limit ? "no limit" : std::to_string(row.quantity),
               constituents,
               row.withdrawn ? "withdrawn"
               : row.valid   ? "yes"
                             : "no",
               row.valid_from ? to_rfc3339(*row.valid_from) : "-",
               row.valid_until ? to_rfc3339(*row.valid_until) : "-", row.name});
  }
  return context.print({{"licenses", list}}, rows->empty() ? "no license" : table.text());
}

}  // namespace

void add_licenses(CLI::App& app, Context& context) {
  auto all = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("licenses", "the valid licenses, as the virtual container shows them");
  verb->add_flag("--all", *all, "also those that are not valid");
  context.add_cell(*verb);
  verb->callback([all, &context] { context.action = [all, &context] { return licenses(*all, context); }; });
}

}  // namespace tercet::command
