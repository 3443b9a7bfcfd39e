#include "quorum/acceptor.h"

#include <gtest/gtest.h>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using testing::accept_of;
using testing::AcceptOptions;
using testing::ask_of;
using testing::Bench;
using testing::kLives;
using testing::Letter;
using testing::life_of;
using testing::message_of;
using testing::only;
using testing::prepare_of;
using testing::Story;

constexpr Epoch kE1 = make_epoch(1, ServerId::lb1);
constexpr Epoch kE2 = make_epoch(2, ServerId::lb2);
constexpr Epoch kE3 = make_epoch(3, ServerId::lb1);

std::vector<uint8_t> keepalive_of(const Story& story, Epoch epoch, uint64_t commit = 0, Hash128 s = {},
                                  bool fit = true, uint64_t instance = 0xA1) {
  Keepalive message{};
  message.flags = fit ? kFit : 0;
  message.heartbeat_us = 10'000;
  message.epoch = epoch.value;
  message.instance = instance;
  message.next = story.last().value + 1;
  message.last_l = story.l(story.last());
  message.commit = commit;
  message.commit_s = s;
  message.stamp = 4711;
  return message_of(CellMessage::keepalive, message);
}
std::vector<uint8_t> missing_of(uint64_t from, uint64_t to, uint8_t datagrams = 8, uint32_t number = 1) {
  Missing message{};
  message.datagrams = datagrams;
  message.number = number;
  message.from = from;
  message.to = to;
  return message_of(CellMessage::missing, message);
}
std::vector<uint8_t> entries_of(const Story& story, uint64_t from, uint64_t to, uint64_t commit,
                                uint32_t number) {
  EntriesHeader header{};
  header.number = number;
  header.first = from;
  header.prev_l = story.l(Seq{from - 1});
  header.commit = commit;
  std::vector<uint8_t> bytes(kCellPlainMax);
  EntriesWriter writer(bytes, header);
  for (uint64_t seq = from; seq <= to; ++seq) {
    EXPECT_TRUE(writer.add(story.entry(Seq{seq})));
  }
  bytes.resize(writer.finish());
  return bytes;
}
AcceptOptions with_commit(const Story& story, uint64_t commit) {
  AcceptOptions options;
  options.commit = commit;
  options.commit_s = {story.s(Seq{commit}).low, 0};
  return options;
}
/// "1-3" for a vote on 1..3, "none" without one.
std::string votes_text(const std::vector<Letter>& letters) {
  std::string text;
  for (const VoteView& vote : only<VoteView>(letters)) {
    text += (text.empty() ? "" : " ") + std::to_string(vote.header->first.get()) + "-" +
            std::to_string(vote.header->first + vote.header->count - 1);
  }
  return text.empty() ? "none" : text;
}

class AcceptorTest : public ::testing::Test {
 protected:
  /// Backend 1 holds `story` up to `to`, voted and told.
  void settle(const Story& story, uint64_t to, Epoch epoch = kE1) {
    b_.take(story, 1, to, epoch);
    b_.poll();
  }
  Heard heard(ServerId lb = ServerId::lb2) {
    b_.hear(lb, ask_of(5));
    const std::vector<Letter> letters = b_.letters();
    const auto views = only<HeardView>(letters);
    EXPECT_EQ(views.size(), 1U);
    return *views.at(0).header;
  }
  Bench b_{Slot::one};
  const Story base_ = Story().genesis(kE1).ops(kE1, 4);
};

// ---- normal case, 3

TEST_F(AcceptorTest, NormalCase3ItVotesWithResultAndSOfEachEntry) {
  b_.take(base_, 1, 5, kE1);
  const std::vector<Letter> letters = b_.poll();
  const auto votes = only<VoteView>(letters);
  ASSERT_EQ(votes.size(), 1U);
  const VoteHeader& h = *votes[0].header;
  EXPECT_TRUE(letters[0].to == ServerSet(ServerId::lb1)) << "to the holder of the epoch alone";
  EXPECT_EQ(h.epoch, kE1.value);
  EXPECT_EQ(h.incarnation, kLives[0]);
  EXPECT_EQ(h.first, 1U);
  EXPECT_EQ(h.count, 5U);
  EXPECT_EQ(h.last_l.get(), base_.l(Seq{5}));
  EXPECT_EQ(h.durable, 5U);
  EXPECT_EQ(h.wall_ms, as_unsigned(b_.now.wall.ms));
  EXPECT_EQ(h.flags, kMember);
  VoteWalk walk(votes[0]);
  Ballot ballot;
  testing::ToyMachine machine;
  Result result;
  for (uint64_t seq = 1; seq <= 5; ++seq) {
    ASSERT_TRUE(walk.next(ballot));
    EXPECT_EQ(ballot.seq, Seq{seq});
    EXPECT_EQ(ballot.s, base_.s(Seq{seq}).low) << "review 2.3: 64 bits of S for each entry";
    machine.apply(base_.entry(Seq{seq}), result);
    EXPECT_TRUE(equal(ballot.result, {result.data(), result.size()}));
  }
}

TEST_F(AcceptorTest, I6NoVoteBeforeDurability) {
  b_.take(base_, 1, 3, kE1);
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "none");
  b_.acceptor.durable(Lsn{2});
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "1-2") << "as far as the disk is";
  b_.take(base_, 4, 5, kE1);
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "none");
  b_.sync();
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "3-5");
}

#ifdef TERCET_TEST_FAULTS
TEST_F(AcceptorTest, ThePlantedBugVotesTooEarly) {
  plant(Mutant::vote_before_durable);
  b_.take(base_, 1, 3, kE1);
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "1-3");
  plant(Mutant::none);
}
#endif

