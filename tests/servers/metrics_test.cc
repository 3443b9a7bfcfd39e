// /metrics of both servers, after some traffic, through Debian's promtool.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>

#include "control/backend/backend_admin.h"
#include "control/lb/lb_admin.h"
#include "tests/servers/cell_rig.h"

namespace tercet::control {
namespace {

/// The value of the sample whose line begins with `name` and a blank; -1 if there is none.
double value_of(const std::string& text, const std::string& name) {
  const size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

void expect_sound(const std::string& text) {
  std::set<std::string> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) {
      EXPECT_TRUE(line.starts_with("tercet_")) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
    }
  }
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed: ./scripts/deps";
  }
  FILE* promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  std::fwrite(text.data(), 1, text.size(), promtool);
  EXPECT_EQ(pclose(promtool), 0);
}

/// With one polling thread in each server, and with several.
class ServersMetrics : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(SteeringThreads, ServersMetrics, testing::Values(0U, 2U));

TEST_P(ServersMetrics, OfTheLoadBalancer) {
  tests::CellRig cell(1, GetParam());
  ASSERT_TRUE(cell.run_until_serving());
  cell.import(1);
  cell.ask(OpKind::checkout, tests::CellRig::handle(1), 1, bytes_of(tests::CellRig::checkout()));
  LbBoard board;
  Health health;
  VipCounters vip;
  AnnouncerCounters announcer;
  Counter guard_restarts;
  guard_restarts.add(2);
  board.publish(cell.balancer(ServerId::lb1).view({.mono = cell.now(), .wall = {}, .dice = 0}), "{}", true);
  const auto threads = cell.threads(ServerId::lb1);
  const std::string text = lb_metrics({.board = &board,
                                       .health = &health,
                                       .engine = "memory",
                                       .threads = threads,
                                       .vip = &vip,
                                       .announcer = &announcer,
                                       .guard_restarts = &guard_restarts,
                                       .reads = nullptr});
  EXPECT_EQ(value_of(text, "tercet_lb_active"), 1);
  EXPECT_EQ(value_of(text, "tercet_lb_serving"), 1);
  EXPECT_EQ(value_of(text, "tercet_failover_guard_restarts_total"), 2);
  EXPECT_EQ(value_of(text, "tercet_lb_decided_total"), 4);  // three constituents and the checkout
  EXPECT_EQ(value_of(text, "tercet_lb_backend_state{backend=\"b2\",state=\"voting\"}"), 1);
  EXPECT_EQ(value_of(text, "tercet_lb_backend_state{backend=\"b2\",state=\"down\"}"), 0);
  EXPECT_GT(value_of(text, "tercet_open_messages_total"), 0);
  if (GetParam() == 0) {
    EXPECT_GT(value_of(text, "tercet_thread_messages_total{thread=\"poll\"}"), 0);
    EXPECT_GT(value_of(text, "tercet_thread_turn_seconds_count{thread=\"poll\"}"), 0);
    EXPECT_EQ(value_of(text, "tercet_thread_turn_seconds_count{thread=\"poll\"}"),
              value_of(text, "tercet_thread_turn_seconds_bucket{thread=\"poll\",le=\"+Inf\"}"));
    EXPECT_EQ(text.find("tercet_link"), std::string::npos) << "one thread has none";
  } else {
    EXPECT_GT(value_of(text, "tercet_thread_messages_total{thread=\"steer1\"}"), 0);
    EXPECT_GT(value_of(text, "tercet_thread_messages_total{thread=\"quorum\"}"), 0);
    EXPECT_EQ(value_of(text, "tercet_link_capacity_cells{thread=\"steer0\",direction=\"up\"}"), 4096);
    EXPECT_GT(value_of(text, "tercet_link_most_waiting_cells{thread=\"steer0\",direction=\"down\"}"), 0);
    EXPECT_EQ(value_of(text, "tercet_link_drops_total{thread=\"steer1\",direction=\"up\"}"), 0);
  }
  expect_sound(text);
}

