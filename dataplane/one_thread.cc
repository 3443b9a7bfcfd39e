#include "dataplane/one_thread.h"

#include <bit>

namespace tercet::dataplane {

OneThread::OneThread(Port& port, seal::Keyring& keyring, Service& service, const Routes& routes,
                     size_t outbox_parcels, Wiretap& tap)
    : port_(port),
      service_(service),
      routes_(routes),
      opener_(keyring, tap),
      sender_(keyring, routes, tap),
      outbox_(outbox_parcels) {}

MonoTime OneThread::poll(const Moment& now) {
  turns_.begin(now.mono, port_.slept_since());
  turns_.took(port_.receive(rx_, now.mono));
  opener_.open(rx_, messages_, resignations_);
  for (uint32_t lanes = port_.take_unreachable(); lanes != 0; lanes &= lanes - 1) {
    ServerId server{};
    if (routes_.server_at(static_cast<Lane>(std::countr_zero(lanes)), server)) {
      service_.unreachable(server, now);
    }
  }
  for (const seal::Resignation& word : resignations_) {
    service_.resigned(word.from, word.epoch, now);
  }
  const MonoTime again = service_.poll({messages_.data(), messages_.size()}, now, outbox_);
  if (!outbox_.empty()) {
    turns_.worked();
    sender_.send(outbox_, port_);
  }
  turns_.due(again);
  return again;
}

void OneThread::wait(MonoTime until) {
  turns_.waits(until);
  port_.wait(until);
}

ThreadView OneThread::view() const {
  return {.name = "poll",
          .loop = &turns_.counters(),
          .port = &port_.counters(),
          .opened = &opener_.counters(),
          .sent = &sender_.counters(),
          .tapped = &opener_.tapped(),
          .drops = port_.drops(),
          .frame_events = port_.frame_events()};
}

}  // namespace tercet::dataplane
