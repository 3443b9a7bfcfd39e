// tercet-sim: replays and searches seeds of the simulator. What `scripts/sim` runs.
//
//   tercet-sim --seed N [--trace]       one run
//   tercet-sim --from N --count M       many, until the first violation
//   tercet-sim --forced …               in which two disks are lost and the operator orders
//   tercet-sim --plant NAME …           with a planted bug (base/mutant.h)

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/sim/mutants.h"
#include "tests/sim/world.h"

namespace {
volatile uint64_t g_seed = 0;
const char* g_mode = "";  ///< the flag that the replay needs, too

/// An invariant asserted in the code itself ends the process: say which seed it was.
void on_abort(int) {
  std::fprintf(stderr,
               "seed %llu: an asserted invariant broke\nreplay: ./scripts/sim %s--seed %llu --trace\n",
               static_cast<unsigned long long>(g_seed), g_mode, static_cast<unsigned long long>(g_seed));
  std::fflush(stdout);
  std::_Exit(1);
}
}  // namespace

int main(int argc, char** argv) {
  uint64_t from = 1;
  uint64_t count = 1;
  bool trace = false;
  bool forced = false;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto number = [&]() -> uint64_t {
      const std::string_view text = i + 1 < argc ? argv[++i] : "";
      uint64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) {
        std::fprintf(stderr, "tercet-sim: %s wants a number: see scripts/sim --help\n", flag.c_str());
        std::exit(2);
      }
      return value;
    };
    if (flag == "--seed" || flag == "--from") {
      from = number();
    } else if (flag == "--count") {
      count = number();
    } else if (flag == "--trace") {
      trace = true;
    } else if (flag == "--forced") {
      forced = true;
      g_mode = "--forced ";
    } else if (flag == "--plant" && i + 1 < argc) {
      const tercet::Mutant mutant = tercet::sim::mutant_named(argv[++i]);
      if (mutant == tercet::Mutant::none) {
        std::fprintf(stderr, "tercet-sim: no planted bug of that name: base/mutant.h lists them\n");
        return 2;
      }
      tercet::plant(mutant);
    } else {
      std::fprintf(stderr, "tercet-sim: --seed N [--trace] | --from N --count M [--plant NAME]\n");
      return 2;
    }
  }
  std::signal(SIGABRT, on_abort);
  const auto began = std::chrono::steady_clock::now();
  tercet::sim::Totals sum;
  uint64_t requests_min = UINT64_MAX;
  uint64_t forced_runs = 0;
  for (uint64_t seed = from; seed < from + count; ++seed) {
    g_seed = seed;
    tercet::sim::Totals totals;
    const std::string violation =
        forced ? tercet::sim::run_forced(seed, trace, &totals) : tercet::sim::run_seed(seed, trace, &totals);
    sum.requests += totals.requests;
    sum.answered += totals.answered;
    sum.unknown += totals.unknown;
    sum.faults += totals.faults;
    sum.takeovers += totals.takeovers;
    sum.disks_lost += totals.disks_lost;
    sum.checkpoints += totals.checkpoints;
    sum.images += totals.images;
    forced_runs += totals.forced ? 1 : 0;
    sum.events += totals.events;
    requests_min = totals.requests < requests_min ? totals.requests : requests_min;
    if (!violation.empty()) {
      std::printf("seed %llu: %s\nreplay: ./scripts/sim %s--seed %llu --trace\n",
                  static_cast<unsigned long long>(seed), violation.c_str(), g_mode,
                  static_cast<unsigned long long>(seed));
      return 1;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf(
      "%llu seeds of 12 simulated seconds in %.1f s (%.0f a minute): %llu requests (≥ %llu each), %llu "
      "answered, "
      "%llu unknown, %llu faults, %llu takeovers, %llu lost disks, %llu checkpoints, %llu images taken over, "
      "%llu events; no violation\n",
      static_cast<unsigned long long>(count), seconds, static_cast<double>(count) * 60 / seconds,
      static_cast<unsigned long long>(sum.requests), static_cast<unsigned long long>(requests_min),
      static_cast<unsigned long long>(sum.answered), static_cast<unsigned long long>(sum.unknown),
      static_cast<unsigned long long>(sum.faults), static_cast<unsigned long long>(sum.takeovers),
      static_cast<unsigned long long>(sum.disks_lost), static_cast<unsigned long long>(sum.checkpoints),
      static_cast<unsigned long long>(sum.images), static_cast<unsigned long long>(sum.events));
  if (forced) {
    std::printf("%llu of them went on by the operator's order\n",
                static_cast<unsigned long long>(forced_runs));
  }
  return 0;
}
