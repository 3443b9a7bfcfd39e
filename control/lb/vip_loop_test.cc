#include "control/lb/vip_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/lb/receipts.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {
namespace {

using dataplane::Advert;
using dataplane::Command;
using dataplane::Event;
using dataplane::Link;
using dataplane::Reach;
using dataplane::Vip;
using failover::Cause;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;

constexpr failover::Address kOurs = failover::v4_address(198, 18, 0, 1);
constexpr failover::Address kOther = failover::v4_address(198, 18, 0, 2);
constexpr Vip kVip{.address = failover::v4_address(198, 18, 0, 100), .prefix_length = 24};
constexpr Vip kVip2{.address = failover::v4_address(198, 18, 0, 101), .prefix_length = 24};

/// Writes down what it is told, one word a call.
class NotedAnnouncer final : public dataplane::Announcer {
 public:
  void own(const Vip& vip) override { note("own", vip); }
  void disown(const Vip& vip) override { note("disown", vip); }
  void announce(const Vip& vip) override { note("arp", vip); }
  void advert(Bytes packet) override {
    std::vector<uint8_t> copy(packet.begin(), packet.end());
    failover::fill_checksum(copy, kOurs, failover::kVrrpGroup);
    failover::VrrpView view;
    ASSERT_EQ(failover::parse_advert(copy, {.ttl = 255, .source = kOurs, .destination = failover::kVrrpGroup},
                                     51, view),
              failover::VrrpDrop::none);
    noted.push_back("advert " + std::to_string(view.priority));
    addresses = view.addresses.size() / 4;
  }
  size_t adverts(std::span<Advert> adverts) override {
    size_t count = 0;
    while (count < adverts.size() && !incoming.empty()) {
      adverts[count++] = incoming.front();
      incoming.pop_front();
    }
    return count;
  }
  dataplane::Reach reach() override {
    return std::exchange(reaches, reaches == Reach::restored ? Reach::good : reaches);
  }
  void resign() override { noted.emplace_back("resign"); }

  void hear(uint8_t priority, uint8_t ttl = 255) {
    failover::VrrpBytes packet = failover::write_advert(
        {.vrid = 51, .priority = priority, .interval_cs = 10, .addresses = {kVip.address}});
    failover::fill_checksum({packet.data(), packet.size()}, kOther, failover::kVrrpGroup);
    Advert advert{
        .from = kOther, .to = failover::kVrrpGroup, .ttl = ttl, .size = static_cast<uint16_t>(packet.size())};
    std::copy(packet.begin(), packet.end(), advert.bytes.begin());
    incoming.push_back(advert);
  }
  std::vector<std::string> take() { return std::exchange(noted, {}); }

  Reach reaches = Reach::good;
  std::deque<Advert> incoming;
  std::vector<std::string> noted;
  size_t addresses = 0;

 private:
  void note(const char* what, const Vip& vip) {
    noted.push_back(std::string(what) + " " + std::to_string(vip.address[15]));
  }
};

struct VipLoopTest : testing::Test {
  NotedAnnouncer announcer;
  Link<Event> events{32};
  Link<Command> commands{4};
  Receipts receipts;
  VipLoopOptions options{.vips = {kVip},
                         .vrrp = {.vrid = 51, .priority = 100, .interval = milliseconds(100), .local = kOurs},
                         .promotion = {.garp_repeat = 2}};
  VipLoop loop{options, announcer, events, commands, &receipts};
  Moment now{.mono = {9'000'000'000}, .wall = {1'700'000'000'000}};

  MonoTime poll() { return loop.poll(now); }
  void pass(Duration time) {
    now.mono = now.mono + time;
    now.wall = now.wall + time;
  }
  void won(uint64_t epoch) {
    events.push(Event{.kind = Event::Kind::won,
                      .epoch = Epoch{epoch},
                      .at = now.mono,
                      .cause = Cause::killed,
                      .epoch_before = Epoch{epoch - 1},
                      .gap = milliseconds(40),
                      .entries_recovered = 3});
  }
  void event(Event::Kind kind, uint64_t epoch, uint32_t token = 0, Cause cause = Cause::none) {
    events.push(Event{.kind = kind, .epoch = Epoch{epoch}, .token = token, .at = now.mono, .cause = cause});
  }
  std::vector<Command> asked() {
    std::vector<Command> out(8);
    out.resize(commands.pop(out));
    return out;
  }
  void go_active() {
    poll();
    won(5);
    poll();
    announcer.take();
  }
};

TEST_F(VipLoopTest, WonTakesTheAddressInOrderAndWritesAReceipt) {
  poll();
  EXPECT_THAT(announcer.take(), IsEmpty());
  won(5);
  pass(milliseconds(2));
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("advert 100", "own 100", "arp 100", "arp 100"));
  ASSERT_EQ(loop.transitions().size(), 1U);
  EXPECT_TRUE(loop.transitions()[0].on_air);
  const auto list = receipts.newest_first();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].cause, Cause::killed);
  EXPECT_EQ(list[0].gap, milliseconds(42));
  EXPECT_EQ(list[0].epoch_before, Epoch{4});
  EXPECT_EQ(list[0].epoch_after, Epoch{5});
  EXPECT_EQ(list[0].entries_recovered, 3U);
  EXPECT_EQ(list[0].announcements, 2U);
  EXPECT_EQ(list[0].at, now.wall);
  poll();
  EXPECT_THAT(loop.transitions(), IsEmpty());
}

