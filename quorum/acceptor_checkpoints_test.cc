// A log that begins behind a checkpoint: its own, or one that came from a peer.

#include "quorum/acceptor_rig.h"

namespace tercet::quorum {
namespace {

Story& checkpoint(Story& story, Epoch epoch, Slot slot) {
  CheckpointBody body{};
  body.slot = static_cast<uint8_t>(index(slot));
  return story.add(EntryKind::checkpoint, epoch, bytes_of(body));
}
Story& usable(Story& story, Epoch epoch, Seq at, uint64_t s) {
  UsableBody body{};
  body.checkpoint = at.value;
  body.s = s;
  return story.add(EntryKind::usable, epoch, bytes_of(body));
}

constexpr Seq kAt{6};

/// Entries 1..5, a checkpoint of backend 1 at 6, then more; `usable` at 9.
class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    options_.keep_behind = 0;
    story_.genesis(kE1).ops(kE1, 4);
    checkpoint(story_, kE1, Slot::one);
    story_.ops(kE1, 2);
    usable(story_, kE1, kAt, story_.s(kAt).low);
    story_.ops(kE1, 3);
  }
  Checkpoint right() const {
    Checkpoint out;
    ToyMachine machine;
    Members members;
    for (Seq at{1}; at <= kAt; at = next(at)) {
      machine.apply(story_.entry(at), out.result);
      note_members(members, story_.entry(at));
    }
    const EntryView entry = story_.entry(kAt);
    out.base = {kAt, entry.epoch, story_.l(kAt), story_.s(kAt), entry.cell, entry.wall, members};
    out.s_before = story_.s(previous(kAt));
    return out;
  }
  /// One whose log begins there, as a start from an image leaves it.
  void behind(Bench& b, bool foreign) {
    Result result;
    for (Seq at{1}; at <= kAt; at = next(at)) {
      b.machine.apply(story_.entry(at), result);
    }
    b.machine.settle(kAt);
    b.acceptor.restore({right(), kE1, Nonce{0xA1}, Seq{}, foreign});
    b.acceptor.recovered(b.machine);
  }
  using ToyMachine = testing::ToyMachine;
  Acceptor::Options options_ = Bench::default_options(Slot::one);
  Story story_;
};

TEST_F(CheckpointTest, WhatItCapturesIsWhatSIsMadeOf) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 8, kE1);
  ASSERT_TRUE(b.acceptor.captured());
  const Checkpoint& captured = b.acceptor.captured()->checkpoint;
  EXPECT_EQ(captured.base.seq, kAt);
  EXPECT_EQ(captured.base.l, story_.l(kAt));
  EXPECT_EQ(captured.base.s, story_.s(kAt));
  EXPECT_EQ(captured.base.members, b.acceptor.log().members());
  ToyMachine there;
  Result result;
  for (Seq at{1}; at <= kAt; at = next(at)) {
    there.apply(story_.entry(at), result);
  }
  EXPECT_TRUE(captured.fits(there.digest()));
  EXPECT_FALSE(captured.fits(b.machine.digest())) << "of a later entry";
  const auto read = read_base(write_base(captured));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->fits(there.digest()));
  EXPECT_EQ(read->base.members, captured.base.members);
}

TEST_F(CheckpointTest, AnothersCheckpointIsNotOurs) {
  Acceptor::Options options = Bench::default_options(Slot::two);
  Bench b(Slot::two, &options);
  b.take(story_, 1, 8, kE1);
  EXPECT_FALSE(b.acceptor.captured());
}

TEST_F(CheckpointTest, ItIsUsedWhenTwoVotesHadTheSameSThere) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 8, kE1);
  b.poll();
  EXPECT_FALSE(b.acceptor.capture_usable());
  b.take(story_, 9, 12, kE1);
  EXPECT_FALSE(b.acceptor.capture_usable()) << "that entry is not durable yet";
  b.poll();
  ASSERT_TRUE(b.acceptor.capture_usable());
  b.acceptor.begin_behind_capture(b.now.mono);
  EXPECT_EQ(b.acceptor.log().base().seq, kAt);
  EXPECT_EQ(b.acceptor.log().last(), Seq{12});
  EXPECT_EQ(b.acceptor.checkpoint(), kAt);
  EXPECT_GE(b.acceptor.commit(), kAt);
}

