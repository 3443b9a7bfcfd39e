#include "quorum/chain.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tercet::quorum {
namespace {

EntryView example() {
  static const std::string op = "renew 7";
  return {Seq{42},           make_epoch(3, ServerId::lb2),
          CellTime{123'456}, WallTime{1'700'000'000'000},
          EntryKind::op,     as_bytes(op)};
}
constexpr Hash128 kBefore{0x0123456789ABCDEF, 0xFEDCBA9876543210};

/// Golden: another value means that a cell of mixed versions, or a log on a disk, no longer matches.
TEST(Chain, TheHashesAreTheSameOnEveryMachineAndInEveryVersion) {
  const Hash128 l = next_l(kBefore, example());
  EXPECT_EQ(l, (Hash128{0x7C61B90EBAB99ED4, 0x423CCC525E1DBDB9}));
  const Hash128 s = next_s(kBefore, l, as_bytes("granted"), {11, 22});
  EXPECT_EQ(s, (Hash128{0xD77F8982CDEFC607, 0xAAC05D5F10FCBAB0}));
  const Hash128 tick = next_l({}, {Seq{1}, make_epoch(1, ServerId::lb1), {}, {}, EntryKind::tick, {}});
  EXPECT_EQ(tick, (Hash128{0xABDEC6D4DF9D1B2A, 0x7A6EE658ACA91CB9}));
}

TEST(Chain, LCoversEverythingThatAnEntryIs) {
  const Hash128 l = next_l(kBefore, example());
  std::vector<std::pair<const char*, Hash128>> others;
  EntryView other = example();
  other.seq = Seq{43};
  others.emplace_back("seq", next_l(kBefore, other));
  other = example();
  other.epoch = make_epoch(4, ServerId::lb2);
  others.emplace_back("epoch", next_l(kBefore, other));
  other = example();
  other.cell = CellTime{123'457};
  others.emplace_back("cell time", next_l(kBefore, other));
  other = example();
  other.wall = WallTime{1'700'000'000'001};
  others.emplace_back("wall time", next_l(kBefore, other));
  other = example();
  other.kind = EntryKind::tick;
  others.emplace_back("kind", next_l(kBefore, other));
  other = example();
  other.op = as_bytes("renew 8");
  others.emplace_back("operation", next_l(kBefore, other));
  other.op = as_bytes("renew 7 ");
  others.emplace_back("length", next_l(kBefore, other));
  others.emplace_back("the log before", next_l({kBefore.low, kBefore.high ^ 1}, example()));
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_NE(others[i].second, l) << others[i].first;
    for (size_t j = i + 1; j < others.size(); ++j) {
      EXPECT_NE(others[i].second, others[j].second) << others[i].first << " and " << others[j].first;
    }
  }
}

TEST(Chain, ReviewA1LDoesNotCoverResultsAndSDoes) {
  const Hash128 l = next_l(kBefore, example());
  const Hash128 s = next_s(kBefore, l, as_bytes("granted"), {11, 22});
  EXPECT_NE(next_s(kBefore, l, as_bytes("denied"), {11, 22}), s);
  EXPECT_NE(next_s(kBefore, l, as_bytes(""), {11, 22}), s);
  EXPECT_NE(next_s(kBefore, {l.low ^ 1, l.high}, as_bytes("granted"), {11, 22}), s);
  EXPECT_NE(next_s({kBefore.low ^ 1, kBefore.high}, l, as_bytes("granted"), {11, 22}), s);
}

TEST(Chain, ReviewA5SCoversTheBookSoThatSilentDamageShows) {
  const Hash128 l = next_l(kBefore, example());
  EXPECT_NE(next_s(kBefore, l, as_bytes("granted"), {11, 22}),
            next_s(kBefore, l, as_bytes("granted"), {11, 23}));
}

TEST(Chain, ResultAndDigestCannotBeShiftedIntoEachOther) {
  // The same bytes behind one another, cut at another place.
  EXPECT_NE(next_s({}, {}, as_bytes(std::string(8, '\0')), {}), next_s({}, {}, {}, {}));
}

TEST(Chain, TheLargestOperationAndResultFit) {
  const std::vector<uint8_t> op(kOpMax, 7);
  EntryView entry = example();
  entry.op = op;
  EXPECT_NE(next_l(kBefore, entry), next_l(kBefore, example()));
  const std::vector<uint8_t> result(kResultMax, 7);
  EXPECT_NE(next_s(kBefore, {}, result, {}), next_s(kBefore, {}, {}, {}));
}

}  // namespace
}  // namespace tercet::quorum
