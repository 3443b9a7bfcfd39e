#include "wire/seal/client_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace tercet::seal {

ClientCache::ClientCache(size_t entries, uint64_t salt) : salt_(salt) {
  if (entries != 0) {
    const size_t rounded = std::bit_ceil(std::max<size_t>(entries, kWays));
    sets_.resize(rounded / kWays);
    keys_.resize(rounded);
  }
}

ClientCache::~ClientCache() { wipe(keys_.data(), keys_.size() * sizeof(Keys)); }

std::array<size_t, 2> ClientCache::sets_of(AccessId access, const SessionId& session) const {
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, session.bytes.data(), 8);
  std::memcpy(&high, session.bytes.data() + 8, 8);
  // Sessions are random bits already; the salted multiplication keeps a client from choosing its neighbours.
  const auto product =
      static_cast<unsigned __int128>(low ^ salt_ ^ access.value) * (high ^ (salt_ << 32U) ^ (salt_ >> 32U));
  const auto mixed = static_cast<uint64_t>(product >> 64U) ^ static_cast<uint64_t>(product);
  const size_t mask = sets_.size() - 1;
  const size_t one = mixed & mask;
  // The second is at an odd distance: never the first again.
  return {one, (one + ((mixed >> 32U) | 1U)) & mask};
}

ClientCache::Entry ClientCache::find(AccessId access, const SessionId& session) {
  if (sets_.empty()) {
    return {};
  }
  for (const size_t set : sets_of(access, session)) {
    for (unsigned way = 0; way < kWays; ++way) {
      Tag& tag = sets_[set].tags[way];
      if (tag.access == access && tag.session == session) {
        return {&tag, &keys_[set * kWays + way]};
      }
    }
  }
  return {};
}

ClientCache::Entry ClientCache::admit(AccessId access, const SessionId& session) {
  TERCET_CHECK(!sets_.empty() && access.value != 0, "only an LB takes clients in");
  const std::array<size_t, 2> sets = sets_of(access, session);
  size_t victim = sets[0] * kWays;
  uint32_t oldest = 0;
  unsigned most_free = 0;
  for (const size_t set : sets) {
    unsigned free = 0;
    size_t place = 0;
    for (unsigned way = 0; way < kWays; ++way) {
      const Tag& tag = sets_[set].tags[way];
      if (tag.access.value == 0) {
        ++free;
        place = set * kWays + way;
        continue;
      }
      const uint32_t age = clock_ - tag.used;  // right across the wrap of the clock
      if (most_free == 0 && age >= oldest) {
        oldest = age;
        victim = set * kWays + way;
      }
    }
    if (free > most_free) {  // the emptier one, so that both fill alike
      most_free = free;
      victim = place;
    }
  }
  Tag& tag = sets_[victim / kWays].tags[victim % kWays];
  tag = {session, access, ++clock_, false, false};
  return {&tag, &keys_[victim]};
}

void ClientCache::forget_replies() {
  for (Set& set : sets_) {
    for (Tag& tag : set.tags) {
      tag.reply_ready = false;
    }
  }
}

}  // namespace tercet::seal
