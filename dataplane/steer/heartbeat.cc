#include "dataplane/steer/heartbeat.h"

#include "wire/cell_message.h"

namespace tercet::dataplane {

bool Heartbeats::take(const HeartbeatView& view, MonoTime now) {
  const Heartbeat& h = *view.header;
  if (h.instance == echo_instance_ && h.number <= echo_number_) {
    return false;  // overtaken by a newer one, or repeated
  }
  echo_instance_ = h.instance;
  echo_number_ = h.number;
  if (Nonce{h.echo_instance} != options_.instance || h.echo_number > number_) {
    return false;
  }
  ++heard_;
  const auto role = static_cast<LbRole>(h.role);
  if (!peer_.heard || peer_.role == LbRole::active || peer_.instance != Nonce{h.instance}) {
    peer_.not_active_since = now;
  }
  peer_ = {
      true, role, h.flags, Epoch{h.epoch}, Seq{h.commit}, Nonce{h.instance}, now, peer_.not_active_since};
  return true;
}

MonoTime Heartbeats::tick(const Own& own, MonoTime now, Outbox& out) {
  if (now < next_at_) {
    return next_at_;
  }
  const MutBytes room = out.open();
  if (room.empty()) {
    return now;
  }
  next_at_ = now + options_.interval;
  Heartbeat message{};
  message.type = static_cast<uint8_t>(CellMessage::heartbeat);
  message.role = static_cast<uint8_t>(own.role);
  message.flags = own.flags;
  message.priority = options_.priority;
  message.interval_us = static_cast<uint32_t>(options_.interval.us());
  message.instance = options_.instance.value;
  message.epoch = own.epoch.value;
  message.number = ++number_;
  message.echo_instance = echo_instance_;
  message.echo_number = echo_number_;
  message.commit = own.commit.value;
  message.decided_cell_ms = as_unsigned(own.decided_cell.ms);
  put(room, message);
  out.close(other_lb(options_.self), sizeof(message));
  return next_at_;
}

}  // namespace tercet::dataplane
