#include "dataplane/steering_loop.h"

#include <algorithm>
#include <array>
#include <bit>

#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

constexpr std::array<const char*, 8> kNames{"steer0", "steer1", "steer2", "steer3",
                                            "steer4", "steer5", "steer6", "steer7"};

}  // namespace

Joint::Joint(size_t cells, Bell& steering, Bell& service)
    : up(cells), down(cells), steering_bell(steering), service_bell(service) {
  up_counters.capacity = down_counters.capacity = cells;
}

SteeringLoop::SteeringLoop(uint8_t thread, Port& port, seal::Keyring& keyring, const Routes& routes,
                           Joint& joint, const SleepOptions& sleep, Wiretap& tap)
    : thread_(thread),
      busy_(sleep.poll == PollMode::busy),
      spin_(sleep.spin.ns < 0 ? default_spin() : sleep.spin),
      port_(port),
      routes_(routes),
      joint_(joint),
      up_(joint.up, joint.service_bell, joint.up_counters.producer),
      down_(joint.down, joint.down_counters.consumer),
      opener_(keyring, routes, tap),
      sender_(keyring, routes, tap) {
  TERCET_CHECK(thread < kNames.size(), "there are at most 8 steering threads");
  port_.watch(joint.steering_bell.fd());
}

MonoTime SteeringLoop::poll(const Moment& now) {
  joint_.steering_bell.disarm();
  turns_.begin(now.mono, port_.slept_since());
  const size_t received = port_.receive(rx_, now.mono);
  turns_.took(received);
  opener_.open(rx_, messages_, resignations_);
  hand_up();
  const size_t sent = send_down();
  if (sent != 0) {
    turns_.worked();
  }
  if (received != 0 || sent != 0) {
    last_traffic_ = now.mono;
  }
  const MonoTime again = down_.waiting() ? now.mono : MonoTime::never();
  turns_.due(again);
  return again;
}

void SteeringLoop::hand_up() {
  for (uint32_t lanes = port_.take_unreachable(); lanes != 0; lanes &= lanes - 1) {
    ServerId server{};
    if (routes_.server_at(static_cast<Lane>(std::countr_zero(lanes)), server)) {
      up_.put_or_drop({.kind = ParcelKind::unreachable, .server = server}, {});
    }
  }
  for (const seal::Resignation& word : resignations_) {
    up_.put_or_drop({.kind = ParcelKind::resigned, .server = word.from, .epoch = word.epoch}, {});
  }
  for (Message& message : messages_) {
    if (message.from_server) {
      up_.put_or_drop({.kind = ParcelKind::from_server, .server = message.server}, message.plain);
    } else {
      message.client.thread = thread_;
      up_.put_or_drop({.kind = ParcelKind::from_client, .client = message.client}, message.plain);
    }
  }
  up_.flush();
}

/// Returns how many messages it sent.
size_t SteeringLoop::send_down() {
  parcels_.clear();
  down_.fill();
  for (ParcelView parcel; !parcels_.full() && down_.next(parcel);) {
    parcels_.push_back(parcel);
  }
  if (parcels_.empty()) {
    return 0;
  }
  sender_.begin(port_);
  size_t fetched = 0;
  for (size_t next = 0; next < parcels_.size(); ++next) {
    for (; fetched < std::min(parcels_.size(), next + Sender::kKeysAhead); ++fetched) {
      if (parcels_[fetched].head->kind == ParcelKind::to_client) {
        sender_.prefetch(parcels_[fetched].head->client);
      }
    }
    const ParcelHead& head = *parcels_[next].head;
    if (head.kind == ParcelKind::to_client) {
      sender_.to_client(head.client, parcels_[next].plain, port_);
    } else {
      sender_.to_servers(head.servers, parcels_[next].plain, port_);
    }
  }
  sender_.end(port_);
  return parcels_.size();
}

void SteeringLoop::wait(MonoTime until) {
  turns_.waits(until);
  if (!busy_) {
    if (turns_.began() < last_traffic_ + spin_) {
      until = turns_.began();  // the port submits what is queued, and returns at once
    } else if (until > turns_.began()) {
      joint_.steering_bell.arm();
      if (down_.waiting()) {
        until = turns_.began();
      }
    }
  }
  port_.wait(until);
}

void SteeringLoop::finish() {
  while (send_down() != 0) {
    port_.wait({});
  }
  port_.finish();
}

ThreadView SteeringLoop::view() const {
  return {.name = kNames[thread_],
          .loop = &turns_.counters(),
          .port = &port_.counters(),
          .opened = &opener_.counters(),
          .sent = &sender_.counters(),
          .tapped = &opener_.tapped(),
          .up = &joint_.up_counters,
          .down = &joint_.down_counters,
          .drops = port_.drops(),
          .frame_events = port_.frame_events()};
}

}  // namespace tercet::dataplane
