#include "client/load/bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>

#include "client/command/context.h"
#include "client/command/run_until.h"
#include "client/command/verbs.h"
#include "client/identity.h"

namespace tercet::command {
namespace {

struct BenchArguments {
  uint32_t firm = 0, product = 0;
  bool license_given = false;
  std::string seconds = "10", lease, mix = "1:8:4:1", record;
  unsigned outstanding = 8, clients = 8;
  std::optional<double> rate;  ///< none: closed loop
  bool progress = false;
};

constexpr unsigned kInFlightMax = 65'536;

double us(int64_t ns) { return static_cast<double>(ns) / 1'000.0; }
double ms(Duration d) { return static_cast<double>(d.us()) / 1'000.0; }

Json document_of(const load::Report& r, const client::Wanted& wanted) {
  Json document;
  document["seconds"] = r.seconds;
  document["offered"] = r.offered;
  document["requests"] = r.requests;
  document["not_sent"] = r.not_sent;
  document["answered"] = r.answered;
  document["rate"] = r.rate;
  document["errors"] = Json(r.errors.empty() ? Json::object() : Json(r.errors));
  document["denied"] = Json(r.denied.empty() ? Json::object() : Json(r.denied));
  document["refusals"] = Json(r.refusals.empty() ? Json::object() : Json(r.refusals));
  document["operations"] = Json(r.by_op.empty() ? Json::object() : Json(r.by_op));
  document["latency_us"] = {{"p50", us(r.latency.at(0.5))},  {"p90", us(r.latency.at(0.9))},
                            {"p99", us(r.latency.at(0.99))}, {"p99_9", us(r.latency.at(0.999))},
                            {"max", us(r.latency.max())},    {"samples", r.latency.samples()}};
  document["longest_silence_ms"] = ms(r.longest_silence);
  document["first_unavailable_ms"] = r.first_unavailable.ns > 0 ? Json(ms(r.first_unavailable)) : Json();
  document["retransmissions"] = r.retransmissions;
  document["seats_lost"] = r.seats_lost;
  document["seats_left"] = r.seats_left;
  document["clients"] = r.clients;
  document["outstanding"] = r.outstanding;
  document["firm_code"] = wanted.firm;
  document["product_code"] = wanted.product;
  return document;
}

std::string counts(const std::map<std::string, uint64_t>& map) {
  std::string out;
  for (const auto& [name, count] : map) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, count);
  }
  return out.empty() ? "none" : out;
}

std::string people(const load::Report& r) {
  return fmt::format(
      "{} requests in {:.1f} s: {:.0f}/s{}\n"
      "latency     p50 {:.0f} us, p90 {:.0f}, p99 {:.0f}, p99.9 {:.0f}, max {:.0f}\n"
      "errors      {}\n"
      "denied      {}\n"
      "silence     longest {:.1f} ms\n"
      "sent again  {}\n",
      r.requests, r.seconds, r.rate,
      r.not_sent > 0 ? fmt::format(", {} of {} that were due were never sent", r.not_sent, r.offered) : "",
      us(r.latency.at(0.5)), us(r.latency.at(0.9)), us(r.latency.at(0.99)), us(r.latency.at(0.999)),
      us(r.latency.max()), counts(r.errors), counts(r.denied), ms(r.longest_silence), r.retransmissions);
}

int bench(const BenchArguments& given, Context& context) {
  load::BenchOptions options;
  const auto time = run_time(given.seconds);
  if (!time) {
    return context.fail(kUsage, time.error());
  }
  const auto mix = load::Mix::parse(given.mix);
  if (!mix) {
    return context.fail(kUsage, "--mix: " + mix.error());
  }
  if (given.clients == 0 || given.outstanding == 0 ||
      uint64_t{given.clients} * given.outstanding > kInFlightMax) {
    return context.fail(kUsage,
                        fmt::format("{} clients with {} requests each: ask for 1 to {} in flight together",
                                    given.clients, given.outstanding, kInFlightMax));
  }
  if (given.rate && !(*given.rate > 0 && *given.rate <= 10e6)) {
    return context.fail(kUsage,
                        "--rate is out of range: ask for up to 10000000 requests a second, more than none; "
                        "without --rate it is a closed loop");
  }
  if (!given.lease.empty()) {
    const auto lease = parse_lease(given.lease);
    if (!lease) {
      return context.fail(kUsage, lease.error());
    }
    options.wanted.lease_ms = *lease;
  }
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  options.wanted.firm = given.firm;
  options.wanted.product = given.product;
  if (!given.license_given) {
    const auto licenses = connection->cell().licenses(false);
    if (!licenses) {
      return context.fail(licenses.error());
    }
    if (licenses->empty()) {
      client::Failure none;
      none.kind = client::Failure::Kind::denied;
      none.code = Code::no_such_license;
      none.message = "the cell has no valid license: import one, see tercet licenses --all";
      return context.fail(none);
    }
    options.wanted.firm = licenses->front().firm;
    options.wanted.product = licenses->front().product;
  }
  options.wanted.process = "tercet bench";
  client::identify(options.wanted);
  options.server = connection->config.servers.front();
  options.keys = connection->keys;
  options.duration = *time;
  options.clients = given.clients;
  options.outstanding = given.outstanding;
  options.mix = *mix;
  options.rate = given.rate.value_or(0);
  options.timeout = connection->patience.timeout;
  options.record = given.record;
  const StopOnSignal signals;
  options.stop = &StopOnSignal::wanted();
  const bool terminal = &context.err == &std::cerr && ::isatty(STDERR_FILENO) != 0;
  if (terminal || given.progress) {
    options.progress = [&context, terminal](const std::string& line) {
      context.err << (terminal ? "\r" : "") << "bench " << line << (terminal ? "  " : "\n") << std::flush;
    };
  }
  const auto report = load::run_bench(options);
  if (terminal) {
    context.err << '\n';
  }
  if (!report) {
    // Files and sockets are ours, no answer of the cell's.
    return report.error().kind == client::Failure::Kind::usage ? context.fail(kUsage, report.error().message)
                                                               : context.fail(report.error());
  }
  context.print(document_of(*report, options.wanted), people(*report));
  return report->answered > 0 ? kDone : kUnavailable;
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  auto given = std::make_shared<BenchArguments>();
  CLI::App* verb = app.add_subcommand("bench", "load on a license: rate, latencies, errors");
  CLI::Option* firm = verb->add_option("--firm", given->firm, "Firm Code (default: of the first license)");
  CLI::Option* product = verb->add_option("--product", given->product, "Product Code");
  firm->needs(product);
  product->needs(firm);
  verb->add_option("--seconds", given->seconds, "how long, as in 30 or 500ms (default 10)");
  verb->add_option("--outstanding", given->outstanding, "requests in flight on each client (default 8)");
  verb->add_option("--clients", given->clients, "clients, each a socket and session of its own (default 8)");
  verb->add_option("--mix", given->mix, "shares of checkout:renew:read:release (default 1:8:4:1)");
  verb->add_option("--rate", given->rate,
                   "open loop: so many requests a second, all together (default: closed loop)");
  verb->add_option("--lease", given->lease, "lease of its seats, 1s to 24h (default: the license's)");
  verb->add_option("--record", given->record, "write a JSON line for each finished request to this file");
  verb->add_flag("--progress", given->progress, "a line each second on stderr, also when it is no terminal");
  context.add_cell(*verb);
  verb->callback([given, firm, &context] {
    given->license_given = firm->count() > 0;
    context.action = [given, &context] { return bench(*given, context); };
  });
}

}  // namespace tercet::command
