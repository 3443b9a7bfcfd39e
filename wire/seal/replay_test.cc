#include "wire/seal/replay.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tercet::seal {
namespace {

bool take(ReplayWindow& window, uint64_t counter) {
  if (!window.fresh(counter)) {
    return false;
  }
  window.accept(counter);
  return true;
}

TEST(ReplayWindow, Table) {
  constexpr uint64_t kW = ReplayWindow::kWindow;
  struct Step {
    int number;
    uint64_t counter;
    bool taken;
  };
  // The order matters: one window goes through all of it (compare wireguard-go's replay_test.go).
  const Step steps[] = {
      {1, 0, false},
      {2, 1, true},
      {3, 1, false},
      {4, 9, true},
      {5, 8, true},
      {6, 7, true},
      {7, 7, false},
      {8, kW, true},
      {9, kW - 1, true},
      {10, kW - 1, false},
      {11, kW - 2, true},
      {12, 2, true},
      {13, 2, false},
      {14, kW + 16, true},
      {15, 3, false},  // left of the window: 3 + kW ≤ newest
      {16, kW + 16, false},
      {17, 17, true},  // the last one inside
      {18, 16, false},
      {19, 17, false},
      {20, kW * 4, true},  // a jump over the whole ring
      {21, kW * 4 - (kW - 1), true},
      {22, kW * 4 - kW, false},
      {23, 10, false},
      {24, kW * 4 - 1, true},
      {25, kW * 4 + 1, true},
      {26, UINT64_MAX - 1, true},
      {27, UINT64_MAX, true},
      {28, UINT64_MAX, false},
      {29, 1, false},
      {30, UINT64_MAX - 2, true},
  };
  ReplayWindow window;
  for (const Step& s : steps) {
    EXPECT_EQ(take(window, s.counter), s.taken) << "step " << s.number;
  }
}

TEST(ReplayWindow, ResetAboveRefusesAllBeforeAndTakesAllAfter) {
  for (const uint64_t newest : {1, 62, 63, 64, 65, 127, 128, 5'000}) {
    ReplayWindow window;
    window.reset_above(newest);
    for (uint64_t c = newest > 3'000 ? newest - 3'000 : 0; c <= newest; ++c) {
      ASSERT_FALSE(window.fresh(c)) << newest << " " << c;
    }
    // Backwards, so that the window does not clear them on its way.
    ASSERT_TRUE(take(window, newest + 200));
    for (uint64_t c = newest + 199; c > newest; --c) {
      ASSERT_TRUE(take(window, c)) << newest << " " << c;
    }
    ASSERT_FALSE(window.fresh(newest));
  }
}

TEST(ReplayWindow, AgreesWithASetOnRandomCounters) {
  std::mt19937_64 dice(7);
  for (int run = 0; run < 20; ++run) {
    ReplayWindow window;
    std::set<uint64_t> seen;
    uint64_t newest = 0;
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t back = dice() % (run % 2 == 0 ? 3'000 : 40);
      const uint64_t ahead = dice() % 100 == 0 ? dice() % 5'000 : dice() % 5;
      const uint64_t counter = newest + ahead > back ? newest + ahead - back : 0;
      const bool old = counter <= newest && newest - counter >= ReplayWindow::kWindow;
      const bool expected = counter != 0 && !old && !seen.contains(counter);
      ASSERT_EQ(take(window, counter), expected) << "run " << run << " step " << i;
      if (expected) {
        seen.insert(counter);
        newest = std::max(newest, counter);
      }
    }
  }
}

}  // namespace
}  // namespace tercet::seal
