#include "quorum/proposer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using testing::Bench;
using testing::kLives;
using testing::message_of;
using testing::only;
using testing::prepare_of;
using testing::SmallCell;

using Flight = SmallCell::Flight;
using Role = RoleChange::Kind;

constexpr ServerId LB1 = ServerId::lb1;
constexpr ServerId LB2 = ServerId::lb2;
constexpr Slot B1 = Slot::one;
constexpr Slot B2 = Slot::two;
constexpr Slot B3 = Slot::three;

bool touches(const Flight& flight, ServerId server) { return flight.from == server || flight.to == server; }
std::function<bool(const Flight&)> cut_off(std::vector<ServerId> servers) {
  return [servers](const Flight& flight) {
    for (const ServerId server : servers) {
      if (touches(flight, server)) {
        return true;
      }
    }
    return false;
  };
}
const auto kNothingLost = [](const Flight&) { return false; };

// ---- first start

TEST(FirstStart, AllThreeBlankOnesMakeAGenesisThatIsItsEpochStart) {
  SmallCell cell;
  cell.begin();
  EXPECT_EQ(cell.count(Role::won), 1U);
  EXPECT_EQ(cell.lb().commit(), Seq{1});
  EXPECT_TRUE(cell.lb().serving(cell.now.mono));
  for (const Slot slot : kSlots) {
    EXPECT_EQ(cell.backend(slot).acceptor.log().entry(Seq{1}).kind, EntryKind::genesis);
    EXPECT_TRUE(cell.backend(slot).acceptor.member());
    EXPECT_EQ(cell.lb().backend_state(slot, cell.now.mono), BackendState::voting);
  }
}

TEST(FirstStart, ReviewA11TwoAreNotEnough) {
  SmallCell cell;
  cell.lost = cut_off({ServerId::b3});
  cell.lb().claim(Cause::start, cell.now);
  cell.run(seconds(1));
  EXPECT_FALSE(cell.lb().active());
  EXPECT_TRUE(cell.backend(B1).acceptor.log().empty());
}

TEST(FirstStart, Review3_1ClientsAreServedOnlyAfterAllThreeHaveVotedGenesis) {
  SmallCell cell;
  cell.lost = [](const Flight& f) { return f.from == ServerId::b3 && f.type() == CellMessage::vote; };
  cell.lb().claim(Cause::start, cell.now);
  cell.run(milliseconds(80));
  EXPECT_EQ(cell.lb().role(), LbRole::starting);
  EXPECT_EQ(cell.lb().commit(), Seq{1}) << "decided by two";
  EXPECT_EQ(cell.propose("early", 1), Admit::taken) << "it waits in the window";
  cell.run(milliseconds(50));
  EXPECT_FALSE(cell.answered(1));
  cell.lost = kNothingLost;
  cell.run(milliseconds(250));
  EXPECT_TRUE(cell.lb().active());
  EXPECT_TRUE(cell.answered(1));
}

// ---- normal case

TEST(NormalCase, AQueryIsOrderedVotedAndAnsweredWithTheResultOfTwo) {
  SmallCell cell;
  cell.begin();
  EXPECT_EQ(cell.propose("checkout", 7), Admit::taken);
  cell.run(milliseconds(6));
  const auto* told = cell.find(7);
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->kind, Outcome::Kind::decided);
  EXPECT_EQ(told->seq, Seq{2});
  EXPECT_FALSE(told->read);
  testing::ToyMachine machine;
  Result result;
  for (Seq at{1}; at <= Seq{2}; at = next(at)) {
    machine.apply(cell.backend(B1).acceptor.log().entry(at), result);
  }
  EXPECT_TRUE(equal(told->result, {result.data(), result.size()}));
  EXPECT_EQ(cell.lb().undecided(), 0U);
}

TEST(NormalCase, AStandbyTakesNothing) {
  SmallCell cell;
  cell.begin();
  EXPECT_EQ(cell.propose("x", 1, /*lb=*/1), Admit::not_active);
  EXPECT_EQ(cell.lb(1).read(as_bytes("x"), Tag{1, 0}), Admit::not_active);
}

TEST(NormalCase, EntriesOfOnePollShareOneAcceptWrittenOnceForThree) {
  SmallCell cell;
  cell.begin();
  cell.flights.clear();
  for (uint32_t i = 0; i < 10; ++i) {
    ASSERT_EQ(cell.propose("renew", i), Admit::taken);
  }
  cell.lb().tick(cell.now, cell.output(0));
  const std::vector<testing::Letter> letters = testing::take_letters(cell.outboxes[0]);
  const auto accepts = only<AcceptView>(letters);
  ASSERT_EQ(accepts.size(), 1U);
  EXPECT_EQ(accepts[0].header->items, 10U);
  EXPECT_TRUE(letters[0].to == kAllBackends);
}

TEST(NormalCase, UnderLoadTheNextRoundWaitsForThisOnesDecisionAndThenCarriesAllThatCameMeanwhile) {
  SmallCell cell;
  cell.begin();
  const auto propose_and_tick = [&](uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; ++i) {
      EXPECT_EQ(cell.propose("renew", i), Admit::taken);
    }
    cell.lb().tick(cell.now, cell.output(0));
    return testing::take_letters(cell.outboxes[0]);
  };
  const auto first = propose_and_tick(0, 10);
  ASSERT_EQ(only<AcceptView>(first).size(), 1U);
  for (uint32_t i = 10; i < 20; ++i) {
    EXPECT_TRUE(only<AcceptView>(propose_and_tick(i, i + 1)).empty()) << "ten are undecided";
  }
  const Duration patience = milliseconds(20);
  const MonoTime due = cell.lb().tick(cell.now, cell.output(0));
  EXPECT_LE(due, cell.now.mono + patience) << "it wakes by itself when the round is lost";
  cell.now.mono = cell.now.mono + patience;
  cell.lb().tick(cell.now, cell.output(0));
  const auto late = testing::take_letters(cell.outboxes[0]);
  const auto accepts = only<AcceptView>(late);
  ASSERT_FALSE(accepts.empty());
  EXPECT_EQ(accepts[0].header->items, 10U) << "those that waited, in one Accept";
  EXPECT_EQ(accepts[0].header->first, 12U);
  cell.run(milliseconds(60));
  for (uint32_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(cell.answered(i)) << i;
  }
}

