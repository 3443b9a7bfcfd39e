// The operator's forced way out: one log goes on, and whoever was given up never counts again.

#include "quorum/force.h"

#include "quorum/acceptor_rig.h"
#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

constexpr Incarnation kFresh{0x44};
constexpr ForcedRejoin kOrder{B2, kFresh};

// ---- whether the answers allow it

Said with_log(Slot slot, uint64_t last = 9) {
  return {true, kMember, testing::life_of(slot), false, Seq{last}, Seq{last}};
}
Said asks(uint64_t commit = 0, uint8_t flags = kAmnesiac) {
  return {true, flags, kFresh, true, Seq{commit}, Seq{commit}};
}
Said flagged(Said word, unsigned flags) {
  word.flags = static_cast<uint8_t>(word.flags | flags);
  return word;
}

TEST(MayForce, OnlyWhenOneLogIsLeftAndTheNamedOneAsks) {
  struct Case {
    const char* what;
    Said one;
    Said two;
    Said three;
    ForceVerdict verdict;
  };
  Said other_life = asks();
  other_life.incarnation = Incarnation{0x45};
  const Said member = with_log(B1);
  const Case cases[] = {
      {"one log, one new disk, one silent", member, asks(), {}, ForceVerdict::may},
      {"one that does not know that it follows another", member, asks(0, kBlank), {}, ForceVerdict::may},
      {"the third has a new disk, too", member, asks(), asks(), ForceVerdict::may},
      {"the third is lost by its own word", member, asks(), flagged(with_log(B3), kAmnesiac),
       ForceVerdict::may},
      {"the third has its log", member, asks(), with_log(B3), ForceVerdict::not_needed},
      {"the third's disk is full", member, asks(), flagged(with_log(B3), kStopped),
       ForceVerdict::other_answers},
      {"the third's book is wrong", member, asks(), flagged(with_log(B3), kDivergent),
       ForceVerdict::other_answers},
      {"nobody has a log", {}, asks(), {}, ForceVerdict::no_survivor},
      {"the log's disk is full", flagged(member, kStopped), asks(), {}, ForceVerdict::survivor_unfit},
      {"the log's book is wrong", flagged(member, kDivergent), asks(), {}, ForceVerdict::survivor_unfit},
      {"the named one is silent", member, {}, {}, ForceVerdict::not_asking},
      {"the named one is another by now", member, other_life, {}, ForceVerdict::not_asking},
      {"the named one is a member", member, with_log(B2), {}, ForceVerdict::not_asking},
      {"it knows of more than the log holds", member, asks(10), {}, ForceVerdict::knows_more},
      {"it knows of all of it", member, asks(9), {}, ForceVerdict::may},
  };
  for (const Case& one : cases) {
    EXPECT_STREQ(name_of(may_force({one.one, one.two, one.three}, kOrder).verdict), name_of(one.verdict))
        << one.what;
  }
  EXPECT_EQ(may_force({member, asks(), Said{}}, kOrder).survivor, B1);
  EXPECT_EQ(may_force({Said{}, asks(), with_log(B3)}, kOrder).survivor, B3);
}

// ---- the entry

Story& force(Story& story, Epoch epoch, Slot source, const ForcedRejoin& order = kOrder) {
  ForcedStartBody body{};
  body.start.last_seq = story.last().value;
  body.start.last_l_low = story.l(story.last()).low;
  body.start.last_l_high = story.l(story.last()).high;
  body.start.source = static_cast<uint8_t>(source);
  body.start.form = static_cast<uint8_t>(StartForm::forced);
  body.start.forced_slot = static_cast<uint8_t>(index(order.slot));
  body.incarnation = order.incarnation.value;
  return story.add(EntryKind::epoch_start, epoch, bytes_of(body));
}

