#include "quorum/acceptor_rig.h"

namespace tercet::quorum {
namespace {

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
  b_.acceptor.stop(StopReason::io_error);
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

}  // namespace
}  // namespace tercet::quorum
