#pragma once
// TurnLengths: how many turns of a polling thread worked how long. Buckets of fixed borders, so that two
// readings can be subtracted and what lies between them judged: a longest turn since the start says nothing
// of one minute.
//
// One increment a turn; nothing allocates. Threads: written by the polling thread, read by the control
// thread.

#include <array>
#include <cstddef>

#include "base/counters.h"

namespace tercet::dataplane {

/// ns; a turn belongs to the first border that it does not exceed, or to the bucket behind the last. 1 ms is
/// a border: no turn of a backend should take longer.
inline constexpr std::array<uint64_t, 16> kTurnBorders{
    1'000,   2'000,     5'000,     10'000,    20'000,     50'000,     100'000,    200'000,
    500'000, 1'000'000, 2'000'000, 5'000'000, 10'000'000, 20'000'000, 50'000'000, 100'000'000};

struct TurnLengths {
  std::array<Counter, kTurnBorders.size() + 1> turns;

  void note(uint64_t work_ns) {
    size_t bucket = 0;  // most turns end in one of the first
    while (bucket < kTurnBorders.size() && work_ns > kTurnBorders[bucket]) {
      ++bucket;
    }
    turns[bucket].add();
  }
};

}  // namespace tercet::dataplane