TEST_F(AcceptorTest, NormalCase3OnAnotherLItAppendsNothingAndAsksForWhatIsMissing) {
  settle(base_, 2);
  b_.take(base_, 4, 5, kE1);  // 3 is missing
  const std::vector<Letter> letters = b_.poll();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{2});
  EXPECT_EQ(votes_text(letters), "none");
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].header->from, 3U);
  EXPECT_EQ(missing[0].header->to, 3U);
  EXPECT_TRUE(b_.acceptor.catching_up());
  // The LB answers with the Accept that was lost.
  b_.take(base_, 3, 5, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "3-5");
  EXPECT_FALSE(b_.acceptor.catching_up());
}

TEST_F(AcceptorTest, NormalCase3ALowerEpochIsRefused) {
  settle(base_, 5);
  b_.take(Story(base_).start(kE2, Slot::one), 6, 6, kE2);
  b_.poll();
  b_.take(Story(base_).op(kE1, "late"), 6, 6, kE1);
  const std::vector<Letter> letters = b_.poll();
  const auto refused = only<RefusedView>(letters);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].header->of, static_cast<uint8_t>(CellMessage::accept));
  EXPECT_EQ(refused[0].header->epoch, kE1.value);
  EXPECT_EQ(refused[0].header->promised, kE2.value);
  EXPECT_EQ(b_.acceptor.log().epoch_at(Seq{6}), kE2);
  b_.hear(ServerId::lb1, keepalive_of(base_, kE1));
  b_.hear(ServerId::lb1, prepare_of(kE1, 0xA1));
  const std::vector<Letter> more = b_.poll();
  ASSERT_EQ(only<RefusedView>(more).size(), 2U);
  EXPECT_EQ(only<RefusedView>(more)[0].header->of, static_cast<uint8_t>(CellMessage::keepalive));
  EXPECT_EQ(only<RefusedView>(more)[1].header->of, static_cast<uint8_t>(CellMessage::prepare));
}

TEST_F(AcceptorTest, Review2_7AHigherEpochsAcceptIsItselfThePromise) {
  settle(base_, 5);
  EXPECT_EQ(b_.acceptor.promised(), kE1);
  b_.take(Story(base_).start(kE2, Slot::one), 6, 6, kE2);
  EXPECT_EQ(b_.acceptor.promised(), kE2);
  EXPECT_EQ(votes_text(b_.poll()), "6-6");
  // Review 3.11: a Prepare of that number is refused afterwards, whoever sends it.
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA1));
  const std::vector<Letter> letters = b_.poll();
  EXPECT_EQ(only<PromiseView>(letters).size(), 0U);
  EXPECT_EQ(only<RefusedView>(letters).size(), 1U);
}

TEST_F(AcceptorTest, AHigherEpochWhoseAcceptDoesNotFitPromisesNothing) {
  settle(base_, 3);
  b_.take(Story(base_).start(kE2, Slot::two), 6, 6, kE2);
  EXPECT_EQ(b_.acceptor.promised(), kE1);
  EXPECT_EQ(votes_text(b_.poll()), "none");
}

TEST_F(AcceptorTest, ReviewA7dAShorterOrLateAcceptCutsNothing) {
  settle(base_, 5);
  b_.take(base_, 2, 3, kE1);
  b_.take(base_, 1, 1, kE1);
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{5});
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{5}, base_.l(Seq{5})));
  EXPECT_EQ(b_.acceptor.counters().cuts, 0U);
}

#ifdef TERCET_TEST_FAULTS
TEST_F(AcceptorTest, ThePlantedBugCutsForAShorterAccept) {
  settle(base_, 5);
  plant(Mutant::shorter_accept_cuts);
  b_.take(base_, 2, 3, kE1);
  plant(Mutant::none);
  EXPECT_EQ(b_.acceptor.log().last(), Seq{3});
}
#endif

TEST_F(AcceptorTest, NormalCase3ItCutsFromTheFirstSeqWhereItHoldsAnotherL) {
  const Story ours = Story(base_).ops(kE1, 3);                             // 6..8 of epoch 1
  const Story theirs = Story(base_).start(kE2, Slot::two).op(kE2, "new");  // 6, 7 of epoch 2
  settle(ours, 8);
  b_.take(theirs, 6, 7, kE2);
  EXPECT_EQ(b_.acceptor.log().last(), Seq{7});
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{7}, theirs.l(Seq{7})));
  EXPECT_EQ(b_.machine.undone, 3U);
  const std::vector<Letter> letters = b_.poll();
  const auto votes = only<VoteView>(letters);
  ASSERT_EQ(votes.size(), 1U);
  VoteWalk walk(votes[0]);
  Ballot ballot;
  ASSERT_TRUE(walk.next(ballot) && walk.next(ballot));
  EXPECT_EQ(ballot.s, theirs.s(Seq{7}).low) << "the book was taken back and applied anew";
}

TEST_F(AcceptorTest, WithoutUndoRecordsTheBookIsRebuiltAndStandsWhereItShould) {
  const Story ours = Story(base_).ops(kE1, 3);
  const Story theirs = Story(base_).start(kE2, Slot::two).op(kE2, "new");
  settle(ours, 8);
  b_.machine.forget_undo();
  b_.take(theirs, 6, 7, kE2);
  b_.poll();
  EXPECT_EQ(b_.machine.resets, 1U);
  EXPECT_EQ(b_.acceptor.log().s_at(Seq{7}), theirs.s(Seq{7}));
}

TEST_F(AcceptorTest, Review2_3ARepeatedAcceptIsVotedOnAgain) {
  settle(base_, 5);
  b_.take(base_, 2, 4, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "2-4");
  b_.take(base_, 5, 5, kE1);
  b_.take(base_, 1, 2, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "1-5") << "several at once: one vote over all";
}

TEST_F(AcceptorTest, AnOldVoteIsMadeOfKeptResultsOnly) {
  Acceptor::Options options = Bench::default_options(Slot::one);
  options.held.results = 4;
  Bench b(Slot::one, &options);
  b.take(base_, 1, 5, kE1);
  EXPECT_EQ(votes_text(b.poll()), "2-5");
}

