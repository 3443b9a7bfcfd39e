// usage: how much of each license is used, was at most, and was asked for in vain.

#include <CLI/CLI.hpp>

#include "base/time_text.h"
#include "client/command/context.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

using Denied = std::vector<std::pair<Code, uint64_t>>;

Json json_of(const Denied& denied) {
  Json out = Json::object();
  for (const auto& [code, n] : denied) {
    out[name_of(code)] = n;
  }
  return out;
}

std::string text_of(const Denied& denied) {
  std::string out;
  for (const auto& [code, n] : denied) {
    out += (out.empty() ? "" : ", ") + std::string(name_of(code)) + " " + std::to_string(n);
  }
  return out.empty() ? "-" : out;
}

uint64_t left(const client::UsageInfo& use) {
  return *use.units > use.units_used ? *use.units - use.units_used : 0;
}

Json row_of(const client::UsageInfo& use) {
  return {{"firm_code", use.firm},
          {"product_code", use.product},
          {"tmr_id", use.tmr_id},
          {"name", use.name},
          {"mode", client::name_of_mode(use.mode)},
          {"quantity", use.quantity},
          {"in_use", use.in_use},
          {"peak", use.peak},
          {"handles", use.handles},
          {"units", use.units ? Json(*use.units) : Json()},
          {"units_used", use.units ? Json(use.units_used) : Json()},
          {"units_left", use.units ? Json(left(use)) : Json()},
          {"usage_from", time_or_null(use.usage_from)},
          {"usage_until", time_or_null(use.usage_until)},
          {"denied", json_of(use.denied)}};
}

int usage(Context& context) {
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const auto rows = connection->cell().usage();
  if (!rows) {
    return context.fail(rows.error());
  }
  Json list = Json::array();
  Denied to_nobody;
  Table table({"FIRM", "PRODUCT", "TMR-ID", "IN USE", "OF", "PEAK", "HANDLES", "UNITS LEFT", "USE UNTIL",
               "NAME", "DENIED"});
  for (const client::UsageInfo& use : *rows) {
    if (use.of_no_license) {
      to_nobody = use.denied;
      continue;
    }
    list.push_back(row_of(use));
    table.add({std::to_string(use.firm), std::to_string(use.product), std::to_string(use.tmr_id),
               std::to_string(use.in_use),
               use.mode == LicenseMode::no_user_limit ? "no limit" : std::to_string(use.quantity),
               std::to_string(use.peak), std::to_string(use.handles),
               use.units ? std::to_string(left(use)) : "-",
               use.usage_until ? to_rfc3339(*use.usage_until) : "-", use.name, text_of(use.denied)});
  }
  std::string people = list.empty() ? "no license\n" : table.text();
  if (!to_nobody.empty()) {
    people += "\ndenied, and no license is to blame: " + text_of(to_nobody) + "\n";
  }
  return context.print({{"usage", list}, {"no_license", {{"denied", json_of(to_nobody)}}}}, people);
}

}  // namespace

void add_usage(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "usage", "of each license: use, the most at once, and denials by reason, since its import");
  context.add_cell(*verb);
  verb->callback([&context] { context.action = [&context] { return usage(context); }; });
}

}  // namespace tercet::command
