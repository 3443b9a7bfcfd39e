#pragma once
// The load generator behind `tercet bench`: `clients` sockets, each a client with a session of its own, with
// `outstanding` requests in flight on each. Closed loop: a request follows the answer of the one before. Open
// loop: requests are due at a fixed rate, whatever the answers do, and a latency counts from when the request
// was due (no coordinated omission). One thread; plain sockets, recvmmsg and sendmmsg: about
// 8 µs of client CPU a request (AMD EPYC VM, both cores busy with other work, -O1), so 100,000 a second need
// a core that the cell does not need.

#include <atomic>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "client/cell.h"
#include "client/load/report.h"
#include "client/load/worker.h"
#include "wire/endpoint.h"
#include "wire/seal/keys.h"

namespace tercet::load {

struct BenchOptions {
  Endpoint server;
  seal::ClientKeys keys;
  client::Wanted wanted;  ///< which license, which lease, who
  Duration duration = seconds(10);
  unsigned clients = 8;      ///< sockets
  unsigned outstanding = 8;  ///< requests in flight on each
  Mix mix;
  double rate = 0;  ///< requests a second, all together; 0: closed loop
  Duration timeout = client::kTimeoutDefault;
  std::string record;                                ///< "": none
  const std::atomic<bool>* stop = nullptr;           ///< set (by a signal handler) to end early
  std::function<void(const std::string&)> progress;  ///< called each second with a line
};

/// Runs. Failure: `usage` (sockets, files), or of a cell that says to Hello that it has no quorum
/// (`unavailable`), or nothing (`no_answer`).
tl::expected<Report, client::Failure> run_bench(const BenchOptions& options);

}  // namespace tercet::load
