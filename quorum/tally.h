#pragma once
// Tally: the ballots of one seq. Two equal states decide it; an answer also needs two equal results, since a
// result can be damaged after it was hashed (DESIGN §2 "Normal case" 4).

#include <array>

#include "base/mutant.h"
#include "quorum/machine.h"
#include "wire/ids.h"

namespace tercet::quorum {

/// Slots as a bit mask.
class SlotSet {
 public:
  constexpr SlotSet() = default;
  constexpr explicit SlotSet(uint8_t bits) : bits_(bits & 7U) {}
  [[nodiscard]] constexpr bool has(Slot slot) const { return ((bits_ >> index(slot)) & 1U) != 0; }
  constexpr void add(Slot slot) { bits_ = static_cast<uint8_t>(bits_ | (1U << index(slot))); }
  constexpr void remove(Slot slot) { bits_ = static_cast<uint8_t>(bits_ & ~(1U << index(slot))); }
  /// Of three bits: plain arithmetic, since a popcount without the CPU's own instruction is a call.
  [[nodiscard]] constexpr unsigned count() const {
    return (bits_ & 1U) + ((bits_ >> 1U) & 1U) + ((bits_ >> 2U) & 1U);
  }
  [[nodiscard]] constexpr uint8_t bits() const { return bits_; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const SlotSet&) const = default;

 private:
  uint8_t bits_ = 0;
};
inline constexpr SlotSet kAllSlots{7};

class Tally {
 public:
  enum class Verdict : uint8_t {
    pending,  ///< fewer than two ballots, or two that differ
    decided,  ///< two equal
  };
  struct Finding {
    Verdict verdict = Verdict::pending;
    uint64_t s = 0;      ///< decided: the state
    SlotSet agree;       ///< decided: who has it
    SlotSet outvoted;    ///< decided: who has another
    bool split = false;  ///< pending: two ballots that differ
  };

  /// A later ballot of the same slot replaces its earlier one (a restarted backend recomputes).
  void add(Slot slot, uint64_t s, Bytes result);
  [[nodiscard]] bool has(Slot slot) const { return present_.has(slot); }
  [[nodiscard]] SlotSet present() const { return present_; }
  [[nodiscard]] uint64_t s_of(Slot slot) const { return s_[index(slot)]; }
  /// Counts the ballots of `counted` only.
  [[nodiscard]] Finding find(SlotSet counted) const;
  /// The result that two of `counted` gave byte for byte, or null.
  [[nodiscard]] const Result* answer(SlotSet counted) const;
  /// All three voted, and not for the same state: somebody may be outvoted.
  [[nodiscard]] bool contradicted() const {
    return present_ == kAllSlots && (s_[0] != s_[1] || s_[1] != s_[2]);
  }
  void clear() { present_ = {}; }

 private:
  void leave(Slot slot);
  uint8_t place_of(Bytes result, uint8_t own);
  /// Those of `here` who voted for the same state as another of them.
  [[nodiscard]] SlotSet agreeing(SlotSet here) const {
    const unsigned bits = here.bits();
    const auto both = [bits](unsigned pair) { return (bits & pair) == pair; };
    if (both(3) && s_[0] == s_[1]) {
      return SlotSet(static_cast<uint8_t>(s_[1] == s_[2] ? bits : 3U));
    }
    if (both(5) && s_[0] == s_[2]) {
      return SlotSet(5);
    }
    return SlotSet(both(6) && s_[1] == s_[2] ? uint8_t{6} : uint8_t{0});
  }
  [[nodiscard]] const Result& result_of(Slot slot) const { return results_[kept_[index(slot)]]; }

  SlotSet present_;
  /// Where each slot's result stands: in its own place, or in that of another that voted the same bytes.
  /// Equal results, which is nearly all, are kept once: of a ballot of three 144 bytes less to write, and to
  /// have in the cache.
  std::array<uint8_t, kBackends> kept_{};
  std::array<uint64_t, kBackends> s_{};
  std::array<Result, kBackends> results_;
};

}  // namespace tercet::quorum
