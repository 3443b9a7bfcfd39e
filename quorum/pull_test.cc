#include "quorum/pull.h"

#include <gtest/gtest.h>

#include <optional>

#include "quorum/acceptor_rig.h"
#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using testing::Story;

/// Backend 1 pulls into `log_`; the test plays LB 2 and the peers.
class PullTest : public ::testing::Test {
 protected:
  void hold(const Story& story, uint64_t from, uint64_t to) {
    for (uint64_t seq = from; seq <= to; ++seq) {
      log_.append(story.entry(Seq{seq}), story.l(Seq{seq}), Lsn{seq});
    }
  }
  void aim(const Story& story, uint64_t seq, const Slot* source = nullptr, Epoch epoch = kE2,
           uint64_t commit = 0) {
    commit_ = Seq{commit};
    pull_.aim({Seq{seq}, story.l(Seq{seq}), {}, {}}, epoch, lb_of(epoch), source, log_, commit_, now_);
  }
  /// What is asked now, if anything.
  bool ask() {
    MonoTime again;
    return pull_.ask(log_, now_, to_, ask_, again);
  }
  void pass(Duration span) { now_ = now_ + span; }
  /// `from` answers the last question with [first, last] of `story`; its commit is `commit`.
  void answer(ServerId from, const Story& story, uint64_t first, uint64_t last, uint64_t commit = 0,
              std::optional<uint32_t> number = {}) {
    const std::vector<uint8_t> bytes =
        entries_of(story, first, last, commit, number.value_or(ask_.number.get()));
    pull_.take(from, std::get<EntriesView>(testing::opened(bytes)), log_, commit_, now_);
  }
  void has_nothing(ServerId from) { answer(from, Story(), 1, 0); }
  /// As the acceptor does: what may be taken over replaces what the log holds there. Returns its last seq.
  Seq adopt() {
    if (pull_.adopt_through().value == 0) {
      return {};
    }
    const Seq through = pull_.adopt_through();
    EntryView entry;
    while (pull_.staged(entry)) {
      EXPECT_GT(entry.seq, commit_);
      log_.cut(entry.seq);
      log_.append(entry, next_l(log_.l_at(previous(entry.seq)), entry), {});
      pull_.adopted(log_);
    }
    return through;
  }

  LogView log_{{256, 1 << 16}};
  Pull pull_{Slot::one};
  Seq commit_;
  MonoTime now_{1'000'000'000};
  ServerId to_{};
  Missing ask_{};
  const Story base_ = Story().genesis(kE1).ops(kE1, 4);  // decided: 1..5
  const Slot two_ = Slot::two;
  const Slot three_ = Slot::three;
};

TEST_F(PullTest, NothingIsAskedWithoutAnAim) {
  EXPECT_FALSE(pull_.active());
  EXPECT_FALSE(ask());
}

TEST_F(PullTest, AGapIsAskedForBehindOurLastEntryFromTheLbFirst) {
  const Story story = Story(base_).start(kE2, Slot::two).ops(kE2, 4);
  hold(story, 1, 5);
  aim(story, 10);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::lb2);
  EXPECT_EQ(ask_.from, 6U);
  EXPECT_EQ(ask_.to, 10U);
  EXPECT_EQ(ask_.datagrams, kPullDatagrams);
  EXPECT_FALSE(ask()) << "once, until it is answered or 20 ms have passed";
}

TEST_F(PullTest, WhatReachesTheNamedLIsTakenOver) {
  const Story story = Story(base_).start(kE2, Slot::two).ops(kE2, 4);
  hold(story, 1, 5);
  aim(story, 10, &two_);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b2) << "the source that the LB named";
  answer(ServerId::b2, story, 6, 8);
  EXPECT_EQ(adopt(), Seq{}) << "nothing says yet that these are the chosen ones";
  answer(ServerId::b2, story, 9, 10);
  EXPECT_EQ(adopt(), Seq{10});
  EXPECT_TRUE(log_.matches(Seq{10}, story.l(Seq{10})));
  EXPECT_TRUE(pull_.reached(log_));
  EXPECT_FALSE(pull_.active());
  EXPECT_EQ(pull_.progress(), 10U) << "five came, five were taken over";
}

