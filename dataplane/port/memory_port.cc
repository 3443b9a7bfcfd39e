#include "dataplane/port/memory_port.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tercet::dataplane {

namespace {

/// FNV-1a (Fowler, Noll, Vo) of a sender's port number and address.
uint32_t hash_of(const Endpoint& from) {
  uint32_t hash = 2'166'136'261U;
  const auto add = [&hash](unsigned byte) { hash = (hash ^ byte) * 16'777'619U; };
  add(from.port & 0xFFU);
  add(static_cast<unsigned>(from.port) >> 8U);
  for (const uint8_t byte : from.address) {
    add(byte);
  }
  return hash >> 16U;  // its low bits hang on few of the input's
}

}  // namespace

bool MemoryWire::deliver(const Endpoint& from, const Endpoint& to, Bytes bytes) {
  return route(from, to, bytes) == Fate::delivered;
}

MemoryWire::Fate MemoryWire::route(const Endpoint& from, const Endpoint& to, Bytes bytes) {
  auto found = places_.find({to, from});
  if (found == places_.end()) {
    found = places_.find({to, Endpoint{}});
  }
  if (found == places_.end()) {
    return Fate::unreachable;
  }
  const std::vector<Place>& places = found->second;
  const Place& place = places.size() == 1 ? places[0] : places[hash_of(from) % places.size()];
  return place.port->take(place.lane, from, bytes) ? Fate::delivered : Fate::overrun;
}

MemoryPort::MemoryPort(MemoryWire& wire, const PortOptions& options, size_t queue)
    : wire_(wire), lanes_(options.lanes), queue_(queue + kBurstMax), tx_memory_(kBurstMax * kDatagramMax) {
  TERCET_CHECK(lanes_.size() <= kLanesMax, "a port has at most 32 lanes");
  for (size_t l = 0; l < lanes_.size(); ++l) {
    const MemoryWire::Address address{lanes_[l].local, lanes_[l].connected() ? lanes_[l].remote : Endpoint{}};
    std::vector<MemoryWire::Place>& places = wire_.places_[address];
    TERCET_CHECK(places.empty() || (lanes_[l].shared && places[0].port->lanes_[places[0].lane].shared),
                 "an address is used once on a wire");
    places.push_back({this, static_cast<Lane>(l)});
  }
}

MemoryPort::~MemoryPort() {
  for (auto entry = wire_.places_.begin(); entry != wire_.places_.end();) {
    std::erase_if(entry->second, [this](const MemoryWire::Place& place) { return place.port == this; });
    entry = entry->second.empty() ? wire_.places_.erase(entry) : std::next(entry);
  }
}

bool MemoryPort::take(Lane lane, const Endpoint& from, Bytes bytes) {
  if (bytes.size() > kDatagramMax) {
    counters_.drop_truncated.add();
    return true;  // it arrived, and that is all
  }
  if (filled_ + lent_ >= queue_.size()) {
    ++drop_overrun_;
    return false;
  }
  Slot& slot = queue_[(next_ + filled_) % queue_.size()];
  std::ranges::copy(bytes, slot.bytes.begin());
  slot.size = static_cast<uint16_t>(bytes.size());
  slot.lane = lane;
  slot.from = from;
  ++filled_;
  return true;
}

size_t MemoryPort::receive(RxBurst& burst, MonoTime /*now*/) {
  burst.datagrams.clear();
  lent_ = 0;
  counters_.receive_calls.add();
  while (filled_ > 0 && !burst.datagrams.full()) {
    Slot& slot = queue_[next_];
    burst.datagrams.push_back({{slot.bytes.data(), slot.size}, slot.lane, slot.from});
    next_ = (next_ + 1) % queue_.size();
    --filled_;
    ++lent_;
  }
  counters_.received_datagrams.add(burst.datagrams.size());
  return burst.datagrams.size();
}

TxBurst& MemoryPort::transmit() {
  tx_.reset();
  for (size_t i = 0; i < kBurstMax; ++i) {
    TERCET_CHECK(tx_.add_buffer(&tx_memory_[i * kDatagramMax]), "a burst has room for its buffers");
  }
  return tx_;
}

void MemoryPort::send(TxBurst& burst) {
  for (const TxDatagram& d : burst.datagrams()) {
    TERCET_CHECK(d.lane < lanes_.size(), "a datagram is sent on a lane of its port");
    const LaneOptions& lane = lanes_[d.lane];
    const Endpoint& to = lane.connected() ? lane.remote : d.to;
    const Bytes bytes(d.data, d.size);
    counters_.sent_datagrams.add();
    if (wire_.intercept_) {
      wire_.intercept_(lane.local, to, bytes);
    } else if (wire_.route(lane.local, to, bytes) == MemoryWire::Fate::unreachable && lane.connected()) {
      report_unreachable(d.lane);
    }
  }
  if (!burst.empty()) {
    counters_.send_calls.add();
  }
  burst.reset();
}

void MemoryPort::report_unreachable(Lane lane) {
  counters_.peer_unreachable.add();
  unreachable_ |= 1U << lane;
}

uint32_t MemoryPort::take_unreachable() { return std::exchange(unreachable_, 0U); }

}  // namespace tercet::dataplane