TEST_F(CheckpointTest, ADamagedBookIsNeverUsed) {
  Bench b(Slot::one, &options_);
  b.machine.corrupt_at = Seq{4};
  b.take(story_, 1, 12, kE1);
  b.poll();
  EXPECT_TRUE(b.acceptor.captured());
  EXPECT_FALSE(b.acceptor.capture_usable());
}

TEST_F(CheckpointTest, OneThatIsCutIsGone) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 8, kE1);
  Story other = story_.until(5);
  other.start(kE2, Slot::two);
  b.take(other, 6, 6, kE2);
  EXPECT_FALSE(b.acceptor.captured());
}

TEST_F(CheckpointTest, ItKeepsSomeEntriesForAPeerThatLagsALittle) {
  options_.keep_behind = 2;
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 12, kE1);
  b.poll();
  ASSERT_TRUE(b.acceptor.capture_usable());
  b.acceptor.begin_behind_capture(b.now.mono);
  EXPECT_EQ(b.acceptor.log().base().seq, Seq{4});
}

TEST_F(CheckpointTest, WhatAPeerIsJustBeingFedIsNotTakenAwayBeneathIt) {
  const auto base_after = [this](uint64_t keep_for_fed, Duration since) {
    options_.keep_for_fed = keep_for_fed;
    Bench b(Slot::one, &options_);
    b.take(story_, 1, 12, kE1);
    b.poll();
    b.hear(ServerId::b2, missing_of(9, 12));  // further on than the checkpoint
    b.hear(ServerId::b3, missing_of(4, 12));
    b.now.mono = b.now.mono + since;
    b.acceptor.begin_behind_capture(b.now.mono);
    return b.acceptor.log().base().seq;
  };
  EXPECT_EQ(base_after(1000, milliseconds(100)), Seq{3});
  EXPECT_EQ(base_after(3, milliseconds(100)), Seq{3});
  EXPECT_EQ(base_after(2, milliseconds(100)), kAt) << "another image is the shorter way";
  EXPECT_EQ(base_after(1000, kFedFor), kAt) << "it asks no more";
}

TEST_F(CheckpointTest, WhatStandsBehindAnImageThatAPeerReadsIsKeptForIt) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 12, kE1);
  b.poll();
  b.acceptor.feeds(Slot::three, Seq{2}, b.now.mono);
  b.acceptor.begin_behind_capture(b.now.mono);
  EXPECT_EQ(b.acceptor.checkpoint(), kAt);
  b.hear(ServerId::b3, missing_of(3, 12));
  const auto letters = b.letters();
  EXPECT_EQ(only<EntriesView>(letters).at(0).header->first, 3U);
  EXPECT_NE(only<EntriesView>(letters).at(0).header->count, 0U);
}

TEST_F(CheckpointTest, AStartFromAnImageGoesOnFromThere) {
  Bench b(Slot::one, &options_);
  behind(b, false);
  EXPECT_TRUE(b.acceptor.member());
  EXPECT_EQ(b.acceptor.promised(), kE1);
  EXPECT_EQ(b.acceptor.log().last(), kAt);
  b.take(story_, 7, 12, kE1);
  EXPECT_EQ(votes_text(b.poll()), "7-12");
  EXPECT_EQ(b.acceptor.log().s_at(Seq{12}), story_.s(Seq{12}));
}