TEST_F(PullTest, BesideACellThatDecidesWithoutUsTheNextQuestionWaits) {
  const Story story = Story(base_).ops(kE1, 2 * kPullDatagrams);
  const Seq end{5 + 2 * kPullDatagrams};
  hold(story, 1, 5);
  for (uint64_t commit = 20; commit < 23; ++commit) {
    pull_.aim({end, story.l(end), Seq{commit}, {}}, kE2, ServerId::lb2, &two_, log_, commit_, now_);
    pass(kPullPaceSpan);
  }
  ASSERT_TRUE(ask());
  pass(microseconds(500));
  for (uint64_t seq = 6; seq < 6 + kPullDatagrams; ++seq) {
    answer(ServerId::b2, story, seq, seq, end.value);
  }
  EXPECT_EQ(adopt(), Seq{5 + kPullDatagrams});
  EXPECT_FALSE(ask());
  pass(microseconds(500) * kPullRests - Duration{1});
  EXPECT_FALSE(ask());
  pass(Duration{1});
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.from, 6 + kPullDatagrams);
  EXPECT_EQ(to_, ServerId::b2) << "its silence meanwhile was our rest";
}

TEST_F(PullTest, WhatThePeersCommitCoversIsTakenOverAtOnce) {
  const Story story = Story(base_).start(kE2, Slot::two).ops(kE2, 4);
  hold(story, 1, 5);
  aim(story, 10, &two_);
  ASSERT_TRUE(ask());
  answer(ServerId::b2, story, 6, 8, /*commit=*/7);
  EXPECT_EQ(adopt(), Seq{7}) << "decided entries are the same everywhere";
  answer(ServerId::b2, story, 9, 10, 7);
  EXPECT_EQ(adopt(), Seq{10});
  EXPECT_TRUE(log_.matches(Seq{10}, story.l(Seq{10})));
}

TEST_F(PullTest, Takeover4ItsOwnTailIsCutOnlyWhenTheNamedLIsReached) {
  // Our 6..8 are an old epoch's that nobody else has; the chosen log has others there.
  const Story ours = Story(base_).ops(kE1, 3);
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 3);
  hold(ours, 1, 8);
  aim(chosen, 8, &two_, kE3, /*commit=*/5);
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.from, 6U) << "from the first entry that is not surely decided";
  answer(ServerId::b2, chosen, 6, 7);
  EXPECT_EQ(adopt(), Seq{});
  EXPECT_TRUE(log_.matches(Seq{8}, ours.l(Seq{8}))) << "nothing is cut for half a log";
  answer(ServerId::b2, chosen, 8, 8);
  EXPECT_EQ(adopt(), Seq{8});
  EXPECT_TRUE(log_.matches(Seq{8}, chosen.l(Seq{8})));
}

TEST_F(PullTest, ATailOfAnotherLogIsNoticedByLBeforeItAndTheyBeginAtOurCommit) {
  // We hold 6, 7 of a dead epoch and think that only 8..10 are missing.
  const Story ours = Story(base_).ops(kE1, 2);
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 4);
  hold(ours, 1, 7);
  aim(chosen, 10, &two_, kE3, /*commit=*/5);
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.from, 8U);
  answer(ServerId::b2, chosen, 8, 10);
  EXPECT_EQ(adopt(), Seq{});
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.from, 6U);
  answer(ServerId::b2, chosen, 6, 10);
  EXPECT_EQ(adopt(), Seq{10});
  EXPECT_TRUE(log_.matches(Seq{10}, chosen.l(Seq{10})));
}

TEST_F(PullTest, EntriesThatTheLogHoldsAlreadyAreNotTakenTwice) {
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 2);
  const Story ours = chosen.until(7).ops(kE2, 0).op(kE1, "old");  // 6, 7 equal, 8 not
  hold(ours, 1, 8);
  aim(chosen, 8, &two_, kE3, 5);
  ASSERT_TRUE(ask());
  answer(ServerId::b2, chosen, 6, 8);
  EntryView entry;
  ASSERT_TRUE(pull_.staged(entry));
  EXPECT_EQ(entry.seq, Seq{8}) << "6 and 7 are here already";
  EXPECT_EQ(adopt(), Seq{8});
}

