#include "client/load/bench.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/file.h"
#include "client/fake_lb_for_test.h"
#include "client/load/worker.h"

namespace tercet::load {
namespace {

using client::FakeLb;
using nlohmann::json;

constexpr BootTime at(int64_t ms) { return {ms * 1'000'000}; }
Handle handle(uint8_t first) {
  Handle h;
  h.bytes[0] = first;
  return h;
}
OpResult granted(uint32_t lease_ms) {
  OpResult r{};
  r.lease_ms = lease_ms;
  return r;
}

TEST(Mix, IsFourShares) {
  EXPECT_EQ(Mix::parse("1:8:4:0")->shares, (std::array<uint32_t, 4>{1, 8, 4, 0}));
  for (const char* bad : {"", "1:2:3", "1:2:3:4:5", "a:1:1:1", "0:0:0:0", "-1:1:1:1", "1:1:1:1 ", "1::1:1"}) {
    EXPECT_FALSE(Mix::parse(bad).has_value()) << bad;
  }
}

class WorkerTest : public ::testing::Test {
 protected:
  client::RequestId ask(uint64_t dice, int64_t now_ms, uint8_t fresh = 1) {
    return worker_.next(mix_, wanted_, dice, handle(fresh), at(now_ms)).id();
  }
  void grant(const client::RequestId& id, int64_t sent_ms, uint32_t lease_ms = 1'000) {
    worker_.answered(id, Code::granted, bytes_of(granted(lease_ms)), at(sent_ms), line_);
  }
  Worker worker_;
  Mix mix_;
  client::Wanted wanted_{.firm = 1, .product = 1};
  RecordLine line_;
};

TEST_F(WorkerTest, TakesRenewsReadsAndReleasesByItsShares) {
  mix_ = *Mix::parse("1:1:1:1");
  // Without a seat: only checkout and read apply.
  EXPECT_EQ(ask(0, 0).kind, OpKind::checkout);
  EXPECT_EQ(ask(1, 0).kind, OpKind::read_licenses);
  grant(ask(0, 0), 0);
  EXPECT_EQ(worker_.held(), 1U);
  EXPECT_EQ(line_.outcome, Outcome::granted);
  EXPECT_EQ(line_.held_until, at(1'000));
  const auto renew = ask(1, 500);
  EXPECT_EQ(renew, (client::RequestId{OpKind::renew, handle(1), 2}));
  grant(renew, 500);
  EXPECT_EQ(worker_.seats()[0].held_until, at(1'500));
  EXPECT_EQ(ask(2, 600).kind, OpKind::read_lease);
  const auto release = ask(3, 700);
  EXPECT_EQ(release, (client::RequestId{OpKind::release, handle(1), 3}));
  grant(release, 700);
  EXPECT_EQ(line_.outcome, Outcome::released);
  EXPECT_EQ(worker_.held(), 0U);
}

TEST_F(WorkerTest, AMixThatDoesNotApplyIsMadeToApply) {
  mix_ = *Mix::parse("0:1:0:0");
  const auto first = ask(0, 0);
  EXPECT_EQ(first.kind, OpKind::checkout);
  grant(first, 0);
  EXPECT_EQ(ask(0, 1).kind, OpKind::renew);
  mix_ = *Mix::parse("1:0:0:0");
  for (uint8_t i = 2; i <= kSeatsMax; ++i) {
    grant(ask(0, 2, i), 2);
  }
  EXPECT_EQ(worker_.held(), kSeatsMax);
  EXPECT_EQ(ask(0, 3).kind, OpKind::release);
}

TEST_F(WorkerTest, ASeatWhoseTimeHasPassedIsNotHeld) {
  grant(ask(0, 0), 0);
  mix_ = *Mix::parse("0:1:1:0");
  EXPECT_EQ(ask(0, 999).kind, OpKind::renew);
  EXPECT_EQ(ask(0, 1'000, 9), (client::RequestId{OpKind::checkout, handle(9), 1}));
  EXPECT_EQ(worker_.lost(), 1U);
}

TEST_F(WorkerTest, AnUnknownOutcomeIsReleasedNext) {
  const auto checkout = ask(0, 0);
  worker_.gave_up(checkout, line_);
  EXPECT_EQ(line_.outcome, Outcome::unknown);
  EXPECT_EQ(line_.held_until, BootTime{});
  const auto release = ask(0, 999'999, 9);
  EXPECT_EQ(release, (client::RequestId{OpKind::release, handle(1), 2}));
  worker_.gave_up(release, line_);
  EXPECT_EQ(ask(0, 1, 9), (client::RequestId{OpKind::release, handle(1), 3}));
  worker_.answered({OpKind::release, handle(1), 3}, Code::unknown_handle, bytes_of(OpResult{}), at(1), line_);
  EXPECT_EQ(line_.outcome, Outcome::denied);
  EXPECT_EQ(line_.code, "UNKNOWN_HANDLE");
  EXPECT_EQ(worker_.held(), 0U);
}

TEST_F(WorkerTest, ADeniedRenewEndsItOnlyWhenTheSeatIsGone) {
  grant(ask(0, 0), 0);
  mix_ = *Mix::parse("0:1:0:0");
  worker_.answered(ask(0, 1), Code::stale, {}, at(1), line_);
  EXPECT_EQ(worker_.held(), 1U);
  EXPECT_EQ(line_.held_until, at(1'000));
  worker_.answered(ask(0, 2), Code::unknown_handle, {}, at(2), line_);
  EXPECT_EQ(worker_.held(), 0U);
  EXPECT_EQ(line_.held_until, BootTime{});
  EXPECT_EQ(worker_.lost(), 1U);
}

TEST(Silence, CountsOnlyWhileSomethingWaits) {
  Silence silence;
  silence.note(at(5'000));
  EXPECT_EQ(silence.longest(), Duration{});
  silence.asked(at(5'000));
  silence.asked(at(5'010));
  silence.answered(at(5'020));
  EXPECT_EQ(silence.longest(), milliseconds(20));
  silence.answered(at(5'050));
  EXPECT_EQ(silence.longest(), milliseconds(30));
  silence.asked(at(9'000));  // idle in between
  silence.note(at(9'040));
  EXPECT_EQ(silence.longest(), milliseconds(40));
  silence.given_up();
  silence.note(at(99'000));
  EXPECT_EQ(silence.longest(), milliseconds(40));
}

TEST(Silence, WhatWasDueBeforeTheLastAnswerIsSilentOnlySinceThatAnswer) {
  Silence silence;
  silence.asked(at(5'000));
  silence.answered(at(5'010));
  silence.asked(at(2'000));  // open loop, long overdue
  silence.answered(at(5'030));
  EXPECT_EQ(silence.longest(), milliseconds(20));
}

class BenchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tercet_bench_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  BenchOptions options() const {
    BenchOptions o;
    o.server = lb_.endpoint;
    o.keys = lb_.keys.client;
    o.wanted = {.firm = 1000, .product = 7, .user = "bench"};
    o.duration = milliseconds(400);
    o.clients = 2;
    o.outstanding = 4;
    o.mix = *Mix::parse("2:4:2:2");
    return o;
  }
  std::vector<json> lines(const std::string& path) {
    std::vector<json> out;
    std::istringstream in(*read_file(path));
    for (std::string line; std::getline(in, line);) {
      out.push_back(json::parse(line));
    }
    return out;
  }
  FakeLb lb_;
  std::string dir_;
};

TEST_F(BenchTest, ClosedLoopRunsItsTimeAndLeavesNothingBehind) {
  lb_.licenses[0].quantity = 100;
  lb_.start();
  BenchOptions o = options();
  o.record = dir_ + "/record.jsonl";
  const auto report = run_bench(o);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_NEAR(report->seconds, 0.4, 0.2);
  EXPECT_GT(report->requests, 50U);
  EXPECT_EQ(report->requests, report->answered);
  EXPECT_TRUE(report->errors.empty());
  EXPECT_TRUE(report->denied.empty());
  EXPECT_EQ(report->latency.samples(), report->answered);
  EXPECT_GT(report->latency.at(0.5), 0);
  EXPECT_EQ(report->seats_left, 0U);
  EXPECT_EQ(report->seats_lost, 0U);
  EXPECT_EQ(lb_.seats_held(), 0U);
  EXPECT_EQ(report->by_op.size(), 4U);

  std::map<std::string, unsigned> granted, released;
  uint64_t reads = 0;
  for (const json& line : lines(o.record)) {
    EXPECT_LE(line.at("sent_ns").get<int64_t>(), line.at("answered_ns").get<int64_t>());
    EXPECT_TRUE(line.at("code").is_null());
    const std::string handle = line.at("handle");
    EXPECT_EQ(handle.size(), 32U);
    if (line["op"] == "checkout") {
      ++granted[handle];
      EXPECT_EQ(line["held_until_ns"].get<int64_t>(), line["sent_ns"].get<int64_t>() + 60'000'000'000);
    } else if (line["op"] == "release") {
      EXPECT_EQ(line["outcome"], "released");
      ++released[handle];
    } else if (line["op"] == "read") {
      ++reads;
    }
  }
  EXPECT_EQ(granted, released);
  EXPECT_EQ(reads, report->by_op.at("read"));
}

TEST_F(BenchTest, DenialsAreCountedByCode) {
  lb_.licenses[0].quantity = 3;
  lb_.start();
  const auto report = run_bench(options());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->denied.at("NO_FREE_SEAT"), 0U);
  EXPECT_TRUE(report->errors.empty());
}

TEST_F(BenchTest, OpenLoopKeepsItsRateAndCountsTheWait) {
  lb_.licenses[0].quantity = 1'000;
  lb_.start();
  BenchOptions o = options();
  o.rate = 500;
  o.duration = milliseconds(600);
  o.clients = 1;
  o.outstanding = 16;
  std::thread pause([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    lb_.change([](FakeLb& l) { l.silent = true; });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    lb_.change([](FakeLb& l) { l.silent = false; });
  });
  const auto report = run_bench(o);
  pause.join();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->offered, 300U);
  EXPECT_EQ(report->not_sent, 0U);
  EXPECT_EQ(report->requests, 300U);  // all that was due, though 16 at most could be asked in the pause
  EXPECT_TRUE(report->errors.empty());
  EXPECT_GE(report->longest_silence, milliseconds(180));
  EXPECT_LT(report->longest_silence, milliseconds(600));
  // Coordinated omission would hide that a third of all requests were due in the pause.
  EXPECT_GE(report->latency.at(0.8), 50'000'000);
  EXPECT_GT(report->retransmissions, 0U);
}

TEST_F(BenchTest, WhatWasDueAndNeverSentIsCounted) {
  lb_.start();
  BenchOptions o = options();
  o.rate = 1e6;  // more than one client with one request can do
  o.duration = milliseconds(200);
  o.timeout = milliseconds(300);
  o.clients = o.outstanding = 1;
  const auto report = run_bench(o);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->offered, 200'000U);
  EXPECT_GT(report->not_sent, 0U);
  EXPECT_EQ(report->requests + report->not_sent, report->offered);
  EXPECT_EQ(report->errors.at("NOT_SENT"), report->not_sent);
  EXPECT_GE(report->seconds, 0.5) << "it went on asking for as long as a request may take";
  EXPECT_LT(report->seconds, 5.0);
  EXPECT_DOUBLE_EQ(report->rate, static_cast<double>(report->requests) / report->seconds);
}

TEST_F(BenchTest, ACellWithoutQuorumIsNamedAtHello) {
  lb_.refuse_hello = Code::unavailable;
  lb_.start();
  BenchOptions o = options();
  o.timeout = seconds(20);
  const client::BootTime began = client::boot_now();
  const auto report = run_bench(o);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, client::Failure::Kind::unavailable);
  EXPECT_NE(report.error().message.find("no quorum"), std::string::npos) << report.error().message;
  EXPECT_LT(client::boot_now() - began, seconds(10));
}

TEST_F(BenchTest, UnavailableIsRepeatedAndThenAnError) {
  lb_.start();
  BenchOptions o = options();
  o.timeout = milliseconds(600);
  o.record = dir_ + "/record.jsonl";
  std::thread outage([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    lb_.change([](FakeLb& l) { l.refuse = Code::unavailable; });
  });
  const auto report = run_bench(o);
  outage.join();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->errors.at("UNAVAILABLE"), 0U);
  EXPECT_GT(report->refusals.at("UNAVAILABLE"), 0U);
  EXPECT_GT(report->first_unavailable, Duration{});
  EXPECT_LT(report->first_unavailable, seconds(1));
  EXPECT_GE(report->longest_silence, milliseconds(250));
  unsigned unknown = 0;
  for (const json& line : lines(o.record)) {
    if (line["outcome"] == "unknown") {
      ++unknown;
      EXPECT_EQ(line["code"], "UNAVAILABLE");
    }
  }
  EXPECT_GE(unknown, report->errors.at("UNAVAILABLE"));
}

TEST_F(BenchTest, NobodyThereIsAnErrorAndAStopEndsIt) {
  BenchOptions o = options();
  o.timeout = milliseconds(200);
  EXPECT_FALSE(run_bench(o).has_value());  // not started
  lb_.start();
  o.record = dir_ + "/no/such/folder";
  EXPECT_FALSE(run_bench(o).has_value());
  o.record.clear();
  o.duration = seconds(60);
  std::atomic<bool> stop{false};
  o.stop = &stop;
  unsigned told = 0;
  o.progress = [&](const std::string& line) {
    EXPECT_NE(line.find("/s"), std::string::npos);
    for (const char* word : {"answered ", "errors 0"}) {
      EXPECT_NE(line.find(word), std::string::npos) << line;
    }
    ++told;
    stop = true;
  };
  const auto report = run_bench(o);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(told, 1U);
  EXPECT_LT(report->seconds, 5.0);
}

}  // namespace
}  // namespace tercet::load