TEST(Forced, TheStartNamesOneAnewAndLeavesTheThirdSlotVacant) {
  Story story = Story().genesis(kE1).ops(kE1, 2);
  Members before;
  note_members(before, story.entry(Seq{1}));
  Members after = before;
  force(story, kE2, B1);
  note_members(after, story.entry(Seq{4}));
  EXPECT_EQ(after.slots[0], before.slots[0]);
  EXPECT_TRUE(after.names(B2, kFresh));
  EXPECT_TRUE(after.slots[1].rejoined()) << "it counts once it is admitted";
  EXPECT_FALSE(after.names(B3, testing::life_of(B3)));
  EXPECT_TRUE(after.slots[2].vacant());
  EXPECT_TRUE(after.vacant());
  EXPECT_FALSE(before.vacant());
  EXPECT_FALSE(Members().vacant()) << "nobody was ever named: that is no vacancy";
  EXPECT_EQ(newest(before, after), after);
  WireMember wire[kBackends];
  write_members(after, wire);
  EXPECT_EQ(read_members(wire), after);
}

// ---- the survivor

class Survivor : public AcceptorTest {
 protected:
  Survivor() {
    settle(base_, 5);
    forced_ = base_;
    force(forced_, kFar, B1);
    b_.hear(ServerId::lb1, prepare_of(kFar, 0xA1));
    b_.poll();
  }
  static constexpr Epoch kFar = make_epoch(kForcedLeap + 1, ServerId::lb1);
  static constexpr Epoch kFarther = make_epoch(2 * kForcedLeap, ServerId::lb2);
  Story forced_;
};

TEST_F(Survivor, TakesTheStartAsDecidedAndLetsNoOtherLogIn) {
  b_.take(forced_, 6, 6, kFar);
  EXPECT_EQ(votes_text(b_.poll()), "6-6");
  EXPECT_EQ(b_.acceptor.counters().forced, 1U);
  // A zombie of the former members, in whatever epoch: its log has another entry there.
  const Story other = Story(base_).start(kFarther, B3).ops(kFarther, 2);
  b_.take(other, 6, 8, kFarther);
  EXPECT_EQ(votes_text(b_.poll()), "none");
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{6}, forced_.l(Seq{6})));
  EXPECT_EQ(b_.acceptor.promised(), kFar);
  // Not by pulling either.
  const Story longer = Story(base_).op(kE1, "lost").start(kFarther, B3);
  b_.hear(ServerId::lb2, keepalive_of(longer, kFarther));
  const std::vector<Letter> letters = b_.poll();
  for (const MissingView& missing : only<MissingView>(letters)) {
    EXPECT_GT(missing.header->from.get(), 6U) << "nothing at or below the order is asked for again";
  }
}

TEST_F(Survivor, RemembersItAfterARestart) {
  b_.take(forced_, 6, 6, kFar);
  b_.poll();
  Bench again(B1);
  for (const auto& [type, bytes] : b_.disk) {
    ASSERT_TRUE(again.acceptor.replay(type, bytes));
  }
  again.acceptor.recovered(again.machine);
  const Story other = Story(base_).start(kFarther, B3);
  again.take(other, 6, 6, kFarther);
  EXPECT_EQ(votes_text(again.poll()), "none");
  EXPECT_TRUE(again.acceptor.log().matches(Seq{6}, forced_.l(Seq{6})));
  // A record that would replace it makes the log one that is not to be trusted.
  std::vector<uint8_t> entry(entry_size(other.entry(Seq{6}).op.size()));
  write_entry(other.entry(Seq{6}), entry);
  Acceptor third(Bench::default_options(B1));
  for (const auto& [type, bytes] : b_.disk) {
    ASSERT_TRUE(third.replay(type, bytes));
  }
  EXPECT_FALSE(third.replay(RecordType::entry, entry));
}

TEST_F(Survivor, GoesOnInTheNextEpochBehindIt) {
  b_.take(forced_, 6, 6, kFar);
  b_.poll();
  const Story next = Story(forced_).start(kFarther, B1);
  b_.take(next, 7, 7, kFarther);
  EXPECT_EQ(votes_text(b_.poll()), "7-7");
}

TEST_F(Survivor, SaysThatASlotIsVacant) {
  EXPECT_EQ(heard().traits, 0);
  b_.take(forced_, 6, 6, kFar);
  b_.poll();
  EXPECT_EQ(heard().traits, kVacant);
}

TEST_F(AcceptorTest, TheOneThatIsGivenUpIsLostOnceThatIsDecided) {
  // Backend 1 is the third one here: the log of backend 3 goes on.
  settle(base_, 5);
  Story forced = base_;
  force(forced, kE3, B3);
  b_.take(forced, 6, 6, kE3);
  EXPECT_EQ(votes_text(b_.poll()), "none");
  EXPECT_FALSE(b_.acceptor.lost());
  b_.hear(ServerId::lb1, keepalive_of(forced, kE3, 6, {forced.s(Seq{6}).low, 0}));
  EXPECT_TRUE(b_.acceptor.lost());
}