TEST(NormalCase, AReadDoesNotWaitForOperationsThatWaitForTheirRound) {
  SmallCell cell;
  cell.begin();
  cell.lost = [](const Flight& f) { return f.type() == CellMessage::vote; };
  for (uint32_t i = 0; i < 10; ++i) {
    ASSERT_EQ(cell.propose("renew", i), Admit::taken);
  }
  cell.lb().tick(cell.now, cell.output(0));
  ASSERT_EQ(cell.propose("late", 10), Admit::taken);
  ASSERT_EQ(cell.lb().read(as_bytes("usage"), Tag{50, 0}), Admit::taken);
  cell.lb().tick(cell.now, cell.output(0));
  const auto letters = testing::take_letters(cell.outboxes[0]);
  const auto accepts = only<AcceptView>(letters);
  ASSERT_GE(accepts.size(), 2U);
  EXPECT_EQ(accepts.back().header->first, 12U) << "its place: behind all that was sent";
  EXPECT_EQ(accepts.back().header->items, 1U);
}

TEST(NormalCase, AnyOneBackendMayBeDeadAndNothingWaits) {
  for (const ServerId dead : {ServerId::b1, ServerId::b2, ServerId::b3}) {
    SmallCell cell;
    cell.begin();
    cell.lost = cut_off({dead});
    for (uint32_t i = 0; i < 5; ++i) {
      ASSERT_EQ(cell.propose("checkout", i), Admit::taken);
      cell.run(milliseconds(6));
      EXPECT_TRUE(cell.answered(i)) << name_of(dead);
    }
    cell.run(milliseconds(400));
    EXPECT_EQ(cell.lb().backend_state(slot_of(dead), cell.now.mono), BackendState::down);
    EXPECT_TRUE(cell.lb().serving(cell.now.mono));
    // It comes back and gets what it missed.
    cell.lost = kNothingLost;
    cell.run(milliseconds(400));
    EXPECT_EQ(cell.backend(slot_of(dead)).acceptor.log().last(), Seq{6});
    EXPECT_EQ(cell.lb().backend_state(slot_of(dead), cell.now.mono), BackendState::voting);
  }
}

TEST(NormalCase, NormalCase5AFullWindowAnswersBusyAndDrains) {
  SmallCell cell({8, 32, 4});
  cell.begin();
  cell.frozen_disks = kAllSlots;
  for (uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(cell.propose("op", i), Admit::taken);
  }
  EXPECT_EQ(cell.propose("op", 8), Admit::busy);
  cell.run(milliseconds(10));
  EXPECT_EQ(cell.propose("op", 8), Admit::busy);
  cell.frozen_disks = {};
  cell.run(milliseconds(10));
  EXPECT_TRUE(cell.answered(7));
  EXPECT_EQ(cell.propose("op", 8), Admit::taken);
}

TEST(NormalCase, NormalCase5ALostAcceptIsResentToWhoDidNotVote) {
  SmallCell cell;
  cell.begin();
  bool once = true;
  cell.lost = [&once](const Flight& f) {
    return once && f.type() == CellMessage::accept && f.to != ServerId::b1;
  };
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(3));
  once = false;
  EXPECT_FALSE(cell.answered(1));
  cell.run(milliseconds(60));
  EXPECT_TRUE(cell.answered(1));
  EXPECT_GE(cell.lb().resends(), 1U);
}

TEST(NormalCase, Review2_5BelowTwoVotersItSaysUnavailableAndWhatIsInTheWindowMayYetBeDecided) {
  SmallCell cell;
  cell.begin();
  cell.lost = cut_off({ServerId::b2, ServerId::b3});
  ASSERT_EQ(cell.propose("in the window", 1), Admit::taken);
  cell.run(milliseconds(400));
  EXPECT_FALSE(cell.lb().serving(cell.now.mono));
  EXPECT_FALSE(cell.lb().fit(cell.now.mono));
  EXPECT_TRUE(cell.lb().active()) << "it keeps its epoch until it hears of a higher one";
  EXPECT_EQ(cell.propose("more", 2), Admit::unavailable);
  EXPECT_FALSE(cell.answered(1));
  cell.lost = cut_off({ServerId::b3});
  cell.run(milliseconds(400));
  EXPECT_TRUE(cell.answered(1)) << "review 2.12: UNAVAILABLE is not 'nothing happened'";
  EXPECT_EQ(cell.propose("more", 2), Admit::taken);
}

TEST(NormalCase, AVoterThatFallsFarBehindSlowsTheLbDown) {
  SmallCell cell({8, 32, 4});
  cell.begin();
  // Backend 3 hears everything and says so, but its votes are lost: its entries must stay in the window.
  cell.lost = [](const Flight& f) { return f.from == ServerId::b3 && f.type() == CellMessage::vote; };
  unsigned taken = 0;
  bool busy = false;
  for (uint32_t i = 0; i < 200 && !busy; ++i) {
    const Admit admit = cell.propose("op", i);
    taken += admit == Admit::taken ? 1 : 0;
    busy = admit == Admit::busy;
    cell.step();
    cell.backend(B3).machine.live = true;
  }
  EXPECT_TRUE(busy || taken == 200);
  cell.lost = kNothingLost;
  cell.run(milliseconds(500));
  EXPECT_EQ(cell.backend(B3).acceptor.log().last(), cell.lb().commit());
}

// ---- two equal results, outvoted, split

TEST(NormalCase, Review3_3AnAnswerLeavesOnlyWhenTwoResultsAreEqual) {
  SmallCell cell;
  cell.begin();
  // Backend 1's result of entry 2 is damaged after it was hashed; backend 3's votes are on their way still.
  cell.backend(B1).machine.damage_at = Seq{2};
  cell.lost = [&cell](const Flight& f) {
    cell.backend(B1).machine.damage();  // it has applied the entry, and not voted yet
    return f.from == ServerId::b3 && f.type() == CellMessage::vote;
  };
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(20));
  EXPECT_EQ(cell.lb().commit(), Seq{2}) << "decided: S is equal";
  EXPECT_FALSE(cell.answered(1));
  cell.lost = kNothingLost;
  cell.run(milliseconds(100));
  ASSERT_TRUE(cell.answered(1)) << "with the third's copy";
  Result result;
  testing::ToyMachine machine;
  for (Seq at{1}; at <= Seq{2}; at = next(at)) {
    machine.apply(cell.backend(B2).acceptor.log().entry(at), result);
  }
  EXPECT_TRUE(equal(cell.find(1)->result, {result.data(), result.size()}));
  EXPECT_TRUE(cell.lb().outvoted().empty());
}

