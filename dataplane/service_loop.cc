#include "dataplane/service_loop.h"

#include <algorithm>

#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

/// When a full Link is looked at again: its thread is late, perhaps for want of the very core that we are on.
constexpr Duration kBehind = microseconds(50);

}  // namespace

ServiceLoop::ServiceLoop(Port& rest, Service& service, std::span<Joint* const> joints, const Owners& owners,
                         const SleepOptions& sleep, size_t outbox_parcels)
    : busy_(sleep.poll == PollMode::busy),
      spin_(sleep.spin.ns < 0 ? default_spin() : sleep.spin),
      rest_(rest),
      service_(service),
      bell_(joints.front()->service_bell),
      outbox_(outbox_parcels),
      outbox_parcels_(outbox_parcels) {
  TERCET_CHECK(joints.size() <= kSteeringMax, "there are at most 8 steering threads");
  sides_.reserve(joints.size());
  for (size_t thread = 0; thread < joints.size(); ++thread) {
    Joint& joint = *joints[thread];
    TERCET_CHECK(&joint.service_bell == &bell_, "the quorum thread has one bell");
    Side side{.up = {joint.up, joint.up_counters.consumer},
              .down = {joint.down, joint.steering_bell, joint.down_counters.producer}};
    for (unsigned i = 0; i < kServers; ++i) {
      if (owners[i] == thread) {
        side.servers.add(static_cast<ServerId>(i));
      }
    }
    sides_.push_back(std::move(side));
  }
  rest_.watch(bell_.fd());
}

MonoTime ServiceLoop::poll(const Moment& now) {
  bell_.disarm();
  turns_.begin(now.mono, rest_.slept_since());
  rest_.receive(none_, now.mono);
  gather(now);
  turns_.took(messages_.size());
  MonoTime again = service_.poll({messages_.data(), messages_.size()}, now, outbox_);
  const bool said = !outbox_.empty();
  hand_down();
  if (said) {
    turns_.worked();
  }
  if (said || !messages_.empty()) {
    last_traffic_ = now.mono;
  }
  if (!outbox_.empty()) {
    again = earlier(again, now.mono + kBehind);
  }
  if (waiting()) {
    again = now.mono;
  }
  turns_.due(again);
  return again;
}

/// At most a burst from all of them together: as much as the outbox has room to answer.
void ServiceLoop::gather(const Moment& now) {
  messages_.clear();
  for (size_t i = 0; i < sides_.size(); ++i) {
    Side& side = sides_[(first_ + i) % sides_.size()];
    side.up.fill();
    for (ParcelView parcel; !messages_.full() && side.up.next(parcel);) {
      take(parcel, now);
    }
  }
  first_ = (first_ + 1) % sides_.size();
}

void ServiceLoop::take(const ParcelView& parcel, const Moment& now) {
  const ParcelHead& head = *parcel.head;
  switch (head.kind) {
    case ParcelKind::from_client:
      messages_.push_back({.client = head.client, .plain = parcel.plain});
      break;
    case ParcelKind::from_server:
      messages_.push_back({.from_server = true, .server = head.server, .client = {}, .plain = parcel.plain});
      break;
    case ParcelKind::resigned:
      service_.resigned(head.server, head.epoch, now);
      turns_.worked();
      break;
    case ParcelKind::unreachable:
      service_.unreachable(head.server, now);
      turns_.worked();
      break;
    default:
      TERCET_CHECK(false, "what goes down does not come up");
  }
}

void ServiceLoop::hand_down() {
  bool all = true;
  for (size_t thread = 0; thread < sides_.size(); ++thread) {
    Side& side = sides_[thread];
    side.behind = !hand_down(side, static_cast<uint8_t>(thread));
    all = all && !side.behind;
  }
  if (!all && outbox_.parcels().size() <= outbox_parcels_ / 2 && !outbox_.open().empty()) {
    return;
  }
  for (size_t thread = 0; thread < sides_.size(); ++thread) {
    Side& side = sides_[thread];
    if (side.behind) {
      for (const Outbox::Parcel& parcel : outbox_.parcels().subspan(side.passed)) {
        if (belongs(parcel, side, static_cast<uint8_t>(thread))) {
          side.down.drop();
        }
      }
      side.behind = false;
    }
    side.passed = 0;
  }
  outbox_.clear();
}

/// False: its Link is full.
bool ServiceLoop::hand_down(Side& side, uint8_t thread) {
  const auto parcels = outbox_.parcels();
  for (; side.passed < parcels.size(); ++side.passed) {
    const Outbox::Parcel& parcel = parcels[side.passed];
    if (!belongs(parcel, side, thread)) {
      continue;
    }
    const ParcelHead head =
        parcel.servers.empty()
            ? ParcelHead{.kind = ParcelKind::to_client, .client = parcel.client}
            : ParcelHead{.kind = ParcelKind::to_servers,
                         .servers = ServerSet::from_bits(parcel.servers.bits() & side.servers.bits())};
    if (!side.down.put(head, outbox_.bytes(parcel))) {
      break;
    }
  }
  side.down.flush();
  return side.passed == parcels.size();
}

bool ServiceLoop::waiting() const {
  return std::ranges::any_of(sides_, [](const Side& side) { return side.up.waiting(); });
}

void ServiceLoop::wait(MonoTime until) {
  turns_.waits(until);
  if (!busy_) {
    if (turns_.began() < last_traffic_ + spin_) {
      until = turns_.began();
    } else if (until > turns_.began()) {
      bell_.arm();
      if (waiting()) {
        until = turns_.began();
      }
    }
  }
  rest_.wait(until);
}

ThreadView ServiceLoop::view() const {
  return {.name = "quorum", .loop = &turns_.counters(), .port = &rest_.counters()};
}

}  // namespace tercet::dataplane
