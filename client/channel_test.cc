#include "client/channel.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "client/cell.h"
#include "client/fake_lb_for_test.h"

namespace tercet::client {
namespace {

constexpr Patience kPatient{.timeout = seconds(5)};
const Wanted kWanted{.firm = 1000, .product = 7, .user = "ann", .host = "h", .process = "p", .version = "1"};

std::unique_ptr<Channel> open(FakeLb& lb) {
  auto channel = Channel::open({lb.endpoint}, lb.keys.client);
  EXPECT_TRUE(channel.has_value());
  return std::move(*channel);
}

TEST(Channel, SaysHelloOnceThenAsks) {
  FakeLb lb;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  SeatState seat;
  ASSERT_TRUE(cell.checkout(kWanted, {}, seat).has_value());
  EXPECT_EQ(lb.hellos(), 1U);
  EXPECT_EQ(channel->limits().lease_max_ms, 86'400'000U);
  ASSERT_TRUE(cell.renew(seat, 0).has_value());
  ASSERT_TRUE(cell.release(seat).has_value());
  EXPECT_EQ(lb.hellos(), 1U);
  EXPECT_EQ(seat.number, 3U);
  EXPECT_EQ(lb.seats_held(), 0U);
}

TEST(Channel, AsksForNoLeaseOutsideTheLimitsThatItWasTold) {
  FakeLb lb;
  lb.lease_min_ms = 10'000;
  lb.lease_max_ms = 20'000;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  for (const auto& [wish, expected] : {std::pair{1'000U, 10'000U}, {3'600'000U, 20'000U}, {0U, 60'000U}}) {
    SeatState seat;
    Wanted wanted = kWanted;
    wanted.lease_ms = wish;
    ASSERT_TRUE(cell.checkout(wanted, {}, seat).has_value());
    EXPECT_EQ(seat.lease_ms, expected);
    ASSERT_TRUE(cell.release(seat).has_value());
  }
}

TEST(Channel, LossIsRepairedAndARepeatSeatsOnce) {
  FakeLb lb;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  lb.change([](FakeLb& l) { l.drop_next = 3; });
  SeatState seat;
  const BootTime before = boot_now();
  const auto grant = cell.checkout(kWanted, {}, seat);
  ASSERT_TRUE(grant.has_value()) << grant.error().message;
  EXPECT_GE(channel->retransmissions(), 3U);
  EXPECT_EQ(lb.seats_held(), 1U);
  EXPECT_GE(grant->first_sent, before);
  EXPECT_EQ(grant->held_until, grant->first_sent + seconds(60));
  lb.change([](FakeLb& l) { l.answer_twice = true; });
  ASSERT_TRUE(cell.renew(seat, 0).has_value());
  ASSERT_TRUE(cell.renew(seat, 0).has_value());  // the copy of the former answer is not taken for this one's
  EXPECT_EQ(lb.count(OpKind::renew), 2U);
}

TEST(Channel, UnavailableEndsACommandWithinASecondAndSaysSo) {
  FakeLb lb;
  lb.refuse = Code::unavailable;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, {.timeout = seconds(10), .unavailable = kUnavailablePatience});
  SeatState seat;
  const BootTime before = boot_now();
  const auto grant = cell.checkout(kWanted, {}, seat);
  ASSERT_FALSE(grant.has_value());
  EXPECT_EQ(grant.error().kind, Failure::Kind::unavailable);
  EXPECT_TRUE(grant.error().outcome_unknown);
  ASSERT_TRUE(grant.error().first_unavailable.has_value());
  EXPECT_LT(*grant.error().first_unavailable, seconds(1));
  EXPECT_LT(boot_now() - before, seconds(2));
}

TEST(Channel, APatientRequestOutlivesUnavailable) {
  FakeLb lb;
  lb.refuse_next = 3;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  SeatState seat;
  const auto grant = cell.checkout(kWanted, {}, seat);
  ASSERT_TRUE(grant.has_value()) << grant.error().message;
  EXPECT_GE(channel->retransmissions(), 3U);
}

TEST(Channel, SilenceIsNoAnswerAndNotUnavailable) {
  FakeLb lb;
  lb.silent = true;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, {.timeout = milliseconds(150), .unavailable = kUnavailablePatience});
  const auto rows = cell.licenses(false);
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().kind, Failure::Kind::no_answer);
  EXPECT_FALSE(rows.error().outcome_unknown);
  EXPECT_NE(rows.error().message.find("no answer within 150ms"), std::string::npos) << rows.error().message;
}