TEST(NormalCase, Review3_3AMissingCopyIsAskedForAgain) {
  // Backend 3 is dead. Backend 1 voted with a damaged copy, then it recomputes (restarts): without being
  // asked again nobody would ever give the second equal result.
  SmallCell cell;
  cell.begin();
  cell.lost = [&cell](const Flight& f) {
    cell.backend(B1).machine.damage();  // it has applied the entry, and not voted yet
    return touches(f, ServerId::b3);
  };
  cell.run(milliseconds(300));
  cell.backend(B1).machine.damage_at = Seq{2};
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(20));
  ASSERT_EQ(cell.lb().commit(), Seq{2});
  ASSERT_FALSE(cell.answered(1));
  const auto disk = cell.backend(B1).disk;
  auto again = std::make_unique<Bench>(B1);
  for (const auto& [type, bytes] : disk) {
    ASSERT_TRUE(again->acceptor.replay(type, bytes));
  }
  again->acceptor.recovered(again->machine);
  cell.backends[0] = std::move(again);
  cell.run(milliseconds(600));
  EXPECT_TRUE(cell.answered(1));
  EXPECT_EQ(cell.lb().undecided(), 0U);
}

TEST(NormalCase, NormalCase4ADifferentThirdVoteMarksThatBackendOutvoted) {
  for (const Slot liar : kSlots) {
    SmallCell cell;
    cell.begin();
    cell.backend(liar).machine.lie_at = Seq{3};
    for (uint32_t i = 0; i < 4; ++i) {
      ASSERT_EQ(cell.propose("op", i), Admit::taken);
      cell.run(milliseconds(8));
      EXPECT_TRUE(cell.answered(i));
    }
    EXPECT_EQ(cell.lb().backend_state(liar, cell.now.mono), BackendState::divergent);
    ASSERT_EQ(cell.lb().outvoted().size(), 1U) << "named once";
    EXPECT_EQ(cell.lb().outvoted()[0].slot, liar);
    EXPECT_EQ(cell.lb().outvoted()[0].seq, Seq{3});
    EXPECT_TRUE(cell.backend(liar).acceptor.divergent()) << "S(commit) tells it";
    const auto* told = cell.find(1);
    Result result;
    testing::ToyMachine machine;
    for (Seq at{1}; at <= Seq{3}; at = next(at)) {
      machine.apply(cell.backend(B1).acceptor.log().entry(at), result);
    }
    EXPECT_TRUE(equal(told->result, {result.data(), result.size()})) << "the right answer";
  }
}

TEST(NormalCase, WithOneLyingAndOneDeadNothingWrongIsAnswered) {
  SmallCell cell;
  cell.begin();
  cell.backend(B1).machine.lie_at = Seq{2};
  ASSERT_EQ(cell.propose("op", 0), Admit::taken);
  cell.run(milliseconds(20));
  ASSERT_TRUE(cell.answered(0));
  cell.lost = cut_off({ServerId::b2});
  cell.run(milliseconds(400));
  EXPECT_EQ(cell.propose("op", 1), Admit::unavailable) << "a divergent one is no second voter";
}

TEST(NormalCase, ReviewA18TwoThatDifferWithTheThirdAbsentIsASplitAndNobodyIsMarked) {
  SmallCell cell;
  cell.begin();
  cell.lost = cut_off({ServerId::b3});
  cell.run(milliseconds(400));
  cell.backend(B1).machine.lie_at = Seq{2};
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(20));
  EXPECT_TRUE(cell.lb().split());
  EXPECT_FALSE(cell.lb().serving(cell.now.mono));
  EXPECT_EQ(cell.propose("op", 2), Admit::unavailable);
  EXPECT_FALSE(cell.answered(1));
  EXPECT_TRUE(cell.lb().outvoted().empty());
  // The third comes back: it tells who was right.
  cell.lost = kNothingLost;
  cell.run(milliseconds(600));
  EXPECT_FALSE(cell.lb().split());
  EXPECT_TRUE(cell.answered(1));
  ASSERT_EQ(cell.lb().outvoted().size(), 1U);
  EXPECT_EQ(cell.lb().outvoted()[0].slot, B1);
}

TEST(NormalCase, ASplitEndsWhenTheWrongOneRecomputes) {
  SmallCell cell;
  cell.begin();
  cell.lost = cut_off({ServerId::b3});
  cell.run(milliseconds(400));
  cell.backend(B1).machine.lie_at = Seq{2};
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(20));
  ASSERT_TRUE(cell.lb().split());
  const auto disk = cell.backend(B1).disk;
  auto again = std::make_unique<Bench>(B1);
  for (const auto& [type, bytes] : disk) {
    ASSERT_TRUE(again->acceptor.replay(type, bytes));
  }
  again->acceptor.recovered(again->machine);  // a healthy machine this time
  cell.backends[0] = std::move(again);
  cell.run(milliseconds(600));
  EXPECT_FALSE(cell.lb().split());
  EXPECT_TRUE(cell.answered(1));
  EXPECT_TRUE(cell.lb().outvoted().empty());
}

// ---- what a vote must be to count

class Votes : public ::testing::Test {
 protected:
  Votes() {
    cell_.begin();
    cell_.lost = [](const Flight& f) { return is_backend(f.to); };  // nobody hears of entry 2
    EXPECT_EQ(cell_.propose("op", 1), Admit::taken);
    cell_.step();
    header_.epoch = cell_.lb().epoch().value;
    header_.flags = kMember;
    header_.first = 2;
    header_.durable = 2;
    header_.wall_ms = 1;
    for (const Slot slot : kSlots) {
      l1_ = cell_.backend(slot).acceptor.log().l_at(Seq{1});
    }
    // L(2) as the LB has it: its Accept says it.
    for (const Flight& flight : cell_.history) {
      const CellView view = testing::opened(flight.bytes);
      const auto* accept = std::get_if<AcceptView>(&view);
      AcceptEntry item;
      if (accept != nullptr && accept->header->first == 2 && AcceptWalk(*accept).next(item)) {
        l2_ = next_l(l1_, item.entry);
      }
    }
  }
  void vote(
      Slot slot, const std::function<void(VoteHeader&)>& change = [](VoteHeader&) {},
      std::optional<Hash128> l = {}) {
    VoteHeader header = header_;
    header.incarnation = kLives[index(slot)];
    change(header);
    std::vector<uint8_t> bytes(kCellPlainMax);
    VoteWriter writer(bytes, header);
    writer.add(0x5157, as_bytes("granted"));
    bytes.resize(writer.finish(l.value_or(l2_)));
    cell_.deliver({server_of(slot), LB1, bytes});
  }
  bool decided() { return cell_.lb().commit() >= Seq{2}; }
  SmallCell cell_;
  VoteHeader header_{};
  Hash128 l1_;
  Hash128 l2_;
};

