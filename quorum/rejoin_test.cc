// A backend that lost its disk comes back as another incarnation (DESIGN §2 "First start, lost disks, wrong
// backends"), and one whose book is wrong builds it anew.

#include "quorum/acceptor_rig.h"
#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

constexpr Incarnation kNewLife{0x44};

/// Backend 1 as another incarnation, on an empty disk.
Acceptor::Options reborn(Slot slot = Slot::one, bool knows = true) {
  Acceptor::Options options = Bench::default_options(slot);
  options.incarnation = kNewLife;
  options.amnesiac = knows;
  return options;
}

Story& rejoin(Story& story, Epoch epoch, Slot slot = Slot::one, Incarnation incarnation = kNewLife) {
  RejoinBody body{};
  body.incarnation = incarnation.value;
  body.replaced = life_of(slot).value;
  body.slot = static_cast<uint8_t>(index(slot));
  return story.add(EntryKind::rejoin, epoch, bytes_of(body));
}

// ---- the backend's side

class Reborn : public ::testing::Test {
 protected:
  Reborn() {
    story_.genesis(kE1).ops(kE1, 4);
    rejoin(story_, kE1);
    story_.ops(kE1, 3);
  }
  /// Pulls the story up to `to` from backend 2, whose commit is `commit`, for an LB whose own is `decided`.
  std::vector<Letter> pull(uint64_t to, uint64_t commit, uint64_t decided) {
    const Story part = story_.until(to);
    b_.hear(ServerId::lb1, keepalive_of(part, kE1, decided, {part.s(Seq{decided}).low, 0}));
    std::vector<Letter> sent = b_.poll();
    for (unsigned turn = 0; turn < 3; ++turn) {
      for (const MissingView& missing : only<MissingView>(sent)) {
        // The LB does not have these any more; the peer has.
        EntriesHeader none{};
        none.number = missing.header->number;
        none.first = missing.header->from;
        b_.hear(ServerId::lb1, message_of(CellMessage::entries, none));
        b_.hear(ServerId::b2, entries_of(story_, missing.header->from, to, commit, missing.header->number));
      }
      for (Letter& letter : b_.poll()) {
        sent.push_back(std::move(letter));
      }
    }
    return sent;
  }
  uint8_t flags() {
    b_.hear(ServerId::lb1, ask_of(1));
    return only<HeardView>(b_.letters()).at(0).header->flags;
  }
  uint8_t traits() {
    b_.hear(ServerId::lb1, ask_of(1));
    return only<HeardView>(b_.letters()).at(0).header->traits;
  }
  Story story_;
  Acceptor::Options options_ = reborn();
  Bench b_{Slot::one, &options_};
};

TEST_F(Reborn, AsksForItsRejoinUntilALogNamesIt) {
  EXPECT_EQ(traits(), kAsksRejoin | kNewcomer);
  pull(5, 5, 5);
  EXPECT_EQ(b_.acceptor.log().last(), Seq{5});
  EXPECT_EQ(traits(), kAsksRejoin | kNewcomer) << "that log names its former incarnation";
  EXPECT_EQ(flags() & (kMember | kAmnesiac), kAmnesiac);
  pull(6, 6, 5);
  EXPECT_EQ(traits(), kNewcomer);
}

TEST_F(Reborn, VotesOnlyOnceItsRejoinIsDecidedAndItsAdmissionIsDurable) {
  pull(7, 7, 5);  // the LB's own tally is not yet there
  EXPECT_EQ(b_.acceptor.log().last(), Seq{7});
  EXPECT_FALSE(b_.acceptor.member()) << "named, but a peer's commit admits nobody";
  b_.take(story_, 8, 8, kE1, with_commit(story_, 7));
  EXPECT_EQ(votes_text(b_.poll()), "none") << "and it takes no Accepts";
  pull(8, 8, 7);
  EXPECT_TRUE(b_.acceptor.member());
  EXPECT_FALSE(b_.acceptor.amnesiac());
  b_.take(story_, 9, 9, kE1, with_commit(story_, 8));
  EXPECT_EQ(votes_text(b_.poll()), "9-9");
}

