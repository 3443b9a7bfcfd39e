#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

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
  const auto first = propose_and_tick(0, 20);
  ASSERT_EQ(only<AcceptView>(first).size(), 1U);
  for (uint32_t i = 20; i < 30; ++i) {
    EXPECT_TRUE(only<AcceptView>(propose_and_tick(i, i + 1)).empty()) << "twenty are undecided";
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
  EXPECT_EQ(accepts[0].header->first, 22U);
  cell.run(milliseconds(60));
  for (uint32_t i = 0; i < 30; ++i) {
    EXPECT_TRUE(cell.answered(i)) << i;
  }
}

TEST(NormalCase, AtOneOutstandingRoundsChangeNothing) {
  // Up to eight outstanding every operation leaves in the very tick, and rounds on or off send the same
  // bytes.
  const auto sent = [](bool on, uint32_t outstanding) {
    SmallCell cell({.rounds = {.on = on}});
    cell.begin();
    std::vector<std::vector<uint8_t>> accepts;
    for (uint32_t round = 0; round < 8; ++round) {
      for (uint32_t i = 0; i < outstanding; ++i) {
        EXPECT_EQ(cell.propose("renew", round * 10 + i), Admit::taken);
        cell.lb().tick(cell.now, cell.output(0));
        const auto letters = testing::take_letters(cell.outboxes[0]);
        EXPECT_EQ(only<AcceptView>(letters).size(), 1U) << outstanding << ": it did not wait";
        for (const auto& letter : letters) {
          accepts.push_back(letter.bytes);
        }
        cell.post(LB1, letters);
      }
      cell.run(milliseconds(6));
      EXPECT_TRUE(cell.answered(round * 10));
    }
    return accepts;
  };
  EXPECT_EQ(Rounds::Options{}.free, 8U);
  for (uint32_t outstanding = 1; outstanding <= 8; ++outstanding) {
    EXPECT_EQ(sent(true, outstanding), sent(false, outstanding));
  }
}

TEST(NormalCase, AReadDoesNotWaitForOperationsThatWaitForTheirRound) {
  SmallCell cell;
  cell.begin();
  cell.lost = [](const Flight& f) { return f.type() == CellMessage::vote; };
  for (uint32_t i = 0; i < 20; ++i) {
    ASSERT_EQ(cell.propose("renew", i), Admit::taken);
  }
  cell.lb().tick(cell.now, cell.output(0));
  ASSERT_EQ(cell.propose("late", 20), Admit::taken);
  ASSERT_EQ(cell.lb().read(as_bytes("usage"), Tag{50, 0}), Admit::taken);
  cell.lb().tick(cell.now, cell.output(0));
  const auto letters = testing::take_letters(cell.outboxes[0]);
  const auto accepts = only<AcceptView>(letters);
  ASSERT_GE(accepts.size(), 2U);
  EXPECT_EQ(accepts.back().header->first, 22U) << "its place: behind all that was sent";
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
  EXPECT_TRUE(busy);
  EXPECT_EQ(taken, 24U) << "the history less the window";
  cell.lost = kNothingLost;
  cell.run(milliseconds(500));
  EXPECT_EQ(cell.backend(B3).acceptor.log().last(), cell.lb().commit());
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

TEST_F(ReadPath, AnswersThatTakeLongerThanItWaitedForAreWaitedForLonger) {
  // Backends under more load than they can take: whatever is asked is answered, but 12 ms later.
  std::vector<std::pair<MonoTime, Flight>> late;
  cell_.lost = [&](const Flight& f) {
    if (f.type() == CellMessage::answer) {
      late.emplace_back(cell_.now.mono + milliseconds(12), f);
    }
    return f.type() == CellMessage::answer;
  };
  ASSERT_EQ(read(1), Admit::taken);
  for (int ms = 0; ms < 150 && !cell_.answered(1); ++ms) {
    cell_.run(milliseconds(1));
    while (!late.empty() && late.front().first <= cell_.now.mono) {
      const Flight flight = late.front().second;
      late.erase(late.begin());
      cell_.deliver(flight);
    }
  }
  EXPECT_TRUE(cell_.answered(1));
  EXPECT_LE(cell_.lb().read_misses(), 4U);
}

TEST_F(ReadPath, OneThatIsNeverAnsweredIsGivenUp) {
  cell_.lost = [](const Flight& f) { return f.type() == CellMessage::answer; };
  ASSERT_EQ(read(1), Admit::taken);
  cell_.run(milliseconds(4'900));
  EXPECT_EQ(cell_.find(1), nullptr);
  cell_.run(milliseconds(500));
  ASSERT_NE(cell_.find(1), nullptr);
  EXPECT_EQ(cell_.find(1)->kind, Outcome::Kind::unavailable);
  const uint64_t misses = cell_.lb().read_misses();
  EXPECT_LE(misses, 40U) << "asked again more and more rarely";
  cell_.run(seconds(1));
  EXPECT_EQ(cell_.lb().read_misses(), misses) << "and no more";
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
  cell.lost = cut_off({ServerId::b3});
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

TEST(MissingPath, WhoMissesWhatItVotedForIsAskedFirst) {
  SmallCell cell;
  cell.begin();
  for (uint32_t i = 0; i < 5; ++i) {
    ASSERT_EQ(cell.propose("op", i), Admit::taken);
  }
  cell.run(milliseconds(20));
  Missing missing{};
  missing.datagrams = 4;
  missing.from = 3;
  missing.to = 6;
  cell.deliver({ServerId::b3, LB1, message_of(CellMessage::missing, missing)});
  const std::vector<testing::Letter> letters = testing::take_letters(cell.outboxes[0]);
  EXPECT_TRUE(only<AcceptView>(letters).empty());
  ASSERT_EQ(only<KeepaliveView>(letters).size(), 1U);
  EXPECT_EQ(only<KeepaliveView>(letters)[0].header->flags & kQuiet, 0);
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
