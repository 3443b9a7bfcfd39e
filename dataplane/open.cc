#include "dataplane/open.h"

#include <algorithm>

namespace tercet::dataplane {
namespace {

/// The kind byte of a datagram long enough to have one; 0, which is no kind, of any other.
uint8_t kind_of(Bytes datagram) {
  return datagram.size() < kSealOverhead ? uint8_t{0} : datagram[offsetof(DatagramHeader, kind)];
}
/// How many keys are fetched ahead of the one in use. Of a cold key the first line costs most, a page walk,
/// and those take turns: with 8, 16, 32, 64 ahead a cold query took 701, 664, 650 ns in bursts of 32, and
/// 598, 591, 561, 569 in bursts of 128 (100,000 clients, docs/performance.md). 32 keys are 14 KiB: they do
/// not push each other out of the first-level cache.
constexpr size_t kKeysAhead = 32;
constexpr auto kClientQuery = static_cast<uint8_t>(DatagramKind::client_to_lb);
constexpr auto kResigned = static_cast<uint8_t>(DatagramKind::resignation);

}  // namespace

uint64_t OpenCounters::dropped() const {
  uint64_t sum = 0;
  for (const Counter& counter : drops) {
    sum += counter.get();
  }
  return sum;
}

void Opener::open(RxBurst& burst, Messages& messages, Resignations& resignations) {
  messages.clear();
  resignations.clear();
  if (tap_.on()) [[unlikely]] {
    tap_.received(burst);
  }
  if (keyring_.serves_clients()) {
    // A cold key costs as much as all the rest of a query: fetch where they are, then the keys themselves.
    for (const RxDatagram& datagram : burst.datagrams) {
      if (kind_of(datagram.bytes) == kClientQuery) {
        keyring_.prefetch_client(datagram.bytes);
      }
    }
  }
  const size_t size = burst.datagrams.size();
  size_t fetched = 0;
  for (size_t i = 0; i < size; ++i) {
    for (; fetched < std::min(size, i + kKeysAhead); ++fetched) {
      const Bytes datagram = burst.datagrams[fetched].bytes;
      if (kind_of(datagram) == kClientQuery) {
        key_places_[fetched] = keyring_.prefetch_query_key(datagram);
      }
    }
    open_one(burst.datagrams[i], key_places_[i], messages, resignations);
  }
  counters_.query_keys_derived.set(keyring_.query_keys_derived());
}

/// Says to be from a server, and came by another lane than that server's.
bool Opener::astray(const RxDatagram& datagram) const {
  if (datagram.bytes.size() < kSealOverhead) {
    return false;
  }
  const uint8_t sender = datagram.bytes[offsetof(DatagramHeader, sender)];
  return sender < kServers && routes_.lane_of[sender] != datagram.lane;
}

void Opener::open_one(RxDatagram& datagram, uint32_t key_place, Messages& messages,
                      Resignations& resignations) {
  const uint8_t kind = kind_of(datagram.bytes);
  if (kind == kClientQuery) {
    const auto opened = keyring_.open_from_client(datagram.bytes, key_place);
    if (!opened) {
      drop(opened.error());
      return;
    }
    Message& message = messages.add();
    message.from_server = false;
    message.client.endpoint = datagram.from;
    message.client.lane = datagram.lane;
    message.client.thread = 0;
    message.client.access_id = opened->client.access.value;
    message.client.session = opened->client.session;
    message.client.key_place = opened->place;
    message.plain = opened->plain;
    counters_.messages.add();
    return;
  }
  if (by_lane_ && astray(datagram)) {
    drop(Drop::not_for_us);
    return;
  }
  if (kind == kResigned) {
    const auto opened = keyring_.open_resignation(datagram.bytes);
    if (!opened) {
      drop(opened.error());
    } else if (resignations.try_push(*opened)) {
      counters_.resignations.add();
    }  // else: the same word again, several times in one burst
    return;
  }
  const auto opened = keyring_.open_from_server(datagram.bytes);
  if (!opened) {
    drop(opened.error());
    return;
  }
  Message& message = messages.add();
  message.from_server = true;
  message.server = opened->from;
  message.plain = opened->plain;
  counters_.messages.add();
}

}  // namespace tercet::dataplane
