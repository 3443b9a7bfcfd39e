#pragma once
// Steps: where the time of a turn goes, by reading the processor's counter where one part of the loop hands
// over to the next. The loop itself knows nothing of it: its Port and its Service are wrapped. What is not
// measured this way (the totals) runs without the wrappers.

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/port/port.h"
#include "dataplane/port/socket.h"
#include "dataplane/service.h"

namespace tercet::bench {

/// The processor's time-stamp counter (elsewhere than on x86-64: a clock), when all before it is done.
inline uint64_t ticks() {
#if defined(__x86_64__)
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
  return uint64_t{high} << 32U | low;
#else
  return static_cast<uint64_t>(dataplane::raw_now().ns);
#endif
}

enum class Step : uint8_t {
  clock,    ///< the turn's clock reading
  receive,  ///< rte_eth_rx_burst, stack
  open,     ///< what came in is opened
  service,  ///< of a turn that brings queries: order, fan-out; that brings votes: tally, replies written
  seal,     ///< what goes out is sealed
  send,     ///< buffers, next hop, headers, rte_eth_tx_burst
  rest,
};
inline constexpr size_t kSteps = 7;
inline constexpr std::array<const char*, kSteps> kStepNames{"clock", "receive", "open", "service",
                                                            "seal",  "send",    "rest"};

class Steps {
 public:
  void begin() {
    spent_ = {};
    marks_ = {};
    last_ = ticks();
  }
  /// All since the last mark was `step`.
  void mark(Step step) {
    const uint64_t now = ticks();
    spent_[static_cast<size_t>(step)] += now - last_;
    ++marks_[static_cast<size_t>(step)];
    last_ = now;
  }
  /// Ticks of a step, without what its marks cost (`each`).
  [[nodiscard]] double spent(size_t step, double each) const {
    return static_cast<double>(spent_[step]) - each * marks_[step];
  }

 private:
  std::array<uint64_t, kSteps> spent_{};
  std::array<uint32_t, kSteps> marks_{};
  uint64_t last_ = 0;
};

class SteppedPort final : public dataplane::Port {
 public:
  SteppedPort(dataplane::Port& port, Steps& steps) : port_(port), steps_(steps) {}
  size_t receive(dataplane::RxBurst& burst, MonoTime now) override {
    steps_.mark(Step::rest);
    const size_t got = port_.receive(burst, now);
    steps_.mark(Step::receive);
    return got;
  }
  dataplane::TxBurst& transmit() override {
    steps_.mark(Step::seal);
    dataplane::TxBurst& burst = port_.transmit();
    steps_.mark(Step::send);
    return burst;
  }
  void send(dataplane::TxBurst& burst) override {
    steps_.mark(Step::seal);
    port_.send(burst);
    steps_.mark(Step::send);
  }
  void wait(MonoTime until) override { port_.wait(until); }
  void watch(int fd) override { port_.watch(fd); }
  uint32_t take_unreachable() override { return port_.take_unreachable(); }
  void finish() override { port_.finish(); }
  [[nodiscard]] const dataplane::PortCounters& counters() const override { return port_.counters(); }
  [[nodiscard]] const char* engine() const override { return port_.engine(); }

 private:
  dataplane::Port& port_;
  Steps& steps_;
};

class SteppedService final : public dataplane::Service {
 public:
  SteppedService(dataplane::Service& service, Steps& steps) : service_(service), steps_(steps) {}
  MonoTime poll(std::span<const dataplane::Message> in, const Moment& now, Outbox& out) override {
    steps_.mark(Step::open);
    const MonoTime again = service_.poll(in, now, out);
    steps_.mark(Step::service);
    return again;
  }
  void unreachable(ServerId server, const Moment& now) override { service_.unreachable(server, now); }
  void resigned(ServerId lb, Epoch epoch, const Moment& now) override { service_.resigned(lb, epoch, now); }

 private:
  dataplane::Service& service_;
  Steps& steps_;
};

}  // namespace tercet::bench
