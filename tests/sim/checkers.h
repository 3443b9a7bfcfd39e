#pragma once
// Checkers stand outside the servers: they see what was decided, what clients were told and what disks held,
// and know the invariants by their own arithmetic. The first violation ends a run.

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "wire/ids.h"

namespace tercet::sim {

class Checkers {
 public:
  [[nodiscard]] const std::string& violation() const { return violation_; }
  [[nodiscard]] bool sound() const { return violation_.empty(); }
  void fail(const std::string& what) {
    if (violation_.empty()) {
      violation_ = what;
    }
  }

  // I1, I2, I8: some server holds `l` (and these times) for decided for seq.
  void decided(const char* who, Seq seq, const Hash128& l, CellTime cell, MonoTime at);
  // I5: of a backend that does not lie: its S at a decided seq.
  void state(const char* who, Seq seq, const Hash128& l, uint64_t s);
  // I7: a book seated a handle at `seq`, while so many constituents of its license were present; and whether
  // no entry before was about that handle.
  void seated(Seq seq, int present, bool first);
  /// Whether that is the S which is known there.
  [[nodiscard]] bool agrees(Seq seq, uint64_t s) const;

  /// By the operator's order the cell goes on behind `last`: what was decided above it is lost, and with it
  /// what clients were told. Only then; and if there was such, of their seats nothing can be said from here
  /// on.
  void forced(Seq last);
  /// Somebody decided, in an epoch that the order ended, what is lost.
  void decided_in_vain() { seats_known_ = false; }

  // I3, I4 over the clients' own view of time, in true time.
  void granted(const Handle& handle, uint32_t license, MonoTime from, MonoTime until);
  void gave_back(const Handle& handle, MonoTime at);
  /// Denied although, by its own reckoning, the client holds the seat.
  void lost_seat(const Handle& handle, const char* code);
  void set_quantity(uint32_t license, unsigned quantity) { quantity_[license] = quantity; }
  /// One request, one answer: the same bytes however often it is answered.
  void answered(const Handle& handle, uint32_t request, const std::vector<uint8_t>& result);
  [[nodiscard]] uint64_t decided_entries() const { return decided_.size(); }

 private:
  struct Decided {
    Hash128 l;
    CellTime cell;
    MonoTime at;  ///< first seen decided, true time
    std::optional<uint64_t> s;
  };
  struct Held {
    uint32_t license = 0;
    MonoTime from;
    MonoTime until;
  };
  void count_seats(uint32_t license, MonoTime at);

  std::string violation_;
  bool seats_known_ = true;
  std::map<uint64_t, Decided> decided_;
  std::map<std::array<uint8_t, 16>, Held> held_;
  std::map<uint32_t, unsigned> quantity_;
  std::map<std::pair<std::array<uint8_t, 16>, uint32_t>, std::vector<uint8_t>> answers_;
};

}  // namespace tercet::sim