TEST_F(CheckpointTest, RecordsFromBeforeItAreNoDamage) {
  // As a reader of the log meets them: it begins at the border of a segment.
  Bench writer(Slot::one, &options_);
  Story old = story_.until(5);
  old.ops(kE1, 4);  // 6..9 of a log that was cut
  writer.take(old, 1, 9, kE1);
  writer.poll();
  Bench b(Slot::one, &options_);
  Result result;
  for (Seq at{1}; at <= kAt; at = next(at)) {
    b.machine.apply(story_.entry(at), result);
  }
  b.acceptor.restore({right(), kE1, Nonce{0xA1}, Seq{}, false});
  for (const auto& [type, bytes] : writer.disk) {
    ASSERT_TRUE(b.acceptor.replay(type, bytes));
  }
  for (Seq at{6}; at <= Seq{12}; at = next(at)) {
    uint8_t bytes[kRecordMax];
    ASSERT_TRUE(b.acceptor.replay(RecordType::entry, {bytes, write_entry(story_.entry(at), bytes)}));
  }
  b.acceptor.recovered(b.machine);
  EXPECT_TRUE(b.acceptor.log().matches(Seq{12}, story_.l(Seq{12})));
  EXPECT_EQ(b.acceptor.log().s_at(Seq{12}), story_.s(Seq{12}));
}

TEST_F(CheckpointTest, AnAcceptThatBeginsBelowTheBaseIsTakenWhereItMeetsIt) {
  Bench b(Slot::one, &options_);
  behind(b, false);
  b.take(story_, 3, 9, kE1);
  EXPECT_EQ(b.acceptor.log().last(), Seq{9});
  EXPECT_EQ(votes_text(b.poll()), "7-9");
  b.take(story_, 2, 5, kE1);  // all of it below
  EXPECT_EQ(votes_text(b.poll()), "none");
  Story other = story_.until(3);
  other.ops(kE2, 7);
  b.take(other, 4, 10, kE2);
  EXPECT_EQ(b.acceptor.log().last(), Seq{9}) << "another log, below what is decided";
}

TEST_F(CheckpointTest, WhoAsksForWhatIsGoneIsTold) {
  Bench b(Slot::one, &options_);
  behind(b, false);
  b.take(story_, 7, 12, kE1);
  b.poll();
  b.hear(ServerId::b2, missing_of(2, 12, 8, 1, story_.l(Seq{12})));
  const auto letters = b.letters();
  const auto answers = only<EntriesView>(letters);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].header->count, 0U);
  EXPECT_EQ(answers[0].header->first, 7U);
  EXPECT_EQ(answers[0].header->prev_l.get(), story_.l(kAt));
  b.hear(ServerId::b2, missing_of(7, 12));
  const auto more = b.letters();
  EXPECT_EQ(only<EntriesView>(more).at(0).header->count, 6U);
}

TEST_F(CheckpointTest, WhomAnLbLeadsToAnotherLogIsNotOfferedOurs) {
  Bench b(Slot::one, &options_);
  behind(b, false);
  b.take(story_, 7, 12, kE1);
  b.poll();
  const Story other = story_.until(5).start(kE2, Slot::two).ops(kE2, 9);
  const auto offered = [&b](uint64_t to, const Hash128& l) {
    b.hear(ServerId::b2, missing_of(2, to, 8, 1, l));
    const auto letters = b.letters();
    return only<EntriesView>(letters).at(0).header->first != 2U;
  };
  EXPECT_FALSE(offered(12, other.l(Seq{12})));
  EXPECT_FALSE(offered(15, other.l(Seq{15}))) << "further than we are";
  EXPECT_FALSE(offered(5, story_.l(Seq{5}))) << "before all that we have: there we cannot tell";
  EXPECT_TRUE(offered(12, story_.l(Seq{12})));
  EXPECT_TRUE(offered(kAt.value, story_.l(kAt)));
}

TEST_F(CheckpointTest, Review5ABookFromAPeerIsNotVotedOnBeforeItWasMeasured) {
  Bench b(Slot::one, &options_);
  behind(b, true);
  b.take(story_, 7, 8, kE1);
  EXPECT_EQ(votes_text(b.poll()), "none");
  EXPECT_TRUE(b.acceptor.catching_up());
  b.take(story_, 9, 10, kE1);
  EXPECT_NE(votes_text(b.poll()), "none");
  EXPECT_FALSE(b.acceptor.lost());
}

