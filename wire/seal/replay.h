#pragma once
// The replay window: RFC 6479. A ring of words, of which the one ahead is cleared as the window moves, so
// that a big jump costs at most one pass and a small one nothing. Asked before a datagram is opened, told
// after it proved authentic.

#include <algorithm>
#include <array>
#include <cstdint>

namespace tercet::seal {

class ReplayWindow {
 public:
  static constexpr uint64_t kWords = 32;
  static constexpr uint64_t kWordBits = 64;
  /// How far behind the newest counter one may come and still be told apart: the ring less the word being
  /// filled.
  static constexpr uint64_t kWindow = (kWords - 1) * kWordBits;
  static_assert((kWords & (kWords - 1)) == 0, "indexed by mask");

  /// Whether `counter` was neither accepted before nor is too old to tell. 0 is never fresh.
  [[nodiscard]] bool fresh(uint64_t counter) const {
    if (counter == 0) {
      return false;
    }
    if (counter > newest_) {
      return true;
    }
    if (newest_ - counter >= kWindow) {
      return false;
    }
    return (words_[word_of(counter)] & bit_of(counter)) == 0;
  }
  /// Only for a counter that is fresh() and authentic.
  void accept(uint64_t counter) {
    if (counter > newest_) {
      const uint64_t steps = std::min(counter / kWordBits - newest_ / kWordBits, kWords);
      for (uint64_t i = 1; i <= steps; ++i) {
        words_[(newest_ / kWordBits + i) & (kWords - 1)] = 0;
      }
      newest_ = counter;
    }
    words_[word_of(counter)] |= bit_of(counter);
  }
  /// Starts anew, taking `newest` and everything before it as seen.
  void reset_above(uint64_t newest) {
    words_.fill(~uint64_t{0});
    newest_ = newest;
    // Counters of this word that are still to come must not look seen.
    const uint64_t offset = newest % kWordBits;
    words_[word_of(newest)] = offset == kWordBits - 1 ? ~uint64_t{0} : (uint64_t{2} << offset) - 1;
  }
  [[nodiscard]] uint64_t newest() const { return newest_; }

 private:
  static uint64_t word_of(uint64_t counter) { return (counter / kWordBits) & (kWords - 1); }
  static uint64_t bit_of(uint64_t counter) { return uint64_t{1} << (counter % kWordBits); }

  std::array<uint64_t, kWords> words_{};
  uint64_t newest_ = 0;
};

}  // namespace tercet::seal
