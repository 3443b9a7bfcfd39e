// leases, lease HANDLE: who holds what since when.

#include <CLI/CLI.hpp>

#include "base/time_text.h"
#include "client/command/context.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

Json row_of(const client::Lease& lease) {
  return {{"handle_prefix", lease.handle_prefix},
          {"tmr_id", lease.tmr_id},
          {"firm_code", lease.firm},
          {"product_code", lease.product},
          {"station", lease.station},
          {"user", lease.user},
          {"host", lease.host},
          {"process", lease.process},
          {"version", lease.version},
          {"since", to_rfc3339(lease.since)},
          {"lease_end", to_rfc3339(lease.end)},
          {"lease_ms", lease.lease_ms}};
}

int leases(Context& context) {
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const auto rows = connection->cell().leases();
  if (!rows) {
    return context.fail(rows.error());
  }
  Json list = Json::array();
  Table table(
      {"HANDLE", "TMR-ID", "FIRM", "PRODUCT", "USER", "HOST", "PROCESS", "STATION", "SINCE", "LEASE END"});
  for (const client::Lease& row : *rows) {
    list.push_back(row_of(row));
    table.add({row.handle_prefix + "…", std::to_string(row.tmr_id), std::to_string(row.firm),
               std::to_string(row.product), row.user, row.host, row.process, row.station,
               to_rfc3339(row.since), to_rfc3339(row.end)});
  }
  return context.print({{"leases", list}}, rows->empty() ? "nobody holds a seat" : table.text());
}

int lease(const std::string& text, Context& context) {
  const auto handle = client::parse_handle(text);
  if (!handle) {
    return context.fail(kUsage, handle.error());
  }
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const auto row = connection->cell().lease(*handle);
  if (!row) {
    return context.fail(row.error());
  }
  Json document{{"handle", client::text_of(*handle)}};
  document.update(row_of(*row));
  document["last_request"] = row->last_request;
  document["units"] = row->units;
  return context.print(document, "tmr id      " + std::to_string(row->tmr_id) + "\nfirm        " +
                                     std::to_string(row->firm) + "\nproduct     " +
                                     std::to_string(row->product) + "\nholder      " + row->user + "@" +
                                     row->host + " " + row->process + "\nsince       " +
                                     to_rfc3339(row->since) + "\nlease end   " + to_rfc3339(row->end) +
                                     (row->units == 0 ? "" : "\nunits used  " + std::to_string(row->units)));
}

}  // namespace

void add_leases(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("leases", "who holds what since when");
  context.add_cell(*verb);
  verb->callback([&context] { context.action = [&context] { return leases(context); }; });
}

void add_lease(CLI::App& app, Context& context) {
  auto handle = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("lease", "the seat under one handle");
  verb->add_option("HANDLE", *handle, "what checkout printed")->required();
  context.add_cell(*verb);
  verb->callback(
      [handle, &context] { context.action = [handle, &context] { return lease(*handle, context); }; });
}

}  // namespace tercet::command
