#include "quorum/acceptor_rig.h"

namespace tercet::quorum {
namespace {

// ---- takeover, 2

TEST_F(AcceptorTest, Takeover2APromiseTellsTheLogsEndMembersAndTimesWhenItIsDurable) {
  b_.take(base_, 1, 5, kE1, with_commit(base_, 3));
  b_.poll();
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.tick();
  EXPECT_TRUE(b_.letters().empty()) << "I6";
  b_.sync();
  b_.tick();
  const std::vector<Letter> letters = b_.letters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_TRUE(letters[0].to == ServerSet(ServerId::lb2));
  const PromiseHeader& h = *only<PromiseView>(letters).at(0).header;
  EXPECT_EQ(h.epoch, kE2.value);
  EXPECT_EQ(h.instance, 0xA2U);
  EXPECT_EQ(h.incarnation, kLives[0]) << "review A2";
  EXPECT_EQ(h.admitted, 1);
  EXPECT_EQ(h.last_epoch, kE1.value);
  EXPECT_EQ(h.last, 5U);
  EXPECT_EQ(h.last_l.get(), base_.l(Seq{5}));
  EXPECT_EQ(h.commit, 3U);
  EXPECT_EQ(h.cell_ms, as_unsigned(base_.entry(Seq{5}).cell.ms));
  EXPECT_EQ(h.wall_ms, as_unsigned(base_.entry(Seq{5}).wall.ms));
  EXPECT_TRUE(read_members(h.members).names(Slot::three, life_of(Slot::three)));
}

TEST_F(AcceptorTest, ReviewA4ThePromiseIsARecordBehindAllThatWasAppendedAndSyncedInAnyMode) {
  b_.take(base_, 1, 3, kE1);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.tick();
  ASSERT_EQ(b_.disk.size(), 4U);
  EXPECT_EQ(b_.disk[3].first, RecordType::promise);
  EXPECT_TRUE(b_.must_sync[3]) << "review A9";
  EXPECT_FALSE(b_.must_sync[0]);
  b_.acceptor.durable(Lsn{3});  // entries durable, the promise is not
  b_.tick();
  EXPECT_TRUE(b_.letters().empty()) << "neither the promise nor, any more, a vote for the old epoch";
  b_.acceptor.durable(Lsn{4});
  b_.tick();
  const std::vector<Letter> letters = b_.letters();
  ASSERT_EQ(only<PromiseView>(letters).size(), 1U);
  EXPECT_EQ(only<PromiseView>(letters)[0].header->last, 3U) << "it covers all that was appended before it";
}

TEST_F(AcceptorTest, ReviewA4NoVoteForAnOldEpochLeavesAfterAPromise) {
  b_.take(base_, 1, 5, kE1);
  b_.tick();
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  EXPECT_EQ(votes_text(b_.poll()), "none");
  // Nor is one made later, by a late Accept of the old epoch.
  b_.take(base_, 1, 5, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "none");
}

TEST_F(AcceptorTest, Takeover2ANumberIsPromisedOnceToOneInstanceARepeatGetsTheSameAnswer) {
  settle(base_, 5);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  const std::vector<Letter> first = b_.poll();
  ASSERT_EQ(only<PromiseView>(first).size(), 1U);
  const size_t records = b_.disk.size();
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  const std::vector<Letter> again = b_.poll();
  ASSERT_EQ(only<PromiseView>(again).size(), 1U);
  EXPECT_EQ(again[0].bytes, first[0].bytes);
  EXPECT_EQ(b_.disk.size(), records) << "nothing more to write";
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xBB));  // another life of that LB drew the same number
  const std::vector<Letter> other = b_.poll();
  EXPECT_EQ(only<PromiseView>(other).size(), 0U);
  EXPECT_EQ(only<RefusedView>(other).size(), 1U);
}

TEST_F(AcceptorTest, ARepeatedPrepareBeforeDurabilityIsNotAnsweredEarlier) {
  settle(base_, 5);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.tick();
  EXPECT_TRUE(b_.letters().empty());
  b_.sync();
  b_.tick();
  EXPECT_EQ(b_.letters().size(), 1U);
}

