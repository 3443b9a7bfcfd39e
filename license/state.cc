#include "license/state.h"

#include <algorithm>

#include "base/mutant.h"
#include "license/image_writer.h"

namespace tercet::license {
State::State(const BookOptions& options)
    : leases_(options), tombstones_(options), usage_(kLicensesMax + 1), undo_(options) {}

Hash128 State::digest_of(const Hash128& sum) const {
  const uint64_t standing[5] = {static_cast<uint64_t>(standing_.cell_ms),
                                static_cast<uint64_t>(standing_.wall_ms),
                                static_cast<uint64_t>(standing_.forgotten_ms),
                                uint64_t{standing_.ended} << 32U | standing_.purged, standing_.absent};
  const Hash128 h = hash128({reinterpret_cast<const uint8_t*>(standing), sizeof standing}, 0x74696d65);
  return {sum.low + h.low, sum.high + h.high};
}

Hash128 State::digest() const { return digest_of(standing_.sum); }

Hash128 State::recomputed_digest() const {
  Hash128 sum;
  const auto add = [&sum](const Hash128& h) { sum = {sum.low + h.low, sum.high + h.high}; };
  for (uint32_t i = leases_.next_used(0); i != kNone; i = leases_.next_used(i + 1)) {
    add(hash_of(i, leases_.image(i)));
    add(hash_of_units(i, leases_.units_of(i)));
  }
  for (uint32_t n = 0; n < tombstones_.size(); ++n) {
    add(hash_of(tombstones_.at(n)));
  }
  for (uint32_t i = 0; i < licenses_.size(); ++i) {
    add(hash_of(i, licenses_[i]));
    add(hash_of(i, usage_[i]));
  }
  add(hash_of(kNoLicense, usage_[kNoLicense]));
  if (cell_.started != 0) {
    add(hash_of(cell_));
  }
  return digest_of(sum);
}

void State::plus(const Hash128& h) {
  standing_.sum.low += h.low;
  standing_.sum.high += h.high;
}

void State::minus(const Hash128& h) {
  standing_.sum.low -= h.low;
  standing_.sum.high -= h.high;
}

void State::begin(Seq seq, CellTime cell, WallTime wall) {
  undo_.begin(standing_);
  standing_.seq = seq.value;
  if (cell.ms > standing_.cell_ms) {
    standing_.cell_ms = cell.ms;
    standing_.ended = standing_.purged = 0;
  }
  standing_.wall_ms = std::max(standing_.wall_ms, wall.ms);
}

uint32_t State::add_lease(const LeaseImage& image) {
  const uint32_t index = leases_.next_index();
  undo_.note(Change::lease_added, index);
  leases_.add(index, image);
  plus(hash_of(index, image));
  return index;
}

void State::change_lease(uint32_t index, const LeaseImage& image) {
  if (image_ != nullptr) {
    image_->before_lease(index);
  }
  const LeaseImage before = leases_.image(index);
  undo_.note(Change::lease_changed, index, before);
  minus(hash_of(index, before));
  leases_.change(index, image);
  plus(hash_of(index, image));
}

void State::end_lease(uint32_t index, uint32_t request, const OpResult& answer, bool revoked) {
  if (image_ != nullptr) {
    image_->before_lease(index);
  }
  const LeaseImage before = leases_.image(index);
  const bool forgotten =
      planted(Mutant::expired_is_forgotten) && leases_.is_over(index, static_cast<uint64_t>(now_ms()));
  if (before.lease.metered != 0) {
    set_units(index, 0);
  }
  undo_.note(Change::lease_removed, index, before);
  minus(hash_of(index, before));
  leases_.remove(index);
  if (!forgotten) {
    bury(before.lease.handle, request, answer, revoked);
  }
}

void State::bury(const Handle& handle, uint32_t request, const OpResult& answer, bool revoked) {
  if (tombstones_.full()) {
    standing_.forgotten_ms = std::max(
        standing_.forgotten_ms, static_cast<int64_t>(tombstones_.oldest().made_ms) + kSentAheadMax.ms() + 1);
    drop_oldest_tombstone();
  }
  const Tombstone tombstone{handle, static_cast<uint64_t>(now_ms()), request, revoked ? 1U : 0U, answer};
  undo_.note(Change::tombstone_pushed, 0);
  tombstones_.push(tombstone);
  plus(hash_of(tombstone));
}

void State::change_tombstone(uint32_t slot, uint32_t request, const OpResult& answer) {
  if (image_ != nullptr) {
    image_->before_tombstone(slot);
  }
  const Tombstone before = tombstones_[slot];
  undo_.note(Change::tombstone_changed, slot, before);
  minus(hash_of(before));
  Tombstone after = before;
  after.request = request;
  after.answer = answer;
  tombstones_.change(slot, after);
  plus(hash_of(after));
}

void State::drop_oldest_tombstone() {
  if (image_ != nullptr) {
    image_->before_tombstone(tombstones_.first_slot());
  }
  const Tombstone before = tombstones_.oldest();
  undo_.note(Change::tombstone_dropped, 0, before);
  minus(hash_of(before));
  tombstones_.drop();
}

uint32_t State::add_license(const License& license) {
  const uint32_t index = licenses_.size();
  undo_.note(Change::license_added, index);
  licenses_.add(license);
  plus(hash_of(index, license));
  return index;
}

void State::change_license(uint32_t index, const License& license) {
  if (image_ != nullptr) {
    image_->before_license(index);
  }
  const License before = licenses_[index];
  undo_.note(Change::license_changed, index, before);
  minus(hash_of(index, before));
  put_license(index, license);
  plus(hash_of(index, license));
}

/// The leases of one that is withdrawn are over, whatever their time.
void State::put_license(uint32_t index, const License& license) {
  licenses_.change(index, license);
  leases_.set_over(index, license.withdrawn != 0);
}

void State::change_usage(uint32_t license, const Usage& usage) {
  if (image_ != nullptr) {
    image_->before_usage(license);
  }
  const Usage before = usage_[license];
  undo_.note(Change::usage_changed, license, before);
  minus(hash_of(license, before));
  usage_[license] = usage;
  plus(hash_of(license, usage));
}

void State::set_units(uint32_t lease, uint64_t total) {
  if (image_ != nullptr) {
    image_->before_lease(lease);
  }
  const uint64_t before = leases_.units_of(lease);
  undo_.note(Change::units_changed, lease, before);
  minus(hash_of_units(lease, before));
  leases_.set_units(lease, total);
  plus(hash_of_units(lease, total));
}

void State::set_cell(const Cell& cell) {
  TERCET_CHECK(cell_.started == 0, "book: one Genesis");
  undo_.note(Change::cell_set, 0);
  cell_ = cell;
  plus(hash_of(cell));
}

void State::change_cell(const Cell& cell) {
  TERCET_CHECK(cell_.started != 0 && cell.started != 0, "book: Genesis first");
  undo_.note(Change::cell_changed, 0, cell_);
  minus(hash_of(cell_));
  cell_ = cell;
  plus(hash_of(cell));
}

void State::set_absent(unsigned slot, bool absent) {
  const uint32_t bit = 1U << slot;
  standing_.absent = absent ? standing_.absent | bit : standing_.absent & ~bit;
}

bool State::undo() {
  if (undo_.empty()) {
    return false;
  }
  // What else it changes changed after the captured entry and is written: only that entry itself must stay.
  if (image_ != nullptr) {
    image_->before_undo(standing_.seq);
  }
  UndoLog::Noted noted{};
  while (undo_.take(noted)) {
    revert(noted);
  }
  standing_ = undo_.finish();
  return true;
}

void State::revert(const UndoLog::Noted& noted) {
  switch (noted.change) {
    case Change::lease_added:
      leases_.remove(noted.number);
      break;
    case Change::lease_removed:
    case Change::lease_changed: {
      LeaseImage image;
      undo_.image(image);
      if (noted.change == Change::lease_removed) {
        leases_.add(noted.number, image);
      } else {
        leases_.change(noted.number, image);
      }
      break;
    }
    case Change::tombstone_pushed:
      tombstones_.pop();
      break;
    case Change::tombstone_dropped:
    case Change::tombstone_changed: {
      Tombstone image;
      undo_.image(image);
      if (noted.change == Change::tombstone_dropped) {
        tombstones_.undrop(image);
      } else {
        tombstones_.change(noted.number, image);
      }
      break;
    }
    case Change::license_added:
      licenses_.pop();
      break;
    case Change::license_changed: {
      License image;
      undo_.image(image);
      put_license(noted.number, image);
      break;
    }
    case Change::usage_changed: {
      Usage image;
      undo_.image(image);
      usage_[noted.number] = image;
      break;
    }
    case Change::units_changed: {
      uint64_t image = 0;
      undo_.image(image);
      leases_.set_units(noted.number, image);
      break;
    }
    case Change::cell_set:
      cell_ = Cell{};
      break;
    case Change::cell_changed:
      undo_.image(cell_);
      break;
  }
}

void State::clear() {
  if (image_ != nullptr) {
    image_->before_undo(0);
  }
  leases_.clear();
  tombstones_.clear();
  licenses_.clear();
  usage_.clear();
  cell_ = Cell{};
  standing_ = Standing{};
  undo_.clear();
}

}  // namespace tercet::license