TEST_F(Reborn, IsNoMemberBeforeTheRecordOfItsAdmissionIsDurable) {
  pull(7, 7, 5);
  b_.hear(ServerId::lb1, keepalive_of(story_.until(7), kE1, 7, {story_.s(Seq{7}).low, 0}));
  b_.tick();
  EXPECT_FALSE(b_.acceptor.member());
  const auto written = std::find_if(b_.disk.begin(), b_.disk.end(),
                                    [](const auto& record) { return record.first == RecordType::admitted; });
  ASSERT_NE(written, b_.disk.end());
  EXPECT_TRUE(b_.must_sync.at(static_cast<size_t>(written - b_.disk.begin())))
      << "on the disk also where durability is `memory`";
  b_.sync();
  EXPECT_TRUE(b_.acceptor.member());
}

TEST_F(Reborn, ReviewA3ItIsAdmittedWithAPromiseOfTheEpochThatAdmitsIt) {
  pull(9, 9, 9);
  ASSERT_TRUE(b_.acceptor.member());
  EXPECT_EQ(b_.acceptor.promised(), kE1);
  // A later LB admits: the Rejoin itself is of the epoch before.
  Bench later(Slot::one, &options_);
  Story chosen = story_.until(6);
  chosen.start(kE2, Slot::two);
  later.hear(ServerId::lb2, keepalive_of(chosen, kE2, 7, {chosen.s(Seq{7}).low, 0}));
  std::vector<Letter> letters = later.poll();
  later.hear(ServerId::lb2, entries_of(chosen, 1, 7, 0, only<MissingView>(letters).at(0).header->number));
  later.poll();
  ASSERT_TRUE(later.acceptor.member());
  EXPECT_EQ(later.acceptor.promised(), kE2);
  // And comes back with both after a crash.
  Acceptor again(options_);
  for (const auto& [type, bytes] : later.disk) {
    ASSERT_TRUE(again.replay(type, bytes));
  }
  testing::ToyMachine machine;
  again.recovered(machine);
  EXPECT_TRUE(again.member());
  EXPECT_EQ(again.promised(), kE2);
}

TEST_F(Reborn, AsksAgainWhenTheRejoinThatNamedItWasNeverDecidedAndIsCut) {
  pull(9, 5, 5);
  ASSERT_EQ(b_.acceptor.log().last(), Seq{9});
  EXPECT_EQ(traits(), kNewcomer) << "named, not decided";
  // The next LB chose a log without it.
  const Story chosen = story_.until(5).start(kE2, Slot::two);
  b_.hear(ServerId::lb2, keepalive_of(chosen, kE2, 6, {chosen.s(Seq{6}).low, 0}));
  const std::vector<Letter> letters = b_.poll();
  b_.hear(ServerId::lb2, entries_of(chosen, 6, 6, 6, only<MissingView>(letters).at(0).header->number));
  b_.poll();
  ASSERT_TRUE(b_.acceptor.log().matches(Seq{6}, chosen.l(Seq{6})));
  EXPECT_FALSE(b_.acceptor.lost()) << "it was no member, so nothing that it said can count";
  EXPECT_EQ(traits(), kAsksRejoin | kNewcomer);
}

TEST_F(Reborn, AnAdmissionThatFollowsNothingIsNotTrusted) {
  pull(9, 9, 9);
  const auto at = std::find_if(b_.disk.begin(), b_.disk.end(),
                               [](const auto& record) { return record.first == RecordType::admitted; });
  ASSERT_NE(at, b_.disk.end());
  Acceptor alone(options_);
  EXPECT_FALSE(alone.replay(at->first, at->second));
  AdmittedRecord other;
  other.rejoin = 3;
  Acceptor again(options_);
  for (const auto& [type, bytes] : b_.disk) {
    if (type == RecordType::admitted) {
      EXPECT_FALSE(again.replay(type, bytes_of(other)));
      EXPECT_FALSE(again.replay(type, bytes_of(other).first(sizeof other - 1)));
      break;
    }
    ASSERT_TRUE(again.replay(type, bytes));
  }
}

TEST_F(Reborn, BeforeItsAdmissionItPromisesNothingAndServesNobody) {
  pull(7, 7, 5);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  EXPECT_EQ(only<PromiseView>(b_.poll()).size(), 0U);
  b_.hear(ServerId::b3, missing_of(1, 3));
  const std::vector<Letter> letters = b_.letters();
  EXPECT_EQ(only<EntriesView>(letters).at(0).header->count, 0U);
}

