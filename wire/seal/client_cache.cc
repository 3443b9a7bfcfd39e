#include "wire/seal/client_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace tercet::seal {

namespace {

/// Room for `count`, asked of the kernel in huge pages before any of it is touched: of clients that come in
/// no order each costs a page walk or two otherwise, a quarter of what opening in large bursts takes. Where
/// the kernel has none it is memory like any other.
template <class T>
void make_room(std::vector<T>& items, size_t count) {
  constexpr uintptr_t kHugePage = 2U << 20U;
  items.reserve(count);
  const auto begin = reinterpret_cast<uintptr_t>(items.data());
  const uintptr_t first = (begin + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t last = (begin + count * sizeof(T)) & ~(kHugePage - 1);
  if (first < last) {
    madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
  }
  items.resize(count);
}

}  // namespace

ClientCache::ClientCache(size_t entries, uint64_t salt) : salt_(salt) {
  if (entries != 0) {
    const size_t rounded = std::bit_ceil(std::max<size_t>(entries, kWays));
    make_room(sets_, rounded / kWays);
    make_room(keys_, rounded);
  }
}

ClientCache::~ClientCache() { wipe(keys_.data(), keys_.size() * sizeof(Keys)); }

size_t ClientCache::set_of(AccessId access, const SessionId& session) const {
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, session.bytes.data(), 8);
  std::memcpy(&high, session.bytes.data() + 8, 8);
  // Sessions are random bits already; the salted multiplication keeps a client from choosing its neighbours.
  const auto product =
      static_cast<unsigned __int128>(low ^ salt_ ^ access.value) * (high ^ (salt_ << 32U) ^ (salt_ >> 32U));
  return static_cast<size_t>(static_cast<uint64_t>(product >> 64U) ^ static_cast<uint64_t>(product)) &
         (sets_.size() - 1);
}

ClientCache::Entry ClientCache::find(AccessId access, const SessionId& session) {
  if (sets_.empty()) {
    return {};
  }
  const size_t set = set_of(access, session);
  for (unsigned way = 0; way < kWays; ++way) {
    Tag& tag = sets_[set].tags[way];
    if (tag.access == access && tag.session == session) {
      return {&tag, &keys_[set * kWays + way]};
    }
  }
  return {};
}

ClientCache::Entry ClientCache::admit(AccessId access, const SessionId& session) {
  TERCET_CHECK(!sets_.empty() && access.value != 0, "only an LB takes clients in");
  const size_t set = set_of(access, session);
  unsigned victim = 0;
  uint32_t oldest = 0;
  for (unsigned way = 0; way < kWays; ++way) {
    const Tag& tag = sets_[set].tags[way];
    if (tag.access.value == 0) {
      victim = way;
      break;
    }
    const uint32_t age = clock_ - tag.used;  // right across the wrap of the clock
    if (age >= oldest) {
      oldest = age;
      victim = way;
    }
  }
  Tag& tag = sets_[set].tags[victim];
  tag = {session, access, ++clock_, false, false};
  return {&tag, &keys_[set * kWays + victim]};
}

void ClientCache::forget_replies() {
  for (Set& set : sets_) {
    for (Tag& tag : set.tags) {
      tag.reply_ready = false;
    }
  }
}

}  // namespace tercet::seal