TEST_F(AcceptorTest, AnOrderThatGivesUpWhatIsDecidedHereIsNotTakenAndNotFollowed) {
  const Story longer = Story(base_).ops(kE1, 4);
  settle(longer, 9);
  b_.hear(ServerId::lb1, keepalive_of(longer, kE1, 9, {longer.s(Seq{9}).low, 0}));
  ASSERT_EQ(b_.acceptor.commit(), Seq{9});
  Story forced = base_;
  force(forced, kE3, B3);
  b_.take(forced, 6, 6, kE3);
  EXPECT_EQ(votes_text(b_.poll()), "none");
  EXPECT_TRUE(b_.acceptor.log().matches(Seq{9}, longer.l(Seq{9})));
  EXPECT_EQ(b_.acceptor.promised(), kE1);
  EXPECT_FALSE(b_.acceptor.lost()) << "the order may yet come to nothing";
}

// ---- the one that is named

class Named : public ::testing::Test {
 protected:
  Named() {
    force(story_, kE3, B1);
    options_.incarnation = kFresh;
    options_.amnesiac = true;
    b_ = std::make_unique<Bench>(B2, &options_);
    hear(0);
    const std::vector<Letter> letters = b_->poll();
    for (const MissingView& missing : only<MissingView>(letters)) {
      b_->hear(ServerId::lb1, entries_of(story_, 1, 6, 0, missing.header->number));
    }
    b_->poll();
  }
  void hear(unsigned flags, const Story* story = nullptr, Epoch epoch = kE3) {
    std::vector<uint8_t> bytes = keepalive_of(story == nullptr ? story_ : *story, epoch);
    bytes[1] = static_cast<uint8_t>(bytes[1] | flags);
    b_->hear(lb_of(epoch), bytes);
  }
  Story story_ = Story().genesis(kE1).ops(kE1, 4);
  Acceptor::Options options_ = Bench::default_options(B2);
  std::unique_ptr<Bench> b_;
};

TEST_F(Named, IsAdmittedOnlyOnceTheSurvivorHasTheStart) {
  ASSERT_TRUE(b_->acceptor.log().matches(Seq{6}, story_.l(Seq{6})));
  hear(0);
  b_->poll();
  EXPECT_FALSE(b_->acceptor.member());
  b_->take(story_, 6, 6, kE3);
  EXPECT_EQ(votes_text(b_->poll()), "none");
  hear(kAdmits);
  b_->poll();
  EXPECT_TRUE(b_->acceptor.member());
  EXPECT_EQ(b_->acceptor.promised(), kE3);
  b_->take(story_, 6, 6, kE3);
  EXPECT_EQ(votes_text(b_->poll()), "6-6");
}

TEST_F(Named, HoldsOnToTheOrderFromItsAdmissionOnAlsoAfterARestart) {
  hear(kAdmits);
  b_->poll();
  const Story other = Story().genesis(kE1).ops(kE1, 4).start(make_epoch(9, ServerId::lb2), B3);
  b_->take(other, 6, 6, make_epoch(9, ServerId::lb2));
  b_->poll();
  EXPECT_TRUE(b_->acceptor.log().matches(Seq{6}, story_.l(Seq{6})));
  Bench again(B2, &options_);
  for (const auto& [type, bytes] : b_->disk) {
    ASSERT_TRUE(again.acceptor.replay(type, bytes));
  }
  again.acceptor.recovered(again.machine);
  EXPECT_TRUE(again.acceptor.member());
  again.take(other, 6, 6, make_epoch(9, ServerId::lb2));
  again.poll();
  EXPECT_TRUE(again.acceptor.log().matches(Seq{6}, story_.l(Seq{6})));
}

