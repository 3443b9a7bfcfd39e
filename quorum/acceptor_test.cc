#include "quorum/acceptor_rig.h"

namespace tercet::quorum {
namespace {

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
  b.take(base_, 1, 3, kE1);  // also not a Genesis that names it: what it knew of this one is lost
  b.take(base_, 4, 4, kE1);
  b.hear(ServerId::lb1, keepalive_of(base_, kE1));
  const std::vector<Letter> letters = b.poll();
  EXPECT_EQ(only<PromiseView>(letters).size(), 0U);
  EXPECT_EQ(only<VoteView>(letters).size(), 0U);
  EXPECT_TRUE(b.disk.empty());
  ASSERT_EQ(only<HeardView>(letters).size(), 1U);
  EXPECT_EQ(only<HeardView>(letters)[0].header->flags & kAmnesiac, kAmnesiac);
}

TEST_F(AcceptorTest, AStoppedOneTakesNothingPromisesNothingAndSaysSo) {
  settle(base_, 3);
  b_.acceptor.stop(StopReason::io_error);
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

TEST_F(AcceptorTest, ABlankOneOfACellThatHasOtherLivesPullsItsLogOnceAndAsksToBeTakenIn) {
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
  EXPECT_EQ(b_.acceptor.log().last(), Seq{10});
  EXPECT_LE(asked, 4U) << "45 kB a question, two hundred times a second";
  EXPECT_FALSE(b_.acceptor.catching_up());
  EXPECT_TRUE(b_.acceptor.amnesiac());
  EXPECT_EQ(heard().traits, kAsksRejoin | kNewcomer);
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
