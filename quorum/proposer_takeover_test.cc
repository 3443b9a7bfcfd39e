#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

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
  EXPECT_EQ(cell_.lb().greets(cell_.now.mono), Admit::busy);
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
  EXPECT_EQ(cell_.lb().greets(cell_.now.mono), Admit::busy) << "it knows no decided time of its epoch yet";
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

}  // namespace
}  // namespace tercet::quorum