TEST_F(Named, AnotherLbThatGoesOnBehindItAdmitsToo) {
  const Epoch later = make_epoch(9, ServerId::lb2);
  const Story next = Story(story_).start(later, B1);
  hear(0, &next, later);
  const std::vector<Letter> letters = b_->poll();
  for (const MissingView& missing : only<MissingView>(letters)) {
    b_->hear(ServerId::lb2, entries_of(next, 7, 7, 0, missing.header->number));
  }
  b_->poll();
  ASSERT_TRUE(b_->acceptor.log().matches(Seq{7}, next.l(Seq{7})));
  hear(kAdmits, &next, later);
  b_->poll();
  EXPECT_TRUE(b_->acceptor.member());
  EXPECT_EQ(b_->acceptor.promised(), later);
}

// ---- the whole of it

class Forcing : public ::testing::Test {
 protected:
  using Phase = Proposer::Forced::Phase;
  Forcing() {
    cell_.begin();
    for (int i = 0; i < 3; ++i) {
      serves();
    }
  }
  /// An operation is answered.
  bool serves(unsigned lb = 0) {
    ++tag_;
    const bool taken = cell_.propose("op " + std::to_string(tag_), tag_, lb) == Admit::taken;
    cell_.run(milliseconds(10));
    return taken && cell_.answered(tag_);
  }
  std::unique_ptr<Bench> kill(Slot slot) {
    auto bench = std::move(cell_.backends[index(slot)]);
    return bench;
  }
  void replace(Slot slot, Incarnation incarnation = kFresh, bool knows = true) {
    Acceptor::Options options = Bench::default_options(slot);
    options.incarnation = incarnation;
    options.amnesiac = knows;
    cell_.backends[index(slot)] = std::make_unique<Bench>(slot, &options);
  }
  /// Its process starts again on the disk as it was.
  void restart(Slot slot, const Bench& before) {
    auto again = std::make_unique<Bench>(slot);
    for (const auto& [type, bytes] : before.disk) {
      ASSERT_TRUE(again->acceptor.replay(type, bytes));
    }
    again->acceptor.recovered(again->machine);
    cell_.backends[index(slot)] = std::move(again);
  }
  /// Backend 3 is gone, backend 2 has a new disk.
  void lose_two() {
    third_ = kill(B3);
    former_ = kill(B2);
    cell_.run(milliseconds(50));
    replace(B2);
    cell_.run(milliseconds(1500));
  }
  const Proposer::Forced& forced(unsigned lb = 0) { return cell_.lb(lb).forced(); }
  void order(unsigned lb = 0, Duration span = milliseconds(1500), const ForcedRejoin& what = kOrder) {
    cell_.lb(lb).force(what, cell_.now);
    cell_.run(span);
  }
  Acceptor& acceptor(Slot slot) { return cell_.backend(slot).acceptor; }
  BackendState state(Slot slot, unsigned lb = 0) { return cell_.lb(lb).backend_state(slot, cell_.now.mono); }
  unsigned forced_entries(Slot slot) {
    unsigned n = 0;
    const LogView& log = acceptor(slot).log();
    for (Seq seq{1}; seq <= log.last(); seq = next(seq)) {
      const EntryView entry = log.entry(seq);
      n += entry.kind == EntryKind::epoch_start && forced_start(entry.op) != nullptr ? 1 : 0;
    }
    return n;
  }
  /// Backend 2, on a new disk, from what 2 and 3 decided without 1; then 3 and LB 1 are gone.
  void pull_more_than_the_survivor_has() {
    cell_.lost = cut_off({ServerId::b1});
    cell_.run(milliseconds(300));
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(serves());
    }
    former_ = kill(B2);
    replace(B2);
    cell_.run(seconds(1));
    ASSERT_GT(acceptor(B2).commit(), acceptor(B1).log().last()) << "it pulled what was decided";
    third_ = kill(B3);
    cell_.lost = cut_off({LB1});
    cell_.run(milliseconds(600));
  }
  SmallCell cell_;
  uint32_t tag_ = 0;
  std::unique_ptr<Bench> former_;  ///< backend 2 in its former life
  std::unique_ptr<Bench> third_;
};

TEST_F(Forcing, WithoutTheOrderOnePromiseNeverSuffices) {
  lose_two();
  cell_.lb(1).claim(Cause::peer_silent, cell_.now);
  for (int i = 0; i < 20; ++i) {
    cell_.lb(i % 2 == 0 ? 0 : 1).claim(Cause::peer_unfit, cell_.now);
    cell_.run(milliseconds(500));
  }
  EXPECT_FALSE(cell_.lb(0).serving(cell_.now.mono));
  EXPECT_FALSE(cell_.lb(1).active());
  EXPECT_EQ(forced_entries(B1), 0U);
  EXPECT_FALSE(acceptor(B2).member());
  EXPECT_FALSE(serves());
}

