#include "dataplane/steer/balancer.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "quorum/testing.h"

namespace tercet::dataplane {
namespace {

using quorum::testing::Bench;
using quorum::testing::kLives;
using quorum::testing::Letter;
using quorum::testing::message_of;
using quorum::testing::opened;
using quorum::testing::prepare_of;

std::vector<uint8_t> release_of(uint8_t handle, uint32_t request) {
  OpHeader header{};
  header.kind = static_cast<uint8_t>(OpKind::release);
  header.length = sizeof(header);
  header.request = request;
  header.handle[0] = handle;
  std::vector<uint8_t> bytes(kClientPlainMax);
  QueryWriter writer(bytes);
  EXPECT_TRUE(writer.add(bytes_of(header)));
  bytes.resize(writer.finish());
  return bytes;
}
ClientRef client_at(uint16_t port) {
  ClientRef client;
  client.endpoint.port = port;
  return client;
}

/// LB 1's Service over three real acceptors; the test plays clients, the other LB and the control thread. A
/// step is a millisecond.
class BalancerTest : public ::testing::Test {
 protected:
  BalancerTest() {
    Balancer::Options options;
    options.proposer.self = ServerId::lb1;
    options.proposer.cell = CellId{7};
    options.proposer.instance = Nonce{0xA0};
    options.proposer.window = 64;
    options.proposer.history = 256;
    options.proposer.reads = 16;
    options.order.in_flight = 64;
    options.order.repeat_sets = 16;
    balancer_ = std::make_unique<Balancer>(options, control_);
    for (const Slot slot : kSlots) {
      backends_.push_back(std::make_unique<Bench>(slot));
      backends_.back()->machine.as_book = true;
    }
  }
  struct In {
    bool from_server;
    ServerId server;
    ClientRef client;
    std::vector<uint8_t> plain;
  };
  void from_client(uint16_t port, std::vector<uint8_t> plain) {
    in_.push_back({false, ServerId::lb1, client_at(port), std::move(plain)});
  }
  void from_server(ServerId server, std::vector<uint8_t> plain) {
    in_.push_back({true, server, {}, std::move(plain)});
  }
  void step() {
    now_.mono = now_.mono + milliseconds(1);
    now_.wall = now_.wall + milliseconds(1);
    for (const Slot slot : kSlots) {
      Bench& bench = *backends_[index(slot)];
      bench.now = now_;
      const bool off = cut_.has(slot);
      for (const std::vector<uint8_t>& bytes : to_backend_[index(slot)]) {
        if (!off) {
          bench.hear(ServerId::lb1, bytes);
        }
      }
      to_backend_[index(slot)].clear();
      for (const Letter& letter : bench.poll()) {
        if (!off && letter.to.has(ServerId::lb1)) {
          from_server(server_of(slot), letter.bytes);
        }
      }
    }
    poll();
  }
  void poll() {
    std::vector<Message> messages;
    for (const In& one : in_) {
      messages.push_back({one.from_server, one.server, one.client, one.plain});
    }
    Outbox outbox(256);
    balancer_->poll(messages, now_, outbox);
    in_.clear();
    for (const Letter& letter : quorum::testing::take_letters(outbox)) {
      if (letter.to.empty()) {
        Bytes rest;
        EXPECT_EQ(parse_reply(letter.bytes, rest), Drop::none) << "replies are whole";
        ReplyView view;
        while (next_reply(rest, view)) {
          replies_.push_back({letter.client.endpoint.port, view.code, view.request});
        }
        continue;
      }
      EXPECT_NO_FATAL_FAILURE(opened(letter.bytes));
      if (letter.to.has(ServerId::lb2)) {
        HeartbeatView view;
        EXPECT_EQ(parse_heartbeat(letter.bytes, view), Drop::none);
        last_heartbeat_ = *view.header;
      }
      for (const Slot slot : kSlots) {
        if (letter.to.has(server_of(slot))) {
          to_backend_[index(slot)].push_back(letter.bytes);
        }
      }
    }
    if (control_thread_comes_) {
      for (const Event& event : balancer_->pending_events()) {
        events_.push_back(event);
      }
      balancer_->pending_events().clear();
    }
  }
  void run(
      int ms, const std::function<void()>& each = [] {}) {
    for (int i = 0; i < ms; ++i) {
      each();
      step();
    }
  }
  /// What the other LB says, echoing our newest.
  void peer_says(LbRole role, uint8_t flags = 0, Epoch epoch = {}) {
    Heartbeat heartbeat{};
    heartbeat.role = static_cast<uint8_t>(role);
    heartbeat.flags = flags;
    heartbeat.instance = 0xA2;
    heartbeat.epoch = epoch.value;
    heartbeat.number = ++peer_number_;
    heartbeat.echo_instance = last_heartbeat_.instance;
    heartbeat.echo_number = last_heartbeat_.number;
    from_server(ServerId::lb2, message_of(CellMessage::heartbeat, heartbeat));
  }
  void begin() {
    run(700);
    ASSERT_TRUE(balancer_->proposer().active());
  }
  unsigned count(Event::Kind kind) const {
    unsigned n = 0;
    for (const Event& event : events_) {
      n += event.kind == kind ? 1U : 0U;
    }
    return n;
  }
  const Event* last(Event::Kind kind) const {
    const Event* found = nullptr;
    for (const Event& event : events_) {
      found = event.kind == kind ? &event : found;
    }
    return found;
  }
  struct Told {
    uint16_t port;
    Code code;
    uint32_t request;
  };