TEST_F(PullTest, ASourceWithoutThemSendsUsToTheNext) {
  const Story story = Story(base_).ops(kE1, 5);
  hold(story, 1, 5);
  aim(story, 10);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::lb2);
  has_nothing(ServerId::lb2);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b2);
  has_nothing(ServerId::b2);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b3);
  has_nothing(ServerId::b3);
  EXPECT_FALSE(ask()) << "all three have said so: in a while";
  pass(kPullAgain);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::lb2) << "round and round, never at ourselves";
}

TEST_F(PullTest, ASilentSourceIsAskedTwiceThenTheNext) {
  const Story story = Story(base_).ops(kE1, 5);
  hold(story, 1, 5);
  aim(story, 10, &three_);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b3);
  pass(kPullAgain);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b3);
  pass(kPullAgain);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b2);
}

TEST_F(PullTest, ASourceThatMissesTheNamedLIsLeftAndNothingOfItIsTaken) {
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 2);
  const Story another = Story(base_).ops(kE1, 3);
  hold(base_, 1, 5);
  aim(chosen, 8, &three_, kE3, 5);
  ASSERT_TRUE(ask());
  answer(ServerId::b3, another, 6, 8);
  EXPECT_EQ(adopt(), Seq{});
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b2);
  EXPECT_EQ(ask_.from, 6U);
  answer(ServerId::b2, chosen, 6, 8);
  EXPECT_EQ(adopt(), Seq{8});
  EXPECT_TRUE(log_.matches(Seq{8}, chosen.l(Seq{8})));
}

TEST_F(PullTest, NothingBehindTheTargetIsTaken) {
  const Story story = Story(base_).ops(kE1, 10);
  hold(story, 1, 5);
  aim(story, 8, &two_);
  ASSERT_TRUE(ask());
  answer(ServerId::b2, story, 6, 12);
  EXPECT_EQ(adopt(), Seq{8});
  EXPECT_EQ(log_.last(), Seq{8});
}

TEST_F(PullTest, ABurstIsTakenInWholeAlsoWhileItsBeginningWaitsToBeTakenOver) {
  const Story story = Story(base_).ops(kE1, 9);
  hold(story, 1, 5);
  aim(story, 12, &two_);
  ASSERT_TRUE(ask());
  answer(ServerId::b2, story, 6, 7, 14);
  EXPECT_EQ(pull_.adopt_through(), Seq{7});
  answer(ServerId::b2, story, 8, 9, 14);
  EXPECT_EQ(pull_.adopt_through(), Seq{9});
  answer(ServerId::b2, story, 10, 14, 14);
  EXPECT_EQ(pull_.adopt_through(), Seq{12}) << "up to the named L";
  answer(ServerId::b2, story, 13, 14, 14);
  answer(ServerId::b2, Story(base_).start(kE2, Slot::two).ops(kE2, 9), 13, 14);
  has_nothing(ServerId::b2);
  EXPECT_EQ(pull_.adopt_through(), Seq{12}) << "and no further, whatever still comes";
  EXPECT_EQ(adopt(), Seq{12});
  EXPECT_TRUE(pull_.reached(log_));
  EXPECT_FALSE(pull_.active());
}

TEST_F(PullTest, WhatIsStagedStandsBehindTheLogThatIsPulled) {
  const Story story = Story(base_).ops(kE1, 5);
  hold(story, 1, 5);
  aim(story, 10, &two_);
  ASSERT_TRUE(ask());
  answer(ServerId::b2, story, 6, 10);
  EntryView entry;
  for (uint64_t seq = 6; seq <= 10; ++seq) {
    ASSERT_TRUE(pull_.staged(entry));
    EXPECT_EQ(entry.seq, Seq{seq});
    EXPECT_EQ(pull_.staged_behind(), story.l(Seq{seq - 1}));
    hold(story, seq, seq);
    pull_.adopted(log_);
  }
  EXPECT_FALSE(pull_.staged(entry));
}