TEST_P(ServersMetrics, OfABackend) {
  tests::CellRig cell(1, GetParam());
  ASSERT_TRUE(cell.run_until_serving());
  cell.import(1);
  BackendBoard board;
  Health health;
  board.publish(cell.replica(Slot::one).view(), store::LogState::ok, "");
  const auto threads = cell.threads(ServerId::b1);
  const ThreadLoad load;
  const BackendAdminSources sources{.cell = CellId{1},
                                    .self = ServerId::b1,
                                    .durability = "fsync",
                                    .board = &board,
                                    .health = &health,
                                    .engine = "memory",
                                    .threads = threads,
                                    .load = &load};
  const std::string text = backend_metrics(sources);
  EXPECT_EQ(value_of(text, "tercet_backend_state{state=\"voting\"}"), 1);
  EXPECT_GE(value_of(text, "tercet_backend_last_seq"), 4);
  EXPECT_GT(value_of(text, "tercet_backend_log_batches_total"), 0);
  expect_sound(text);
  EXPECT_NE(backend_status(sources).find("\"state\":\"voting\""), std::string::npos);
  EXPECT_NE(backend_status(sources).find(GetParam() == 0 ? "\"name\":\"poll\"" : "\"name\":\"quorum\""),
            std::string::npos);
  EXPECT_NE(backend_status(sources).find("\"engine\":\"memory\""), std::string::npos);
  EXPECT_EQ(value_of(text, "tercet_backend_stopped{reason=\"disk full\"}"), 0);
  backend::ReplicaView stopped = cell.replica(Slot::one).view();
  stopped.state = "stopped";
  board.publish(stopped, store::LogState::full, "disk full: no space left");
  const std::string full = backend_metrics(sources);
  EXPECT_EQ(value_of(full, "tercet_backend_state{state=\"stopped\"}"), 1);
  EXPECT_EQ(value_of(full, "tercet_backend_stopped{reason=\"disk full\"}"), 1);
  EXPECT_EQ(value_of(full, "tercet_backend_stopped{reason=\"disk failed\"}"), 0);
  expect_sound(full);
  EXPECT_NE(backend_status(sources).find("\"why\":\"disk full: no space left\""), std::string::npos);
}

TEST(ServersThreadLoad, IsThePartOfTheLastSecondAtWork) {
  dataplane::LoopCounters counters;
  const std::array<dataplane::ThreadView, 1> threads{{{.name = "poll", .loop = &counters}}};
  ThreadLoad load;
  load.note(MonoTime{1}, threads);
  EXPECT_EQ(load.permille(0), 0U);
  counters.busy_ns.set(250'000'000);
  counters.idle_ns.set(750'000'000);
  load.note(MonoTime{500'000'000}, threads);
  EXPECT_EQ(load.permille(0), 0U) << "once a second";
  load.note(MonoTime{1'000'000'001}, threads);
  EXPECT_EQ(load.permille(0), 250U);
  counters.busy_ns.add(900'000'000);
  counters.idle_ns.add(100'000'000);
  load.note(MonoTime{2'000'000'002}, threads);
  EXPECT_EQ(load.permille(0), 900U) << "not since the start";
}

TEST(ServersHealth, IsLostWhenAThreadHangs) {
  Health health;
  const MonoTime start{1'000'000'000'000};
  EXPECT_FALSE(health.sound(start));
  std::array<dataplane::LoopCounters, 2> counters;
  const std::array<dataplane::ThreadView, 2> threads{
      {{.name = "steer0", .loop = &counters[0]}, {.name = "quorum", .loop = &counters[1]}}};
  counters[0].polls.set(5);
  counters[1].polls.set(7);
  health.turned(start, threads);
  EXPECT_TRUE(health.sound(start + seconds(1)));
  EXPECT_FALSE(health.sound(start + seconds(4))) << "the control thread does not turn";
  counters[1].polls.add();
  health.turned(start + seconds(4), threads);
  EXPECT_FALSE(health.sound(start + seconds(4))) << "one of the polling threads does not";
  counters[0].polls.add();
  health.turned(start + seconds(5), threads);
  EXPECT_TRUE(health.sound(start + seconds(5)));
}

}  // namespace
}  // namespace tercet::control
