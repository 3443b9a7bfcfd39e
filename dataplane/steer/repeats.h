#pragma once
// Repeats: handle → its newest mutating request and, once there, the answer. A repeat that is in flight is
// dropped (its answer is on the way), one that is answered gets the same answer at once. A cache: what it
// forgot the book still knows.

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/huge_vector.h"
#include "base/prefetch.h"
#include "quorum/window.h"
#include "wire/ids.h"
#include "wire/limits.h"

namespace tercet::dataplane {

class Repeats {
 public:
  struct Entry {
    Handle handle;
    uint32_t request = 0;
    quorum::Tag tag;
    bool used = false;
    bool answered = false;
    uint8_t answer_size = 0;
    uint8_t turn = 0;  ///< a set's first: where the next that is pushed out is looked for
  };
  static_assert(sizeof(Entry) == 32,
                "a set's four are two cache lines, which is all that a new request touches");

  /// `sets` × 4 entries; a power of two.
  explicit Repeats(size_t sets) : sets_(sets), answers_(sets * kWays), mask_(sets - 1) {}

  /// Starts loading what find() looks at, for one that comes soon.
  void prefetch(const Handle& handle) const {
    const auto* set = reinterpret_cast<const uint8_t*>(&sets_[index_of(handle)]);
    tercet::prefetch(set);
    tercet::prefetch(set + 64);
  }
  /// The entry of `handle`, or null.
  Entry* find(const Handle& handle) {
    for (Entry& entry : sets_[index_of(handle)].ways) {
      if (entry.used && entry.handle == handle) {
        return &entry;
      }
    }
    return nullptr;
  }
  /// The answer of an entry of ours that is answered.
  [[nodiscard]] Bytes answer_of(const Entry& entry) const {
    return {answers_[place_of(entry)].bytes.data(), entry.answer_size};
  }
  /// Notes `request` as the handle's newest, in flight as `tag`. Prefers to overwrite what is answered.
  void note(const Handle& handle, uint32_t request, quorum::Tag tag) {
    Entry* entry = find(handle);
    if (entry == nullptr) {
      entry = victim(handle);
    }
    *entry = {handle, request, tag, true, false, 0, entry->turn};
    prefetch_to_write(&answers_[place_of(*entry)]);  // written a round trip later
  }
  void answer(const Handle& handle, uint32_t request, Bytes result) {
    Entry* entry = find(handle);
    if (entry != nullptr && entry->request == request) {
      entry->answered = true;
      entry->answer_size = static_cast<uint8_t>(result.size());
      TERCET_CHECK(result.size() <= kResultMax, "a result within its limit");
      std::copy(result.begin(), result.end(), answers_[place_of(*entry)].bytes.begin());
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
  struct alignas(64) Set {
    std::array<Entry, kWays> ways;
  };
  struct alignas(64) Answer {
    std::array<uint8_t, kResultMax> bytes;
  };
  size_t index_of(const Handle& handle) const {
    uint64_t bits = 0;  // clients draw handles at random; an unlucky or hostile one only evicts its own set
    std::memcpy(&bits, handle.bytes.data() + 4, sizeof(bits));
    return (bits * 0x9E3779B97F4A7C15U >> 20U) & mask_;
  }
  /// The sets are one array of entries, as far as places go.
  [[nodiscard]] size_t place_of(const Entry& entry) const {
    const size_t bytes = static_cast<size_t>(reinterpret_cast<const uint8_t*>(&entry) -
                                             reinterpret_cast<const uint8_t*>(sets_.data()));
    return bytes / sizeof(Entry);
  }
  Entry* victim(const Handle& handle) {
    std::array<Entry, kWays>& ways = sets_[index_of(handle)].ways;
    for (Entry& entry : ways) {
      if (!entry.used) {
        return &entry;
      }
    }
    uint8_t& turn = ways[0].turn;
    for (size_t i = 0; i < kWays; ++i) {
      Entry* entry = &ways[(turn + i) % kWays];
      if (entry->answered) {
        turn = static_cast<uint8_t>((turn + i + 1) % kWays);
        return entry;
      }
    }
    turn = static_cast<uint8_t>((turn + 1) % kWays);
    return &ways[turn];
  }
  HugeVector<Set> sets_;
  HugeVector<Answer> answers_;  ///< apart: only looked at when a request is repeated
  size_t mask_;
};

}  // namespace tercet::dataplane