TEST_F(AcceptorTest, OneWhosePlaceAnotherIncarnationHasIsLost) {
  Story story = base_;
  rejoin(story, kE1);
  story.ops(kE1, 1);
  settle(base_, 5);
  b_.take(story, 6, 7, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "none") << "its own log does not name it any more";
  EXPECT_FALSE(b_.acceptor.lost()) << "that Rejoin may yet be cut";
  b_.hear(ServerId::lb1, keepalive_of(story, kE1, 7, {story.s(Seq{7}).low, 0}));
  EXPECT_TRUE(b_.acceptor.lost());
  b_.letters();
  const Heard h = heard();
  EXPECT_EQ(h.flags & (kAmnesiac | kMember), kAmnesiac);
  EXPECT_EQ(h.traits, 0) << "never the same incarnation again: what it promised could count again";
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  EXPECT_EQ(only<PromiseView>(b_.poll()).size(), 0U);
}

TEST_F(AcceptorTest, WhatAnLbSaysOfTheOneBeforeUsIsNotSaidOfUs) {
  // Cut off from us it heard last of the incarnation whose place we took.
  settle(base_, 3);
  Keepalive message{};
  message.flags = kFit;
  message.epoch = kE1.value;
  message.instance = 0xA1;
  message.next = 6;
  message.last_l = base_.l(Seq{5});
  message.lost = life_of(Slot::one).value + 1;
  b_.hear(ServerId::lb1, message_of(CellMessage::keepalive, message));
  EXPECT_FALSE(b_.acceptor.lost());
}

TEST_F(AcceptorTest, OneThatIsToldThatItLostEntriesNeitherVotesNorPromisesNorPulls) {
  settle(base_, 3);
  Keepalive message{};
  message.flags = kFit;
  message.lost = life_of(Slot::one).value;
  message.heartbeat_us = 10'000;
  message.epoch = kE1.value;
  message.instance = 0xA1;
  message.next = 6;
  message.last_l = base_.l(Seq{5});
  b_.hear(ServerId::lb1, message_of(CellMessage::keepalive, message));
  EXPECT_TRUE(b_.acceptor.lost());
  b_.take(base_, 4, 5, kE1);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  const std::vector<Letter> letters = b_.poll();
  EXPECT_EQ(votes_text(letters), "none");
  EXPECT_EQ(only<PromiseView>(letters).size(), 0U);
  EXPECT_EQ(only<MissingView>(letters).size(), 0U);
}

// ---- a book that is wrong

TEST_F(AcceptorTest, ABookThatWasDamagedIsBuiltAnewFromTheLogAndCountsAgain) {
  b_.machine.corrupt_at = Seq{3};
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  EXPECT_TRUE(b_.acceptor.divergent());
  b_.machine.corrupt_at = {};  // it was the memory, not the code
  b_.poll();
  EXPECT_FALSE(b_.acceptor.divergent());
  EXPECT_EQ(b_.acceptor.applied(), Seq{5});
  EXPECT_EQ(b_.acceptor.log().s_at(Seq{5}), base_.s(Seq{5}));
  EXPECT_EQ(b_.acceptor.promised(), kE1);
  EXPECT_EQ(b_.acceptor.counters().rebuilds, 1U);
}