TEST_F(PullTest, AnswersToOldQuestionsOfOthersAndRepeatedOnesAreIgnored) {
  const Story story = Story(base_).ops(kE1, 5);
  hold(story, 1, 5);
  aim(story, 10, &two_);
  ASSERT_TRUE(ask());
  answer(ServerId::b3, story, 6, 10);  // not whom we asked
  EXPECT_EQ(adopt(), Seq{});
  answer(ServerId::b2, story, 6, 10, 0, ask_.number.get() - 1);  // an earlier question's
  EXPECT_EQ(adopt(), Seq{});
  answer(ServerId::b2, story, 6, 7);
  answer(ServerId::b2, story, 6, 7);  // repeated
  EXPECT_EQ(pull_.progress(), 2U);
  answer(ServerId::b2, story, 8, 10);
  EXPECT_EQ(adopt(), Seq{10});
}

/// "I begin behind `base`."
void offers(Pull& pull, const LogView& log, ServerId from, uint64_t base, const Hash128& l, uint32_t number,
            MonoTime now) {
  EntriesHeader none{};
  none.number = number;
  none.first = base + 1;
  none.prev_l = l;
  const auto bytes = message_of(CellMessage::entries, none);
  pull.take(from, std::get<EntriesView>(testing::opened(bytes)), log, Seq{}, now);
}

TEST_F(PullTest, WhereNobodyHasTheEntriesAPeersImageIsWanted) {
  const Story story = Story(base_).ops(kE1, 15);
  aim(story, 20);
  for (const ServerId from : {ServerId::lb2, ServerId::b2, ServerId::b3}) {
    ASSERT_TRUE(ask());
    EXPECT_EQ(to_, from);
    EXPECT_FALSE(pull_.image());
    if (from == ServerId::b2) {
      offers(pull_, log_, from, 12, story.l(Seq{12}), ask_.number, now_);
    } else {
      EntriesHeader none{};
      none.number = ask_.number;
      none.first = 1U;
      pull_.take(from, std::get<EntriesView>(testing::opened(message_of(CellMessage::entries, none))), log_,
                 commit_, now_);
    }
  }
  ASSERT_TRUE(pull_.image());
  EXPECT_EQ(pull_.image()->from, ServerId::b2);
  EXPECT_EQ(pull_.image()->seq, Seq{12});
  pass(seconds(1));
  EXPECT_FALSE(ask()) << "until that is here, or refused";
  LogView::Base base;
  base.seq = Seq{12};
  base.l = story.l(Seq{12});
  log_.restart(base);
  pull_.go_on(log_);
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.from, 13U);
}

TEST_F(PullTest, APeerThatHasWhatWeHaveDoesNotKeepUsFromAnImage) {
  // Behind 5 backend 3 and we hold what was never decided; of the chosen log backend 2 has an image at 8, and
  // the LB what comes then.
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 14);
  const Story ours = Story(base_).ops(kE1, 3);
  hold(ours, 1, 8);
  aim(chosen, 20, &two_, kE2, 5);
  for (unsigned asked = 0; asked < 30 && !pull_.image(); ++asked) {
    ASSERT_TRUE(ask());
    if (to_ == ServerId::b2) {
      offers(pull_, log_, to_, 8, chosen.l(Seq{8}), ask_.number, now_);
    } else if (to_ == ServerId::b3 && ask_.from <= 8U) {
      answer(to_, ours, ask_.from.get(), 8, 5);
    } else if (to_ == ServerId::lb2 && ask_.from >= 9U) {
      answer(to_, chosen, ask_.from.get(), 20, 8);
    } else {
      has_nothing(to_);
    }
    pass(kPullAgain);
  }
  ASSERT_TRUE(pull_.image());
  EXPECT_EQ(pull_.image()->from, ServerId::b2);
}

TEST_F(PullTest, WhereNobodyCanGiveAnythingItGoesForWhatTheLbNamesNext) {
  const Story story = Story(base_).start(kE2, Slot::two).ops(kE2, 9);
  aim(story, 10);
  for (const ServerId from : {ServerId::lb2, ServerId::b2, ServerId::b3}) {
    ASSERT_TRUE(ask());
    EXPECT_EQ(ask_.to, 10U);
    EXPECT_EQ(ask_.to_l.get(), story.l(Seq{10}));
    aim(story, 12);
    has_nothing(from);
  }
  EXPECT_FALSE(pull_.image());
  EXPECT_FALSE(ask()) << "in a while";
  aim(story, 12);
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.to, 12U);
  EXPECT_EQ(ask_.to_l.get(), story.l(Seq{12}));
}

