// tercet-lb-core: what a voted, authenticated renewal costs the load balancer's core, memory to memory
// (lb_core.h). One process is one setting: a provider of AES-GCM, so many clients, warm or cold. A line of
// JSON for each burst size.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/dpdk/lb_core.h"

namespace tercet::bench {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) {
    return 0;
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// What two readings of the counter cost when nothing is between them.
double cost_of_ticks() {
  std::vector<double> costs;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t before = ticks();
    costs.push_back(static_cast<double>(ticks() - before));
  }
  return median(costs);
}

double ns_per_tick() {
  const MonoTime began = dataplane::raw_now();
  const uint64_t first = ticks();
  while (dataplane::raw_now() - began < milliseconds(50)) {
  }
  const uint64_t last = ticks();
  return static_cast<double>((dataplane::raw_now() - began).ns) / static_cast<double>(last - first);
}

struct Arguments {
  LbCoreOptions core;
  std::string provider = "fastest";
  std::vector<size_t> bursts{1, 4, 8, 16, 32};
  std::vector<size_t> stepped;
  size_t rounds = 400;
  size_t evict_mb = 0;
};

nlohmann::json measure(LbCore& core, const Arguments& arguments, size_t burst, bool stepped, double tick_ns,
                       double tick_cost) {
  constexpr size_t kAhead = 16'384;  // queries sealed ahead, and replies kept: 4 MB each
  std::vector<Round> rounds;
  rounds.reserve(arguments.rounds + kAhead);
  const size_t at_once = std::max<size_t>(1, kAhead / burst);
  while (rounds.size() < arguments.rounds) {
    core.play(burst, std::min(at_once, arguments.rounds - rounds.size()), stepped, rounds);
  }
  std::vector<double> whole;
  std::vector<double> queries;
  std::vector<double> votes;
  std::array<std::array<std::vector<double>, kSteps>, 2> steps;
  const auto per_query = [&](double spent) { return spent * tick_ns / static_cast<double>(burst); };
  for (const Round& round : rounds) {
    if (round.queries == 0) {
      continue;
    }
    queries.push_back(per_query(static_cast<double>(round.queries) - tick_cost));
    votes.push_back(per_query(static_cast<double>(round.votes) - tick_cost));
    whole.push_back(queries.back() + votes.back());
    for (size_t turn = 0; turn < 2; ++turn) {
      for (size_t step = 0; step < kSteps; ++step) {
        steps[turn][step].push_back(per_query(round.steps[turn].spent(step, tick_cost)));
      }
    }
  }
  nlohmann::json row{{"burst", burst},
                     {"rounds", whole.size()},
                     {"left_out", rounds.size() - whole.size()},
                     {"ns", median(whole)},
                     {"ns_least", whole.empty() ? 0 : *std::ranges::min_element(whole)},
                     {"queries_ns", median(queries)},
                     {"votes_ns", median(votes)}};
  if (stepped) {
    for (size_t turn = 0; turn < 2; ++turn) {
      for (size_t step = 0; step < kSteps; ++step) {
        row["steps"][turn == 0 ? "queries" : "votes"][kStepNames[step]] = median(steps[turn][step]);
      }
    }
  }
  return row;
}

int run(int argc, char** argv) {
  Arguments arguments;
  arguments.core.eal = "--no-huge -m 128 --no-pci --no-shconf --log-level=4";
  bool software_sums = false;
  CLI::App app{"What a voted renewal costs the load balancer's core, memory to memory."};
  app.add_option("--provider", arguments.provider, "ipsec-mb, libsodium or fastest")
      ->check(CLI::IsMember({"ipsec-mb", "libsodium", "fastest"}));
  app.add_option("--clients", arguments.core.clients, "clients, each with a seat")
      ->check(CLI::Range(32, 1'000'000));
  app.add_option("--key-cache", arguments.core.key_cache, "clients whose keys the LB keeps");
  app.add_option("--bursts", arguments.bursts, "queries a burst")->delimiter(',')->check(CLI::Range(1, 128));
  app.add_option("--rounds", arguments.rounds, "bursts of each size");
  app.add_option("--evict-mb", arguments.evict_mb, "walk so much memory before each burst; 0: warm");
  app.add_flag("--evict-code", arguments.core.evict_code,
               "… and measure the first burst after it: nothing of the loop itself is in a cache either");
  app.add_flag("--software-sums", software_sums, "checksums in software");
  app.add_option("--steps", arguments.stepped, "at these bursts again, by step (which costs a little)")
      ->delimiter(',')
      ->check(CLI::Range(1, 128));
  app.add_option("--eal", arguments.core.eal, "DPDK's arguments");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  arguments.core.device_sums = !software_sums;
  arguments.core.evict_bytes = arguments.evict_mb << 20U;
  if (arguments.provider != "fastest") {
    const auto provider =
        arguments.provider == "ipsec-mb" ? seal::Provider::ipsec_mb : seal::Provider::libsodium;
    if (auto can = seal::can_run(provider, seal::Algorithm::aes_256_gcm); !can) {
      std::fprintf(stderr, "tercet-lb-core: %s\n", can.error().c_str());
      return 77;
    }
    arguments.core.provider = provider;
  }
  auto core = LbCore::make(arguments.core);
  if (!core) {
    std::fprintf(stderr, "tercet-lb-core: %s\n", core.error().c_str());
    return 2;
  }
  (*core)->warm_up();
  const double tick_ns = ns_per_tick();
  const double tick_cost = cost_of_ticks();
  const auto report = [&](size_t burst, bool stepped) {
    const uint64_t derived = (*core)->keys_derived();
    nlohmann::json row = measure(**core, arguments, burst, stepped, tick_ns, tick_cost);
    row.update({{"provider", (*core)->provider()},
                {"clients", arguments.core.clients},
                {"key_cache", arguments.core.key_cache},
                {"evict_mb", arguments.evict_mb},
                {"evict_code", arguments.core.evict_code},
                {"device_sums", arguments.core.device_sums},
                {"timer_ns", tick_cost * tick_ns},
                {"query_frame", (*core)->query_frame()},
                {"reply_frame", (*core)->reply_frame()},
                {"keys_derived", (*core)->keys_derived() - derived},
                {"wrong", (*core)->wrong()}});
    std::printf("%s\n", row.dump().c_str());
    std::fflush(stdout);
  };
  for (const size_t burst : arguments.bursts) {
    report(burst, false);
  }
  for (const size_t burst : arguments.stepped) {
    report(burst, true);
  }
  if ((*core)->wrong() != 0) {
    std::fprintf(stderr, "tercet-lb-core: %llu replies were missing or wrong\n",
                 static_cast<unsigned long long>((*core)->wrong()));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace tercet::bench

int main(int argc, char** argv) {
  try {
    return tercet::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tercet-lb-core: %s\n", e.what());
    return 1;
  }
}