TEST_F(AcceptorTest, ALongLogIsAppliedAnewInSlicesAndVotesWaitForTheBook) {
  constexpr uint64_t kCount = 5 * kApplyAtOnce;
  const Story story = Story(base_).ops(kE1, kCount);
  for (uint64_t seq = 1; seq <= story.last().value; ++seq) {
    b_.take(story, seq, seq, kE1);
  }
  b_.poll();
  b_.machine.corrupt_at = Seq{3};
  b_.machine.reset();  // what is in memory is not what the log says
  b_.machine.corrupt_at = {};
  b_.hear(ServerId::lb1, keepalive_of(story, kE1, story.last().value, {1, 0}));
  ASSERT_TRUE(b_.acceptor.divergent());
  EXPECT_EQ(b_.tick(), b_.now.mono) << "again at once";
  EXPECT_EQ(b_.acceptor.applied(), Seq{kApplyAtOnce});
  b_.letters();
  EXPECT_EQ(heard().flags & (kDivergent | kCatchingUp), kDivergent | kCatchingUp);
  // Meanwhile the cell goes on: what comes is kept, and voted on when the book is there.
  Story more = Story(story).ops(kE1, 1);
  b_.take(more, more.last().value, more.last().value, kE1, with_commit(story, story.last().value));
  b_.tick();
  b_.sync();
  EXPECT_EQ(votes_text(b_.letters()), "none");
  unsigned ticks = 2;
  while (b_.acceptor.applied() < more.last()) {
    b_.tick();
    ASSERT_LT(++ticks, 10U);
  }
  b_.tick();
  EXPECT_FALSE(b_.acceptor.divergent());
  const std::string last = std::to_string(more.last().value);
  EXPECT_EQ(votes_text(b_.letters()), last + "-" + last);
}

TEST_F(AcceptorTest, ABookThatComputesWrongThingsIsTriedAgainMoreAndMoreRarely) {
  b_.machine.corrupt_at = Seq{3};
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  for (int ms = 0; ms < 120'000; ms += 10) {
    b_.poll();
    b_.pass(milliseconds(10));
  }
  EXPECT_TRUE(b_.acceptor.divergent());
  // After 0, 1, 3, 7, 15, 31, 63 s.
  EXPECT_EQ(b_.acceptor.counters().rebuilds, 7U);
}

TEST_F(AcceptorTest, ACutWhileTheBookIsBuiltAnewLeavesNothingOfWhatWasCutInIt) {
  constexpr uint64_t kCount = 2 * kApplyAtOnce;
  const Story ours = Story(base_).ops(kE1, kCount);
  for (uint64_t seq = 1; seq <= ours.last().value; ++seq) {
    b_.take(ours, seq, seq, kE1);
  }
  b_.poll();
  b_.hear(ServerId::lb1, keepalive_of(ours, kE1, 5, {1, 0}));
  b_.tick();
  ASSERT_EQ(b_.acceptor.applied(), Seq{kApplyAtOnce});
  const Story theirs = Story(base_).start(kE2, Slot::two).ops(kE2, 3);
  b_.take(theirs, 6, 9, kE2);  // below what is applied already
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().s_at(Seq{9}), theirs.s(Seq{9}));
  const Story third = Story(base_).start(kE3, Slot::two);
  b_.take(third, 6, 6, kE3);
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().s_at(Seq{6}), third.s(Seq{6}));
}

// ---- the LB's side

class Rejoining : public ::testing::Test {
 protected:
  Rejoining() {
    cell_.begin();
    propose(3);
  }
  void propose(uint32_t n) {
    for (uint32_t i = 0; i < n; ++i) {
      ++tag_;
      EXPECT_EQ(cell_.propose("op " + std::to_string(tag_), tag_), Admit::taken);
      cell_.run(milliseconds(5));
      EXPECT_TRUE(cell_.answered(tag_)) << tag_;
    }
  }
  void lose_disk(Slot slot, bool knows, Incarnation incarnation = kNewLife) {
    Acceptor::Options options = reborn(slot, knows);
    options.incarnation = incarnation;
    cell_.backends[index(slot)] = std::make_unique<Bench>(slot, &options);
  }
  BackendState state(Slot slot, unsigned lb = 0) { return cell_.lb(lb).backend_state(slot, cell_.now.mono); }
  Acceptor& acceptor(Slot slot) { return cell_.backend(slot).acceptor; }
  unsigned rejoins() {
    unsigned n = 0;
    const LogView& log = acceptor(B2).log();
    for (Seq seq{1}; seq <= log.last(); seq = next(seq)) {
      n += log.entry(seq).kind == EntryKind::rejoin ? 1 : 0;
    }
    return n;
  }
  SmallCell cell_;
  uint32_t tag_ = 0;
};

