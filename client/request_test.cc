#include "client/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercet::client {
namespace {

constexpr BootTime at(int64_t ms) { return {ms * 1'000'000}; }
Handle handle(uint8_t first) {
  Handle h;
  h.bytes[0] = first;
  return h;
}
const RequestId kId{OpKind::checkout, handle(7), 3};
ReplyView reply(Code code, RequestId id = kId) { return {id.kind, code, id.number, id.handle, {}}; }

TEST(Op, EveryKindIsReadBackByTheParser) {
  Wanted wanted{.firm = 1000,
                .product = 7,
                .tmr_id = 2,
                .lease_ms = 5000,
                .features = 0xF0,
                .user = "u",
                .host = "ho",
                .process = "pro",
                .version = "1.2.3",
                .station = "st"};
  Op op = *Op::checkout(handle(1), 9, wanted);
  op.stamp({1234});
  OpView view;
  ASSERT_TRUE(parse_op(op.bytes(), view));
  EXPECT_EQ(view.kind, OpKind::checkout);
  EXPECT_EQ(view.request, 9U);
  EXPECT_EQ(view.sent.ms, 1234);
  EXPECT_EQ(view.all.size(), op.bytes().size());
  EXPECT_EQ(op.id(), (RequestId{OpKind::checkout, handle(1), 9}));
  const HolderText text = holder_text(view);
  EXPECT_EQ(text.user, "u");
  EXPECT_EQ(text.host, "ho");
  EXPECT_EQ(text.process, "pro");
  EXPECT_EQ(text.version, "1.2.3");
  EXPECT_EQ(text.station, "st");

  EXPECT_TRUE(parse_op(Op::renew(handle(1), 2, 0).bytes(), view));
  EXPECT_EQ(view.kind, OpKind::renew);
  EXPECT_TRUE(parse_op(Op::release(handle(1), 3).bytes(), view));
  EXPECT_EQ(view.body.size(), 0U);
  const Op import = *Op::import_constituent(handle(1), 1, "a.b.c");
  EXPECT_TRUE(parse_op(import.bytes(), view));
  EXPECT_EQ(as_text(view.body), "a.b.c");
  ASSERT_TRUE(parse_op(Op::consume(handle(1), 3, 1'000'000'000'000).bytes(), view));
  EXPECT_EQ(view.kind, OpKind::consume);
  EXPECT_EQ(view.request, 3U);
  EXPECT_EQ(view.all.size(), 40U);
  EXPECT_TRUE(parse_op(Op::read(OpKind::read_leases, handle(1), 1, {}).bytes(), view));
  EXPECT_TRUE(parse_op(Op::status(handle(1), 1, 5, 6).bytes(), view));
}

uint32_t lease_of(const Op& op) {
  const size_t at = op.id().kind == OpKind::checkout ? offsetof(CheckoutBody, lease_ms) : 0;
  Le32 lease;
  std::memcpy(&lease, op.bytes().data() + sizeof(OpHeader) + at, sizeof lease);
  return lease;
}

TEST(Op, ALeaseIsMovedBetweenTheLimitsInForce) {
  const auto moved = [](Op op, uint32_t least_ms, uint32_t most_ms) {
    op.bound_lease(least_ms, most_ms);
    return lease_of(op);
  };
  for (const auto& [wish, expected] :
       {std::pair{5'000U, 10'000U}, {15'000U, 15'000U}, {86'400'000U, 20'000U}, {0U, 0U}}) {
    const Wanted wanted{.firm = 1, .product = 2, .lease_ms = wish};
    EXPECT_EQ(moved(*Op::checkout(handle(1), 1, wanted), 10'000, 20'000), expected);
    EXPECT_EQ(moved(Op::renew(handle(1), 2, wish), 10'000, 20'000), expected);
    EXPECT_EQ(moved(Op::renew(handle(1), 2, wish), 20'000, 10'000), wish)
        << "limits that contradict each other";
  }
  Op release = Op::release(handle(1), 3);
  release.bound_lease(10'000, 20'000);
  EXPECT_EQ(release.bytes().size(), sizeof(OpHeader));
}

TEST(Op, RefusesWhatNoServerWouldTake) {
  Wanted wanted;
  wanted.station = std::string(kHolderTextMax + 1, 's');
  EXPECT_FALSE(Op::checkout(handle(1), 1, wanted).has_value());
  for (const char* text : {"a\nb", "\xFF\xFE", "a\xC3", "\xC2\x9B", "\x7F"}) {
    wanted = {.station = text};
    EXPECT_FALSE(Op::checkout(handle(1), 1, wanted).has_value());
    wanted = {.user = text};
    EXPECT_FALSE(Op::checkout(handle(1), 1, wanted).has_value());
  }
  EXPECT_FALSE(Op::import_constituent(handle(1), 1, "").has_value());
  EXPECT_FALSE(Op::import_constituent(handle(1), 1, std::string(kOpMax, 'x')).has_value());
  EXPECT_TRUE(Op::import_constituent(handle(1), 1, std::string(kOpMax - sizeof(OpHeader), 'x')).has_value());
}

TEST(FitTexts, ShortensTheLongestBetweenCharacters) {
  Wanted wanted{
      .user = "bob", .host = std::string(40, 'h'), .process = "p\n", .version = "1", .station = "station"};
  for (int i = 0; i < 60; ++i) {
    wanted.process += "\xC3\xA4";  // ä
  }
  fit_texts(wanted);
  EXPECT_EQ(wanted.user, "bob");
  EXPECT_EQ(wanted.station, "station");
  EXPECT_EQ(wanted.process.find('\n'), std::string::npos);
  EXPECT_EQ(wanted.process.size() % 2, 1U);  // "p" and whole characters of two bytes
  EXPECT_TRUE(Op::checkout(handle(1), 1, wanted).has_value());
}

TEST(FitTexts, AHostThatStandsForTheStationIsShortenedLast) {
  Wanted wanted{.user = std::string(20, 'u'), .host = std::string(90, 'h'), .process = std::string(15, 'p')};
  fit_texts(wanted);
  EXPECT_EQ(wanted.host.size(), 90U);
  EXPECT_EQ(wanted.user.size() + wanted.process.size(), 6U);
  wanted.host = std::string(200, 'h');
  fit_texts(wanted);
  EXPECT_EQ(wanted.host, std::string(96, 'h'));
  EXPECT_EQ(wanted.user + wanted.process, "");
  wanted.host = std::string(90, 'h');
  wanted.process = std::string(15, 'p');
  wanted.station = "desk";
  fit_texts(wanted);
  EXPECT_EQ(wanted.host.size(), 77U);
  EXPECT_EQ(wanted.process.size(), 15U);
}

TEST(FitTexts, WhatTheSystemSaysOfUsIsMadeUtf8) {
  Wanted wanted{.user = "j\xF6rg", .host = "h", .process = "fifteen_bytes_\xC3", .version = "\xFF"};
  fit_texts(wanted);
  EXPECT_EQ(wanted.user, "j?rg");
  EXPECT_EQ(wanted.process, "fifteen_bytes_?");
  EXPECT_EQ(wanted.version, "?");
  EXPECT_TRUE(Op::checkout(handle(1), 1, wanted).has_value());
}

TEST(RoundTrip, FirstResendFollowsWhatIsSeenWithinBounds) {
  RoundTrip trip;
  EXPECT_EQ(trip.first_resend(), kFirstResendMin);
  for (int i = 0; i < 50; ++i) {
    trip.sample(microseconds(100));
  }
  EXPECT_EQ(trip.first_resend(), kFirstResendMin);
  for (int i = 0; i < 50; ++i) {
    trip.sample(milliseconds(20));
  }
  EXPECT_GE(trip.first_resend(), milliseconds(20));
  EXPECT_LE(trip.first_resend(), milliseconds(120));
  for (int i = 0; i < 50; ++i) {
    trip.sample(seconds(3));
  }
  EXPECT_EQ(trip.first_resend(), kResendMax);
}

TEST(RoundTrip, AnOutageDoesNotMakeTheNextLossExpensive) {
  RoundTrip trip;
  trip.sample(milliseconds(1));
  trip.sample_unsure(seconds(2));
  EXPECT_LE(trip.first_resend(), milliseconds(20));
}

TEST(CellClock, NeverRunsFarAheadOfWhatWasHeard) {
  CellClock clock;
  EXPECT_TRUE(clock.stale(at(0)));
  clock.heard({10'000}, at(100));
  clock.set_window(seconds(60));
  EXPECT_FALSE(clock.stale(at(100)));
  EXPECT_EQ(clock.at(at(150)).ms, 10'050);
  EXPECT_EQ(clock.at(at(10'000)).ms, 10'500);
  EXPECT_FALSE(clock.stale(at(15'000)));
  EXPECT_TRUE(clock.stale(at(15'200)));
  clock.heard({9'000}, at(15'200));  // late
  EXPECT_TRUE(clock.stale(at(15'200)));
  clock.heard({12'000}, at(15'200));
  EXPECT_EQ(clock.at(at(15'200)).ms, 12'000);
  clock.forget();
  EXPECT_TRUE(clock.stale(at(15'200)));
}

TEST(Attempt, BacksOffTwofoldUpToTheLimitUntilTheTimeout) {
  Attempt attempt(kId, {.timeout = seconds(2)}, at(0));
  std::vector<int64_t> sent;
  BootTime now = at(0);
  while (!attempt.ended(now)) {
    ASSERT_TRUE(attempt.transmit_due(now));
    attempt.transmitted(now, milliseconds(2));
    sent.push_back(now.ns / 1'000'000);
    now = attempt.next();
  }
  EXPECT_THAT(sent, ::testing::ElementsAre(0, 2, 6, 14, 30, 62, 126, 254, 504, 754, 1004, 1254, 1504, 1754));
  EXPECT_EQ(now, at(2000));
  EXPECT_EQ(attempt.first_sent(), at(0));
  EXPECT_FALSE(attempt.refusal().has_value());
}

TEST(Attempt, TakesOnlyItsOwnAnswers) {
  Attempt attempt(kId, {}, at(0));
  EXPECT_EQ(attempt.take(reply(Code::granted), at(1)), Attempt::Verdict::not_mine);  // nothing was asked yet
  attempt.transmitted(at(0), milliseconds(2));
  RequestId other = kId;
  other.number = 4;
  EXPECT_EQ(attempt.take(reply(Code::granted, other), at(1)), Attempt::Verdict::not_mine);
  other = kId;
  other.handle = handle(8);
  EXPECT_EQ(attempt.take(reply(Code::granted, other), at(1)), Attempt::Verdict::not_mine);
  other = kId;
  other.kind = OpKind::renew;
  EXPECT_EQ(attempt.take(reply(Code::granted, other), at(1)), Attempt::Verdict::not_mine);
  EXPECT_EQ(attempt.take(reply(Code::no_free_seat), at(1)), Attempt::Verdict::answered);
  EXPECT_EQ(attempt.take(reply(Code::granted), at(1)), Attempt::Verdict::answered);
}

TEST(Attempt, RepeatsAfterBusyAndNotActive) {
  Attempt attempt(kId, {.timeout = seconds(1)}, at(0));
  attempt.transmitted(at(0), milliseconds(2));
  EXPECT_EQ(attempt.take(reply(Code::busy), at(1)), Attempt::Verdict::again);
  EXPECT_EQ(attempt.next(), at(11));
  EXPECT_EQ(attempt.take(reply(Code::busy), at(2)), Attempt::Verdict::not_mine);  // a copy
  attempt.transmitted(at(11), milliseconds(2));
  EXPECT_EQ(attempt.take(reply(Code::not_active), at(12)), Attempt::Verdict::again);
  EXPECT_EQ(attempt.next(), at(32));
  EXPECT_EQ(attempt.refusal(), Code::not_active);
  attempt.transmitted(at(32), milliseconds(2));
  EXPECT_EQ(attempt.take(reply(Code::granted), at(33)), Attempt::Verdict::answered);
  EXPECT_EQ(attempt.first_sent(), at(0));
  EXPECT_EQ(attempt.transmissions(), 3U);
}

TEST(Attempt, ACommandGivesUpAfterThreeUnavailableWithinASecond) {
  Attempt attempt(kId, {.timeout = seconds(10), .unavailable = 3}, at(0));
  BootTime now = at(0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(attempt.ended(now));
    attempt.transmitted(now, milliseconds(2));
    EXPECT_EQ(attempt.take(reply(Code::unavailable), now + milliseconds(1)), Attempt::Verdict::again);
    EXPECT_EQ(attempt.take(reply(Code::unavailable), now + milliseconds(1)), Attempt::Verdict::not_mine);
    if (i < 2) {
      now = attempt.next();
    }
  }
  EXPECT_TRUE(attempt.ended(now));
  EXPECT_LT(now, at(1000));
  EXPECT_EQ(attempt.refusal(), Code::unavailable);
  EXPECT_EQ(attempt.first_unavailable(), milliseconds(1));
}

TEST(Attempt, OnceUnavailableTheOutcomeStaysUnknown) {
  Attempt attempt(kId, {.timeout = seconds(1)}, at(0));
  attempt.transmitted(at(0), milliseconds(2));
  attempt.take(reply(Code::unavailable), at(1));
  attempt.transmitted(at(200), milliseconds(2));
  attempt.take(reply(Code::busy), at(201));
  EXPECT_EQ(attempt.refusal(), Code::unavailable);
  EXPECT_FALSE(attempt.ended(at(999)));
  EXPECT_TRUE(attempt.ended(at(1000)));
}

TEST(Grant, CountsTheLeaseFromTheFirstTransmission) {
  OpResult result{};
  result.lease_ms = 60'000;
  const auto grant = grant_of(bytes_of(result), at(1'000));
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->held_until, at(61'000));
  result.code = static_cast<uint8_t>(Code::no_free_seat);
  EXPECT_EQ(grant_of(bytes_of(result), at(1'000))->held_until, at(1'000));
  EXPECT_FALSE(grant_of(bytes_of(result).first(sizeof result - 1), at(0)).has_value());
}

}  // namespace
}  // namespace tercet::client
