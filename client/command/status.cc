// status: the load balancer's own view, answered without a quorum. When the virtual IP is silent (nobody
// holds it), the load balancers are asked at their own addresses, and the view that knows more is shown.

#include <CLI/CLI.hpp>
#include <cmath>

#include "client/command/lb_views.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

using client::Failure;

/// "waiting (most so far) of capacity", or "-": a thread without a Link.
std::string link_of(const Json& thread, const char* name) {
  const auto link = thread.find(name);
  return link == thread.end() || !link->is_object()
             ? "-"
             : text_of(*link, "waiting") + " (" + text_of(*link, "waiting_max") + ") of " +
                   text_of(*link, "capacity");
}

/// Which polling thread of the load balancer that answered is the bottleneck.
std::string threads_table(const Json& threads) {
  Table table({"THREAD", "BUSY %", "MEAN BURST", "LARGEST", "LONGEST TURN US", "LINK UP", "LINK DOWN"});
  for (const Json& thread : threads) {
    const auto busy = thread.find("busy");
    const bool known = busy != thread.end() && busy->is_number();
    table.add({text_of(thread, "name"), known ? std::to_string(std::lround(busy->get<double>() * 100)) : "-",
               text_of(thread, "burst_mean"), text_of(thread, "burst_max"),
               text_of(thread, "longest_turn_us"), link_of(thread, "link_up"), link_of(thread, "link_down")});
  }
  return table.text();
}

/// "present", "absent", and what is wrong with its container.
std::string constituents_of(const Json& backend) {
  const std::string container = text_of(backend, "container");
  return text_of(backend, "constituents") +
         (container == "here" || container == "-" ? "" : ", container " + container);
}

std::string people(const Json& document) {
  const bool nobody = text_of(document, "active") == "-";
  std::string out = (nobody ? "no load balancer is active" : "active " + text_of(document, "active")) +
                    ", epoch " + text_of(document, "epoch") + ", commit " + text_of(document, "commit") +
                    ", " +
                    (text_of(document, "serving") == "true" ? "serving"
                     : nobody                               ? "NOT SERVING"
                                                            : "NOT SERVING (fewer than two backends vote)") +
                    "\n\n";
  Table lbs({"LB", "ROLE"});
  for (const Json& lb : list_of(document, "lbs")) {
    lbs.add({text_of(lb, "name"), text_of(lb, "role")});
  }
  Table backends({"BACKEND", "SLOT", "STATE", "CONSTITUENTS", "SEQ", "LAG", "DIGEST", "INCARNATION"});
  for (const Json& b : list_of(document, "backends")) {
    const std::string done = text_of(b, "progress");
    const std::string reason = text_of(b, "reason");
    const std::string state =
        text_of(b, "state") + (done == "-" ? "" : " " + done + " %") + (reason == "-" ? "" : ": " + reason);
    backends.add({text_of(b, "name"), text_of(b, "slot"), state, constituents_of(b), text_of(b, "seq"),
                  text_of(b, "lag"), text_of(b, "digest"), text_of(b, "incarnation")});
  }
  out += lbs.text() + "\n";
  if (list_of(document, "backends").empty()) {
    out += "The backends' states are not known here: this is a standby's view.\n";
  } else {
    out += (nobody ? "What the backends last said of themselves (why one does not vote: \"why\" in its "
                     "/v1/status):\n"
                   : "") +
           backends.text();
  }
  if (const Json threads = list_of(document, "threads"); !threads.empty()) {
    out += "\n" + threads_table(threads);
  }
  const Json outvoted = list_of(document, "outvoted");
  if (!outvoted.empty()) {
    Table table({"OUTVOTED AT", "SLOT", "SEQ"});
    for (const Json& o : outvoted) {
      table.add({text_of(o, "at"), text_of(o, "slot"), text_of(o, "seq")});
    }
    out += "\n" + table.text();
  }
  const Json failovers = list_of(document, "failovers");
  if (!failovers.empty()) {
    Table table({"FAILOVER AT", "CAUSE", "GAP MS", "EPOCH BEFORE", "AFTER"});
    for (const Json& f : failovers) {
      table.add({text_of(f, "at"), text_of(f, "cause"), text_of(f, "gap_ms"), text_of(f, "epoch_before"),
                 text_of(f, "epoch_after")});
    }
    out += "\n" + table.text();
  }
  return out;
}

/// Which of two views to believe: the one that serves, then the one of the higher epoch.
bool knows_more(const Json& a, const Json& b) {
  const auto rank = [](const Json& d) {
    const auto epoch = d.find("epoch");
    return std::make_pair(text_of(d, "serving") == "true",
                          epoch != d.end() && epoch->is_number_unsigned() ? epoch->get<uint64_t>() : 0);
  };
  return rank(a) > rank(b);
}

int status(Context& context) {
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const Duration whole = connection->patience.timeout;
  const auto& lbs = connection->config.lbs;
  client::Patience patience = connection->patience;
  patience.timeout = lbs.empty() ? whole : whole / 2;
  auto text = client::Cell(*connection->channel, patience).status();
  if (text) {
    const auto document = parse_view(*text);
    if (!document) {
      return context.fail(kInternal, "the status is no JSON document: is the server of the same version?");
    }
    return context.print(*document, people(*document));
  }
  std::optional<Json> best;
  patience.timeout = lbs.empty() ? whole : whole / static_cast<int64_t>(2 * lbs.size());
  for (Json& view : views_of_each(*connection, patience)) {
    if (!best || knows_more(view, *best)) {
      best = std::move(view);
    }
  }
  if (!best) {
    Failure failure = text.error();
    if (failure.kind == Failure::Kind::no_answer && !lbs.empty()) {
      failure.message =
          "no answer from the virtual IP or from a load balancer: check that tercet-lb runs and can be "
          "reached, and the client's key";
    }
    return context.fail(failure);
  }
  context.err << "tercet: the virtual IP does not answer, this is the view of "
              << text_of(*best, "answered_by") << ": check that a load balancer is active\n";
  return context.print(*best, people(*best));
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("status", "the cell: who is active, the backends' states, the last failovers");
  context.add_cell(*verb);
  verb->callback([&context] { context.action = [&context] { return status(context); }; });
}

}  // namespace tercet::command