TEST_F(Votes, TwoThatMatchDecide) {
  vote(B1);
  EXPECT_FALSE(decided());
  vote(B1);
  EXPECT_FALSE(decided()) << "one backend twice is one";
  vote(B3);
  EXPECT_TRUE(decided());
}

TEST_F(Votes, WhatDoesNotCount) {
  vote(B1);
  struct Case {
    const char* what;
    std::function<void(VoteHeader&)> change;
    bool other_l = false;
  };
  const Case cases[] = {
      {"of another epoch", [](VoteHeader& h) { h.epoch = make_epoch(90, LB1).value; }},
      {"of a lower epoch", [](VoteHeader& h) { h.epoch = make_epoch(0, LB1).value; }},
      {"on another log", [](VoteHeader&) {}, true},
      {"behind what was ordered", [](VoteHeader& h) { h.first = 3; }},
      {"far behind", [](VoteHeader& h) { h.first = kSeqMax; }},
      {"review A2: of another incarnation", [](VoteHeader& h) { h.incarnation = 0x99; }},
      {"of an amnesiac one", [](VoteHeader& h) { h.flags = kMember | kAmnesiac; }},
      {"of a divergent one", [](VoteHeader& h) { h.flags = kMember | kDivergent; }},
      {"of one that is no member", [](VoteHeader& h) { h.flags = 0; }},
  };
  for (const Case& one : cases) {
    vote(B2, one.change, one.other_l ? std::optional<Hash128>(Hash128{1, 2}) : std::nullopt);
    EXPECT_FALSE(decided()) << one.what;
  }
  vote(B2);
  EXPECT_TRUE(decided());
}

TEST_F(Votes, AnEmptyVoteAndAHugeDurableDoNoHarm) {
  VoteHeader header = header_;
  header.incarnation = kLives[0];
  header.durable = kSeqMax;
  std::vector<uint8_t> bytes(kCellPlainMax);
  VoteWriter writer(bytes, header);
  bytes.resize(writer.finish(l2_));
  cell_.deliver({ServerId::b1, LB1, bytes});
  vote(B1, [](VoteHeader& h) { h.durable = kSeqMax; });
  EXPECT_LE(cell_.lb().backends()[B1].durable, cell_.lb().last_ordered());
  EXPECT_FALSE(decided());
}

TEST_F(Votes, AHeardWithAnyStampAndAnySeqDoesNoHarm) {
  for (const uint64_t stamp : {uint64_t{0}, uint64_t{1} << 63U, UINT64_MAX, uint64_t{INT64_MAX}}) {
    Heard heard{};
    heard.flags = kMember;
    heard.stamp = stamp;
    heard.incarnation = kLives[0];
    heard.last = kSeqMax;
    heard.durable = kSeqMax;
    heard.commit = kSeqMax;
    heard.wall_ms = kTimeMsMax;
    heard.progress = UINT64_MAX;
    cell_.deliver({ServerId::b1, LB1, message_of(CellMessage::heard, heard)});
    EXPECT_LT(cell_.lb().backends()[B1].rtt, seconds(10));
    EXPECT_GE(cell_.lb().backends()[B1].rtt.ns, 0);
  }
}

TEST_F(Votes, OneThatHasLessThanItVotedForIsAmnesiac) {
  vote(B1);
  cell_.now.mono = cell_.now.mono + milliseconds(1);
  Heard heard{};
  heard.flags = kMember;
  heard.stamp = as_unsigned(cell_.now.mono.ns);
  heard.incarnation = kLives[0];
  heard.last = 1;
  heard.durable = 1;
  heard.durable_l = l1_;
  cell_.now.mono = cell_.now.mono + milliseconds(1);
  cell_.deliver({ServerId::b1, LB1, message_of(CellMessage::heard, heard)});
  EXPECT_EQ(cell_.lb().backend_state(B1, cell_.now.mono), BackendState::amnesiac);
  vote(B2);
  EXPECT_FALSE(decided()) << "its vote counts no more";
  vote(B3);
  EXPECT_TRUE(decided());
}

// ---- reads

class ReadPath : public ::testing::Test {
 protected:
  ReadPath() { cell_.begin(); }
  Admit read(uint32_t tag) { return cell_.lb().read(as_bytes("who?"), Tag{tag, 0}); }
  SmallCell cell_;
};

TEST_F(ReadPath, IsAnsweredByTwoAtItsPlaceInTurn) {
  for (uint32_t i = 0; i < 6; ++i) {
    ASSERT_EQ(read(i), Admit::taken);
    cell_.run(milliseconds(5));
    const auto* told = cell_.find(i);
    ASSERT_NE(told, nullptr);
    EXPECT_TRUE(told->read);
    EXPECT_EQ(told->kind, Outcome::Kind::decided);
    EXPECT_EQ(told->result.size(), 8U);
  }
  unsigned total = 0;
  for (const ServerId b : {ServerId::b1, ServerId::b2, ServerId::b3}) {
    const unsigned n = cell_.sent(CellMessage::answer, b, LB1);
    EXPECT_EQ(n, 4U) << "the load is spread evenly";
    total += n;
  }
  EXPECT_EQ(total, 12U) << "two answers a read";
  EXPECT_EQ(cell_.lb().commit(), Seq{1}) << "and nothing was logged";
}

TEST_F(ReadPath, SeesEveryQueryThatWasOrderedBeforeIt) {
  ASSERT_EQ(cell_.propose("op", 1), Admit::taken);
  ASSERT_EQ(read(2), Admit::taken);
  cell_.run(milliseconds(8));
  ASSERT_TRUE(cell_.answered(2));
  EXPECT_EQ(cell_.find(2)->seq, Seq{2});
  uint8_t answer[kReadAnswerMax];
  const size_t size = cell_.backend(B1).machine.read(as_bytes("who?"), answer);
  EXPECT_TRUE(equal(cell_.find(2)->result, {answer, size}));
}

