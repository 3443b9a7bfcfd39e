// tercet-floor-load: closed-loop load on tercet-floor-echo; prints one JSON document.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/floor/load.h"

namespace tercet::bench {
namespace {

int run(int argc, char** argv) {
  LoadOptions options;
  std::string target = "127.0.0.1:8300";
  double seconds_to_run = 2;
  CLI::App app{"Closed-loop UDP load: N requests outstanding over M connected sockets."};
  app.add_option("--to", target, "the echo server's endpoint");
  app.add_option("--sockets", options.sockets, "connected sockets")->check(CLI::Range(1, 10'000));
  app.add_option("--outstanding", options.outstanding, "requests outstanding in all")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--bytes", options.bytes, "size of a request")->check(CLI::Range(16, 1'452));
  app.add_option("--seconds", seconds_to_run, "counted time, after 0.2 s of warming up")
      ->check(CLI::Range(0.01, 3'600.0));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  const auto endpoint = parse_endpoint(target);
  if (!endpoint) {
    std::fprintf(stderr, "tercet-floor-load: %s\n", endpoint.error().c_str());
    return 2;
  }
  options.target = *endpoint;
  options.run = nanoseconds(static_cast<int64_t>(seconds_to_run * 1e9));
  const auto result = run_load(options);
  if (!result) {
    std::fprintf(stderr, "tercet-floor-load: %s\n", result.error().c_str());
    return 4;
  }
  const double ran = static_cast<double>(result->ran.ns) / 1e9;
  const nlohmann::ordered_json out{
      {"seconds", ran},
      {"sockets", options.sockets},
      {"outstanding", options.outstanding},
      {"bytes", options.bytes},
      {"requests", result->requests},
      {"rate", static_cast<double>(result->requests) / ran},
      {"lost", result->lost},
      {"wrong", result->wrong},
      {"latency_us",
       {{"p50", result->percentile_us(50)},
        {"p90", result->percentile_us(90)},
        {"p99", result->percentile_us(99)},
        {"p99_9", result->percentile_us(99.9)},
        {"max", result->percentile_us(100)},
        {"samples", result->latencies_ns.size()}}},
      {"client_cpu_us_per_request",
       static_cast<double>(result->client_cpu_us) / static_cast<double>(result->answered)},
  };
  std::cout << out.dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace tercet::bench

int main(int argc, char** argv) {
  try {
    return tercet::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tercet-floor-load: %s\n", e.what());
    return 1;
  }
}