TEST_F(AcceptorTest, DurableCountsForTheEntryThatIsThereNotForOneThatWasCut) {
  const Story ours = Story(base_).ops(kE1, 3);
  const Story theirs = Story(base_).start(kE2, Slot::two).ops(kE2, 2);
  b_.take(ours, 1, 8, kE1);
  b_.tick();  // eight records on their way to the disk
  b_.take(theirs, 6, 8, kE2);
  b_.tick();
  b_.acceptor.durable(Lsn{8});  // the old 6..8 are durable, the new ones are not
  b_.tick();
  EXPECT_EQ(b_.acceptor.durable_seq(), Seq{5});
  EXPECT_EQ(votes_text(b_.letters()), "none");
  b_.sync();
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "6-8");
}

// ---- commit and S(commit)

TEST_F(AcceptorTest, Review3_4CommitIsTheLesserOfWhatWasSentAndWhatThisAcceptProvedEqual) {
  const Story stale = Story(base_).ops(kE1, 10);  // 6..15 are an old epoch's
  settle(stale, 15);
  const Story real = Story(base_).start(kE2, Slot::two).ops(kE2, 9);
  // A late Accept proves 1..3 only, and says that 15 are decided.
  b_.take(stale, 1, 3, kE1, with_commit(real, 15));
  EXPECT_EQ(b_.acceptor.commit(), Seq{3});
  EXPECT_EQ(b_.machine.settled, Seq{3});
  EXPECT_FALSE(b_.acceptor.divergent()) << "S(15) is not compared with a suffix that may be stale";
}

TEST_F(AcceptorTest, CommitNeverFalls) {
  b_.take(base_, 1, 5, kE1, with_commit(base_, 4));
  EXPECT_EQ(b_.acceptor.commit(), Seq{4});
  b_.take(base_, 1, 2, kE1, with_commit(base_, 1));
  EXPECT_EQ(b_.acceptor.commit(), Seq{4});
}

TEST_F(AcceptorTest, CommitIsWrittenAlongWithTheNextBatchNeverAlone) {
  b_.take(base_, 1, 3, kE1);
  b_.poll();
  b_.take(base_, 1, 3, kE1, with_commit(base_, 3));
  const size_t before = b_.disk.size();
  b_.poll();
  EXPECT_EQ(b_.disk.size(), before);
  b_.take(base_, 4, 4, kE1);
  b_.poll();
  ASSERT_EQ(b_.disk.size(), before + 2);
  EXPECT_EQ(b_.disk.back().first, RecordType::commit);
  const auto* commit = header_of<CommitRecord>(b_.disk.back().second);
  EXPECT_EQ(commit->seq, 3U);
  EXPECT_EQ(commit->s.get().low, base_.s(Seq{3}).low);
}

TEST_F(AcceptorTest, ABackendWhoseSIsNotTheDecidedOneSaysSo) {
  b_.machine.corrupt_at = Seq{3};
  b_.take(base_, 1, 5, kE1, with_commit(base_, 2));
  EXPECT_FALSE(b_.acceptor.divergent());
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  EXPECT_TRUE(b_.acceptor.divergent()) << "review A5: silent damage to a book shows";
  const std::vector<Letter> letters = b_.poll();
  ASSERT_FALSE(only<VoteView>(letters).empty());
  EXPECT_EQ(only<VoteView>(letters)[0].header->flags & kDivergent, kDivergent);
  EXPECT_EQ(heard().flags & kDivergent, kDivergent);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  const std::vector<Letter> promise = b_.poll();
  ASSERT_EQ(only<PromiseView>(promise).size(), 1U) << "its Promise still counts";
  EXPECT_EQ(only<PromiseView>(promise)[0].header->flags & kDivergent, kDivergent);
}

TEST_F(AcceptorTest, AQuietKeepaliveIsAnsweredOnlyWhenThereIsNews) {
  const auto quiet = [](std::vector<uint8_t> bytes) {
    reinterpret_cast<Keepalive*>(bytes.data())->flags |= kQuiet;
    return bytes;
  };
  const auto answers = [&](const std::vector<uint8_t>& bytes) {
    b_.hear(ServerId::lb1, bytes);
    const std::vector<Letter> letters = b_.letters();
    return only<HeardView>(letters).size();
  };
  settle(base_, 5);
  EXPECT_EQ(answers(keepalive_of(base_, kE1)), 1U);
  EXPECT_EQ(answers(quiet(keepalive_of(base_, kE1))), 0U);
  EXPECT_EQ(answers(quiet(keepalive_of(base_, kE1, 5, {123, 0}))), 1U) << "it became divergent by that word";
  EXPECT_EQ(answers(quiet(keepalive_of(base_, kE1, 5, {123, 0}))), 0U) << "and has told so";
  EXPECT_EQ(answers(keepalive_of(base_, kE1)), 1U);
}

TEST_F(AcceptorTest, AKeepaliveComparesTooAndADivergentOneIsReadmittedWhenItsSIsRight) {
  settle(base_, 5);
  b_.hear(ServerId::lb1, keepalive_of(base_, kE1, 5, {123, 0}));
  EXPECT_TRUE(b_.acceptor.divergent());
  b_.hear(ServerId::lb1, keepalive_of(base_, kE1, 5, {base_.s(Seq{5}).low, 0}));
  EXPECT_FALSE(b_.acceptor.divergent());
}

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

// ---- first start, lost disks

TEST_F(AcceptorTest, FirstStartABlankOnePromisesButTakesOnlyAGenesisThatNamesIt) {
  b_.hear(ServerId::lb1, prepare_of(kE1, 0xA1));
  std::vector<Letter> letters = b_.poll();
  ASSERT_EQ(only<PromiseView>(letters).size(), 1U);
  const PromiseHeader& h = *only<PromiseView>(letters)[0].header;
  EXPECT_EQ(h.flags & (kBlank | kMember), kBlank);
  EXPECT_EQ(h.last, 0U);
  EXPECT_EQ(h.admitted, 0);

  b_.take(Story().genesis(kE1, {0x99, kLives[1], kLives[2]}), 1, 1, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "none") << "another life of slot 1 (review 3.1)";
  b_.take(Story().op(kE1, "no Genesis"), 1, 1, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "none");
  b_.take(Story().genesis(kE1, {kLives[1], kLives[0], kLives[2]}), 1, 1, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "none") << "named, but as slot 2";
  EXPECT_TRUE(b_.acceptor.log().empty());
  b_.take(base_, 1, 1, kE1);
  EXPECT_EQ(votes_text(b_.poll()), "1-1");
  EXPECT_TRUE(b_.acceptor.member());
}