TEST_F(VipLoopTest, SeveralAddressesStandInOneAdvert) {
  options.vips.push_back(kVip2);
  VipLoop two(options, announcer, events, commands, nullptr);
  two.poll(now);
  won(5);
  two.poll(now);
  EXPECT_THAT(announcer.take(),
              ElementsAre("advert 100", "own 100", "own 101", "arp 100", "arp 101", "arp 100", "arp 101"));
  EXPECT_EQ(announcer.addresses, 2U);
}

TEST_F(VipLoopTest, TheRepetitionIsConfirmedAndCountsInTheReceipt) {
  go_active();
  for (int i = 0; i < 50; ++i) {
    pass(milliseconds(100));
    poll();
  }
  const auto commands_sent = asked();
  ASSERT_EQ(commands_sent.size(), 1U);
  EXPECT_EQ(commands_sent[0].kind, Command::Kind::confirm);
  EXPECT_EQ(commands_sent[0].epoch, Epoch{5});
  announcer.take();
  event(Event::Kind::confirmed, 5, commands_sent[0].token);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("own 100", "arp 100", "arp 100"));
  EXPECT_EQ(receipts.newest_first()[0].announcements, 4U);
}

TEST_F(VipLoopTest, LostGivesTheAddressUpThenSaysZero) {
  go_active();
  event(Event::Kind::lost, 5, 0, Cause::higher_epoch);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("disown 100", "advert 0"));
  ASSERT_EQ(loop.transitions().size(), 1U);
  EXPECT_FALSE(loop.transitions()[0].on_air);
  EXPECT_EQ(loop.transitions()[0].cause, Cause::higher_epoch);
}

TEST_F(VipLoopTest, WonAndLostInOneTurnEndOffTheAir) {
  poll();
  won(5);
  event(Event::Kind::lost, 5);
  poll();
  EXPECT_FALSE(loop.on_air());
  EXPECT_THAT(announcer.take(),
              ElementsAre("advert 100", "own 100", "arp 100", "arp 100", "disown 100", "advert 0"));
  EXPECT_EQ(loop.transitions().size(), 2U);
}

TEST_F(VipLoopTest, ItsOwnStallIsFoundBeforeAnythingIsSaid) {
  go_active();
  pass(milliseconds(100) + milliseconds(301));  // due in 100 ms; the limit at 100 ms adverts is 300
  event(Event::Kind::confirmed, 5, loop.promotion().token());
  poll();
  EXPECT_EQ(loop.counters().stalls.get(), 1U);
  EXPECT_THAT(announcer.take(), IsEmpty());
  const auto commands_sent = asked();
  ASSERT_EQ(commands_sent.size(), 1U);
  event(Event::Kind::confirmed, 5, commands_sent[0].token);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("advert 100", "own 100", "arp 100", "arp 100"));
}

TEST_F(VipLoopTest, LatenessBelowTheLimitIsNone) {
  go_active();
  pass(milliseconds(400));
  poll();
  EXPECT_EQ(loop.counters().stalls.get(), 0U);
  EXPECT_THAT(announcer.take(), ElementsAre("advert 100"));
}

