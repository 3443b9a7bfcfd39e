#pragma once
// Members: which incarnation of each slot is a member, as Genesis and Rejoin entries name it, and an
// EpochStart by the operator's order (quorum/force.h), which leaves one slot vacant.

#include <array>

#include "wire/entry.h"
#include "wire/prepare.h"

namespace tercet::quorum {

struct Member {
  Incarnation incarnation;  ///< 0: none named yet or, with an epoch and a seq, none any more
  Epoch epoch;              ///< of the entry that named it …
  Seq seq;                  ///< … and its place
  constexpr bool operator==(const Member&) const = default;
  /// By a Rejoin: it votes, and its promise counts, only once it is admitted.
  [[nodiscard]] constexpr bool rejoined() const { return seq.value > 1; }
  /// An operator's order took its place from who had it, and nobody has it yet.
  [[nodiscard]] constexpr bool vacant() const { return incarnation.value == 0 && seq.value != 0; }
};

struct Members {
  std::array<Member, kBackends> slots{};
  constexpr bool operator==(const Members&) const = default;

  [[nodiscard]] bool names(Slot slot, Incarnation incarnation) const {
    return incarnation.value != 0 && slots[index(slot)].incarnation == incarnation;
  }
  [[nodiscard]] bool empty() const { return slots[0].seq.value == 0; }
  /// Two members are left: both vote each entry.
  [[nodiscard]] bool vacant() const { return slots[0].vacant() || slots[1].vacant() || slots[2].vacant(); }
};

/// The table after `entry`, which may be of any kind. A Genesis body that is too short names nobody.
void note_members(Members& members, const EntryView& entry);
/// Slot by slot the newer of two tables, by (epoch, seq): the newest table among promises.
Members newest(const Members& a, const Members& b);

void write_members(const Members& members, WireMember (&out)[kBackends]);
Members read_members(const WireMember (&in)[kBackends]);

}  // namespace tercet::quorum