TEST_F(AcceptorTest, AnAmnesiacOneNeitherPromisesNorVotesNorServesOthersButSaysSo) {
  Acceptor::Options options = Bench::default_options(Slot::one);
  options.amnesiac = true;
  Bench b(Slot::one, &options);
  b.hear(ServerId::lb1, prepare_of(kE1, 0xA1));
  b.take(base_, 1, 3, kE1);
  b.take(base_, 4, 4, kE1);
  b.hear(ServerId::lb1, keepalive_of(base_, kE1));
  const std::vector<Letter> letters = b.poll();
  EXPECT_EQ(only<PromiseView>(letters).size(), 0U);
  EXPECT_EQ(only<VoteView>(letters).size(), 0U);
  EXPECT_EQ(only<MissingView>(letters).size(), 0U);
  EXPECT_TRUE(b.disk.empty());
  ASSERT_EQ(only<HeardView>(letters).size(), 1U);
  EXPECT_EQ(only<HeardView>(letters)[0].header->flags & kAmnesiac, kAmnesiac);
}

TEST_F(AcceptorTest, AStoppedOneTakesNothingPromisesNothingAndSaysSo) {
  settle(base_, 3);
  b_.acceptor.stop();
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.take(base_, 4, 5, kE1);
  const std::vector<Letter> letters = b_.poll();
  EXPECT_EQ(votes_text(letters), "none");
  EXPECT_EQ(only<PromiseView>(letters).size(), 0U);
  EXPECT_EQ(b_.acceptor.log().last(), Seq{3}) << "keeps what it has";
  b_.hear(ServerId::lb2, ask_of(5));
  EXPECT_EQ(b_.letters().at(0).bytes.at(offsetof(Heard, flags)) & kStopped, kStopped);
  // What it has it still gives to the others.
  b_.hear(ServerId::b2, missing_of(1, 3));
  const std::vector<Letter> entries = b_.letters();
  EXPECT_EQ(only<EntriesView>(entries).size(), 1U);
}

TEST_F(AcceptorTest, ABlankOneOfACellThatHasOtherLivesDoesNotPullForEver) {
  const Story foreign = Story().genesis(kE1, {0x99, kLives[1], kLives[2]}).ops(kE1, 9);
  unsigned asked = 0;
  for (int i = 0; i < 100; ++i) {
    b_.hear(ServerId::lb1, keepalive_of(foreign, kE1, 5, {}));
    const std::vector<Letter> letters = b_.poll();
    for (const Letter& letter : letters) {
      CellView view;
      ASSERT_EQ(parse_cell(letter.bytes, view), Drop::none);
      if (const auto* missing = std::get_if<MissingView>(&view)) {
        ++asked;
        const ServerId from = letter.to.has(ServerId::lb1)  ? ServerId::lb1
                              : letter.to.has(ServerId::b2) ? ServerId::b2
                                                            : ServerId::b3;
        b_.hear(from, is_lb(from) ? entries_of(foreign, 1, 0, 5, missing->header->number)
                                  : entries_of(foreign, 1, 10, 5, missing->header->number));
      }
    }
    b_.pass(milliseconds(5));
  }
  EXPECT_TRUE(b_.acceptor.log().empty());
  EXPECT_LE(asked, 4U) << "45 kB a question, two hundred times a second";
  EXPECT_FALSE(b_.acceptor.catching_up());
}

// ---- Missing and Entries

TEST_F(AcceptorTest, MissingIsAnsweredWithEntriesAsManyAsWereAskedFor) {
  settle(base_, 5);
  b_.hear(ServerId::b3, missing_of(2, 4, 8, 77));
  std::vector<Letter> letters = b_.letters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_TRUE(letters[0].to == ServerSet(ServerId::b3));
  const EntriesHeader& h = *only<EntriesView>(letters)[0].header;
  EXPECT_EQ(h.number, 77U);
  EXPECT_EQ(h.first, 2U);
  EXPECT_EQ(h.count, 3U) << "2..4, not more";
  EXPECT_EQ(h.prev_l.get(), base_.l(Seq{1}));
  b_.hear(ServerId::b3, missing_of(6, 9));
  letters = b_.letters();
  ASSERT_EQ(only<EntriesView>(letters).size(), 1U);
  EXPECT_EQ(only<EntriesView>(letters)[0].header->count, 0U) << "I do not have them";
}

TEST_F(AcceptorTest, TheReceiverOfEntriesSetsThePace) {
  Story story = Story().genesis(kE1);
  for (int i = 0; i < 20; ++i) {
    story.op(kE1, std::string(1000, 'x'));
  }
  for (uint64_t seq = 1; seq <= 21; ++seq) {
    b_.take(story, seq, seq, kE1);
  }
  b_.poll();
  for (const unsigned datagrams : {1U, 3U, 255U}) {
    b_.hear(ServerId::b3, missing_of(2, 21, static_cast<uint8_t>(datagrams)));
    const std::vector<Letter> letters = b_.letters();
    EXPECT_EQ(only<EntriesView>(letters).size(), std::min(datagrams, 20U));
  }
  b_.hear(ServerId::b3, missing_of(kSeqMax, kSeqMax));
  EXPECT_EQ(b_.letters().size(), 1U);
}