TEST_F(VipLoopTest, AFrozenLbThatWasReplacedNeverDrawsClientsBack) {
  go_active();
  pass(seconds(5));
  poll();
  announcer.take();
  event(Event::Kind::lost, 5, 0, Cause::higher_epoch);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("disown 100", "advert 0"));
}

TEST_F(VipLoopTest, AStallOfTheDataPlaneCountsWhenItIsLong) {
  go_active();
  events.push(Event{.kind = Event::Kind::stalled, .gap = milliseconds(20)});
  poll();
  EXPECT_TRUE(loop.promotion().sure());
  events.push(Event{.kind = Event::Kind::stalled, .gap = milliseconds(300)});
  poll();
  EXPECT_FALSE(loop.promotion().sure());
  EXPECT_EQ(asked().size(), 1U);
}

TEST_F(VipLoopTest, CutOffAndRegainedLeaveReceiptsOfTheirOwn) {
  go_active();
  event(Event::Kind::cut_off, 5);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("disown 100", "advert 0"));
  EXPECT_EQ(loop.transitions()[0].cause, Cause::cut_off);
  const auto commands_sent = asked();
  ASSERT_FALSE(commands_sent.empty());
  event(Event::Kind::confirmed, 5, commands_sent.back().token);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("advert 100", "own 100", "arp 100", "arp 100"));
  const auto list = receipts.newest_first();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].cause, Cause::regained);
  EXPECT_EQ(list[0].announcements, 2U);
  EXPECT_EQ(list[0].entries_recovered, 0U);
  EXPECT_EQ(list[1].announcements, 2U);
}

TEST_F(VipLoopTest, ALostLinkIsToldOnceAndAlsoWhenItIsBack) {
  go_active();
  asked();
  announcer.reaches = Reach::none;
  poll();
  poll();
  auto told = asked();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Command::Kind::clients);
  EXPECT_FALSE(told[0].hears);
  EXPECT_FALSE(loop.reachable());
  EXPECT_TRUE(loop.on_air()) << "it stays until the other one has taken over";
  announcer.reaches = Reach::restored;
  announcer.take();
  poll();
  told = asked();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].kind, Command::Kind::confirm)
      << "nothing is announced before two backends said that it may be";
  EXPECT_EQ(told[1].kind, Command::Kind::clients);
  EXPECT_TRUE(told[1].hears);
  EXPECT_THAT(announcer.take(), IsEmpty());
  event(Event::Kind::confirmed, 5, told[0].token);
  for (int i = 0; i < 12; ++i) {  // P4: a second after the last announcement
    pass(milliseconds(100));
    poll();
  }
  EXPECT_THAT(announcer.take(), IsSupersetOf({"own 100", "arp 100"}));
}

TEST_F(VipLoopTest, ALostLinkIsToldAgainWhenTheQueueWasFull) {
  while (commands.push(Command{})) {
  }
  announcer.reaches = Reach::none;
  poll();
  asked();
  poll();
  const auto told = asked();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Command::Kind::clients);
}

TEST_F(VipLoopTest, AdvertsOfOthersAskAndAreCountedMalformedOnesByReason) {
  go_active();
  pass(milliseconds(50));
  announcer.hear(99);
  announcer.hear(50, 64);
  Advert cut{.from = kOther, .to = failover::kVrrpGroup, .ttl = 255, .size = 3};
  announcer.incoming.push_back(cut);
  poll();
  EXPECT_THAT(announcer.take(), ElementsAre("advert 100"));  // the lower one is answered at once
  EXPECT_EQ(asked().size(), 1U);
  EXPECT_EQ(loop.counters().adverts_heard.get(), 1U);
  EXPECT_EQ(loop.counters().checksum_pseudo_header.get(), 1U);
  EXPECT_EQ(loop.counters().drops[static_cast<size_t>(failover::VrrpDrop::bad_ttl)].get(), 1U);
  EXPECT_EQ(loop.counters().drops[static_cast<size_t>(failover::VrrpDrop::too_short)].get(), 1U);
}

TEST_F(VipLoopTest, AHigherAdvertNeverDemotes) {
  go_active();
  announcer.hear(254);
  poll();
  EXPECT_TRUE(loop.on_air());
  EXPECT_EQ(asked().size(), 1U);
}