TEST_F(ReadPath, WhenAReaderIsSilentItGetsAFreshPlaceAndOtherReaders) {
  cell_.lost = [](const Flight& f) { return f.type() == CellMessage::answer && f.from == ServerId::b1; };
  for (uint32_t i = 0; i < 6; ++i) {
    ASSERT_EQ(read(i), Admit::taken);
  }
  cell_.run(milliseconds(100));
  for (uint32_t i = 0; i < 6; ++i) {
    EXPECT_TRUE(cell_.answered(i)) << i;
  }
  EXPECT_GE(cell_.lb().read_misses(), 1U);
}

TEST_F(ReadPath, AnAnswerOfAWrongBookIsNeverBelieved) {
  cell_.backend(B1).machine.corrupt_at = Seq{2};
  ASSERT_EQ(cell_.propose("op", 0), Admit::taken);
  cell_.run(milliseconds(10));
  for (uint32_t i = 1; i < 7; ++i) {
    ASSERT_EQ(read(i), Admit::taken);
  }
  cell_.run(milliseconds(200));
  uint8_t answer[kReadAnswerMax];
  const size_t size = cell_.backend(B2).machine.read(as_bytes("who?"), answer);
  for (uint32_t i = 1; i < 7; ++i) {
    ASSERT_TRUE(cell_.answered(i)) << i;
    EXPECT_TRUE(equal(cell_.find(i)->result, {answer, size}));
  }
}

TEST_F(ReadPath, BelowTwoVotersItIsGivenUpAsUnavailable) {
  cell_.lost = cut_off({ServerId::b2, ServerId::b3});
  cell_.run(milliseconds(400));
  EXPECT_EQ(read(1), Admit::taken);
  cell_.run(milliseconds(3));
  ASSERT_TRUE(cell_.answered(1));
  EXPECT_EQ(cell_.find(1)->kind, Outcome::Kind::unavailable);
}

TEST_F(ReadPath, TooManyAreBusy) {
  cell_.lost = [](const Flight& f) { return f.type() == CellMessage::answer; };
  for (uint32_t i = 0; i < 16; ++i) {
    EXPECT_EQ(read(i), Admit::taken);
  }
  EXPECT_EQ(read(16), Admit::busy);
  cell_.lost = kNothingLost;
  cell_.run(milliseconds(600));
  EXPECT_EQ(read(16), Admit::taken);
}

// ---- takeover

class TakeoverPath : public ::testing::Test {
 protected:
  TakeoverPath() { cell_.begin(); }
  void claim(unsigned lb = 1) { cell_.lb(lb).claim(Cause::peer_silent, cell_.now); }
  SmallCell cell_;
};

TEST_F(TakeoverPath, Takeover1NobodyIsDeposedWhileTwoBackendsHearAFitHolder) {
  const Epoch epoch = cell_.lb().epoch();
  for (int i = 0; i < 20; ++i) {
    claim();
    cell_.run(milliseconds(50));
  }
  EXPECT_TRUE(cell_.lb().active());
  EXPECT_EQ(cell_.lb().epoch(), epoch);
  EXPECT_EQ(cell_.sent(CellMessage::prepare, LB2, ServerId::b1), 0U) << "it asked, and only asked";
}

TEST_F(TakeoverPath, Review2_2AnLbThatReachesOneBackendDeposesNobody) {
  cell_.lost = [](const Flight& f) {
    return (touches(f, LB2) && !touches(f, ServerId::b1)) || (touches(f, LB1) && touches(f, ServerId::b1));
  };
  cell_.run(milliseconds(100));
  for (int i = 0; i < 20; ++i) {
    claim();
    cell_.run(milliseconds(50));
  }
  EXPECT_EQ(cell_.sent(CellMessage::prepare, LB2, ServerId::b1), 0U);
  EXPECT_TRUE(cell_.lb().serving(cell_.now.mono));
}

TEST_F(TakeoverPath, ADeadHolderIsFollowedAndNoDecidedEntryIsLost) {
  for (uint32_t i = 0; i < 5; ++i) {
    ASSERT_EQ(cell_.propose("op", i), Admit::taken);
  }
  cell_.run(milliseconds(10));
  ASSERT_TRUE(cell_.answered(4));
  const Hash128 l6 = cell_.backend(B1).acceptor.log().l_at(Seq{6});
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(50));
  claim();
  cell_.run(milliseconds(60));
  EXPECT_TRUE(cell_.lb(1).active());
  EXPECT_EQ(cell_.count(Role::won, 1), 1U);
  EXPECT_GT(cell_.lb(1).epoch(), cell_.lb(0).epoch());
  EXPECT_EQ(cell_.lb(1).last_ordered(), Seq{7}) << "EpochStart behind the chosen log";
  for (const Slot slot : kSlots) {
    EXPECT_TRUE(cell_.backend(slot).acceptor.log().matches(Seq{6}, l6));
    EXPECT_EQ(cell_.backend(slot).acceptor.log().entry(Seq{7}).kind, EntryKind::epoch_start);
  }
}

TEST_F(TakeoverPath, AnEntryThatOneBackendVotedIsRecoveredFromIt) {
  // Only backend 3 gets the entry, and LB 1 dies.
  cell_.lost = [](const Flight& f) {
    return f.from == LB1 && f.type() == CellMessage::accept && f.to != ServerId::b3;
  };
  ASSERT_EQ(cell_.propose("op", 1), Admit::taken);
  cell_.run(milliseconds(2));
  ASSERT_EQ(cell_.backend(B3).acceptor.log().last(), Seq{2});
  const Hash128 l2 = cell_.backend(B3).acceptor.log().l_at(Seq{2});
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(50));
  claim();
  cell_.run(milliseconds(100));
  ASSERT_TRUE(cell_.lb(1).active());
  for (const Slot slot : kSlots) {
    EXPECT_TRUE(cell_.backend(slot).acceptor.log().matches(Seq{2}, l2));
    EXPECT_EQ(cell_.backend(slot).acceptor.log().epoch_at(Seq{2}), cell_.lb(0).epoch()) << "review A7a";
  }
  EXPECT_EQ(cell_.changes[1].back().recovered, 1U);
}