TEST_F(AcceptorTest, EntriesFromAPeerReachTheNamedLThenEpochStartIsTaken) {
  const Story chosen = Story(base_).start(kE2, Slot::two);
  settle(base_, 2);
  b_.take(chosen, 6, 6, kE2);  // EpochStart behind a log that we lack
  std::vector<Letter> letters = b_.poll();
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_TRUE(letters[0].to == ServerSet(ServerId::b2)) << "the source that EpochStart names";
  b_.hear(ServerId::b2, entries_of(base_, 3, 5, 0, missing[0].header->number));
  EXPECT_EQ(b_.acceptor.log().last(), Seq{5});
  EXPECT_EQ(b_.acceptor.promised(), kE1) << "they keep their original epoch (review A7a)";
  b_.take(chosen, 6, 6, kE2);
  EXPECT_EQ(votes_text(b_.poll()), "6-6") << "and only the new epoch's entry is voted on";
}

/// Backend 1 has pulled a log of kCount entries of an old epoch behind 1..5, for an LB of `epoch` that starts
/// behind it; none of them may be taken over before the last came.
class AdoptionTest : public AcceptorTest {
 protected:
  static constexpr uint64_t kCount = 1000;
  static constexpr Seq kLast{kCount + 6};
  static constexpr Epoch kE5 = make_epoch(5, ServerId::lb1);
  void start_behind(Epoch epoch) {
    b_.take(Story(old_).start(epoch, Slot::two), kLast.value + 1, kLast.value + 1, epoch);
  }
  void pull_all(Epoch epoch = kE3) {
    settle(base_, 5);
    start_behind(epoch);
    for (uint64_t at = 6; at <= kLast.value;) {
      const std::vector<Letter> letters = b_.poll();
      const auto missing = only<MissingView>(letters);
      ASSERT_EQ(missing.size(), 1U);
      ASSERT_EQ(b_.acceptor.log().last(), Seq{5}) << "the named L was not reached";
      for (unsigned i = 0; i < kPullDatagrams && at <= kLast.value; ++i) {
        const uint64_t to = std::min(at + 9, kLast.value);
        b_.hear(ServerId::b2, entries_of(old_, at, to, 0, missing[0].header->number));
        at = to + 1;
      }
    }
    part_ = b_.acceptor.log().last();
    ASSERT_GT(part_, Seq{5});
    ASSERT_LE(part_, Seq{5 + kAdoptAtOnce});
  }
  /// Polls until nothing more is taken over.
  void take_the_rest() {
    Seq before;
    do {
      before = b_.acceptor.log().last();
      EXPECT_EQ(votes_text(b_.poll()), "none");
    } while (b_.acceptor.log().last() > before);
  }
  uint64_t progress() {
    b_.hear(ServerId::lb1, ask_of(1));
    return only<HeardView>(b_.letters()).at(0).header->progress;
  }
  Story old_ = Story(base_).start(kE2, Slot::one).ops(kE2, kCount);
  Seq part_;  ///< the first slice's last
};

TEST_F(AdoptionTest, ALongStageIsTakenOverInSlices) {
  pull_all();
  b_.write();
  EXPECT_EQ(b_.tick(), b_.now.mono) << "again at once";
  EXPECT_EQ(b_.acceptor.log().last(), part_) << "one slice a poll, also when the log took it meanwhile";
  while (b_.acceptor.log().last() < kLast) {
    const Seq before = b_.acceptor.log().last();
    const uint64_t progress_before = progress();
    start_behind(kE3);  // the LB sends it again and again
    const MonoTime again = b_.tick();
    b_.sync();
    const Seq after = b_.acceptor.log().last();
    EXPECT_EQ(again == b_.now.mono, after < kLast) << "again at once";
    EXPECT_EQ(distance(before, after), std::min<uint64_t>(kAdoptAtOnce, distance(before, kLast)));
    EXPECT_GT(progress(), progress_before) << "or the LB that waits would give its source up";
    const std::vector<Letter> letters = b_.letters();
    EXPECT_EQ(votes_text(letters), "none");
    EXPECT_TRUE(only<MissingView>(letters).empty()) << "it has all that it needs";
  }
  EXPECT_TRUE(b_.acceptor.log().matches(kLast, old_.l(kLast)));
  EXPECT_FALSE(b_.acceptor.catching_up());
  start_behind(kE3);
  EXPECT_EQ(votes_text(b_.poll()), "1007-1007");
}

TEST_F(AdoptionTest, LargeEntriesMakeShortSlices) {
  const std::string large(1000, 'x');
  settle(base_, 5);
  old_ = Story(base_).start(kE2, Slot::one);
  for (int i = 0; i < 200; ++i) {
    old_.op(kE2, large);
  }
  b_.take(Story(old_).start(kE3, Slot::two), 207, 207, kE3);
  for (uint64_t at = 6; at <= 206;) {
    const std::vector<Letter> letters = b_.poll();
    const auto missing = only<MissingView>(letters);
    ASSERT_EQ(missing.size(), 1U);
    for (unsigned i = 0; i < kPullDatagrams && at <= 206; ++i, ++at) {
      b_.hear(ServerId::b2, entries_of(old_, at, at, 0, missing[0].header->number));
    }
  }
  const auto taken = [&] { return (b_.acceptor.log().last().value - 5) * large.size(); };
  EXPECT_GT(taken(), 0U);
  EXPECT_LE(b_.records.bytes_total(), kAdoptBytesAtOnce + kRecordMax);
  b_.write();
  b_.tick();
  EXPECT_LE(taken(), kAdoptBytesAtOnce) << "in one poll";
  take_the_rest();
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{206}, old_.l(Seq{206})));
}

TEST_F(AdoptionTest, ADiskThatTakesNothingHoldsItUpAndItDoesNotSpin) {
  pull_all();
  Acceptor::Output out{b_.outbox, b_.records};
  b_.acceptor.tick(b_.now, b_.machine, out);  // … and the records stay where they are
  EXPECT_GT(b_.acceptor.tick(b_.now, b_.machine, out), b_.now.mono);
  EXPECT_EQ(b_.acceptor.log().last(), part_);
  take_the_rest();
  EXPECT_EQ(b_.acceptor.log().last(), kLast);
}