TEST(Channel, AClosedPortIsNoAnswerEither) {
  Endpoint nobody;
  {
    FakeLb gone;
    nobody = gone.endpoint;
  }
  FakeLb lb;
  auto channel = Channel::open({nobody}, lb.keys.client);
  Cell cell(**channel, {.timeout = milliseconds(150)});
  EXPECT_EQ(cell.licenses(false).error().kind, Failure::Kind::no_answer);
}

TEST(Channel, GoesOnToTheServerThatAnswers) {
  Endpoint nobody;
  {
    FakeLb gone;
    nobody = gone.endpoint;
  }
  FakeLb passive;
  passive.refuse = Code::not_active;
  passive.start();
  FakeLb active(ServerId::lb2, &passive.keys);
  active.start();
  auto channel = Channel::open({nobody, passive.endpoint, active.endpoint}, active.keys.client);
  Cell cell(**channel, kPatient);
  SeatState seat;
  const auto grant = cell.checkout(kWanted, {}, seat);
  ASSERT_TRUE(grant.has_value()) << grant.error().message;
  EXPECT_EQ(active.seats_held(), 1U);
  ASSERT_TRUE(cell.release(seat).has_value());
}

TEST(Channel, OnlyNotActiveSaysThatNoLoadBalancerIsActive) {
  FakeLb lb;
  lb.refuse = Code::not_active;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, {.timeout = milliseconds(200)});
  const auto rows = cell.licenses(false);
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().kind, Failure::Kind::no_answer);
  EXPECT_NE(rows.error().message.find("NOT_ACTIVE"), std::string::npos) << rows.error().message;
}

TEST(Channel, AnAnswerSealedForAnotherSessionIsNotTaken) {
  FakeLb lb;
  FakeLb stranger;  // other keys
  stranger.start();
  auto channel = Channel::open({stranger.endpoint}, lb.keys.client);
  Cell cell(**channel, {.timeout = milliseconds(100)});
  EXPECT_EQ(cell.licenses(false).error().kind, Failure::Kind::no_answer);
}

TEST(Channel, StaleIsTriedOnceMoreWithTheTimeHeardAnew) {
  FakeLb lb;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  SeatState seat;
  ASSERT_TRUE(cell.checkout(kWanted, {}, seat).has_value());
  lb.change([](FakeLb& l) { l.deny_next = Code::stale; });
  const auto renewed = cell.renew(seat, 0);
  ASSERT_TRUE(renewed.has_value()) << renewed.error().message;
  EXPECT_EQ(lb.hellos(), 2U);
  EXPECT_EQ(seat.number, 3U);
}

TEST(Channel, ListingsAreReadPageByPage) {
  FakeLb lb;
  for (uint32_t i = 2; i <= 7; ++i) {
    lb.licenses.push_back({.product = i * 10, .tmr_id = i, .valid = i != 7});
  }
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  EXPECT_EQ(cell.licenses(false)->size(), 6U);
  const auto all = cell.licenses(true);
  ASSERT_EQ(all->size(), 7U);
  EXPECT_EQ(all->back().tmr_id, 7U);
  EXPECT_FALSE(all->back().valid);
  EXPECT_EQ(cell.containers(false)->size(), 1U);
  EXPECT_EQ(cell.containers(true)->size(), 4U);
  SeatState seat;
  ASSERT_TRUE(cell.checkout(kWanted, {}, seat).has_value());
  EXPECT_EQ(cell.leases()->size(), 1U);
  const auto lease = cell.lease(seat.handle);
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->last_request, 1U);
  EXPECT_EQ(lease->user, "ann");
  EXPECT_EQ(cell.lease(Channel::new_handle()).error().code, Code::unknown_handle);
}

TEST(Channel, StatusIsAssembledFromItsPages) {
  FakeLb lb;
  lb.start();
  auto channel = open(lb);
  Cell cell(*channel, kPatient);
  const auto status = cell.status();
  ASSERT_TRUE(status.has_value()) << status.error().message;
  EXPECT_EQ(*status, lb.status);
  EXPECT_EQ(lb.hellos(), 0U);
}

TEST(Channel, ARingEndsAnAsk) {
  FakeLb lb;
  lb.silent = true;
  lb.start();
  auto channel = open(lb);
  const int bell = ::eventfd(1, EFD_CLOEXEC);
  channel->set_interrupt(bell);
  Cell cell(*channel, kPatient);
  const BootTime before = boot_now();
  EXPECT_EQ(cell.licenses(false).error().kind, Failure::Kind::interrupted);
  EXPECT_LT(boot_now() - before, seconds(2));
  ::close(bell);
}

}  // namespace
}  // namespace tercet::client
