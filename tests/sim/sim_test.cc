// The simulator as a test: a fixed set of seeds, a set drawn from the commit's hash (each commit looks
// somewhere new), and the planted bugs, each of which some seed must catch.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/sim/mutants.h"
#include "tests/sim/world.h"

namespace tercet::sim {
namespace {

constexpr uint64_t kSeeds = 400;
constexpr uint64_t kForcedSeeds = 150;

void expect_sound(uint64_t from, uint64_t count) {
  for (uint64_t seed = from; seed < from + count; ++seed) {
    Totals totals;
    const std::string violation = run_seed(seed, false, &totals);
    ASSERT_EQ(violation, "") << "replay: ./scripts/sim --seed " << seed << " --trace";
    ASSERT_GE(totals.requests, 200U) << "seed " << seed << " asks too little to show anything";
    ASSERT_GE(totals.faults, 5U) << "seed " << seed;
  }
}

/// The first eight hex digits of HEAD; 0 outside a checkout.
uint64_t commit_seed() {
  FILE* pipe = popen("git -C '" TERCET_SOURCE_DIR "' rev-parse HEAD 2>/dev/null", "r");
  char text[64] = {};
  if (pipe == nullptr || std::fgets(text, sizeof(text), pipe) == nullptr) {
    text[0] = '\0';
  }
  if (pipe != nullptr) {
    pclose(pipe);
  }
  return std::strtoull(std::string(text).substr(0, 8).c_str(), nullptr, 16);
}

TEST(Simulator, FixedSeeds) { expect_sound(1, kSeeds); }

TEST(Simulator, SeedsOfThisCommit) {
  const uint64_t from = 1'000'000 + commit_seed();
  RecordProperty("first_seed", std::to_string(from));
  expect_sound(from, kSeeds);
}

TEST(Simulator, TwoDisksAreLostAndTheOperatorOrders) {
  unsigned carried_out = 0;
  uint64_t images = 0;
  for (uint64_t seed = 1; seed <= kForcedSeeds; ++seed) {
    Totals totals;
    const std::string violation = run_forced(seed, false, &totals);
    ASSERT_EQ(violation, "") << "replay: build's tercet-sim --forced --seed " << seed << " --trace";
    carried_out += totals.forced ? 1 : 0;
    images += totals.images;
  }
  EXPECT_GE(carried_out, kForcedSeeds * 8 / 10);
  EXPECT_GE(images, kForcedSeeds / 2) << "most worlds let the one that is named in on an image";
}

TEST(Simulator, OneSeedDecidesEverything) {
  Totals once;
  Totals again;
  EXPECT_EQ(run_seed(77, false, &once), run_seed(77, false, &again));
  EXPECT_EQ(once.events, again.events);
  EXPECT_EQ(once.requests, again.requests);
}

class PlantedBug : public testing::TestWithParam<std::pair<std::string_view, Mutant>> {};

/// In a process of its own: an asserted invariant may be what catches it, and the switch is the whole
/// process's. And it is the planted bug that is caught: without it the same run is sound.
TEST_P(PlantedBug, IsCaught) {
  void* shared = mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto* const tried = static_cast<volatile uint64_t*>(shared);  // the child's seed; read when it has ended
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) {
      _exit(3);
    }
    plant(GetParam().second);
    for (uint64_t seed = 1; seed <= 3000; ++seed) {
      *tried = seed;
      if (!run_seed(seed, false, nullptr).empty()) {
        _exit(1);
      }
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const bool violation = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  const bool asserted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  ASSERT_TRUE(violation || asserted) << "3,000 seeds did not notice " << GetParam().first;
  RecordProperty("seed", std::to_string(*tried));
  EXPECT_EQ(run_seed(*tried, false, nullptr), "")
      << "without it, too: seed " << *tried << " shows another bug";
  munmap(shared, sizeof(uint64_t));
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBug, testing::ValuesIn(kMutants),
                         [](const auto& param) { return std::string(param.param.first); });

}  // namespace
}  // namespace tercet::sim