TEST_F(AdoptionTest, AStopInBetweenEndsIt) {
  pull_all();
  b_.acceptor.stop();
  take_the_rest();
  EXPECT_EQ(b_.acceptor.log().last(), part_);
  EXPECT_LT(part_, kLast);
}

TEST_F(AdoptionTest, ACrashInBetweenLeavesAPartThatGoesOnWhereItEnds) {
  pull_all();
  b_.poll();
  Bench again(Slot::one);
  for (const auto& [type, bytes] : b_.disk) {
    ASSERT_TRUE(again.acceptor.replay(type, bytes));
  }
  again.acceptor.recovered(again.machine);
  const Seq last = again.acceptor.log().last();
  EXPECT_EQ(last, b_.acceptor.log().last());
  EXPECT_LT(last, kLast);
  EXPECT_TRUE(again.acceptor.log().matches(last, old_.l(last)));
  again.take(Story(old_).start(kE3, Slot::two), kLast.value + 1, kLast.value + 1, kE3);
  const std::vector<Letter> letters = again.poll();
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].header->from, last.value + 1);
  EXPECT_EQ(votes_text(letters), "none");
}

TEST_F(AdoptionTest, AnotherLogNamedByAHigherEpochEndsItBeforeThatIsPromised) {
  pull_all();
  const Epoch e4 = make_epoch(4, ServerId::lb2);
  const Story other = base_.until(5).start(kE3, Slot::three).ops(kE3, 3);
  b_.hear(ServerId::lb2, keepalive_of(other, e4, 0, {}));
  const std::vector<Letter> letters = b_.poll();
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].header->from, 1U)
      << "ours is another log somewhere, and nothing of it is surely decided";
  EXPECT_EQ(b_.acceptor.log().last(), part_) << "what it lacks of the new log, it does not take from the old";
  const ServerId source = letters[0].to.has(ServerId::lb2) ? ServerId::lb2 : ServerId::b2;
  b_.hear(source, entries_of(other, 1, 9, 0, missing[0].header->number));
  take_the_rest();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{9});
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{9}, other.l(Seq{9})));
}

TEST_F(AdoptionTest, AZombieThatCutsTheLogUnderTheStageEndsIt) {
  pull_all(kE5);
  const Story zombies = base_.until(5).start(kE3, Slot::three).ops(kE3, 3);
  b_.take(zombies, 6, 9, kE3);  // above what is promised, below whom we pull for
  EXPECT_EQ(votes_text(b_.poll()), "6-9") << "no two others vote with it";
  take_the_rest();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{9}) << "nothing is taken over behind another log";
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{9}, zombies.l(Seq{9})));
  EXPECT_FALSE(b_.acceptor.catching_up());
  // The LB of the highest epoch speaks again: its log is pulled anew, from what is decided on.
  start_behind(kE5);
  const std::vector<Letter> letters = b_.poll();
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_TRUE(b_.acceptor.catching_up());
}

TEST_F(AdoptionTest, AHigherEpochInBetweenEndsItAndTheOldLogGoesNoFurther) {
  pull_all();
  const Epoch e4 = make_epoch(4, ServerId::lb2);
  const Story other = base_.until(5).start(e4, Slot::three).ops(e4, 3);
  b_.take(other, 6, 9, e4);
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{9});
  b_.poll();
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{9}) << "the stage of the old epoch is forgotten";
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{9}, other.l(Seq{9})));
}

TEST_F(AdoptionTest, APromiseInBetweenTellsTheLogAsItStands) {
  pull_all();
  b_.hear(ServerId::lb2, prepare_of(make_epoch(4, ServerId::lb2), 0xB2));
  const std::vector<Letter> letters = b_.poll();
  const auto promises = only<PromiseView>(letters);
  ASSERT_EQ(promises.size(), 1U);
  EXPECT_EQ(promises[0].header->last, part_.value);
  EXPECT_EQ(promises[0].header->last_l.get(), old_.l(part_));
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().last(), part_) << "nothing is taken behind a promise";
}

TEST_F(AcceptorTest, EntriesThatContradictWhatIsDecidedAreIgnored) {
  // A pull is under way when Accepts fill the gap and the LB's tally decides it; then the peer's answer, from
  // another log, arrives, with a commit that covers everything.
  const Story other = base_.until(2).start(kE2, Slot::two).ops(kE2, 4);
  settle(base_, 2);
  b_.take(Story(base_).ops(kE1, 3), 8, 8, kE1);
  const std::vector<Letter> letters = b_.poll();
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  b_.take(base_, 3, 5, kE1, with_commit(base_, 5));
  EXPECT_EQ(b_.acceptor.commit(), Seq{5});
  b_.hear(ServerId::lb1, entries_of(other, 3, 6, 7, missing[0].header->number));
  b_.poll();
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{5}, base_.l(Seq{5})));
}

TEST_F(AcceptorTest, AFullLogTakesNoEntriesFromPeersEither) {
  Acceptor::Options options = Bench::default_options(Slot::one);
  options.log = {6, 1 << 12};
  Bench b(Slot::one, &options);
  const Story story = Story(base_).ops(kE1, 8);
  b.take(story, 1, 3, kE1);
  b.poll();
  b.take(story, 12, 12, kE1);
  const std::vector<Letter> letters = b.poll();
  const auto missing = only<MissingView>(letters);
  ASSERT_EQ(missing.size(), 1U);
  b.hear(ServerId::lb1, entries_of(story, 4, 11, 11, missing[0].header->number));
  EXPECT_EQ(b.acceptor.log().last(), Seq{6}) << "as many as it holds";
  b.take(story, 7, 8, kE1);
  EXPECT_EQ(b.acceptor.log().last(), Seq{6});
  b.poll();
}

// ---- reads

