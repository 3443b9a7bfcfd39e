#pragma once
// Repeats: handle → its newest mutating request and, once there, the answer. A repeat that is in flight is
// dropped (its answer is on the way), one that is answered gets the same answer at once. A cache: what it
// forgot the book still knows.

#include <algorithm>
#include <vector>

#include "quorum/machine.h"
#include "quorum/window.h"
#include "wire/ids.h"

namespace tercet::dataplane {

class Repeats {
 public:
  struct Entry {
    bool used = false;
    bool answered = false;
    Handle handle;
    uint32_t request = 0;
    quorum::Tag tag;
    quorum::Result answer;
  };
  /// `sets` × 4 entries; a power of two.
  explicit Repeats(size_t sets) : entries_(sets * kWays), next_way_(sets), mask_(sets - 1) {}

  /// The entry of `handle`, or null.
  Entry* find(const Handle& handle) {
    Entry* set = set_of(handle);
    for (size_t way = 0; way < kWays; ++way) {
      if (set[way].used && set[way].handle == handle) {
        return &set[way];
      }
    }
    return nullptr;
  }
  /// Notes `request` as the handle's newest, in flight as `tag`. Prefers to overwrite what is answered.
  void note(const Handle& handle, uint32_t request, quorum::Tag tag) {
    Entry* entry = find(handle);
    if (entry == nullptr) {
      entry = victim(handle);
    }
    *entry = {true, false, handle, request, tag, {}};
  }
  void answer(const Handle& handle, uint32_t request, Bytes result) {
    Entry* entry = find(handle);
    if (entry != nullptr && entry->request == request) {
      entry->answered = true;
      entry->answer.resize(result.size());
      std::copy(result.begin(), result.end(), entry->answer.begin());
    }
  }
  /// Its outcome is unknown: a repeat is ordered again.
  void forget(const Handle& handle, uint32_t request) {
    Entry* entry = find(handle);
    if (entry != nullptr && entry->request == request && !entry->answered) {
      entry->used = false;
    }
  }

 private:
  static constexpr size_t kWays = 4;
  size_t index_of(const Handle& handle) const {
    uint64_t bits = 0;  // clients draw handles at random; an unlucky or hostile one only evicts its own set
    std::memcpy(&bits, handle.bytes.data() + 4, sizeof(bits));
    return (bits * 0x9E3779B97F4A7C15U >> 20U) & mask_;
  }
  Entry* set_of(const Handle& handle) { return &entries_[index_of(handle) * kWays]; }
  Entry* victim(const Handle& handle) {
    Entry* set = set_of(handle);
    for (size_t way = 0; way < kWays; ++way) {
      if (!set[way].used) {
        return &set[way];
      }
    }
    uint8_t& turn = next_way_[index_of(handle)];
    for (size_t i = 0; i < kWays; ++i) {
      Entry* entry = &set[(turn + i) % kWays];
      if (entry->answered) {
        turn = static_cast<uint8_t>((turn + i + 1) % kWays);
        return entry;
      }
    }
    turn = static_cast<uint8_t>((turn + 1) % kWays);
    return &set[turn];
  }
  std::vector<Entry> entries_;
  std::vector<uint8_t> next_way_;
  size_t mask_;
};

}  // namespace tercet::dataplane
