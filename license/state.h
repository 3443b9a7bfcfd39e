#pragma once
// The state of the book: all its tables, and the few ways in which they change. Every change passes here,
// keeps the incremental digest right and notes how to take it back, so that the rules (checkout, renew,
// release, import, expire) need not.
//
// The digest is the sum of a 128-bit hash of every object (lease, its units, tombstone, license, its use,
// what Genesis wrote) and of the standing: adding and removing objects in any order gives equal digests for
// equal states, in O(1) a change.

#include "base/mutant.h"
#include "license/leases.h"
#include "license/licenses.h"
#include "license/tombstones.h"
#include "license/undo.h"
#include "license/usage.h"

namespace tercet::license {

class ImageWriter;

class State {
 public:
  explicit State(const BookOptions& options);

  [[nodiscard]] const Leases& leases() const { return leases_; }
  [[nodiscard]] const Licenses& licenses() const { return licenses_; }
  [[nodiscard]] const Tombstones& tombstones() const { return tombstones_; }
  [[nodiscard]] const Cell& cell() const { return cell_; }
  /// Bits of the slots whose constituents are absent.
  [[nodiscard]] uint32_t absent() const { return standing_.absent; }
  /// Bits of the slots whose constituent of a license does not count: absent, or bound to a container that
  /// another has taken the place of; and of those whose does.
  [[nodiscard]] uint32_t missing_bits(uint32_t license) const {
    uint32_t bits = standing_.absent;
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      bits |= licenses_[license].bound_to[slot] != cell_.generations[slot] ? 1U << slot : 0U;
    }
    return bits;
  }
  [[nodiscard]] uint8_t present_bits(uint32_t license) const {
    return static_cast<uint8_t>(licenses_[license].present_bits() & ~missing_bits(license));
  }
  /// The terms of a license that serve, or nullptr: with fewer than two constituents present none do (I7),
  /// nor when it is withdrawn.
  [[nodiscard]] const Terms* in_force(uint32_t license) const {
    if (withdrawn(license)) {
      return nullptr;
    }
    return licenses_.in_force(license,
                              planted(Mutant::grant_with_one_constituent) ? 0 : missing_bits(license));
  }
  [[nodiscard]] bool withdrawn(uint32_t license) const { return licenses_[license].withdrawn != 0; }
  /// Of a license, or kNoLicense.
  [[nodiscard]] const Usage& usage(uint32_t license) const { return usage_[license]; }
  [[nodiscard]] int64_t now_ms() const { return standing_.cell_ms; }  ///< cell time
  [[nodiscard]] int64_t wall_ms() const { return standing_.wall_ms; }
  [[nodiscard]] int64_t forgotten_ms() const { return standing_.forgotten_ms; }
  /// What operations did in this millisecond of cell time of the work that can wait.
  [[nodiscard]] uint32_t ended_in_ms() const { return standing_.ended; }
  [[nodiscard]] uint32_t purged_in_ms() const { return standing_.purged; }
  [[nodiscard]] Seq applied() const { return Seq{standing_.seq}; }
  [[nodiscard]] Hash128 digest() const;
  /// The digest, added up from every object anew; O(n).
  [[nodiscard]] Hash128 recomputed_digest() const;

  /// Opens the next entry. Times never go back (I8): what is earlier than before counts as before.
  void begin(Seq seq, CellTime cell, WallTime wall);

  void note_work(unsigned ended, unsigned purged) {
    standing_.ended += ended;
    standing_.purged += purged;
  }
  uint32_t add_lease(const LeaseImage& image);  ///< not while leases().full()
  void change_lease(uint32_t index, const LeaseImage& image);
  /// The lease's handle becomes a tombstone with `request` and `answer`; `revoked`: for its license was
  /// withdrawn.
  void end_lease(uint32_t index, uint32_t request, const OpResult& answer, bool revoked = false);
  /// The handle is in no table yet. Pushes out the oldest one when full.
  void bury(const Handle& handle, uint32_t request, const OpResult& answer, bool revoked = false);
  void change_tombstone(uint32_t slot, uint32_t request, const OpResult& answer);
  void drop_oldest_tombstone();
  uint32_t add_license(const License& license);
  void change_license(uint32_t index, const License& license);
  void change_usage(uint32_t license, const Usage& usage);
  /// The handle of a lease has used `total` units so far; its lease is `metered` from then on.
  void set_units(uint32_t lease, uint64_t total);
  void set_cell(const Cell& cell);     ///< once
  void change_cell(const Cell& cell);  ///< after that
  void set_absent(unsigned slot, bool absent);

  bool undo();
  void settle(Seq through) { undo_.settle(through.value); }
  void clear();
  [[nodiscard]] const UndoLog& undo_log() const { return undo_; }
  /// Of the last entry.
  [[nodiscard]] const Standing& standing() const { return standing_; }
  /// `image` is told of what is about to change; null: nobody.
  void attach(ImageWriter* image) { image_ = image; }
  void prefault(uint32_t leases) { leases_.prefault(leases); }

 private:
  friend class ImageReader;
  [[nodiscard]] Hash128 digest_of(const Hash128& sum) const;
  void plus(const Hash128& h);
  void minus(const Hash128& h);
  void revert(const UndoLog::Noted& noted);
  void put_license(uint32_t index, const License& license);

  Leases leases_;
  Tombstones tombstones_;
  Licenses licenses_;
  Zeroed<Usage> usage_;
  Cell cell_{};
  Standing standing_{};
  UndoLog undo_;
  ImageWriter* image_ = nullptr;
};

}  // namespace tercet::license