TEST_F(Forcing, TheCellServesAgainOnTheSurvivorsLog) {
  lose_two();
  const Seq last = acceptor(B1).log().last();
  const Hash128 l = acceptor(B1).log().l_at(last);
  const Epoch before = cell_.lb().epoch();
  order();
  EXPECT_EQ(forced().phase, Phase::done) << name_of(forced().verdict);
  EXPECT_EQ(forced().survivor, B1);
  EXPECT_EQ(forced().last, last);
  EXPECT_TRUE(cell_.lb().serving(cell_.now.mono));
  EXPECT_GT(cell_.lb().epoch().value, before.value + kForcedLeap);
  EXPECT_TRUE(acceptor(B1).log().matches(last, l)) << "what the survivor had goes on";
  EXPECT_TRUE(serves());
  EXPECT_EQ(state(B2), BackendState::voting);
  EXPECT_EQ(forced_entries(B1), 1U);
  EXPECT_EQ(forced_entries(B2), 1U);
  EXPECT_EQ(cell_.changes[0].back().kind, Role::won);
  EXPECT_EQ(cell_.changes[0].back().cause, Cause::forced);
}

TEST_F(Forcing, AStandbyThatFoundNobodyCarriesItOutToo) {
  lose_two();
  cell_.lost = cut_off({LB1});
  cell_.run(milliseconds(300));
  order(1);
  EXPECT_EQ(forced(1).phase, Phase::done);
  EXPECT_TRUE(serves(1));
  cell_.lost = kNothingLost;
  cell_.run(milliseconds(500));
  EXPECT_FALSE(serves(0)) << "the one before is fenced";
  EXPECT_TRUE(serves(1));
}

TEST_F(Forcing, ABackendThatDoesNotKnowThatItFollowsAnotherIsTakenToo) {
  lose_two();
  replace(B2, kFresh, false);
  cell_.run(milliseconds(300));
  order();
  EXPECT_TRUE(serves());
  EXPECT_EQ(state(B2), BackendState::voting);
}

TEST_F(Forcing, IsRefusedWhileItIsNotNeeded) {
  order();
  EXPECT_EQ(forced().verdict, ForceVerdict::not_needed) << "it serves";
  third_ = kill(B3);
  cell_.run(milliseconds(500));
  order();
  EXPECT_EQ(forced().verdict, ForceVerdict::not_needed);
  EXPECT_TRUE(serves());
  // Two with a log and one without: the Rejoin comes by itself.
  restart(B3, *third_);
  cell_.run(milliseconds(300));
  former_ = kill(B2);
  replace(B2);
  cell_.lb().force(kOrder, cell_.now);
  cell_.run(milliseconds(1500));
  EXPECT_EQ(forced().phase, Phase::refused);
  EXPECT_EQ(forced().verdict, ForceVerdict::not_needed);
  EXPECT_EQ(forced_entries(B1), 0U);
}

TEST_F(Forcing, IsRefusedWhenTheSurvivorOrTheNamedOneIsOutOfReach) {
  lose_two();
  order(0, milliseconds(1500), {B2, Incarnation{0x99}});
  EXPECT_EQ(forced().verdict, ForceVerdict::not_asking) << "another incarnation";
  order(0, milliseconds(1500), {B3, kFresh});
  EXPECT_EQ(forced().verdict, ForceVerdict::not_asking) << "that slot is silent";
  cell_.lost = cut_off({ServerId::b1});
  order();
  EXPECT_EQ(forced().verdict, ForceVerdict::no_survivor);
  cell_.lost = cut_off({ServerId::b2});
  order();
  EXPECT_EQ(forced().verdict, ForceVerdict::not_asking);
  cell_.lost = kNothingLost;
  EXPECT_EQ(forced_entries(B1), 0U);
}