TEST_F(PullTest, AnImageThatIsNotToBeHadIsForgotten) {
  const Story story = Story(base_).ops(kE1, 15);
  aim(story, 20, &two_);
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_TRUE(ask());
    offers(pull_, log_, to_, 12, story.l(Seq{12}), ask_.number, now_);
  }
  ASSERT_TRUE(pull_.image());
  pull_.image_ended(*pull_.image(), ImageEnd::broken_off, now_);
  EXPECT_FALSE(pull_.image());
  EXPECT_FALSE(ask()) << "in a while";
  pass(kPullAgain);
  EXPECT_TRUE(ask());
}

TEST_F(PullTest, AnImageThatFailedIsPassedOverAndAnotherPeersAsked) {
  // Backend 3 has the newer one.
  const Story story = Story(base_).ops(kE1, 15);
  aim(story, 20, &two_);
  std::vector<ServerId> wanted;
  std::vector<MonoTime> failed;
  const MonoTime end = now_ + seconds(300);
  uint64_t asks = 0;
  while (now_ < end) {
    if (ask()) {
      ++asks;
      if (to_ == ServerId::lb2) {
        has_nothing(to_);
      } else {
        const uint64_t at = to_ == ServerId::b3 ? 15 : 12;
        offers(pull_, log_, to_, at, story.l(Seq{at}), ask_.number, now_);
      }
    }
    if (pull_.image()) {
      wanted.push_back(pull_.image()->from);
      failed.push_back(now_);
      pull_.image_ended(*pull_.image(), ImageEnd::wrong, now_);
    }
    aim(story, 20);  // the LB goes on naming it
    pass(milliseconds(1));
  }
  ASSERT_GE(wanted.size(), 4U);
  EXPECT_LE(wanted.size(), 12U);
  EXPECT_EQ(wanted[0], ServerId::b3);
  EXPECT_EQ(wanted[1], ServerId::b2);
  EXPECT_LT(failed[1] - failed[0], kImagePauseMin * 2);
  EXPECT_GE(failed[2] - failed[0], kImagePassedOver);
  EXPECT_LE(asks, 300U * 50 * 4) << "a round of three in 20 ms";
}

TEST_F(PullTest, WhatFailedUnderAnotherEpochIsPassedOverToo) {
  const Story story = Story(base_).ops(kE1, 15);
  const auto round = [&] {
    for (unsigned i = 0; i < 3; ++i) {
      ASSERT_TRUE(ask());
      offers(pull_, log_, to_, 12, story.l(Seq{12}), ask_.number, now_);
    }
  };
  aim(story, 20, &two_);
  round();
  ASSERT_TRUE(pull_.image());
  const ServerId first = pull_.image()->from;
  pull_.image_ended(*pull_.image(), ImageEnd::wrong, now_);
  pull_.stop();
  pass(kImagePauseMin);
  aim(story, 20, &two_, kE3);
  round();
  ASSERT_TRUE(pull_.image());
  EXPECT_NE(pull_.image()->from, first);
}

TEST_F(PullTest, WhereThePeersBaseIsAnEntryOfOursItIsDecided) {
  const Story story = Story(base_).ops(kE1, 15);
  const Story other = story.until(14).start(kE1, Slot::one);
  hold(other, 1, 15);
  aim(story, 15, &two_, kE2, 3);
  ASSERT_TRUE(ask());
  ASSERT_EQ(ask_.from, 4U);
  offers(pull_, log_, ServerId::b2, 12, story.l(Seq{12}), ask_.number, now_);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b2);
  EXPECT_EQ(ask_.from, 13U);
}

TEST_F(PullTest, DatagramsThatOvertakeEachOtherAreTakenInOrder) {
  const Story story = Story(base_).start(kE2, Slot::two).ops(kE2, 14);
  hold(story, 1, 5);
  aim(story, 20, &two_);
  ASSERT_TRUE(ask());
  answer(ServerId::b2, story, 12, 15);
  answer(ServerId::b2, story, 16, 20);
  answer(ServerId::b2, story, 12, 15);
  EXPECT_EQ(pull_.adopt_through(), Seq{0});
  answer(ServerId::b2, story, 6, 11);
  EXPECT_EQ(adopt(), Seq{20});
  EXPECT_TRUE(log_.matches(Seq{20}, story.l(Seq{20})));
}

