// tercet-floor-echo: what moving a datagram in and out costs on this machine, with nothing in between. The
// load balancer's figures are read against it. SIGTERM or SIGINT ends it; then one JSON line says what its
// requests cost.

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>

#include "bench/floor/plain_echo.h"
#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/socket.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::bench {
namespace {

using dataplane::Port;
using dataplane::PortOptions;

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

struct Cpu {
  int64_t user_us = 0;
  int64_t system_us = 0;
};

Cpu used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) { return int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; };
  return {us(usage.ru_utime), us(usage.ru_stime)};
}

uint64_t port_echo(Port& port) {
  static dataplane::RxBurst in;
  while (!g_stop.load(std::memory_order_relaxed)) {
    if (port.receive(in) > 0) {
      dataplane::TxBurst& out = port.transmit();
      for (const dataplane::RxDatagram& d : in.datagrams) {
        const MutBytes room = out.next();
        if (room.empty()) {
          break;
        }
        std::ranges::copy(d.bytes, room.begin());
        out.push(d.bytes.size(), d.lane, d.from);
      }
      port.send(out);
    }
    port.wait(dataplane::raw_now() + milliseconds(100));
  }
  dataplane::RxBurst last;
  port.receive(last);  // what is still queued goes out and is counted
  return port.counters().sent_datagrams.get();
}

int fail(const std::string& what) {
  std::fprintf(stderr, "tercet-floor-echo: %s\n", what.c_str());
  return 2;
}

int run(int argc, char** argv) {
  std::string engine = "uring";
  std::string address = "127.0.0.1";
  uint16_t port_number = 0;
  bool busy = false;
  bool no_gso = false;
  int64_t spin_us = -1;
  CLI::App app{"A bare UDP echo: the floor under every figure."};
  app.add_option("--engine", engine, "plain (recvfrom/sendto), mmsg or uring")
      ->check(CLI::IsMember({"plain", "mmsg", "uring"}));
  app.add_option("--address", address, "local address");
  app.add_option("--port", port_number, "local UDP port; 0: chosen by the kernel");
  app.add_flag("--busy", busy, "never sleep");
  app.add_flag("--no-gso", no_gso, "send every datagram by itself");
  app.add_option("--spin-us", spin_us, "look again for so long before sleeping; -1: as the engine chooses");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  const auto local = parse_address(address, port_number);
  if (!local) {
    return fail(local.error());
  }
  PortOptions options;
  options.lanes = {{*local, {}}};
  options.poll = busy ? dataplane::PollMode::busy : dataplane::PollMode::adaptive;
  options.gso = !no_gso;
  options.spin = microseconds(spin_us);
  if (spin_us < 0) {
    options.spin = nanoseconds(-1);
  }

  const auto stop = [](int) { g_stop.store(true, std::memory_order_relaxed); };
  struct sigaction action {};
  action.sa_handler = stop;  // no SA_RESTART: a sleeping call ends
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  const auto ready = [](const Endpoint& at) {
    std::printf("listening %s\n", to_string(at).c_str());
    std::fflush(stdout);
  };
  uint64_t requests = 0;
  uint64_t calls = 0;
  if (engine == "plain") {
    auto lanes = dataplane::open_lanes(options);
    if (!lanes) {
      return fail(lanes.error());
    }
    const timeval timeout{0, 100'000};
    setsockopt((*lanes)[0].fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    ready((*lanes)[0].local);
    requests = plain_echo((*lanes)[0].fd.get(), g_stop);
    calls = 2 * requests;
  } else {
    auto made = engine == "uring" ? dataplane::make_uring_port(options) : dataplane::make_mmsg_port(options);
    if (!made) {
      return fail(made.error());
    }
    ready((*made)->local(0));
    requests = port_echo(**made);
    const auto& counters = (*made)->counters();
    // Every io_uring_enter is counted as a receive call, also those that send.
    calls = counters.receive_calls.get() + (engine == "mmsg" ? counters.send_calls.get() : 0);
  }
  const Cpu cpu = used();
  const auto per = [requests](int64_t us) {
    return requests == 0 ? 0.0 : static_cast<double>(us) / static_cast<double>(requests);
  };
  std::printf(
      "{\"engine\": \"%s\", \"requests\": %llu, \"calls\": %llu, \"cpu_us_per_request\": %.4f, "
      "\"user_us_per_request\": %.4f, \"system_us_per_request\": %.4f}\n",
      engine.c_str(), static_cast<unsigned long long>(requests), static_cast<unsigned long long>(calls),
      per(cpu.user_us + cpu.system_us), per(cpu.user_us), per(cpu.system_us));
  return 0;
}

}  // namespace
}  // namespace tercet::bench

int main(int argc, char** argv) {
  try {
    return tercet::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tercet-floor-echo: %s\n", e.what());
    return 1;
  }
}