  Balancer::Control control_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<std::unique_ptr<Bench>> backends_;
  std::array<std::vector<std::vector<uint8_t>>, kBackends> to_backend_;
  quorum::SlotSet cut_;
  bool control_thread_comes_ = true;
  std::vector<In> in_;
  std::vector<Told> replies_;
  std::vector<Event> events_;
  Heartbeat last_heartbeat_{};
  uint64_t peer_number_ = 0;
  Moment now_{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 99};
};

TEST_F(BalancerTest, AloneAtFirstStartItClaimsAndTellsTheControlThread) {
  begin();
  ASSERT_EQ(count(Event::Kind::won), 1U);
  const Event& won = *last(Event::Kind::won);
  EXPECT_EQ(won.epoch, balancer_->proposer().epoch());
  EXPECT_EQ(won.cause, failover::Cause::first_start);
  EXPECT_EQ(balancer_->counters().claims, 1U);
}

TEST_F(BalancerTest, AQueryComesBackAnswered) {
  begin();
  from_client(5, release_of(1, 9));
  run(8);
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_EQ(replies_[0].port, 5);
  EXPECT_EQ(replies_[0].code, Code::granted);
  EXPECT_EQ(replies_[0].request, 9U);
  EXPECT_EQ(balancer_->counters().decided, 1U);
}

TEST_F(BalancerTest, ClientsAndServersMixedInOneBurstDoNotDisturbEachOthersDatagrams) {
  begin();
  from_client(5, release_of(1, 1));
  run(8);
  replies_.clear();
  Missing missing{};
  missing.datagrams = 1;
  missing.from = missing.to = 2;
  for (uint16_t i = 0; i < 10; ++i) {
    from_client(5, release_of(1, 1));  // a repeat: its answer is being written …
    from_server(ServerId::b2, message_of(CellMessage::missing, missing));  // … when a step opens the outbox
    from_server(ServerId::b3, {0xFF, 1, 2});
    from_client(5, {0xFF});
  }
  poll();
  EXPECT_EQ(replies_.size(), 10U);
  EXPECT_EQ(balancer_->counters().drop_malformed, 20U);
  EXPECT_EQ(to_backend_[1].size(), 10U);
}

TEST_F(BalancerTest, WhenTwoBackendsAreGoneAllThatWaitsIsToldOnceUnavailable) {
  begin();
  cut_ = quorum::SlotSet(6);
  from_client(5, release_of(1, 1));
  run(400);
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_EQ(replies_[0].code, Code::unavailable);
  EXPECT_TRUE(balancer_->proposer().active()) << "somebody must be left to say it";
  EXPECT_FALSE(balancer_->view(now_).serving);
  EXPECT_EQ(last_heartbeat_.flags & kLostBackends, kLostBackends) << "so that the other may try";
  EXPECT_EQ(last_heartbeat_.flags & kHoldsAddress, kHoldsAddress);
  cut_ = {};
  run(400);
  ASSERT_EQ(replies_.size(), 2U) << "and then decided after all";
  EXPECT_EQ(replies_[1].code, Code::granted);
}

TEST_F(BalancerTest, AFencedLbTellsWhatWaitsNotActiveAndTheControlThreadLost) {
  begin();
  const Epoch epoch = balancer_->proposer().epoch();
  for (const Slot slot : {Slot::one, Slot::two}) {
    backends_[index(slot)]->hear(ServerId::lb2, prepare_of(make_epoch(9, ServerId::lb2), 1));
  }
  from_client(5, release_of(1, 1));
  run(60);
  ASSERT_EQ(count(Event::Kind::lost), 1U);
  EXPECT_EQ(last(Event::Kind::lost)->epoch, epoch);
  EXPECT_EQ(last(Event::Kind::lost)->cause, failover::Cause::higher_epoch);
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_EQ(replies_[0].code, Code::not_active);
  EXPECT_EQ(last_heartbeat_.flags & kHoldsAddress, 0);
}

TEST_F(BalancerTest, AStrayPrepareCostsAnEpochNotTheAddress) {
  begin();
  backends_[0]->hear(ServerId::lb2, prepare_of(make_epoch(9, ServerId::lb2), 1));
  run(100);
  EXPECT_EQ(count(Event::Kind::lost), 0U);
  ASSERT_EQ(count(Event::Kind::won), 2U);
  EXPECT_EQ(last(Event::Kind::won)->cause, failover::Cause::stray_prepare);
  EXPECT_GT(last(Event::Kind::won)->epoch, make_epoch(9, ServerId::lb2));
}

// ---- the control thread's wishes

TEST_F(BalancerTest, ConfirmIsAnsweredOnceForEachToken) {
  begin();
  Command command;
  command.kind = Command::Kind::confirm;
  command.epoch = balancer_->proposer().epoch();
  for (const uint32_t token : {1U, 2U}) {
    command.token = token;
    for (int i = 0; i < 3; ++i) {
      balancer_->command(command, now_);  // comes again until answered
      step();
    }
    run(20);
    ASSERT_EQ(count(Event::Kind::confirmed), token);
    EXPECT_EQ(last(Event::Kind::confirmed)->token, token);
  }
  command.token = 3;
  command.epoch = make_epoch(90, ServerId::lb1);
  balancer_->command(command, now_);
  run(20);
  EXPECT_EQ(count(Event::Kind::confirmed), 2U) << "not about the epoch that is held";
}

TEST_F(BalancerTest, ResignGivesTheEpochUp) {
  begin();
  Command command;
  command.kind = Command::Kind::resign;
  balancer_->command(command, now_);
  step();
  EXPECT_FALSE(balancer_->proposer().active());
  ASSERT_EQ(count(Event::Kind::lost), 1U);
  EXPECT_EQ(last(Event::Kind::lost)->cause, failover::Cause::stopped);
}

TEST_F(BalancerTest, CommandsEventsAndViewsCrossTheLinks) {
  Link<Command> commands(8);
  Link<Event> events(8);
  auto views = std::make_unique<Snapshot<View>>();
  Balancer::Options options;
  options.proposer.instance = Nonce{5};
  options.proposer.window = 64;
  options.proposer.history = 256;
  control_ = {&commands, &events, -1, views.get(), nullptr};
  balancer_ = std::make_unique<Balancer>(options, control_);
  run(700);
  ASSERT_TRUE(balancer_->proposer().active());
  Event got[4];
  ASSERT_EQ(events.pop(got), 1U);
  EXPECT_EQ(got[0].kind, Event::Kind::won);
  EXPECT_TRUE(views->read().known);
  EXPECT_EQ(views->read().role, LbRole::active);
  Command resign[1];
  resign[0].kind = Command::Kind::resign;
  ASSERT_EQ(commands.push(resign), 1U);
  step();
  ASSERT_EQ(events.pop(got), 1U);
  EXPECT_EQ(got[0].kind, Event::Kind::lost);
}

TEST_F(BalancerTest, WonAndLostAreNeverForgottenHoweverFullTheQueueIs) {
  control_thread_comes_ = false;
  begin();
  for (int i = 0; i < 100; ++i) {
    now_.mono = now_.mono + seconds(2);
    step();
    step();
    step();
  }
  EXPECT_GE(balancer_->counters().stalls, 100U);
  Command resign;
  resign.kind = Command::Kind::resign;
  balancer_->command(resign, now_);
  step();
  EXPECT_EQ(balancer_->pending_events().size(), 64U) << "bounded";
  control_thread_comes_ = true;
  step();
  EXPECT_EQ(count(Event::Kind::won), 1U);
  EXPECT_EQ(count(Event::Kind::lost), 1U);
  EXPECT_EQ(events_.front().kind, Event::Kind::won) << "in order";
}

// ---- the other LB

TEST_F(BalancerTest, WhileAFitPeerIsActiveItStandsByAndWhenItFallsSilentItFollows) {
  const Epoch theirs = make_epoch(3, ServerId::lb2);
  run(600, [&] { peer_says(LbRole::active, kHoldsAddress, theirs); });
  EXPECT_EQ(balancer_->proposer().role(), LbRole::standby);
  EXPECT_EQ(balancer_->counters().claims, 0U);
  run(700);
  ASSERT_TRUE(balancer_->proposer().active());
  EXPECT_GT(balancer_->proposer().epoch(), theirs);
  const Event& won = *last(Event::Kind::won);
  EXPECT_EQ(won.cause, failover::Cause::silence);
  EXPECT_GT(won.gap, milliseconds(20));
}

TEST_F(BalancerTest, APeerThatSaysUnfitIsFollowed) {
  run(100, [&] { peer_says(LbRole::active, kHoldsAddress, make_epoch(3, ServerId::lb2)); });
  run(200, [&] { peer_says(LbRole::active, kHoldsAddress | kLostClients, make_epoch(3, ServerId::lb2)); });
  EXPECT_TRUE(balancer_->proposer().active());
  ASSERT_EQ(count(Event::Kind::won), 1U);
  EXPECT_EQ(last(Event::Kind::won)->cause, failover::Cause::unfit);
}

TEST_F(BalancerTest, OneThatClientsCannotReachSaysSoAndClaimsNothing) {
  begin();
  balancer_->command({.kind = Command::Kind::clients, .hears = false}, now_);
  run(20);
  EXPECT_EQ(last_heartbeat_.flags & kLostClients, kLostClients);
  EXPECT_FALSE(balancer_->proposer().fit(now_.mono));
  const Epoch next = make_epoch(balancer_->proposer().epoch().value + 5, ServerId::lb2);
  for (const Slot slot : kSlots) {
    backends_[index(slot)]->hear(ServerId::lb2, prepare_of(next, 0xB0));
  }
  run(100, [&] { peer_says(LbRole::active, kHoldsAddress, next); });
  ASSERT_FALSE(balancer_->proposer().active());
  run(3000);
  EXPECT_EQ(balancer_->proposer().role(), LbRole::standby)
      << "the other one is silent, but nobody could come here";
  balancer_->command({.kind = Command::Kind::clients, .hears = true}, now_);
  run(1000);
  EXPECT_TRUE(balancer_->proposer().active());
}

TEST_F(BalancerTest, APeerThatIsActiveInAHigherEpochEndsOursHoweverFewBackendsTellUs) {
  begin();
  cut_ = quorum::SlotSet(6);
  run(300);
  ASSERT_TRUE(balancer_->proposer().active());
  const Epoch higher = make_epoch(balancer_->proposer().epoch().value + 5, ServerId::lb2);
  peer_says(LbRole::preparing, 0, higher);
  run(5);
  EXPECT_TRUE(balancer_->proposer().active()) << "it has not won";
  peer_says(LbRole::active, kHoldsAddress, higher);
  run(5);
  EXPECT_FALSE(balancer_->proposer().active());
  ASSERT_EQ(count(Event::Kind::lost), 1U);
  EXPECT_EQ(last(Event::Kind::lost)->cause, failover::Cause::higher_epoch);
}

TEST_F(BalancerTest, AResignationNeedsNoTimer) {
  const Epoch theirs = make_epoch(3, ServerId::lb2);
  run(100, [&] { peer_says(LbRole::active, kHoldsAddress, theirs); });
  balancer_->resigned(ServerId::lb2, make_epoch(2, ServerId::lb2), now_);
  step();
  EXPECT_EQ(balancer_->counters().claims, 0U) << "of an epoch that it no longer holds: an old one";
  balancer_->resigned(ServerId::lb1, theirs, now_);
  step();
  EXPECT_EQ(balancer_->counters().claims, 0U) << "our own";
  balancer_->resigned(ServerId::lb2, theirs, now_);
  step();
  EXPECT_EQ(balancer_->counters().claims, 1U);
  run(60);
  ASSERT_TRUE(balancer_->proposer().active());
  EXPECT_EQ(last(Event::Kind::won)->cause, failover::Cause::killed);
}

TEST_F(BalancerTest, HeartbeatsOfOthersThanTheOtherLbSayNothing) {
  Heartbeat heartbeat{};
  heartbeat.instance = 0xA2;
  heartbeat.number = 1;
  step();
  heartbeat.echo_instance = last_heartbeat_.instance;
  heartbeat.echo_number = last_heartbeat_.number;
  from_server(ServerId::b1, message_of(CellMessage::heartbeat, heartbeat));
  from_server(ServerId::lb1, message_of(CellMessage::heartbeat, heartbeat));
  step();
  EXPECT_EQ(balancer_->view(now_).counters.heartbeats_heard, 0U);
  EXPECT_FALSE(balancer_->view(now_).peer_heard);
}

TEST_F(BalancerTest, ASecondActiveOneIsToldOnceAndTheEpochConfirmed) {
  begin();
  run(50, [&] { peer_says(LbRole::active, kHoldsAddress, make_epoch(0, ServerId::lb2)); });
  EXPECT_EQ(count(Event::Kind::second_active), 1U);
  EXPECT_EQ(count(Event::Kind::confirmed), 1U) << "an advert never demotes, it makes the LB ask";
  EXPECT_TRUE(balancer_->proposer().active());
}

TEST_F(BalancerTest, HearingNeitherThePeerNorTwoBackendsItIsTheOneCutOff) {
  begin();
  cut_ = quorum::kAllSlots;
  run(2'000);
  EXPECT_EQ(count(Event::Kind::cut_off), 1U);
  EXPECT_TRUE(balancer_->proposer().active()) << "it keeps its epoch";
  EXPECT_EQ(last_heartbeat_.flags & kLostClients, kLostClients);
}

TEST_F(BalancerTest, WithThePeerInReachItIsNotCutOffAndGoesOnSayingUnavailable) {
  begin();
  cut_ = quorum::kAllSlots;
  run(2'000, [&] { peer_says(LbRole::standby); });
  EXPECT_EQ(count(Event::Kind::cut_off), 0U);
}

TEST_F(BalancerTest, NotHavingBeenRunForAWhileIsTold) {
  begin();
  now_.mono = now_.mono + seconds(5);
  step();
  step();
  EXPECT_EQ(count(Event::Kind::stalled), 1U);
  EXPECT_GE(last(Event::Kind::stalled)->gap, seconds(4));
}

// ---- what it shows

TEST_F(BalancerTest, TheViewShowsThreeEqualDigestsAtOneSeq) {
  begin();
  for (uint8_t i = 1; i < 6; ++i) {
    from_client(5, release_of(i, 1));
    run(6);
  }
  run(20);
  const View view = balancer_->view(now_);
  EXPECT_EQ(view.role, LbRole::active);
  EXPECT_TRUE(view.serving);
  EXPECT_EQ(view.commit, Seq{6});
  EXPECT_EQ(view.digest_seq, view.commit);
  for (const Slot slot : kSlots) {
    const BackendView& b = view.backends[index(slot)];
    EXPECT_EQ(b.state, quorum::BackendState::voting);
    EXPECT_EQ(b.incarnation, Incarnation{kLives[index(slot)]});
    ASSERT_TRUE(b.digest.has_value());
    EXPECT_EQ(b.digest, view.backends[0].digest);
  }
  EXPECT_EQ(view.in_flight, 0U);
  EXPECT_EQ(view.counters.decided, 5U);
}

TEST_F(BalancerTest, AClosedPortIsDownSoon) {
  begin();
  cut_ = quorum::SlotSet(4);
  balancer_->unreachable(ServerId::b3, now_);
  balancer_->unreachable(ServerId::lb2, now_);  // no backend
  run(40);
  EXPECT_NE(balancer_->view(now_).backends[2].state, quorum::BackendState::down);
  run(15);
  EXPECT_EQ(balancer_->view(now_).backends[2].state, quorum::BackendState::down);
}

/// Reports of closed ports need no key: nobody may stop a cell with them.
TEST_F(BalancerTest, ReportsWithoutEndLeaveWhoAnswersAlone) {
  begin();
  const Epoch epoch = balancer_->proposer().epoch();
  for (int i = 0; i < 1'000; ++i) {
    for (const Slot slot : kSlots) {
      balancer_->unreachable(server_of(slot), now_);
    }
    run(1);
    const View view = balancer_->view(now_);
    ASSERT_TRUE(view.serving) << i;
    ASSERT_EQ(view.epoch, epoch);
    for (const BackendView& b : view.backends) {
      ASSERT_EQ(b.state, quorum::BackendState::voting) << i;
    }
  }
}

}  // namespace
}  // namespace tercet::dataplane