TEST_F(TakeoverPath, Review2_1CommitAndSAreTheNewLbsOwnNeverRelayedFromAPromise) {
  for (uint32_t i = 0; i < 5; ++i) {
    ASSERT_EQ(cell_.propose("op", i), Admit::taken);
  }
  cell_.run(milliseconds(10));
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(50));
  // Votes are lost: its EpochStart is not decided.
  cell_.lost = [](const Flight& f) { return touches(f, LB1) || f.type() == CellMessage::vote; };
  cell_.history.clear();
  claim();
  cell_.run(milliseconds(100));
  ASSERT_EQ(cell_.lb(1).role(), LbRole::starting);
  unsigned seen = 0;
  for (const Flight& flight : cell_.history) {
    const CellView view = testing::opened(flight.bytes);
    if (flight.from != LB2) {
      continue;
    }
    if (const auto* accept = std::get_if<AcceptView>(&view)) {
      EXPECT_EQ(accept->header->commit, 0U);
      ++seen;
    } else if (const auto* keepalive = std::get_if<KeepaliveView>(&view)) {
      EXPECT_EQ(keepalive->header->commit, 0U);
      ++seen;
    }
  }
  EXPECT_GT(seen, 0U);
}

TEST_F(TakeoverPath, Takeover4NothingButEpochStartIsSentUntilItIsDecided) {
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(50));
  cell_.lost = [](const Flight& f) { return touches(f, LB1) || f.type() == CellMessage::vote; };
  claim();
  cell_.run(milliseconds(60));
  ASSERT_EQ(cell_.lb(1).role(), LbRole::starting);
  EXPECT_EQ(cell_.propose("waits", 1, 1), Admit::taken) << "queries that come meanwhile wait in the window";
  cell_.run(milliseconds(60));
  EXPECT_EQ(cell_.backend(B1).acceptor.log().last(), Seq{2}) << "EpochStart alone";
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(300));
  EXPECT_TRUE(cell_.lb(1).active());
  EXPECT_TRUE(cell_.answered(1));
}

TEST_F(TakeoverPath, WhileItOutbidsAStrayPrepareItIsBusyNotGone) {
  cell_.deliver({LB2, ServerId::b1, prepare_of(make_epoch(40, LB2), 0xA1)});
  for (int ms = 0; ms < 100 && cell_.lb().role() != LbRole::preparing; ++ms) {
    cell_.run(milliseconds(1));
  }
  ASSERT_EQ(cell_.lb().role(), LbRole::preparing);
  EXPECT_EQ(cell_.propose("now", 1), Admit::busy) << "nobody else serves meanwhile";
  EXPECT_EQ(cell_.lb().read(as_bytes("now"), Tag{2, 0}), Admit::busy);
  cell_.run(milliseconds(100));
  EXPECT_EQ(cell_.propose("then", 3), Admit::taken);
}

TEST_F(TakeoverPath, OneThatOutbidsAndThenLosesItsSourceStillKeepsItsAddressAndSaysWhenItDoesNot) {
  cell_.deliver({LB2, ServerId::b1, prepare_of(make_epoch(40, LB2), 0xA1)});
  for (int ms = 0; ms < 100 && cell_.lb().role() != LbRole::preparing; ++ms) {
    cell_.run(milliseconds(1));
  }
  ASSERT_EQ(cell_.lb().role(), LbRole::preparing);
  cell_.lost = [](const Flight& f) { return f.type() == CellMessage::vote; };
  cell_.run(milliseconds(50));
  ASSERT_EQ(cell_.lb().role(), LbRole::starting);
  EXPECT_EQ(cell_.propose("waits", 1), Admit::taken);
  cell_.lost = [](const Flight& f) {
    return f.type() == CellMessage::vote || f.type() == CellMessage::promise;
  };
  for (int ms = 0; ms < 1000 && cell_.lb().role() == LbRole::starting; ++ms) {
    cell_.run(milliseconds(1));
  }
  ASSERT_EQ(cell_.lb().role(), LbRole::preparing);
  EXPECT_EQ(cell_.propose("now", 2), Admit::busy);
  EXPECT_EQ(cell_.count(Role::lost), 0U);
  cell_.run(kPrepareGiveUp + milliseconds(5));
  EXPECT_EQ(cell_.lb().role(), LbRole::standby);
  EXPECT_EQ(cell_.count(Role::lost), 1U) << "or nobody would take the address away";
  EXPECT_EQ(cell_.propose("then", 3), Admit::not_active);
}

TEST_F(TakeoverPath, Takeover5AStrayPrepareAtOneBackendIsOutbidAndTheAddressKept) {
  const Epoch epoch = cell_.lb().epoch();
  cell_.deliver({LB2, ServerId::b1, prepare_of(make_epoch(40, LB2), 0xA1)});
  cell_.run(milliseconds(100));
  EXPECT_TRUE(cell_.lb().active());
  EXPECT_GT(cell_.lb().epoch(), make_epoch(40, LB2));
  EXPECT_GT(cell_.lb().epoch(), epoch);
  EXPECT_EQ(cell_.count(Role::raising), 1U);
  EXPECT_EQ(cell_.count(Role::lost), 0U);
  EXPECT_EQ(cell_.count(Role::won), 2U);
  ASSERT_EQ(cell_.propose("op", 1), Admit::taken);
  cell_.run(milliseconds(10));
  EXPECT_TRUE(cell_.answered(1));
}

TEST_F(TakeoverPath, Takeover5AHolderThatTwoHaveLeftResignsAtOnce) {
  cell_.deliver({LB2, ServerId::b1, prepare_of(make_epoch(40, LB2), 0xA1)});
  cell_.deliver({LB2, ServerId::b2, prepare_of(make_epoch(40, LB2), 0xA1)});
  cell_.run(milliseconds(100));
  EXPECT_EQ(cell_.lb().role(), LbRole::standby);
  EXPECT_EQ(cell_.count(Role::lost), 1U);
  EXPECT_EQ(cell_.changes[0].back().cause, Cause::fenced);
  EXPECT_EQ(cell_.propose("op", 1), Admit::not_active);
}

TEST_F(TakeoverPath, Review2_2OneRefusalAloneChangesNothing) {
  Refused refused{};
  refused.of = static_cast<uint8_t>(CellMessage::accept);
  refused.epoch = cell_.lb().epoch().value;
  refused.promised = make_epoch(40, LB2).value;
  refused.incarnation = kLives[0];
  cell_.lost = [](const Flight& f) { return f.type() == CellMessage::heard; };
  cell_.deliver({ServerId::b1, LB1, message_of(CellMessage::refused, refused)});
  cell_.run(milliseconds(100));
  EXPECT_TRUE(cell_.lb().active());
  EXPECT_GE(cell_.sent(CellMessage::ask, LB1, ServerId::b2), 1U) << "it asks";
  EXPECT_EQ(cell_.count(Role::lost), 0U);
}