TEST_F(Forcing, IfTheThirdIsThereAfterAllNothingIsForced) {
  lose_two();
  cell_.lb().force(kOrder, cell_.now);
  // It comes back while the order is carried out: after the question, before the promises.
  while (cell_.lb().role() != LbRole::preparing) {
    cell_.step();
  }
  restart(B3, *third_);
  cell_.run(milliseconds(1500));
  EXPECT_EQ(forced_entries(B1), 0U);
  EXPECT_TRUE(serves());
  EXPECT_EQ(state(B2), BackendState::voting) << "by an ordinary Rejoin";
}

TEST_F(Forcing, IfTheNamedOneIsAnotherByTheTimeOfThePromiseNothingIsForced) {
  lose_two();
  cell_.lb().force(kOrder, cell_.now);
  while (cell_.lb().role() != LbRole::preparing) {
    cell_.step();
  }
  replace(B2, Incarnation{0x77});
  cell_.run(milliseconds(1500));
  EXPECT_EQ(forced_entries(B1), 0U);
  EXPECT_EQ(forced().phase, Phase::refused);
}

TEST_F(Forcing, TheOneThatWasGivenUpComesBackAsAnotherOnly) {
  lose_two();
  order();
  ASSERT_TRUE(serves());
  restart(B3, *third_);
  cell_.run(milliseconds(500));
  EXPECT_TRUE(acceptor(B3).lost());
  EXPECT_EQ(state(B3), BackendState::amnesiac);
  EXPECT_TRUE(serves());
  // Whoever claims now: its promise counts for nothing.
  cell_.lost = cut_off({ServerId::b2, LB1});
  cell_.run(milliseconds(300));
  cell_.lb(1).claim(Cause::peer_silent, cell_.now);
  cell_.run(seconds(3));
  EXPECT_FALSE(cell_.lb(1).active());
  cell_.lost = kNothingLost;
  cell_.run(seconds(1));
  // Its owner starts it over.
  replace(B3, Incarnation{0x55});
  cell_.run(seconds(1));
  EXPECT_EQ(state(B3, cell_.lb(0).active() ? 0 : 1), BackendState::voting);
  EXPECT_TRUE(serves(cell_.lb(0).active() ? 0 : 1));
  EXPECT_FALSE(acceptor(B1).log().members().vacant());
}

TEST_F(Forcing, ALogThatWentOnWithoutTheSurvivorIsGivenUpWithItsDecisions) {
  // Backend 1 is cut off for a while: what 2 and 3 decide then, it never sees.
  cell_.lost = cut_off({ServerId::b1});
  cell_.run(milliseconds(300));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(serves());
  }
  lose_two();
  cell_.lost = cut_off({LB1});  // which has them, too
  cell_.run(milliseconds(600));
  const Seq last = acceptor(B1).log().last();
  order(1);
  ASSERT_TRUE(serves(1));
  EXPECT_EQ(forced(1).last, last);
  // The third comes back with them, decided and told: its own log contradicts the cell's.
  restart(B3, *third_);
  ASSERT_GT(acceptor(B3).log().last(), last);
  cell_.run(seconds(1));
  EXPECT_TRUE(acceptor(B3).lost());
  EXPECT_TRUE(serves(1));
  EXPECT_EQ(acceptor(B1).log().l_at(acceptor(B1).commit()), acceptor(B2).log().l_at(acceptor(B1).commit()));
}

TEST_F(Forcing, ANewDiskThatPulledMoreThanTheSurvivorHasIsNotForced) {
  pull_more_than_the_survivor_has();
  order(1);
  EXPECT_EQ(forced(1).verdict, ForceVerdict::knows_more);
  EXPECT_EQ(forced_entries(B1), 0U);
}

TEST_F(Forcing, ANewDiskThatIsJustGettingABookStillKnowsWhatItPulled) {
  pull_more_than_the_survivor_has();
  acceptor(B2).lend_book();
  order(1);
  EXPECT_EQ(forced(1).verdict, ForceVerdict::knows_more);
  EXPECT_EQ(forced_entries(B1), 0U);
}

