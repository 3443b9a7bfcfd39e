#include "quorum/tally.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using Verdict = Tally::Verdict;

struct Vote {
  Slot slot;
  uint64_t s;
  const char* result;
};

Tally tally_of(const std::vector<Vote>& votes) {
  Tally tally;
  for (const Vote& vote : votes) {
    tally.add(vote.slot, vote.s, as_bytes(vote.result));
  }
  return tally;
}
SlotSet set(std::initializer_list<int> slots) {
  SlotSet out;
  for (const int slot : slots) {
    out.add(kSlots[static_cast<size_t>(slot - 1)]);
  }
  return out;
}
std::string answer_of(const Tally& tally, SlotSet counted) {
  const Result* result = tally.answer(counted);
  return result == nullptr ? "none" : std::string(as_text({result->data(), result->size()}));
}

struct Case {
  const char* what;
  std::vector<Vote> votes;
  SlotSet counted;
  Verdict verdict;
  SlotSet outvoted;
  bool split;
  const char* answer;
};

TEST(Tally, NormalCase4TwoEqualStatesDecideAndTwoEqualResultsAnswer) {
  const Case cases[] = {
      {"nobody voted", {}, kAllSlots, Verdict::pending, {}, false, "none"},
      {"one alone decides nothing", {{B1, 5, "yes"}}, kAllSlots, Verdict::pending, {}, false, "none"},
      {"two equal decide", {{B1, 5, "yes"}, {B3, 5, "yes"}}, kAllSlots, Verdict::decided, {}, false, "yes"},
      {"three equal",
       {{B1, 5, "yes"}, {B2, 5, "yes"}, {B3, 5, "yes"}},
       kAllSlots,
       Verdict::decided,
       {},
       false,
       "yes"},
      {"the third differs: outvoted",
       {{B1, 5, "yes"}, {B2, 6, "no"}, {B3, 5, "yes"}},
       kAllSlots,
       Verdict::decided,
       set({2}),
       false,
       "yes"},
      {"the first differs",
       {{B1, 6, "no"}, {B2, 5, "yes"}, {B3, 5, "yes"}},
       kAllSlots,
       Verdict::decided,
       set({1}),
       false,
       "yes"},
      {"review A18: two differ, the third is absent: split, nobody is marked",
       {{B1, 5, "yes"}, {B2, 6, "no"}},
       kAllSlots,
       Verdict::pending,
       {},
       true,
       "none"},
      {"all three differ",
       {{B1, 5, "a"}, {B2, 6, "b"}, {B3, 7, "c"}},
       kAllSlots,
       Verdict::pending,
       {},
       true,
       "none"},
      {"review 3.3: equal S, but one result was damaged: decided, no answer yet",
       {{B1, 5, "yes"}, {B2, 5, "yez"}},
       kAllSlots,
       Verdict::decided,
       {},
       false,
       "none"},
      {"… the third gives the second copy",
       {{B1, 5, "yez"}, {B2, 5, "yes"}, {B3, 5, "yes"}},
       kAllSlots,
       Verdict::decided,
       {},
       false,
       "yes"},
      {"equal results, unequal states: a book is damaged silently",
       {{B1, 5, "yes"}, {B2, 6, "yes"}},
       kAllSlots,
       Verdict::pending,
       {},
       true,
       "yes"},
      {"a divergent one's ballot does not count",
       {{B1, 5, "yes"}, {B2, 5, "yes"}},
       set({2, 3}),
       Verdict::pending,
       {},
       false,
       "none"},
      {"empty results are results", {{B1, 5, ""}, {B2, 5, ""}}, kAllSlots, Verdict::decided, {}, false, ""},
      {"one is the other's beginning",
       {{B1, 5, "yes"}, {B2, 5, "ye"}},
       kAllSlots,
       Verdict::decided,
       {},
       false,
       "none"},
  };
  for (const Case& one : cases) {
    const Tally tally = tally_of(one.votes);
    const Tally::Finding finding = tally.find(one.counted);
    EXPECT_EQ(finding.verdict, one.verdict) << one.what;
    EXPECT_EQ(finding.outvoted, one.outvoted) << one.what;
    EXPECT_EQ(finding.split, one.split) << one.what;
    EXPECT_EQ(answer_of(tally, one.counted), one.answer) << one.what;
  }
}

