#pragma once
// Tombstones: handles that the book is done with (released, expired, denied, never known), with the last
// answer on each, so that a late copy of a checkout seats nobody and a repeat is answered as before. They
// stand in the order in which they were made, which is also the order in which they go.

#include <type_traits>

#include "base/hash.h"
#include "license/handle_table.h"
#include "wire/op.h"

namespace tercet::license {

struct Tombstone {
  Handle handle;
  uint64_t made_ms;  ///< cell time
  uint32_t request;  ///< the handle's last
  uint32_t revoked;  ///< 1: its lease ended because its license was withdrawn
  OpResult answer;
};
static_assert(sizeof(Tombstone) == 80 && std::has_unique_object_representations_v<Tombstone>);

class Tombstones {
 public:
  explicit Tombstones(const BookOptions& options);

  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(end_ - first_); }
  [[nodiscard]] uint32_t capacity() const { return max_; }
  [[nodiscard]] bool full() const { return size() == max_; }
  /// A number that is good until the next change, or kNone.
  [[nodiscard]] uint32_t find(const Handle& handle) const;
  [[nodiscard]] const Tombstone& operator[](uint32_t slot) const { return ring_[slot]; }
  /// Only while size() > 0.
  [[nodiscard]] const Tombstone& oldest() const { return ring_[slot_of(first_)]; }
  [[nodiscard]] const Tombstone& newest() const { return ring_[slot_of(end_ - 1)]; }
  /// The n-th oldest.
  [[nodiscard]] const Tombstone& at(uint32_t n) const { return ring_[slot_of(first_ + n)]; }

  /// The number of the oldest; those of the others follow, modulo a power of two.
  [[nodiscard]] uint32_t first_slot() const { return slot_of(first_); }

  void push(const Tombstone& tombstone);
  void pop();   ///< the newest goes (undo of push)
  void drop();  ///< the oldest goes
  void undrop(const Tombstone& tombstone);
  /// From an image: so many are placed, the oldest at 0, each once, in any order.
  void expect(uint32_t count) { end_ = first_ + count; }
  void place(uint32_t n, const Tombstone& tombstone);
  /// Its handle stays.
  void change(uint32_t slot, const Tombstone& tombstone) { ring_[slot] = tombstone; }
  void clear();

 private:
  [[nodiscard]] uint32_t slot_of(uint64_t n) const { return static_cast<uint32_t>(n) & mask_; }

  uint32_t max_;
  uint32_t mask_;
  uint64_t first_ = uint64_t{1} << 32U;  ///< counts; far from 0, so that undrop never passes it
  uint64_t end_ = uint64_t{1} << 32U;
  Zeroed<Tombstone> ring_;
  HandleTable by_handle_;
};

Hash128 hash_of(const Tombstone& tombstone);

}  // namespace tercet::license