TEST_F(Forcing, AnotherLbFinishesWhatTheFirstBegan) {
  lose_two();
  // The survivor has the start, the named one nothing yet, and LB 1 dies.
  const auto no_second = cut_off({ServerId::b2});
  cell_.lb().force(kOrder, cell_.now);
  while (cell_.lb().role() != LbRole::starting) {
    cell_.step();
  }
  cell_.lost = no_second;
  cell_.run(milliseconds(30));
  ASSERT_EQ(forced_entries(B1), 1U);
  ASSERT_EQ(forced().phase, Phase::done);
  cell_.lost = cut_off({LB1});
  for (int i = 0; i < 10 && !cell_.lb(1).active(); ++i) {
    cell_.lb(1).claim(Cause::peer_silent, cell_.now);
    cell_.run(milliseconds(500));
  }
  EXPECT_TRUE(cell_.lb(1).active());
  EXPECT_TRUE(serves(1));
  EXPECT_EQ(state(B2, 1), BackendState::voting);
  EXPECT_EQ(forced_entries(B1), 1U) << "the order was carried out once";
}

TEST_F(Forcing, ALongLogIsPulledAndTheOrderStillHolds) {
  for (int i = 0; i < 300; ++i) {
    cell_.propose("many", 10'000U + static_cast<uint32_t>(i));
    cell_.run(milliseconds(1));
  }
  cell_.run(milliseconds(100));
  lose_two();
  order(0, seconds(3));
  EXPECT_TRUE(serves());
  EXPECT_EQ(acceptor(B2).log().last(), acceptor(B1).log().last());
}

TEST_F(Forcing, TheNamedOneIsLostAgainAndIsForcedAgain) {
  lose_two();
  cell_.lb().force(kOrder, cell_.now);
  while (cell_.lb().role() != LbRole::starting) {
    cell_.step();
  }
  cell_.lost = cut_off({ServerId::b2});
  cell_.run(milliseconds(100));
  ASSERT_EQ(forced_entries(B1), 1U);
  cell_.lost = kNothingLost;
  replace(B2, Incarnation{0x66});
  cell_.run(seconds(2));
  EXPECT_FALSE(cell_.lb().serving(cell_.now.mono)) << "the order named another";
  order(0, seconds(3), {B2, Incarnation{0x66}});
  EXPECT_TRUE(serves());
  EXPECT_EQ(forced_entries(B1), 2U);
}

TEST_F(Forcing, AZombieThatHoldsAnOldPromiseOfTheLostDiskDecidesNothing) {
  // LB 2 prepared before: the promises of backends 2 and 3 are on their way to it while it sleeps.
  const Epoch zombie = make_epoch(counter_of(cell_.lb().epoch()) + 5, LB2);
  const Story story;  // only its messages are needed
  std::vector<std::vector<uint8_t>> promises;
  for (const Slot slot : {B2, B3}) {
    cell_.backend(slot).hear(LB2, prepare_of(zombie, 0xA1));
    for (const Letter& letter : cell_.backend(slot).poll()) {
      if (static_cast<CellMessage>(letter.bytes[0]) == CellMessage::promise) {
        promises.push_back(letter.bytes);
      }
    }
  }
  ASSERT_EQ(promises.size(), 2U);
  lose_two();
  order();
  ASSERT_TRUE(serves());
  const Seq decided = acceptor(B1).commit();
  // The zombie wakes: it takes itself for elected, and sends its start to whoever hears.
  const LogView& old = third_->acceptor.log();
  EpochStartBody body{};
  body.last_seq = old.last().value;
  body.last_l_low = old.l_at(old.last()).low;
  body.last_l_high = old.l_at(old.last()).high;
  body.source = 2;
  body.lb = 1;
  AcceptHeader header{};
  header.flags = kFit;
  header.heartbeat_us = 10'000;
  header.epoch = zombie.value;
  header.instance = 0xA1;
  header.first = old.last().value + 1;
  header.prev_l = old.l_at(old.last());
  header.cell_ms = 1000;
  header.wall_ms = 50'000;
  std::vector<uint8_t> bytes(kCellPlainMax);
  AcceptWriter writer(bytes, header);
  ASSERT_TRUE(writer.add(
      {next(old.last()), zombie, CellTime{1000}, WallTime{50'000}, EntryKind::epoch_start, bytes_of(body)}));
  bytes.resize(writer.finish());
  for (const Slot slot : {B1, B2}) {
    cell_.backend(slot).hear(LB2, bytes);
    EXPECT_EQ(votes_text(cell_.backend(slot).poll()), "none");
  }
  EXPECT_TRUE(serves());
  EXPECT_GT(acceptor(B1).commit(), decided);
}

}  // namespace
}  // namespace tercet::quorum
