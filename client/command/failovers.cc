// failovers: the receipts. Each load balancer keeps those of the takeovers that made it active, for as long
// as it lives: both are asked, and the lists merged.

#include <CLI/CLI.hpp>
#include <algorithm>

#include "client/command/lb_views.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

int failovers(Context& context) {
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  client::Patience patience = connection->patience;
  const size_t lbs = connection->config.lbs.size();
  if (lbs == 0) {
    return context.fail(kUsage, "the client's configuration names no load balancers: add cell.lbs");
  }
  patience.timeout = patience.timeout / static_cast<int64_t>(lbs);
  const std::vector<Json> views = views_of_each(*connection, patience);
  if (views.empty()) {
    return context.fail(
        kUnavailable,
        "no answer from a load balancer: check that tercet-lb runs and can be reached, and the client's "
        "key");
  }
  std::vector<Json> receipts;
  Json answered = Json::array();
  for (const Json& view : views) {
    answered.push_back(view["answered_by"]);
    for (const Json& receipt : list_of(view, "failovers")) {
      receipts.push_back(receipt);
    }
  }
  const auto epoch = [](const Json& receipt) {
    const auto it = receipt.find("epoch_after");
    return it != receipt.end() && it->is_number_unsigned() ? it->get<uint64_t>() : 0;
  };
  std::ranges::stable_sort(receipts, [&](const Json& a, const Json& b) { return epoch(a) > epoch(b); });
  Table table({"AT", "CAUSE", "GAP MS", "EPOCH BEFORE", "AFTER"});
  for (const Json& receipt : receipts) {
    table.add({text_of(receipt, "at"), text_of(receipt, "cause"), text_of(receipt, "gap_ms"),
               text_of(receipt, "epoch_before"), text_of(receipt, "epoch_after")});
  }
  if (views.size() < lbs) {
    context.err << "tercet: " << views.size() << " of " << lbs
                << " load balancers answered: the receipts of the others are missing\n";
  }
  return context.print({{"failovers", receipts}, {"answered_by", answered}}, table.text());
}

}  // namespace

void add_failovers(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("failovers", "the receipts of takeovers that the load balancers keep");
  context.add_cell(*verb);
  verb->callback([&context] { context.action = [&context] { return failovers(context); }; });
}

}  // namespace tercet::command