TEST_F(TakeoverPath, ARefusalOfAnEpochThatIsNotOursIsNoNews) {
  Refused refused{};
  refused.of = static_cast<uint8_t>(CellMessage::accept);
  refused.epoch = make_epoch(0, LB1).value;
  refused.promised = make_epoch(40, LB2).value;
  refused.incarnation = kLives[0];
  const unsigned asked = cell_.sent(CellMessage::ask, LB1, ServerId::b2);
  cell_.deliver({ServerId::b1, LB1, message_of(CellMessage::refused, refused)});
  cell_.run(milliseconds(30));
  EXPECT_TRUE(cell_.lb().active());
  EXPECT_EQ(cell_.sent(CellMessage::ask, LB1, ServerId::b2), asked);
  EXPECT_EQ(cell_.lb().highest_seen(), make_epoch(40, LB2)) << "but the number is remembered";
}

TEST_F(TakeoverPath, Takeover5ACandidateNeverRaisesItBacksOff) {
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(50));
  // Two backends have promised a high number that LB 2 never heard of; it hears only refusals.
  cell_.lost = [](const Flight& f) { return touches(f, LB1) || f.type() == CellMessage::promise; };
  claim();
  cell_.run(milliseconds(2));
  for (const ServerId b : {ServerId::b1, ServerId::b2}) {
    cell_.deliver({LB1, b, prepare_of(make_epoch(50, LB1), 0xEE)});
  }
  cell_.run(milliseconds(8));
  EXPECT_EQ(cell_.lb(1).role(), LbRole::standby);
  EXPECT_EQ(cell_.count(Role::lost, 1), 0U) << "it held nothing";
  claim();
  EXPECT_EQ(cell_.lb(1).role(), LbRole::standby) << "not before its back-off is over";
  cell_.lost = cut_off({LB1});
  cell_.run(kBackoffMax + kBackoffMin);
  claim();
  cell_.run(milliseconds(60));
  EXPECT_TRUE(cell_.lb(1).active());
  EXPECT_GT(cell_.lb(1).epoch(), make_epoch(50, LB1));
}

TEST_F(TakeoverPath, AClaimThatReachesTooFewGivesUp) {
  cell_.lost = cut_off({LB1, ServerId::b1, ServerId::b2});
  cell_.run(milliseconds(50));
  claim();
  EXPECT_EQ(cell_.lb(1).role(), LbRole::asking);
  cell_.run(kAskGiveUp + milliseconds(5));
  EXPECT_EQ(cell_.lb(1).role(), LbRole::standby);
  // Asked by two, promised by none.
  cell_.lost = [](const Flight& f) { return touches(f, LB1) || f.type() == CellMessage::promise; };
  cell_.run(milliseconds(50));
  claim();
  cell_.run(milliseconds(10));
  EXPECT_EQ(cell_.lb(1).role(), LbRole::preparing);
  cell_.run(kPrepareGiveUp);
  EXPECT_EQ(cell_.lb(1).role(), LbRole::standby);
}

TEST_F(TakeoverPath, Review3_5ASourceThatGivesNothingIsLeftOutOfTheNextEpoch) {
  // Backend 3 alone has entry 2, promises, and then dies: nobody else can reach the chosen log.
  cell_.lost = [](const Flight& f) {
    return f.from == LB1 && f.type() == CellMessage::accept && f.to != ServerId::b3;
  };
  ASSERT_EQ(cell_.propose("op", 1), Admit::taken);
  cell_.run(milliseconds(2));
  cell_.lost = [](const Flight& f) {
    return touches(f, LB1) ||
           (f.from == ServerId::b3 && f.type() != CellMessage::promise && f.type() != CellMessage::heard);
  };
  cell_.run(milliseconds(50));
  claim();
  cell_.run(milliseconds(100));
  ASSERT_EQ(cell_.lb(1).role(), LbRole::starting);
  const Epoch first = cell_.lb(1).epoch();
  cell_.lost = cut_off({LB1, ServerId::b3});
  cell_.run(kStartNoProgress + milliseconds(300));
  EXPECT_TRUE(cell_.lb(1).active());
  EXPECT_GT(cell_.lb(1).epoch(), first) << "never a second choice in the same epoch (review A7b)";
  EXPECT_EQ(cell_.backend(B1).acceptor.log().last(), Seq{2});
  EXPECT_EQ(cell_.backend(B1).acceptor.log().entry(Seq{2}).kind, EntryKind::epoch_start);
}

TEST_F(TakeoverPath, Review3_9AnEpochIsConfirmedByTwoOrFoundLost) {
  EXPECT_TRUE(cell_.lb().confirm(cell_.now));
  cell_.run(milliseconds(10));
  EXPECT_EQ(cell_.count(Role::confirmed), 1U);
  EXPECT_FALSE(cell_.lb(1).confirm(cell_.now)) << "a standby has nothing to confirm";
  // With one backend in reach nothing is confirmed, and nothing lost.
  cell_.lost = cut_off({ServerId::b2, ServerId::b3});
  EXPECT_TRUE(cell_.lb().confirm(cell_.now));
  cell_.run(milliseconds(600));
  EXPECT_EQ(cell_.count(Role::confirmed), 1U);
  EXPECT_TRUE(cell_.lb().active());
  cell_.lost = kNothingLost;
  cell_.run(milliseconds(100));
  EXPECT_EQ(cell_.count(Role::confirmed), 2U) << "it went on asking";
}

TEST_F(TakeoverPath, AWordOfOneThatLostItsDiskConfirmsNothing) {
  // Backend 1 lost with its disk what it may have promised to the other LB, whether it knows that it did
  // (amnesiac) or takes itself for blank; backend 3 cannot be asked.
  unsigned confirmed = 0;
  for (const bool knows : {true, false}) {
    Acceptor::Options options = Bench::default_options(B1);
    options.amnesiac = knows;
    options.incarnation = Incarnation{0x99};
    cell_.backends[0] = std::make_unique<Bench>(B1, &options);
    cell_.lost = cut_off({ServerId::b3});
    EXPECT_TRUE(cell_.lb().confirm(cell_.now));
    cell_.run(milliseconds(100));
    EXPECT_EQ(cell_.count(Role::confirmed), confirmed);
    cell_.lost = kNothingLost;
    cell_.run(milliseconds(50));
    EXPECT_EQ(cell_.count(Role::confirmed), ++confirmed);
  }
}

