#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

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

/// The third is away, and the two that are left differ about operation 1.
void split(SmallCell& cell) {
  cell.begin();
  cell.lost = cut_off({ServerId::b3});
  cell.run(milliseconds(400));
  cell.backend(B1).machine.lie_at = Seq{2};
  ASSERT_EQ(cell.propose("op", 1), Admit::taken);
  cell.run(milliseconds(20));
}

TEST(NormalCase, ReviewA18TwoThatDifferWithTheThirdAbsentIsASplitAndNobodyIsMarked) {
  SmallCell cell;
  split(cell);
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
  split(cell);
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

/// What is looked at once between two messages is looked at anew after each, though no time has passed.
TEST_F(Votes, WhoVotesIsSeenAtOnce) {
  ASSERT_EQ(cell_.propose("more", 3), Admit::taken);
  const auto divergent = [](VoteHeader& h) { h.flags |= kDivergent; };
  vote(B1, divergent);
  EXPECT_EQ(cell_.propose("more", 4), Admit::taken);
  vote(B2, divergent);
  EXPECT_FALSE(cell_.lb().serving(cell_.now.mono));
  EXPECT_EQ(cell_.lb().backend_state(B2, cell_.now.mono), BackendState::divergent);
  EXPECT_EQ(cell_.propose("more", 5), Admit::unavailable);
  vote(B2);
  EXPECT_TRUE(cell_.lb().serving(cell_.now.mono));
  EXPECT_EQ(cell_.propose("more", 5), Admit::taken);
  cell_.lb().resign(Cause::asked, cell_.now, cell_.output(0));
  EXPECT_EQ(cell_.propose("more", 6), Admit::not_active);
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

/// A backend's disk is put back to an older state while it is down (a snapshot, a restored backup).
class RolledBack : public ::testing::Test {
 protected:
  RolledBack() {
    cell_.begin();
    propose(4);
    old_ = cell_.backend(B3).disk;
    propose(40);
    EXPECT_EQ(cell_.lb().backends()[B3].acked, cell_.lb().last_ordered());
  }
  void propose(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      EXPECT_EQ(cell_.propose("op", ++tag_), Admit::taken);
      cell_.step();
    }
    cell_.run(milliseconds(20));
  }
  void come_back() {
    auto again = std::make_unique<Bench>(B3);
    for (const auto& [type, bytes] : old_) {
      ASSERT_TRUE(again->acceptor.replay(type, bytes));
    }
    again->acceptor.recovered(again->machine);
    cell_.backends[index(B3)] = std::move(again);
    cell_.lost = kNothingLost;
  }
  BackendState state() { return cell_.lb().backend_state(B3, cell_.now.mono); }
  SmallCell cell_;
  decltype(Bench::disk) old_;
  uint32_t tag_ = 0;
};

TEST_F(RolledBack, IsAmnesiacAfterAnAbsence) {
  cell_.lost = cut_off({ServerId::b3});
  cell_.run(milliseconds(600));
  ASSERT_EQ(state(), BackendState::down);
  come_back();
  cell_.run(milliseconds(100));
  EXPECT_EQ(state(), BackendState::amnesiac);
}

TEST_F(RolledBack, IsAmnesiacWhenTheCellWentOnMeanwhileToo) {
  cell_.lost = cut_off({ServerId::b3});
  cell_.run(milliseconds(600));
  propose(200);
  come_back();
  cell_.run(milliseconds(100));
  EXPECT_EQ(state(), BackendState::amnesiac);
}

TEST_F(RolledBack, IsAmnesiacThoughItWasAwayTooBrieflyToBeMissedAndAcceptsReachItFirst) {
  come_back();
  propose(20);
  cell_.run(milliseconds(100));
  EXPECT_EQ(state(), BackendState::amnesiac);
}

TEST_F(RolledBack, OneWhoseDiskKeptEverythingVotesAgain) {
  cell_.lost = cut_off({ServerId::b3});
  cell_.run(milliseconds(600));
  propose(200);
  old_ = cell_.backend(B3).disk;
  come_back();
  cell_.run(milliseconds(200));
  EXPECT_EQ(state(), BackendState::voting);
  EXPECT_EQ(cell_.lb().backends()[B3].acked, cell_.lb().last_ordered());
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

}  // namespace
}  // namespace tercet::quorum