TEST_F(PullTest, WhatAnotherSourceGaveIsNoReasonToLeaveTheRightOne) {
  // Three logs that differ behind 5, as old epochs leave them; the LB chose backend 2's. Backend 3 was asked
  // first.
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 4);
  const Story other = Story(base_).start(kE1, Slot::three).ops(kE1, 1);
  hold(base_, 1, 5);
  aim(chosen, 10, &three_);
  ASSERT_TRUE(ask());
  ASSERT_EQ(to_, ServerId::b3);
  answer(ServerId::b3, other, 6, 7);
  pull_.aim({Seq{10}, chosen.l(Seq{10}), {}, {}}, kE2, ServerId::lb2, &two_, log_, commit_, now_);
  ASSERT_TRUE(ask());
  ASSERT_EQ(to_, ServerId::b2);
  ASSERT_EQ(ask_.from, 8U);
  answer(ServerId::b2, chosen, 8, 10);  // behind another L at 7: our own log's end is doubted first
  ASSERT_TRUE(ask());
  answer(ServerId::b3, other, 6, 7);
  ASSERT_EQ(to_, ServerId::b2) << "it stays with the one that has the chosen log";
  ASSERT_EQ(ask_.from, 1U);
  answer(ServerId::b2, chosen, 1, 10);
  EXPECT_EQ(adopt(), Seq{10});
}

TEST_F(PullTest, AcceptsThatFillTheGapMeanwhileEndIt) {
  const Story story = Story(base_).ops(kE1, 5);
  hold(story, 1, 5);
  aim(story, 10, &two_);
  ASSERT_TRUE(ask());
  hold(story, 6, 7);
  pass(kPullAgain);
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask_.from, 8U);
  hold(story, 8, 10);
  EXPECT_TRUE(pull_.reached(log_));
  EXPECT_FALSE(pull_.active());
}

TEST_F(PullTest, AHigherEpochAimsAnewAndALowerOneDoesNotTurnItBack) {
  const Story zombies = Story(base_).ops(kE1, 6);
  const Story chosen = Story(base_).start(kE2, Slot::two).ops(kE2, 4);
  hold(base_, 1, 5);
  aim(zombies, 11, nullptr, kE1, 5);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::lb1);
  aim(chosen, 10, nullptr, kE2, 5);
  EXPECT_EQ(pull_.epoch(), kE2);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::lb2);
  EXPECT_EQ(ask_.to, 10U);
  aim(zombies, 11, nullptr, kE1, 5);
  EXPECT_EQ(pull_.epoch(), kE2);
  answer(ServerId::lb2, chosen, 6, 10);
  EXPECT_EQ(adopt(), Seq{10});
}

TEST_F(PullTest, WeNeverAskOurselvesWhoeverIsNamedAsTheSource) {
  const Story story = Story(base_).ops(kE1, 5);
  const Slot own = Slot::one;
  hold(story, 1, 5);
  aim(story, 10, &own);
  ASSERT_TRUE(ask());
  EXPECT_NE(to_, ServerId::b1);
  pull_.stop();
  aim(story, 10);
  ASSERT_TRUE(ask());
  aim(story, 10, &own);  // the EpochStart of the same epoch comes behind a keep-alive
  for (int i = 0; i < 8; ++i) {
    pass(kPullAgain);
    ASSERT_TRUE(ask());
    EXPECT_NE(to_, ServerId::b1);
  }
}

TEST_F(PullTest, TheSourceNamedLaterInTheSameEpochIsAskedAtOnce) {
  const Story story = Story(base_).ops(kE1, 5);
  hold(story, 1, 5);
  aim(story, 10);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::lb2);
  aim(story, 10, &three_);
  ASSERT_TRUE(ask());
  EXPECT_EQ(to_, ServerId::b3);
}

}  // namespace
}  // namespace tercet::quorum