TEST_F(CheckpointTest, Review5AWrongBookFromAPeerIsGivenUp) {
  Story told = story_.until(8);
  usable(told, kE1, kAt, story_.s(kAt).low ^ 1U);
  Bench b(Slot::one, &options_);
  behind(b, true);
  b.take(told, 7, 9, kE1);
  EXPECT_EQ(votes_text(b.poll()), "none");
  EXPECT_TRUE(b.acceptor.lost());
}

TEST_F(CheckpointTest, ADecidedSBehindItMeasuresItToo) {
  Story without = story_.until(8);
  Bench b(Slot::one, &options_);
  behind(b, true);
  b.take(without, 7, 8, kE1);
  b.poll();
  b.hear(ServerId::lb1, keepalive_of(without, kE1, 8, {without.s(Seq{8}).low, 0}));
  EXPECT_EQ(votes_text(b.poll()), "7-8");
}

TEST_F(CheckpointTest, ABookThatGoesWrongBehindACheckpointIsReadFromItAgain) {
  Bench b(Slot::one, &options_);
  behind(b, false);
  b.machine.corrupt_at = Seq{7};
  b.take(story_, 7, 8, kE1);
  b.hear(ServerId::lb1, keepalive_of(story_.until(8), kE1, 8, {story_.s(Seq{8}).low, 0}));
  b.poll();
  EXPECT_TRUE(b.acceptor.reopen());
  EXPECT_EQ(b.machine.resets, 0U) << "there is no first entry to begin from";
  b.take(story_, 9, 10, kE1);
  EXPECT_EQ(votes_text(b.poll()), "none");
}

/// A log that names a new incarnation of backend 3 at its end.
Story& newcomer(Story& story, Epoch epoch) {
  RejoinBody body{};
  body.incarnation = 0xD3;
  body.slot = static_cast<uint8_t>(index(Slot::three));
  return story.add(EntryKind::rejoin, epoch, bytes_of(body));
}

TEST_F(CheckpointTest, WhomAnUndecidedEntryNamesAnImageMayTakeBack) {
  // The entry was never decided: what is decided there is the image's.
  Story other = story_.until(5);
  newcomer(other, kE1).ops(kE1, 2);
  Bench b(Slot::one, &options_);
  b.take(other, 1, 8, kE1, with_commit(other, 5));
  ASSERT_TRUE(b.acceptor.may_begin_behind(right()));
  b.acceptor.lend_book();
  b.acceptor.begin_behind(right());
  EXPECT_EQ(b.acceptor.log().last(), kAt);
  EXPECT_EQ(b.acceptor.log().members(), right().base.members);
}

TEST_F(CheckpointTest, WhomADecidedEntryNamesNoImageTakesBack) {
  Story other = story_.until(4);
  newcomer(other, kE1).ops(kE1, 3);
  Bench decided(Slot::one, &options_);
  decided.take(other, 1, 8, kE1, with_commit(other, 5));
  EXPECT_FALSE(decided.acceptor.may_begin_behind(right())) << "of a log without it";
  Bench behind(Slot::one, &options_);
  behind.take(story_.until(5).ops(kE1, 3), 1, 8, kE1, with_commit(story_.until(5).ops(kE1, 3), 7));
  EXPECT_FALSE(behind.acceptor.may_begin_behind(right())) << "what is decided here reaches beyond it";
  Bench same(Slot::one, &options_);
  same.take(story_, 1, 8, kE1, with_commit(story_, 8));
  EXPECT_TRUE(same.acceptor.may_begin_behind(right())) << "an entry of ours: all that is behind it stays";
}

TEST_F(CheckpointTest, WhileItsBookIsLentItStillSaysWhatItKnowsToBeDecided) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 8, kE1);
  b.hear(ServerId::lb1, keepalive_of(story_.until(8), kE1, 8, {story_.s(Seq{8}).low, 0}));
  b.poll();
  const auto heard = [&b] {
    b.hear(ServerId::lb2, ask_of(5));
    const std::vector<Letter> letters = b.letters();
    return *only<HeardView>(letters).at(0).header;
  };
  EXPECT_EQ(heard().commit, 8U);
  EXPECT_EQ(heard().decided, 8U);
  b.acceptor.lend_book();
  EXPECT_EQ(heard().commit, 0U) << "S, and who is absent, is said of a seq where a book stands";
  EXPECT_EQ(heard().decided, 8U);
}