TEST_F(Rejoining, AWipedBackendVotesAgainByItself) {
  for (const bool knows : {true, false}) {
    lose_disk(B1, knows, Incarnation{knows ? 0x44U : 0x55U});
    cell_.run(milliseconds(20));
    propose(5);
    cell_.run(milliseconds(300));
    EXPECT_EQ(state(B1), BackendState::voting);
    EXPECT_TRUE(acceptor(B1).member());
    EXPECT_EQ(acceptor(B1).log().last(), acceptor(B2).log().last());
    EXPECT_EQ(acceptor(B1).log().s_at(acceptor(B1).log().last()),
              acceptor(B2).log().s_at(acceptor(B2).log().last()));
  }
  EXPECT_EQ(rejoins(), 2U) << "one each";
  // It counts: with one of the others away, the cell works on.
  cell_.lost = cut_off({ServerId::b2});
  propose(5);
}

TEST_F(Rejoining, IsOrderedOnlyWhileBothOthersVote) {
  cell_.lost = cut_off({ServerId::b2});
  cell_.run(milliseconds(600));
  ASSERT_EQ(state(B2), BackendState::down);
  lose_disk(B1, true);
  cell_.run(milliseconds(600));
  EXPECT_EQ(state(B1), BackendState::amnesiac);
  EXPECT_FALSE(cell_.lb().serving(cell_.now.mono));
  cell_.lost = kNothingLost;
  cell_.run(milliseconds(600));
  EXPECT_EQ(state(B1), BackendState::voting);
  EXPECT_EQ(state(B2), BackendState::voting);
  EXPECT_EQ(rejoins(), 1U);
}

TEST_F(Rejoining, ANewLbGoesOnWithARejoinThatItFinds) {
  lose_disk(B1, true);
  // The Rejoin reaches the two others, but nothing reaches backend 1 any more, and LB 1 dies.
  const auto no_first = cut_off({ServerId::b1});
  for (int i = 0; i < 100 && rejoins() == 0; ++i) {
    cell_.run(milliseconds(1));
  }
  ASSERT_EQ(rejoins(), 1U);
  cell_.lost = [&](const Flight& f) { return no_first(f) || touches(f, LB1); };
  cell_.run(milliseconds(100));
  cell_.lb(1).claim(Cause::peer_silent, cell_.now);
  cell_.run(milliseconds(100));
  ASSERT_TRUE(cell_.lb(1).active());
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(400));
  EXPECT_EQ(state(B1, 1), BackendState::voting);
  EXPECT_EQ(rejoins(), 1U);
  EXPECT_GE(acceptor(B1).promised(), cell_.lb(1).epoch());
}

TEST_F(Rejoining, OneThatLostEntriesIsToldSoAndItsOwnerStartsItOver) {
  const auto old = cell_.backend(B3).disk;
  propose(5);
  auto again = std::make_unique<Bench>(B3);
  for (const auto& [type, bytes] : old) {
    ASSERT_TRUE(again->acceptor.replay(type, bytes));
  }
  again->acceptor.recovered(again->machine);
  cell_.backends[index(B3)] = std::move(again);
  cell_.run(milliseconds(100));
  EXPECT_EQ(state(B3), BackendState::amnesiac);
  EXPECT_TRUE(acceptor(B3).lost());
  EXPECT_EQ(rejoins(), 0U) << "not as the same incarnation";
  lose_disk(B3, true);
  cell_.run(milliseconds(300));
  EXPECT_EQ(state(B3), BackendState::voting);
}

TEST_F(Rejoining, AnOutvotedBackendBuildsItsBookAnewAndCountsAgain) {
  cell_.backend(B1).machine.corrupt_at = Seq{tag_ + 3};
  propose(4);
  EXPECT_EQ(cell_.lb().outvoted().size(), 1U);
  cell_.backend(B1).machine.corrupt_at = {};
  cell_.run(milliseconds(1500));
  propose(1);
  cell_.run(milliseconds(100));
  EXPECT_EQ(state(B1), BackendState::voting);
}

TEST_F(Rejoining, UnderAStreamOfEntriesTheNewOneCatchesUpAndIsAdmitted) {
  propose(300);
  lose_disk(B2, true);
  for (int i = 0; i < 400; ++i) {
    cell_.propose("stream", 100'000U + static_cast<uint32_t>(i));
    cell_.run(milliseconds(1));
  }
  EXPECT_EQ(state(B2), BackendState::voting);
  EXPECT_TRUE(acceptor(B2).member());
}

}  // namespace
}  // namespace tercet::quorum
