#pragma once
// Leases in the order in which they end: by (due, index), both facts of the book, so the order is the same
// whatever led here. One 4-ary heap a license, since a checkout first expires what is due of its own license;
// `Expiry` (expiry.h) puts the heaps in order among themselves. All heaps share one pool of 4 KiB chunks: a
// heap grows without moving and without an allocator, and the pool is sized for all leases once, not for each
// license.

#include <compare>

#include "base/check.h"
#include "base/zeroed.h"
#include "license/limits.h"

namespace tercet::license {

struct Due {
  uint64_t due_ms;
  uint32_t lease;
  uint32_t unused;
  bool operator<(const Due& o) const { return due_ms != o.due_ms ? due_ms < o.due_ms : lease < o.lease; }
};

union Chunk {
  Due items[256];
  uint32_t chunks[1024];  ///< of a directory: + 1, 0 none
  uint32_t next_free;     ///< + 1, 0 none
};
static_assert(sizeof(Chunk) == 4096);

class ChunkPool {
 public:
  /// Enough for `leases` leases spread over `heaps` heaps in any way.
  ChunkPool(size_t leases, size_t heaps) : chunks_(chunks_for(leases, heaps)) {}
  static constexpr size_t chunks_for(size_t leases, size_t heaps) {
    const size_t used =
        leases < heaps ? leases : heaps;  // heaps that hold anything: a chunk and a directory each
    return leases / 256 + leases / (256 * 1024) + 3 * used + 2;
  }
  uint32_t take() {
    if (free_ != 0) {
      const uint32_t chunk = free_ - 1;
      free_ = chunks_[chunk].next_free;
      return chunk;
    }
    TERCET_CHECK(fresh_ < chunks_.size(), "chunk pool: sized for all leases");
    return fresh_++;
  }
  void give(uint32_t chunk) {
    chunks_[chunk].next_free = free_;
    free_ = chunk + 1;
  }
  Chunk& operator[](uint32_t chunk) { return chunks_[chunk]; }
  const Chunk& operator[](uint32_t chunk) const { return chunks_[chunk]; }
  void clear() {
    chunks_.clear();
    free_ = fresh_ = 0;
  }

 private:
  Zeroed<Chunk> chunks_;
  uint32_t free_ = 0;  ///< + 1, 0 none
  uint32_t fresh_ = 0;
};

/// Zero bytes are an empty heap. `moved(lease, place)` is told of every lease whose place in the heap
/// changes.
class DueHeap {
 public:
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] const Due& at(const ChunkPool& pool, uint32_t place) const { return item(pool, place); }

  template <class Moved>
  void push(ChunkPool& pool, Due due, Moved moved) {
    const uint32_t slot = size_ + kShift;
    if (size_ == 0 || slot % kPerDirectory == 0) {
      directories_[slot / kPerDirectory] = pool.take();
    }
    if (size_ == 0 || slot % kPerChunk == 0) {
      pool[directories_[slot / kPerDirectory]].chunks[slot / kPerChunk % 1024] = pool.take();
    }
    rise(pool, size_++, due, moved);
  }
  template <class Moved>
  void remove(ChunkPool& pool, uint32_t place, Moved moved) {
    TERCET_CHECK(place < size_, "due heap: no such place");
    const Due last = item(pool, size_ - 1);
    --size_;
    if (place != size_) {
      settle(pool, place, last, moved);
    }
    const uint32_t slot = size_ + kShift;
    if (size_ == 0 || slot % kPerChunk == 0) {
      pool.give(pool[directories_[slot / kPerDirectory]].chunks[slot / kPerChunk % 1024]);
    }
    if (size_ == 0 || slot % kPerDirectory == 0) {
      pool.give(directories_[slot / kPerDirectory]);
    }
  }
  /// Another due time for the lease at `place`.
  template <class Moved>
  void change(ChunkPool& pool, uint32_t place, uint64_t due_ms, Moved moved) {
    settle(pool, place, Due{due_ms, item(pool, place).lease, 0}, moved);
  }

 private:
  static constexpr uint32_t kShift = 3;  ///< so that four children share a cache line
  static constexpr uint32_t kPerChunk = 256;
  static constexpr uint32_t kPerDirectory = kPerChunk * 1024;
  static constexpr uint32_t kDirectories = (kLeasesEver + kPerDirectory) / kPerDirectory;

  Due& item(ChunkPool& pool, uint32_t place) const {
    const uint32_t slot = place + kShift;
    return pool[pool[directories_[slot / kPerDirectory]].chunks[slot / kPerChunk % 1024]]
        .items[slot % kPerChunk];
  }
  const Due& item(const ChunkPool& pool, uint32_t place) const {
    const uint32_t slot = place + kShift;
    return pool[pool[directories_[slot / kPerDirectory]].chunks[slot / kPerChunk % 1024]]
        .items[slot % kPerChunk];
  }
  template <class Moved>
  void put(ChunkPool& pool, uint32_t place, const Due& due, Moved& moved) {
    item(pool, place) = due;
    moved(due.lease, place);
  }
  /// `due` stands at `place`, or above it.
  template <class Moved>
  void rise(ChunkPool& pool, uint32_t place, const Due& due, Moved& moved) {
    while (place > 0) {
      const uint32_t parent = (place - 1) / 4;
      const Due above = item(pool, parent);
      if (!(due < above)) {
        break;
      }
      put(pool, place, above, moved);
      place = parent;
    }
    put(pool, place, due, moved);
  }
  /// `due` stands at `place`, or where it belongs from there.
  template <class Moved>
  void settle(ChunkPool& pool, uint32_t place, const Due& due, Moved& moved) {
    if (place > 0 && due < item(pool, (place - 1) / 4)) {
      rise(pool, place, due, moved);
      return;
    }
    while (true) {
      const uint64_t first = uint64_t{place} * 4 + 1;
      if (first >= size_) {
        break;
      }
      const auto begin = static_cast<uint32_t>(first);
      uint32_t least = begin;
      Due below = item(pool, begin);
      for (uint32_t child = begin + 1; child < begin + 4 && child < size_; ++child) {
        const Due& candidate = item(pool, child);
        if (candidate < below) {
          below = candidate;
          least = child;
        }
      }
      if (!(below < due)) {
        break;
      }
      put(pool, place, below, moved);
      place = least;
    }
    put(pool, place, due, moved);
  }

  uint32_t size_;
  uint32_t directories_[kDirectories];
};
static_assert(std::is_trivial_v<DueHeap>);

}  // namespace tercet::license