TEST(Tally, ALaterBallotOfTheSameSlotReplacesItsEarlierOne) {
  Tally tally = tally_of({{B1, 5, "wrong"}, {B2, 6, "right"}});
  EXPECT_TRUE(tally.find(kAllSlots).split);
  tally.add(B1, 6, as_bytes("right"));
  EXPECT_EQ(tally.find(kAllSlots).verdict, Verdict::decided);
  EXPECT_EQ(tally.find(kAllSlots).agree, set({1, 2}));
  EXPECT_EQ(answer_of(tally, kAllSlots), "right");
}

TEST(Tally, ClearedItHoldsNothingOfItsFormerUse) {
  Tally tally = tally_of({{B1, 5, "yes"}, {B2, 5, "yes"}});
  tally.clear();
  EXPECT_TRUE(tally.present().empty());
  EXPECT_EQ(tally.find(kAllSlots).verdict, Verdict::pending);
  tally.add(B3, 5, as_bytes("yes"));
  EXPECT_EQ(tally.find(kAllSlots).verdict, Verdict::pending);
  EXPECT_EQ(answer_of(tally, kAllSlots), "none");
}

/// The rule once more, written the long way.
struct NaiveTally {
  std::map<unsigned, std::pair<uint64_t, std::string>> ballots;

  [[nodiscard]] std::map<uint64_t, std::set<unsigned>> by_s(SlotSet counted) const {
    std::map<uint64_t, std::set<unsigned>> groups;
    for (const auto& [slot, ballot] : ballots) {
      if (counted.has(kSlots[slot])) {
        groups[ballot.first].insert(slot);
      }
    }
    return groups;
  }
  [[nodiscard]] std::string answer(SlotSet counted) const {
    std::map<std::string, unsigned> results;
    for (const auto& [slot, ballot] : ballots) {
      if (counted.has(kSlots[slot]) && ++results[ballot.second] == 2) {
        return ballot.second;
      }
    }
    return "none";
  }
};

TEST(Tally, AgreesWithANaiveOneOnRandomBallots) {
  std::mt19937_64 random(20240607);
  const std::array<const char*, 3> results{"granted", "denied", ""};
  for (int round = 0; round < 20'000; ++round) {
    Tally tally;
    NaiveTally naive;
    const auto n = static_cast<unsigned>(random() % 6);
    for (unsigned i = 0; i < n; ++i) {
      const auto slot = static_cast<unsigned>(random() % kBackends);
      const uint64_t s = random() % 3;
      const char* result = results[random() % results.size()];
      tally.add(kSlots[slot], s, as_bytes(result));
      naive.ballots[slot] = {s, result};
    }
    const SlotSet counted(static_cast<uint8_t>(random() % 8));
    const Tally::Finding finding = tally.find(counted);
    bool decided = false;
    size_t total = 0;
    for (const auto& [s, slots] : naive.by_s(counted)) {
      total += slots.size();
      if (slots.size() >= 2) {
        decided = true;
        ASSERT_EQ(finding.verdict, Verdict::decided);
        ASSERT_EQ(finding.s, s);
        for (const unsigned slot : slots) {
          ASSERT_TRUE(finding.agree.has(kSlots[slot]));
        }
        ASSERT_EQ(finding.agree.count(), slots.size());
      }
    }
    if (!decided) {
      ASSERT_EQ(finding.verdict, Verdict::pending);
      ASSERT_EQ(finding.split, total >= 2);
      ASSERT_TRUE(finding.outvoted.empty());
    } else {
      ASSERT_EQ(finding.outvoted.count(), total - finding.agree.count());
    }
    ASSERT_EQ(answer_of(tally, counted), naive.answer(counted));
  }
}

TEST(SlotSet, HoldsThreeSlotsAndNothingElse) {
  SlotSet all(0xFF);
  EXPECT_EQ(all, kAllSlots);
  all.remove(B2);
  EXPECT_EQ(all.count(), 2U);
  EXPECT_TRUE(all.has(B1) && !all.has(B2) && all.has(B3));
}

}  // namespace
}  // namespace tercet::quorum
