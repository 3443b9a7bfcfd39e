#include "quorum/presence.h"

#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

constexpr Duration kAfter = seconds(30);
constexpr Sight kVotes{BackendState::voting, ContainerState::here, {}};

struct Row {
  const char* what;
  Sight second;  ///< slot 2; the others vote
  uint8_t absent;
  std::optional<std::pair<int, int>> change;  ///< slot, gone
};

TEST(Presence, WhatFollowsFromWhatIsSeen) {
  const Row rows[] = {
      {"votes", kVotes, 0, {}},
      {"down for a moment", {BackendState::down, ContainerState::here, seconds(29)}, 0, {}},
      {"down for long", {BackendState::down, ContainerState::here, kAfter}, 0, {{1, 1}}},
      {"absent already", {BackendState::down, ContainerState::here, kAfter}, 2, {}},
      {"votes again", kVotes, 2, {{1, 0}}},
      {"catches up", {BackendState::catching_up, ContainerState::here, {}}, 2, {}},
      {"container gone", {BackendState::voting, ContainerState::gone, {}}, 0, {{1, 1}}},
      {"still gone", {BackendState::voting, ContainerState::gone, {}}, 2, {}},
      {"gone while it catches up", {BackendState::catching_up, ContainerState::gone, {}}, 0, {{1, 1}}},
      {"another container", {BackendState::voting, ContainerState::foreign, {}}, 0, {{1, 1}}},
      {"another, by an old book", {BackendState::catching_up, ContainerState::foreign, {}}, 0, {}},
      {"divergent", {BackendState::divergent, ContainerState::here, {}}, 2, {}},
  };
  for (const Row& row : rows) {
    const auto change = change_of_presence({kVotes, row.second, kVotes}, row.absent, kAfter);
    ASSERT_EQ(change.has_value(), row.change.has_value()) << row.what;
    if (change) {
      EXPECT_EQ(change->slot, row.change->first) << row.what;
      EXPECT_EQ(change->gone, row.change->second) << row.what;
    }
  }
}

TEST(Presence, OneThatIsBackComesFirst) {
  const Sight gone{BackendState::down, ContainerState::here, kAfter};
  const auto change = change_of_presence({gone, kVotes, kVotes}, 4, kAfter);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->slot, 2);
  EXPECT_EQ(change->gone, 0);
}

class PresencePath : public ::testing::Test {
 protected:
  PresencePath() { cell_.begin(); }
  /// What the three books hold for absent.
  std::array<int, 3> absent() {
    return {cell_.backend(Slot::one).machine.absent(), cell_.backend(Slot::two).machine.absent(),
            cell_.backend(Slot::three).machine.absent()};
  }
  uint64_t ordered() { return cell_.lb().last_ordered().value; }

  SmallCell cell_{{.absent_after = seconds(3)}};
  static constexpr std::array<int, 3> kNobody{0, 0, 0};
  static constexpr std::array<int, 3> kSlotTwo{2, 2, 2};
};

TEST_F(PresencePath, AContainerThatIsGoneIsOrderedAbsentOnceAndItsReturnOnce) {
  const uint64_t before = ordered();
  cell_.run(milliseconds(300));
  EXPECT_EQ(ordered(), before) << "nothing is gone";
  cell_.backend(Slot::two).machine.own_container = ContainerState::gone;
  cell_.run(milliseconds(300));
  EXPECT_EQ(absent(), kSlotTwo);
  EXPECT_EQ(ordered(), before + 1);
  cell_.run(milliseconds(500));
  EXPECT_EQ(ordered(), before + 1);
  cell_.backend(Slot::two).machine.own_container = ContainerState::here;
  cell_.run(milliseconds(300));
  EXPECT_EQ(absent(), kNobody);
  EXPECT_EQ(ordered(), before + 2);
}

TEST_F(PresencePath, UnderLoadVotesTellIt) {
  cell_.backend(Slot::three).machine.own_container = ContainerState::foreign;
  for (uint32_t i = 0; i < 300; ++i) {
    cell_.propose("x", i + 1);
    cell_.step();
  }
  EXPECT_EQ(absent(), (std::array<int, 3>{4, 4, 4}));
}

TEST_F(PresencePath, ABackendThatIsDownForLongIsAbsentAndBackWhenItVotes) {
  const uint64_t before = ordered();
  cell_.lost = cut_off({ServerId::b2});
  cell_.run(milliseconds(2'900));
  EXPECT_EQ(ordered(), before);
  cell_.run(milliseconds(300));
  EXPECT_EQ(ordered(), before + 1);
  EXPECT_EQ(absent()[0], 2);
  EXPECT_EQ(absent()[2], 2);
  cell_.run(seconds(3));
  EXPECT_EQ(ordered(), before + 1);
  cell_.lost = kNothingLost;
  cell_.run(milliseconds(500));
  EXPECT_EQ(absent(), kNobody);
  EXPECT_EQ(ordered(), before + 2);
}

TEST_F(PresencePath, ANewLbLearnsWhatTheBooksHoldAndOrdersNothingTwice) {
  cell_.backend(Slot::two).machine.own_container = ContainerState::gone;
  cell_.run(milliseconds(300));
  ASSERT_EQ(absent(), kSlotTwo);
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(100));
  cell_.lb(1).claim(Cause::peer_silent, cell_.now);
  cell_.run(milliseconds(400));
  ASSERT_TRUE(cell_.lb(1).active());
  const uint64_t after = cell_.lb(1).last_ordered().value;
  cell_.run(milliseconds(500));
  EXPECT_EQ(cell_.lb(1).last_ordered().value, after);
  EXPECT_EQ(cell_.lb(1).absent_by_two(), std::optional<uint8_t>(2));
  cell_.backend(Slot::two).machine.own_container = ContainerState::here;
  cell_.run(milliseconds(300));
  EXPECT_EQ(absent(), kNobody);
}

TEST_F(PresencePath, OneBookThatIsWrongAboutItIsNotBelieved) {
  cell_.backend(Slot::one).machine.absent_slots = 7;
  const uint64_t before = ordered();
  cell_.run(milliseconds(500));
  EXPECT_EQ(ordered(), before);
}

}  // namespace
}  // namespace tercet::quorum
