#include "client/keeper.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "base/file.h"
#include "client/config.h"
#include "client/fake_lb_for_test.h"
#include "client/include/tercet/client.h"

namespace tercet::client {
namespace {

struct Holding {
  std::unique_ptr<Channel> channel;
  SeatState seat;
};
Holding check_out(FakeLb& lb, uint32_t lease_ms) {
  Holding h;
  h.channel = std::move(*Channel::open({lb.endpoint}, lb.keys.client));
  Cell cell(*h.channel, {});
  Wanted wanted{.firm = 1000, .product = 7, .lease_ms = lease_ms, .user = "ann"};
  EXPECT_TRUE(cell.checkout(wanted, {}, h.seat).has_value());
  return h;
}

/// Waits for something that another thread does; false after five seconds.
template <class F>
bool soon(F f) {
  const BootTime until = boot_now() + seconds(5);
  while (boot_now() < until) {
    if (f()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

TEST(SeatState, IsRenewedAfterAThirdAndNeverEndsEarlier) {
  SeatState seat;
  Grant grant;
  grant.result.lease_ms = 30'000;
  grant.first_sent = {seconds(100).ns};
  grant.held_until = grant.first_sent + seconds(30);
  seat.take(grant);
  EXPECT_EQ(seat.renew_at(), BootTime{seconds(110).ns});
  grant.result.lease_ms = 1'000;
  grant.first_sent = {seconds(110).ns};
  grant.held_until = grant.first_sent + seconds(1);
  seat.take(grant);
  EXPECT_EQ(seat.held_until, BootTime{seconds(130).ns});
}

TEST(Keeper, RenewsInTimeAndReleasesAtItsEnd) {
  FakeLb lb;
  lb.start();
  {
    Holding h = check_out(lb, 1'000);
    Keeper keeper(std::move(h.channel), h.seat);
    EXPECT_TRUE(keeper.held());
    EXPECT_TRUE(soon([&] { return keeper.renewals() >= 2; }));
    EXPECT_GT(keeper.seat().held_until, h.seat.held_until);
    EXPECT_TRUE(keeper.held());
    EXPECT_EQ(keeper.lost(), "");
  }
  EXPECT_EQ(lb.count(OpKind::release), 1U);
  EXPECT_EQ(lb.seats_held(), 0U);
}

TEST(Keeper, ADeniedRenewIsALossForGood) {
  FakeLb lb;
  lb.start();
  Holding h = check_out(lb, 1'000);
  std::promise<std::string> lost;
  Keeper keeper(std::move(h.channel), h.seat, [&](const std::string& why) { lost.set_value(why); });
  lb.forget_leases();
  const std::string why = lost.get_future().get();
  EXPECT_TRUE(why.starts_with("UNKNOWN_HANDLE")) << why;
  EXPECT_FALSE(keeper.held());
  EXPECT_EQ(keeper.lost(), why);
  EXPECT_FALSE(keeper.release());
}

TEST(Keeper, StopsByItselfWhenTheLeaseRunsOutUnheard) {
  FakeLb lb;
  lb.start();
  Holding h = check_out(lb, 1'000);
  lb.change([](FakeLb& l) { l.silent = true; });
  std::promise<std::string> lost;
  Keeper keeper(std::move(h.channel), h.seat, [&](const std::string& why) { lost.set_value(why); });
  const std::string why = lost.get_future().get();
  EXPECT_GE(boot_now(), h.seat.held_until);
  EXPECT_LT(boot_now(), h.seat.held_until + seconds(1));
  EXPECT_NE(why.find("lease ended"), std::string::npos) << why;
  EXPECT_FALSE(keeper.held());
}

TEST(Keeper, LivesThroughStaleAndAnOutageShorterThanItsLease) {
  FakeLb lb;
  lb.start();
  Holding h = check_out(lb, 2'000);
  lb.change([](FakeLb& l) {
    l.deny_next = Code::stale;
    l.refuse = Code::unavailable;
  });
  Keeper keeper(std::move(h.channel), h.seat);
  ASSERT_TRUE(soon([&] { return lb.count(OpKind::renew) >= 1; }));
  lb.change([](FakeLb& l) { l.refuse = Code::granted; });
  EXPECT_TRUE(soon([&] { return keeper.renewals() >= 1; }));
  EXPECT_TRUE(keeper.held());
}

TEST(Keeper, ConsumesOnItsOwnThreadAndNumbersWithItsRenewals) {
  FakeLb lb;
  lb.licenses[0].units = 1'000;
  lb.start();
  Holding h = check_out(lb, 1'000);
  Keeper keeper(std::move(h.channel), h.seat);
  for (uint64_t total = 1; total <= 200; ++total) {  // renewals come between
    const auto grant = keeper.consume(total, seconds(5));
    ASSERT_TRUE(grant.has_value()) << grant.error().message;
    ASSERT_EQ(grant->result.features, 1'000 - total);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_GE(keeper.renewals(), 1U);
  EXPECT_TRUE(keeper.held());
  EXPECT_EQ(lb.count(OpKind::consume), 200U);
  const auto denied = keeper.consume(2'000, seconds(5));
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, Code::no_units_left);
  EXPECT_TRUE(keeper.held()) << "the seat is not lost by it";
}

TEST(Keeper, AConsumeThatNobodyAnswersKeepsNoRenewalWaiting) {
  FakeLb lb;
  lb.licenses[0].units = 10;
  lb.start();
  Holding h = check_out(lb, 2'000);
  Keeper keeper(std::move(h.channel), h.seat);
  lb.change([](FakeLb& l) { l.lose_consumes = true; });
  auto waiting = std::async(std::launch::async, [&] { return keeper.consume(3, seconds(60)); });
  EXPECT_TRUE(soon([&] { return keeper.renewals() >= 2; }));
  EXPECT_TRUE(keeper.held());
  lb.change([](FakeLb& l) { l.lose_consumes = false; });
  const auto grant = waiting.get();
  ASSERT_TRUE(grant.has_value()) << grant.error().message;
  EXPECT_EQ(grant->result.features, 7U) << "used once, however often it was asked";
}

TEST(Keeper, AConsumeEndsInTimeAndWithItsSeat) {
  FakeLb lb;
  lb.licenses[0].units = 10;
  lb.start();
  Holding h = check_out(lb, 60'000);
  Keeper keeper(std::move(h.channel), h.seat);
  lb.change([](FakeLb& l) { l.silent = true; });
  const auto silence = keeper.consume(3, milliseconds(50));
  ASSERT_FALSE(silence.has_value());
  EXPECT_EQ(silence.error().kind, Failure::Kind::no_answer);
  EXPECT_TRUE(silence.error().outcome_unknown);
  auto waiting = std::async(std::launch::async, [&] { return keeper.consume(3, seconds(60)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  lb.change([](FakeLb& l) { l.silent = false; });
  EXPECT_TRUE(keeper.release());
  ASSERT_EQ(waiting.wait_for(std::chrono::seconds(5)), std::future_status::ready) << "answered or not";
  const auto after = keeper.consume(4, seconds(60));
  ASSERT_FALSE(after.has_value());
  EXPECT_EQ(after.error().code, Code::unknown_handle);
}

TEST(Keeper, LeaveKeepsTheSeat) {
  FakeLb lb;
  lb.start();
  Holding h = check_out(lb, 60'000);
  {
    Keeper keeper(std::move(h.channel), h.seat);
    const SeatState left = keeper.leave();
    EXPECT_EQ(left.number, 1U);
  }
  EXPECT_EQ(lb.seats_held(), 1U);
}

class LibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tercet_client_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    ASSERT_TRUE(seal::write_client_keys(dir_ + "/client.key", lb_.keys.client).has_value());
    ASSERT_TRUE(
        write_file_durably(dir_ + "/client.toml", "[cell]\nid = \"" + seal::text_of(lb_.keys.client.cell) +
                                                      "\"\nkeys = \"client.key\"\n[client]\nservers = [\"" +
                                                      to_string(lb_.endpoint) + "\"]\ntimeout = \"2s\"\n")
            .has_value());
    lb_.start();
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  FakeLb lb_;
  std::string dir_;
};

TEST_F(LibraryTest, ASeatIsHeldInItsScope) {
  auto client = Client::open(dir_ + "/client.toml");
  ASSERT_TRUE(client.has_value()) << client.error().message;
  EXPECT_EQ(client->licenses()->at(0).name, "CAD");
  {
    auto seat = client->checkout({.firm = 1000, .product = 7});
    ASSERT_TRUE(seat.has_value()) << seat.error().message;
    EXPECT_TRUE(seat->held());
    EXPECT_EQ(seat->tmr_id(), 1U);
    EXPECT_EQ(seat->handle().size(), 32U);
    Seat moved = std::move(*seat);
    EXPECT_FALSE(seat->held());  // NOLINT(bugprone-use-after-move): says that it holds nothing
    EXPECT_TRUE(moved.held());
    EXPECT_EQ(lb_.seats_held(), 1U);
    EXPECT_NE(lb_.holder_user(), "");
  }
  EXPECT_EQ(lb_.seats_held(), 0U);
}

TEST_F(LibraryTest, DenialsCarryTheirNumbers) {
  lb_.change([](FakeLb& l) { l.licenses[0].quantity = 1; });
  auto client = Client::open(dir_ + "/client.toml");
  auto first = client->checkout({.firm = 1000, .product = 7});
  auto second = client->checkout({.firm = 1000, .product = 7});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, Error::Kind::denied);
  EXPECT_EQ(second.error().code, "NO_FREE_SEAT");
  EXPECT_EQ(second.error().in_use, 1U);
  EXPECT_EQ(second.error().quantity, 1U);
  EXPECT_TRUE(first->release());
  EXPECT_FALSE(first->held());
}

TEST_F(LibraryTest, ASeatUsesUnitsByItsRunningTotal) {
  lb_.change([](FakeLb& l) { l.licenses[0].units = 10; });
  auto client = Client::open(dir_ + "/client.toml");
  auto seat = client->checkout({.firm = 1000, .product = 7});
  ASSERT_TRUE(seat.has_value()) << seat.error().message;
  EXPECT_EQ(seat->consume(4).value(), 6U);
  EXPECT_EQ(seat->consume(4).value(), 6U);
  EXPECT_EQ(seat->consume(9).value(), 1U);
  const auto denied = seat->consume(11);
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().kind, Error::Kind::denied);
  EXPECT_EQ(denied.error().code, "NO_UNITS_LEFT");
  EXPECT_EQ(denied.error().units_left, 1U);
  EXPECT_TRUE(seat->held());
  const Seat moved = std::move(*seat);
  EXPECT_EQ(seat->consume(10).error().kind, Error::Kind::configuration);  // NOLINT(bugprone-use-after-move)
}

TEST_F(LibraryTest, ACheckoutOfUnknownOutcomeIsRepeatedAsTheSame) {
  auto client = Client::open(dir_ + "/client.toml");
  lb_.change([](FakeLb& l) { l.lose_answers = true; });
  SeatRequest request{.firm = 1000, .product = 7};
  const auto unknown = client->checkout(request);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, Error::Kind::no_answer);
  ASSERT_EQ(unknown.error().handle.size(), 32U);
  ASSERT_EQ(lb_.seats_held(), 1U);

  request.handle = unknown.error().handle;
  lb_.change([](FakeLb& l) { l.silent = true; });
  EXPECT_EQ(client->checkout(request).error().handle, request.handle)
      << "still open, though nothing was sent";
  lb_.change([](FakeLb& l) { l.silent = l.lose_answers = false; });
  {
    const auto seat = client->checkout(request);
    ASSERT_TRUE(seat.has_value()) << seat.error().message;
    EXPECT_EQ(seat->handle(), request.handle);
    EXPECT_EQ(lb_.seats_held(), 1U);
    EXPECT_EQ(lb_.count(OpKind::checkout), 1U) << "one request, however often it was sent";
  }
  EXPECT_EQ(lb_.seats_held(), 0U);
  request.handle = "no handle";
  EXPECT_EQ(client->checkout(request).error().kind, Error::Kind::configuration);
}

TEST_F(LibraryTest, ACheckoutOfUnknownOutcomeIsReleased) {
  auto client = Client::open(dir_ + "/client.toml");
  lb_.change([](FakeLb& l) { l.lose_answers = true; });
  const auto unknown = client->checkout({.firm = 1000, .product = 7});
  lb_.change([](FakeLb& l) { l.lose_answers = false; });
  ASSERT_EQ(lb_.seats_held(), 1U);
  for (int times = 0; times < 2; ++times) {
    const auto done = client->release(unknown.error().handle);
    EXPECT_TRUE(done.has_value()) << done.error().message;
    EXPECT_EQ(lb_.seats_held(), 0U);
  }
  EXPECT_TRUE(client->release("00112233445566778899aabbccddeeff").has_value())
      << "nobody had it, nobody will";
  EXPECT_EQ(client->release("").error().kind, Error::Kind::configuration);
  lb_.change([](FakeLb& l) { l.silent = true; });
  EXPECT_EQ(client->release(unknown.error().handle).error().kind, Error::Kind::no_answer);
}

TEST_F(LibraryTest, WrongConfigurationsSayWhatToDo) {
  EXPECT_EQ(Client::open(dir_ + "/none.toml").error().kind, Error::Kind::configuration);
  ASSERT_TRUE(write_file_durably(dir_ + "/bad.toml",
                                 "[cell]\nid = \"0123456789abcdef\"\nkeys = \"client.key\"\n"
                                 "[client]\nserver = [\"127.0.0.1\"]\n")
                  .has_value());
  const auto bad = Client::open(dir_ + "/bad.toml");
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().message.find("client.servers"), std::string::npos) << bad.error().message;
  ASSERT_TRUE(write_file_durably(dir_ + "/other.toml",
                                 "[cell]\nid = \"0123456789abcdef\"\nkeys = \"client.key\"\n"
                                 "[client]\nservers = [\"127.0.0.1\"]\n")
                  .has_value());
  const auto other = Client::open(dir_ + "/other.toml");
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().message.find("is of cell"), std::string::npos) << other.error().message;
  std::filesystem::permissions(dir_ + "/client.key", std::filesystem::perms(0644));
  EXPECT_FALSE(Client::open(dir_ + "/client.toml").has_value());
}

TEST(ParseServer, TakesAddressesWithAndWithoutPort) {
  EXPECT_EQ(to_string(*parse_server("198.18.0.100", 8200)), "198.18.0.100:8200");
  EXPECT_EQ(to_string(*parse_server("198.18.0.100:9", 8200)), "198.18.0.100:9");
  EXPECT_EQ(to_string(*parse_server("2001:db8::1", 8200)), "[2001:db8::1]:8200");
  EXPECT_EQ(to_string(*parse_server("[2001:db8::1]:9", 8200)), "[2001:db8::1]:9");
  EXPECT_FALSE(parse_server("lb1", 8200).has_value());
}

}  // namespace
}  // namespace tercet::client