class AcceptorReads : public AcceptorTest {
 protected:
  void read(const Story& story, uint64_t behind, Epoch epoch, uint8_t readers = 7) {
    AcceptOptions options;
    options.query = "who?";
    options.readers = readers;
    b_.hear(lb_of(epoch), accept_of(story, behind + 1, behind, epoch, options));
  }
  size_t answers() {
    letters_ = b_.letters();
    return only<AnswerView>(letters_).size();
  }
  std::vector<Letter> letters_;
};

TEST_F(AcceptorReads, AnsweredWithLAtItsPlaceTheWholeOrItsHash) {
  settle(base_, 5);
  read(base_, 5, kE1, 1);
  b_.tick();
  ASSERT_EQ(answers(), 1U);
  const AnswerView whole = only<AnswerView>(letters_)[0];
  EXPECT_EQ(whole.header->place, 5U);
  EXPECT_EQ(whole.header->place_l.get(), base_.l(Seq{5}));
  EXPECT_EQ(whole.header->epoch, kE1.value);
  EXPECT_EQ(whole.header->slot, 3U);
  EXPECT_EQ(whole.header->generation, 9U);
  EXPECT_EQ(hash128(whole.body), whole.header->hash.get());
  EXPECT_EQ(whole.body.size(), 8U);
  const Hash128 hash = whole.header->hash.get();
  Bench two(Slot::two);
  two.take(base_, 1, 5, kE1);
  two.poll();
  AcceptOptions options;
  options.query = "who?";
  options.readers = 3;  // the whole comes from backend 1
  two.hear(ServerId::lb1, accept_of(base_, 6, 5, kE1, options));
  two.tick();
  const std::vector<Letter> letters = two.letters();
  ASSERT_EQ(only<AnswerView>(letters).size(), 1U);
  EXPECT_TRUE(only<AnswerView>(letters)[0].body.empty());
  EXPECT_EQ(only<AnswerView>(letters)[0].header->hash.get(), hash);
}

TEST_F(AcceptorReads, HeldUntilItsPlaceIsDurable) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  read(base_, 5, kE1);
  b_.tick();
  EXPECT_EQ(answers(), 0U);
  b_.sync();
  b_.tick();
  EXPECT_EQ(answers(), 1U);
}

TEST_F(AcceptorReads, WhoIsNotAskedOrStandsElsewhereDoesNotAnswer) {
  settle(base_, 4);
  read(base_, 4, kE1, 6);  // backends 2 and 3
  read(base_, 3, kE1);     // its book is past there
  b_.tick();
  EXPECT_EQ(answers(), 0U);
  EXPECT_EQ(b_.acceptor.counters().reads_late, 1U);
}

TEST_F(AcceptorReads, Review3_11TheEpochThatAskedMustStillBePromised) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  read(base_, 5, kE1);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.poll();
  EXPECT_EQ(answers(), 0U) << "held, then promised away";
  read(base_, 5, kE1);
  b_.poll();
  EXPECT_EQ(answers(), 0U);
  read(base_, 5, kE3);  // a higher one that it has not promised: no entry of it is here
  b_.poll();
  EXPECT_EQ(answers(), 0U);
}

TEST_F(AcceptorReads, ReviewA8AnAnswerAtAPlaceThatWasCutNeverLeaves) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  read(base_, 5, kE1);
  b_.take(base_.until(4).start(kE2, Slot::two), 5, 5, kE2);
  b_.poll();
  EXPECT_EQ(answers(), 0U);
}

TEST_F(AcceptorReads, ADivergentOneDoesNotAnswerReads) {
  settle(base_, 5);
  b_.hear(ServerId::lb1, keepalive_of(base_, kE1, 5, {123, 0}));
  ASSERT_TRUE(b_.acceptor.divergent());
  read(base_, 5, kE1);
  b_.poll();
  EXPECT_EQ(answers(), 0U);
}

TEST_F(AcceptorReads, MoreThanItHoldsAreLateNotLost) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  for (int i = 0; i < 20; ++i) {
    read(base_, 5, kE1);
  }
  EXPECT_EQ(b_.acceptor.counters().reads_late, 12U);
  b_.sync();
  b_.tick();
  b_.sync();
  b_.tick();
  EXPECT_EQ(answers(), 8U);
}

// ---- recovery

class AcceptorRecovery : public AcceptorTest {
 protected:
  /// A new life of the process over the same disk; false as replay says.
  bool restart(testing::ToyMachine& machine) {
    again_ = std::make_unique<Acceptor>(Bench::default_options(Slot::one));
    for (const auto& [type, bytes] : b_.disk) {
      if (!again_->replay(type, bytes)) {
        return false;
      }
    }
    again_->recovered(machine);
    return true;
  }
  std::unique_ptr<Acceptor> again_;
};

TEST_F(AcceptorRecovery, ComesBackWithTheSameLogPromiseCommitAndBook) {
  const Story ours = Story(base_).ops(kE1, 2);
  settle(ours, 7);
  const Story theirs = Story(base_).start(kE2, Slot::two).ops(kE2, 3);
  b_.take(theirs, 6, 7, kE2);  // cuts: entry 6 replaces 6 and all later ones
  b_.poll();
  b_.take(theirs, 8, 9, kE2, with_commit(theirs, 8));
  b_.poll();
  b_.hear(ServerId::lb1, prepare_of(kE3, 0xA1));
  b_.poll();
  testing::ToyMachine machine;
  ASSERT_TRUE(restart(machine));
  EXPECT_EQ(again_->log().last(), Seq{9});
  EXPECT_TRUE(again_->log().matches(Seq{9}, theirs.l(Seq{9})));
  EXPECT_EQ(again_->log().s_at(Seq{9}), theirs.s(Seq{9}));
  EXPECT_EQ(again_->promised(), kE3);
  EXPECT_EQ(again_->commit(), Seq{8});
  EXPECT_EQ(again_->durable_seq(), Seq{9});
  EXPECT_EQ(machine.digest(), b_.machine.digest());
  EXPECT_TRUE(again_->member());
  EXPECT_FALSE(again_->divergent());
}