TEST_F(TakeoverPath, AHolderThatWasReplacedWhileItSleptLearnsItBeforeItAnnounces) {
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(50));
  claim();
  cell_.run(milliseconds(60));
  ASSERT_TRUE(cell_.lb(1).active());
  cell_.lost = kNothingLost;
  cell_.lb().confirm(cell_.now);
  cell_.run(milliseconds(20));
  EXPECT_EQ(cell_.count(Role::confirmed), 0U);
  EXPECT_EQ(cell_.lb().role(), LbRole::standby);
  EXPECT_EQ(cell_.count(Role::lost), 1U);
  EXPECT_TRUE(cell_.lb(1).active());
}

TEST_F(TakeoverPath, ResigningDropsTheEpochAtOnce) {
  ASSERT_EQ(cell_.propose("op", 1), Admit::taken);
  cell_.lb().resign(Cause::asked, cell_.now, cell_.output(0));
  cell_.collect(0);
  EXPECT_EQ(cell_.lb().role(), LbRole::standby);
  EXPECT_EQ(cell_.count(Role::lost), 1U);
  EXPECT_EQ(cell_.changes[0].back().cause, Cause::asked);
  EXPECT_EQ(cell_.propose("op", 2), Admit::not_active);
}

TEST_F(TakeoverPath, Review2_8TimesGoOnFromThePromisesNotFromThisLbsOwnIdea) {
  const auto cell_time = [this] {
    const LogView& log = cell_.backend(B1).acceptor.log();
    return log.entry(log.last()).cell;
  };
  cell_.run(seconds(2));
  ASSERT_EQ(cell_.propose("op", 1), Admit::taken);
  cell_.run(milliseconds(10));
  const CellTime before = cell_time();
  cell_.lost = cut_off({LB1});
  cell_.run(seconds(30));  // an outage
  claim();
  cell_.run(milliseconds(60));
  ASSERT_TRUE(cell_.lb(1).active());
  EXPECT_GE(cell_time(), before);
  EXPECT_LE(cell_time() - before, milliseconds(60)) << "review A13: an outage ages no lease";
}

// ---- what an idle LB sends

TEST(KeepAlive, TellsFitNextAndCommitEveryIntervalAndIsAnswered) {
  SmallCell cell;
  cell.begin();
  cell.history.clear();
  cell.run(milliseconds(100));
  EXPECT_GE(cell.sent(CellMessage::keepalive, LB1, ServerId::b2), 8U);
  EXPECT_LE(cell.sent(CellMessage::keepalive, LB1, ServerId::b2), 11U);
  EXPECT_GE(cell.sent(CellMessage::heard, ServerId::b2, LB1), 2U) << "every fourth is answered";
  EXPECT_LE(cell.sent(CellMessage::heard, ServerId::b2, LB1), 3U);
  for (const Flight& flight : cell.history) {
    const CellView view = testing::opened(flight.bytes);
    if (const auto* keepalive = std::get_if<KeepaliveView>(&view)) {
      EXPECT_EQ(keepalive->header->flags & ~kQuiet, kFit);
      EXPECT_EQ(keepalive->header->next, 2U);
      EXPECT_EQ(keepalive->header->commit, 1U);
      EXPECT_EQ(keepalive->header->heartbeat_us, 10'000U);
    }
  }
  EXPECT_EQ(cell.sent(CellMessage::accept, LB1, ServerId::b2), 0U) << "no leases: no Ticks";
}

TEST(KeepAlive, AnLbThatLostItsClientsSaysSoAndCanBeFollowed) {
  SmallCell cell;
  cell.begin();
  cell.lb().set_fit(false);
  cell.run(milliseconds(20));
  cell.lb(1).claim(Cause::peer_unfit, cell.now);
  cell.run(milliseconds(60));
  EXPECT_TRUE(cell.lb(1).active());
}

TEST(KeepAlive, AnIdleLbTicksEachQuarterSecondWhileLeasesLive) {
  SmallCell cell;
  cell.begin();
  for (const Slot slot : kSlots) {
    cell.backend(slot).machine.live = true;
  }
  cell.run(milliseconds(1'100));
  const Seq last = cell.lb().last_ordered();
  EXPECT_GE(last, Seq{5});
  EXPECT_LE(last, Seq{6});
  EXPECT_EQ(cell.backend(B1).acceptor.log().entry(last).kind, EntryKind::tick);
}

TEST(KeepAlive, Review3_10MoreDueMakesATickFollowAtOnce) {
  SmallCell cell;
  cell.begin();
  for (const Slot slot : kSlots) {
    cell.backend(slot).machine.due = true;
  }
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(60));
  EXPECT_GE(cell.lb().last_ordered(), Seq{10});
}

// ---- Missing

TEST(MissingPath, EntriesOfItsEpochComeAsAcceptsAndOlderOnesItDoesNotHave) {
  SmallCell cell;
  cell.begin();
  for (uint32_t i = 0; i < 5; ++i) {
    ASSERT_EQ(cell.propose("op", i), Admit::taken);
  }
  cell.run(milliseconds(20));
  const auto ask = [&cell](uint64_t from, uint64_t to) {
    Missing missing{};
    missing.datagrams = 4;
    missing.number = 9;
    missing.from = from;
    missing.to = to;
    cell.deliver({ServerId::b3, LB1, message_of(CellMessage::missing, missing)});
    return testing::take_letters(cell.outboxes[0]);
  };
  std::vector<testing::Letter> letters = ask(3, 6);
  ASSERT_EQ(only<AcceptView>(letters).size(), 1U);
  EXPECT_EQ(only<AcceptView>(letters)[0].header->first, 3U);
  EXPECT_EQ(only<AcceptView>(letters)[0].header->items, 4U);
  EXPECT_TRUE(letters[0].to == ServerSet(ServerId::b3));
  for (const uint64_t absent : {uint64_t{7}, kSeqMax}) {
    letters = ask(absent, absent);
    ASSERT_EQ(only<EntriesView>(letters).size(), 1U) << absent;
    EXPECT_EQ(only<EntriesView>(letters)[0].header->count, 0U);
    EXPECT_EQ(only<EntriesView>(letters)[0].header->number, 9U);
  }
}

TEST(Names, EveryCauseHasOne) {
  std::vector<std::string> names;
  for (uint8_t i = 0; i <= static_cast<uint8_t>(Cause::no_progress); ++i) {
    names.emplace_back(name_of(static_cast<Cause>(i)));
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace tercet::quorum
