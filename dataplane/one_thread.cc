#include "dataplane/one_thread.h"

#include <algorithm>
#include <bit>

namespace tercet::dataplane {

OneThread::OneThread(Port& port, seal::Keyring& keyring, Service& service, const Routes& routes,
                     size_t outbox_parcels)
    : port_(port),
      service_(service),
      routes_(routes),
      opener_(keyring),
      sender_(keyring, routes),
      outbox_(outbox_parcels) {}

MonoTime OneThread::poll(const Moment& now) {
  counters_.polls.add();
  if (now.mono - kLate > due_) {
    counters_.late_polls.add();
    const auto late = static_cast<uint64_t>((now.mono - due_).ns);
    counters_.latest_ns.set(std::max(counters_.latest_ns.get(), late));
  }
  const size_t received = port_.receive(rx_);
  if (received != 0) {
    counters_.busy_polls.add();
  }
  opener_.open(rx_, messages_, resignations_);
  for (uint32_t lanes = port_.take_unreachable(); lanes != 0; lanes &= lanes - 1) {
    ServerId server{};
    if (routes_.server_at(static_cast<Lane>(std::countr_zero(lanes)), server)) {
      service_.unreachable(server);
    }
  }
  for (const seal::Resignation& word : resignations_) {
    service_.resigned(word.from, word.epoch, now);
  }
  const MonoTime again = service_.poll({messages_.data(), messages_.size()}, now, outbox_);
  sender_.send(outbox_, port_);
  began_ = now.mono;
  due_ = again;
  return again;
}

void OneThread::wait(MonoTime until) {
  due_ = later(earlier(due_, until), began_);
  port_.wait(until);
}

}  // namespace tercet::dataplane