TEST_F(AcceptorTest, AHigherPrepareTakesTheHeldPromisesPlace) {
  settle(base_, 5);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.hear(ServerId::lb1, prepare_of(kE3, 0xA1));
  const std::vector<Letter> letters = b_.poll();
  ASSERT_EQ(only<PromiseView>(letters).size(), 1U);
  EXPECT_EQ(only<PromiseView>(letters)[0].header->epoch, kE3.value);
}

#ifdef TERCET_TEST_FAULTS
TEST_F(AcceptorTest, ThePlantedBugPromisesTooEarly) {
  settle(base_, 5);
  plant(Mutant::promise_before_durable);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.tick();
  plant(Mutant::none);
  EXPECT_EQ(b_.letters().size(), 1U);
}
#endif

// ---- takeover, 1: who was heard

TEST_F(AcceptorTest, Takeover1HeardIsAnAcceptOrKeepaliveThatSaysFitWithinThreeHeartbeats) {
  EXPECT_EQ(heard().heard, 0) << "nobody yet";
  b_.take(base_, 1, 2, kE1);
  EXPECT_EQ(heard().heard, 1);
  b_.pass(milliseconds(30));
  EXPECT_EQ(heard().heard, 1);
  b_.pass(milliseconds(1));
  EXPECT_EQ(heard().heard, 0);
  b_.hear(ServerId::lb1, keepalive_of(base_.until(2), kE1));
  b_.letters();
  EXPECT_EQ(heard().heard, 1);
}

TEST_F(AcceptorTest, Review3_6AnLbThatSaysUnfitMayBeFollowed) {
  settle(base_, 2);
  b_.hear(ServerId::lb1, keepalive_of(base_.until(2), kE1));
  b_.letters();
  EXPECT_EQ(heard().heard, 1);
  b_.hear(ServerId::lb1, keepalive_of(base_.until(2), kE1, 0, {}, /*fit=*/false));
  b_.letters();
  EXPECT_EQ(heard().heard, 0);
}

TEST_F(AcceptorTest, Review3_6ARestartedLbsOwnQuestionsAreNotHeard) {
  settle(base_, 2);
  b_.pass(seconds(1));
  EXPECT_EQ(heard(ServerId::lb1).heard, 0);
  EXPECT_EQ(heard(ServerId::lb1).heard, 0);
}

TEST_F(AcceptorTest, AnotherInstanceThanThePromisedOneIsNotHeard) {
  settle(base_, 5);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.poll();
  b_.hear(ServerId::lb2, keepalive_of(base_, kE2, 0, {}, true, 0xBB));
  b_.letters();
  EXPECT_EQ(heard().heard, 0);
  b_.hear(ServerId::lb2, keepalive_of(base_, kE2, 0, {}, true, 0xA2));
  b_.letters();
  EXPECT_EQ(heard().heard, 1);
}

TEST_F(AcceptorTest, APromiseToAnotherEndsTheOldHoldersBeingHeard) {
  settle(base_, 5);
  EXPECT_EQ(heard().heard, 1);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.poll();
  EXPECT_EQ(heard(ServerId::lb1).heard, 0);
  EXPECT_EQ(heard(ServerId::lb1).promised, kE2.value);
}

TEST_F(AcceptorTest, HeardTellsWhatAnLbMustKnow) {
  b_.take(base_, 1, 5, kE1, with_commit(base_, 4));
  b_.poll();
  b_.take(Story(base_).op(kE1, "more"), 6, 6, kE1);  // not durable yet
  const Heard h = heard();
  EXPECT_EQ(h.asked, 1);
  EXPECT_EQ(h.number, 5U);
  EXPECT_EQ(h.stamp, 77U);
  EXPECT_EQ(h.last, 6U);
  EXPECT_EQ(h.durable, 5U);
  EXPECT_EQ(h.durable_l.get(), base_.l(Seq{5}));
  EXPECT_EQ(h.commit, 4U);
  EXPECT_EQ(h.commit_s.get(), base_.s(Seq{4}));
  EXPECT_EQ(h.incarnation, kLives[0]);
}

}  // namespace
}  // namespace tercet::quorum