TEST_F(AcceptorRecovery, ThePromiseMadeByAnAcceptSurvivesToo) {
  settle(base_, 5);
  b_.take(Story(base_).start(kE2, Slot::one), 6, 6, kE2);
  b_.poll();
  testing::ToyMachine machine;
  ASSERT_TRUE(restart(machine));
  EXPECT_EQ(again_->promised(), kE2);
}

TEST_F(AcceptorRecovery, ReviewA19ABookThatRecomputesAnotherSThanTheStoredOneIsDivergent) {
  b_.take(base_, 1, 4, kE1);
  b_.poll();
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  b_.poll();
  testing::ToyMachine machine;
  machine.corrupt_at = Seq{3};
  ASSERT_TRUE(restart(machine));
  EXPECT_TRUE(again_->divergent());
}

TEST_F(AcceptorRecovery, RecordsThatCannotFollowAreNotTrusted) {
  b_.take(base_, 1, 4, kE1);
  b_.poll();
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  b_.poll();
  const auto disk = b_.disk;
  struct Case {
    const char* what;
    std::function<void(decltype(b_.disk)&)> damage;
  };
  const Case cases[] = {
      {"an entry is missing in the middle", [](auto& d) { d.erase(d.begin() + 1); }},
      {"an entry replaces one that is decided", [](auto& d) { d.push_back(d[2]); }},
      {"an entry is cut short", [](auto& d) { d[1].second.pop_back(); }},
      {"an entry is too long", [](auto& d) { d[1].second.push_back(0); }},
      {"an empty record", [](auto& d) { d[1].second.clear(); }},
      {"a commit beyond the log", [](auto& d) { d.insert(d.begin(), d.back()); }},
      {"a commit cut short", [](auto& d) { d.back().second.pop_back(); }},
      {"a promise cut short",
       [](auto& d) {
         d.push_back({RecordType::promise, std::vector<uint8_t>(sizeof(PromiseRecord) - 1)});
       }},
      {"a type that does not exist", [](auto& d) { d[1].first = static_cast<RecordType>(9); }},
  };
  for (const Case& one : cases) {
    b_.disk = disk;
    one.damage(b_.disk);
    testing::ToyMachine machine;
    EXPECT_FALSE(restart(machine)) << one.what;
  }
  b_.disk = disk;
  testing::ToyMachine machine;
  EXPECT_TRUE(restart(machine));
}

// ---- what a datagram must not do

TEST_F(AcceptorTest, OnlyTheLbThatAnEpochNamesMaySpeakForIt) {
  settle(base_, 3);
  const size_t records = b_.disk.size();
  for (const ServerId from : {ServerId::lb2, ServerId::b2, ServerId::b3}) {
    b_.hear(from, accept_of(base_, 4, 5, kE1));
    b_.hear(from, prepare_of(kE3, 0xA1));
    b_.hear(from, keepalive_of(base_, kE3));
  }
  EXPECT_TRUE(b_.poll().empty());
  EXPECT_EQ(b_.acceptor.log().last(), Seq{3});
  EXPECT_EQ(b_.acceptor.promised(), kE1);
  EXPECT_EQ(b_.disk.size(), records);
  EXPECT_EQ(b_.acceptor.counters().ignored, 9U);
}

TEST_F(AcceptorTest, MessagesForLbsAreIgnored) {
  settle(base_, 5);
  Bench other(Slot::two);
  other.take(base_, 1, 5, kE1);
  for (const Letter& letter : other.poll()) {
    b_.hear(ServerId::b2, letter.bytes);
  }
  EXPECT_GE(b_.acceptor.counters().ignored, 1U);
  EXPECT_TRUE(b_.poll().empty());
}

TEST_F(AcceptorTest, AFullOutboxKeepsEverythingForTheNextTick) {
  b_.take(base_, 1, 5, kE1);
  b_.hear(ServerId::lb1, ask_of(1));
  b_.letters();
  while (!b_.outbox.open().empty()) {
    b_.outbox.close(ServerId::lb1, 1);
  }
  b_.tick();
  b_.sync();
  b_.tick();
  b_.hear(ServerId::lb1, ask_of(1));  // dropped: asked for again
  b_.outbox.clear();
  b_.tick();
  EXPECT_EQ(votes_text(b_.letters()), "1-5");
}

TEST_F(AcceptorTest, TheFarEndsOfSeqAndEpochDoNoHarm) {
  settle(base_, 5);
  AcceptHeader header{};
  header.flags = kFit;
  header.heartbeat_us = UINT32_MAX;
  header.epoch = make_epoch((uint64_t{1} << 60U) - 1, ServerId::lb2).value;
  header.first = kSeqMax;
  header.commit = kSeqMax;
  header.cell_ms = kTimeMsMax;
  header.wall_ms = kTimeMsMax;
  std::vector<uint8_t> bytes(kCellPlainMax);
  AcceptWriter writer(bytes, header);
  ASSERT_TRUE(writer.add({Seq{kSeqMax},
                          Epoch{header.epoch},
                          CellTime{static_cast<int64_t>(kTimeMsMax)},
                          WallTime{static_cast<int64_t>(kTimeMsMax)},
                          EntryKind::tick,
                          {}}));
  bytes.resize(writer.finish());
  b_.hear(ServerId::lb2, bytes);
  Keepalive keepalive{};
  keepalive.epoch = header.epoch;
  keepalive.next = kSeqMax;
  keepalive.commit = kSeqMax;
  keepalive.heartbeat_us = UINT32_MAX;
  b_.hear(ServerId::lb2, message_of(CellMessage::keepalive, keepalive));
  b_.poll();
  EXPECT_EQ(b_.acceptor.log().last(), Seq{5});
  EXPECT_EQ(b_.acceptor.commit(), Seq{0});
}

}  // namespace
}  // namespace tercet::quorum