TEST_F(CheckpointTest, WhileItsBookIsLentItTellsWhenTheLogCouldGoOnWithoutAnImage) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 8, kE1);
  b.poll();
  EXPECT_FALSE(b.acceptor.book_missed());
  b.acceptor.lend_book();
  EXPECT_TRUE(b.acceptor.catching_up());
  b.hear(ServerId::lb1, keepalive_of(story_, kE1));
  EXPECT_FALSE(b.acceptor.book_missed()) << "entries are lacking";
  b.take(story_, 9, 10, kE1);
  EXPECT_TRUE(b.acceptor.book_missed());

  b.acceptor.lend_book();
  EXPECT_FALSE(b.acceptor.book_missed());
  b.hear(ServerId::lb1, keepalive_of(story_.until(8), kE1));
  EXPECT_TRUE(b.acceptor.book_missed()) << "there is no more than what it has";

  b.acceptor.lend_book();
  const std::vector<Letter> letters = b.poll();
  const auto asked = only<MissingView>(letters);
  ASSERT_EQ(asked.size(), 1U);
  b.hear(ServerId::lb1, entries_of(story_, 9, 12, 12, asked[0].header->number));
  EXPECT_TRUE(b.acceptor.book_missed());
  b.acceptor.forget_book(b.machine);
  EXPECT_FALSE(b.acceptor.book_missed());
  b.poll();
  EXPECT_EQ(b.acceptor.log().last(), Seq{12});
  EXPECT_FALSE(b.acceptor.catching_up());
}

TEST_F(CheckpointTest, WhileItsBookIsLentALateAcceptDoesNotLeadItBack) {
  Bench b(Slot::one, &options_);
  b.take(story_, 1, 8, kE1);
  b.poll();
  b.acceptor.lend_book();
  b.take(story_, 5, 8, kE1);
  EXPECT_FALSE(b.acceptor.book_missed());
  b.hear(ServerId::lb1, keepalive_of(story_, kE1));
  const std::vector<Letter> letters = b.poll();
  const auto asked = only<MissingView>(letters);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].header->from, 9U);
  EXPECT_EQ(asked[0].header->to, 12U);
}

TEST_F(CheckpointTest, WhatNoEntryCanBeIsNoBase) {
  const ImageBase good = write_base(right());
  const auto with = [&](auto change) {
    ImageBase base = good;
    change(base);
    base.sum = sum_of(base);
    return read_base(base).has_value();
  };
  EXPECT_TRUE(with([](ImageBase&) {}));
  EXPECT_FALSE(with([](ImageBase& b) { b.seq = 0U; }));
  EXPECT_FALSE(with([](ImageBase& b) { b.seq = UINT64_MAX; }));
  EXPECT_FALSE(with([](ImageBase& b) { b.epoch = 3U; }));
  EXPECT_FALSE(with([](ImageBase& b) { b.wall_ms = UINT64_MAX; }));
  EXPECT_FALSE(with([](ImageBase& b) { b.result_size = 65; }));
  EXPECT_FALSE(with([](ImageBase& b) { b.reserved[6] = 1; }));
}

TEST_F(CheckpointTest, ABaseWithAnyBitFlippedIsRefused) {
  // As it comes from a peer's disk: members and times are in no other sum.
  const ImageBase good = write_base(right());
  for (size_t at = 0; at < sizeof good; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::array<uint8_t, sizeof good> bytes{};
      std::memcpy(bytes.data(), &good, sizeof good);
      bytes[at] ^= static_cast<uint8_t>(1U << bit);
      EXPECT_FALSE(read_base(*header_of<ImageBase>(bytes))) << "byte " << at << " bit " << bit;
    }
  }
}

}  // namespace
}  // namespace tercet::quorum