TEST_F(VipLoopTest, AStandbyPassesHintsOnAndStaysOne) {
  poll();
  announcer.hear(0);
  poll();
  auto commands_sent = asked();
  ASSERT_EQ(commands_sent.size(), 1U);
  EXPECT_EQ(commands_sent[0].kind, Command::Kind::suspect);
  EXPECT_EQ(commands_sent[0].cause, Cause::stopped);
  pass(milliseconds(200));
  poll();
  commands_sent = asked();
  ASSERT_EQ(commands_sent.size(), 1U);
  EXPECT_EQ(commands_sent[0].cause, Cause::silence);
  EXPECT_THAT(announcer.take(), IsEmpty());
}

TEST_F(VipLoopTest, AFloodOfAdvertsDoesNotKeepItFromItsTimers) {
  go_active();
  pass(milliseconds(100));
  for (int i = 0; i < 1000; ++i) {
    announcer.hear(200);
  }
  EXPECT_EQ(poll(), now.mono);  // come again at once
  EXPECT_THAT(announcer.take(), ElementsAre("advert 100"));
  EXPECT_GT(announcer.incoming.size(), 900U);
}

TEST_F(VipLoopTest, AFullQueueToTheDataPlaneIsCountedAndAskedAgain) {
  go_active();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(commands.push(Command{}));
  }
  announcer.hear(99);
  poll();
  EXPECT_EQ(loop.counters().commands_full.get(), 1U);
  EXPECT_EQ(asked().size(), 4U);
  pass(milliseconds(100));
  poll();
  const auto commands_sent = asked();
  ASSERT_EQ(commands_sent.size(), 1U);
  EXPECT_EQ(commands_sent[0].token, loop.promotion().token());
}

TEST_F(VipLoopTest, ACleanStopAsksForTheResignationThenSaysGoodbye) {
  go_active();
  loop.resign(now);
  auto commands_sent = asked();
  ASSERT_EQ(commands_sent.size(), 1U);
  EXPECT_EQ(commands_sent[0].kind, Command::Kind::resign);
  poll();
  EXPECT_EQ(asked().size(), 1U);  // again, until it is done
  event(Event::Kind::lost, 5, 0, Cause::stopped);
  poll();
  EXPECT_FALSE(loop.on_air());
  EXPECT_THAT(announcer.take(), ElementsAre("disown 100", "advert 0"));
  loop.stop(now);
  EXPECT_THAT(announcer.take(), ElementsAre("resign"));
  won(6);
  poll();
  EXPECT_THAT(announcer.take(), IsEmpty());
}

TEST_F(VipLoopTest, StopWithoutAnAnswerLeavesTheAirAllTheSame) {
  go_active();
  loop.stop(now);
  EXPECT_THAT(announcer.take(), ElementsAre("disown 100", "advert 0", "resign"));
  ASSERT_EQ(loop.transitions().size(), 1U);
  EXPECT_EQ(loop.transitions()[0].cause, Cause::stopped);
}

TEST_F(VipLoopTest, ItIsCalledInTimeForTheNextAdvert) {
  go_active();
  pass(milliseconds(30));
  EXPECT_EQ(poll(), now.mono + milliseconds(70));
}

TEST(Receipts, KeepsTheNewestAndSpeaksJson) {
  Receipts receipts;
  receipts.announced(5);  // nothing there: nothing happens
  for (uint64_t i = 1; i <= kReceiptsMax + 5; ++i) {
    receipts.add({.epoch_after = Epoch{i}});
  }
  EXPECT_EQ(receipts.newest_first().size(), kReceiptsMax);
  EXPECT_EQ(receipts.newest_first()[0].epoch_after, Epoch{kReceiptsMax + 5});
  const failover::Receipt receipt{.cause = Cause::silence,
                                  .at = {1'767'225'600'250},
                                  .gap = milliseconds(43),
                                  .epoch_before = Epoch{5},
                                  .epoch_after = Epoch{10},
                                  .entries_recovered = 7,
                                  .announcements = 10};
  EXPECT_EQ(to_json(receipt).dump(),
            R"({"announcements":10,"at":"2026-01-01T00:00:00.250Z","cause":"silence","entries_recovered":7,)"
            R"("epoch_after":10,"epoch_before":5,"gap_ms":43})");
  EXPECT_EQ(to_line(receipt),
            "active (silence): epoch 5 -> 10, gap 43 ms, 7 entries recovered, 10 announcements");
}

}  // namespace
}  // namespace tercet::control
