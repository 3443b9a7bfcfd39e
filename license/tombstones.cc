#include "license/tombstones.h"

namespace tercet::license {

Hash128 hash_of(const Tombstone& tombstone) {
  return hash128({reinterpret_cast<const uint8_t*>(&tombstone), sizeof tombstone}, 0x746f6d62);
}

Tombstones::Tombstones(const BookOptions& options)
    : max_(options.tombstones_max),
      mask_(std::bit_ceil(options.tombstones_max) - 1),
      ring_(size_t{mask_} + 1),
      by_handle_(options.tombstones_max, options.hash_seed + 1) {
  // One entry leaves at most a tombstone an expiry and one more; none of them may push out another of the
  // same entry.
  TERCET_CHECK(max_ > kExpiriesPerEntry && max_ <= 1U << 30U, "book: tombstones_max");
}

uint32_t Tombstones::find(const Handle& handle) const {
  return by_handle_.find(handle, [&](uint32_t slot) { return ring_[slot].handle == handle; });
}

void Tombstones::push(const Tombstone& tombstone) {
  TERCET_CHECK(!full(), "tombstones: full");
  const uint32_t slot = slot_of(end_++);
  ring_[slot] = tombstone;
  by_handle_.insert(tombstone.handle, slot);
}

void Tombstones::pop() {
  TERCET_CHECK(size() > 0, "tombstones: none");
  const uint32_t slot = slot_of(--end_);
  by_handle_.erase(ring_[slot].handle, slot);
}

void Tombstones::drop() {
  TERCET_CHECK(size() > 0, "tombstones: none");
  const uint32_t slot = slot_of(first_++);
  by_handle_.erase(ring_[slot].handle, slot);
}

void Tombstones::undrop(const Tombstone& tombstone) {
  TERCET_CHECK(!full(), "tombstones: full");
  const uint32_t slot = slot_of(--first_);
  ring_[slot] = tombstone;
  by_handle_.insert(tombstone.handle, slot);
}

void Tombstones::place(uint32_t n, const Tombstone& tombstone) {
  TERCET_CHECK(n < size(), "tombstones: placed out of bounds");
  const uint32_t slot = slot_of(first_ + n);
  ring_[slot] = tombstone;
  by_handle_.insert(tombstone.handle, slot);
}

void Tombstones::clear() {
  first_ = end_ = uint64_t{1} << 32U;
  ring_.clear();
  by_handle_.clear();
}

}  // namespace tercet::license
