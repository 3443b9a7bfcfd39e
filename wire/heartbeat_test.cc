#include "wire/heartbeat.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

TEST(Heartbeat, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("heartbeat");
  HeartbeatView view;
  ASSERT_EQ(parse_heartbeat(bytes, view), Drop::none);
  EXPECT_EQ(view.header->echo_number, 2002U);
  Heartbeat h{};
  h.type = static_cast<uint8_t>(CellMessage::heartbeat);
  h.role = static_cast<uint8_t>(LbRole::standby);
  h.flags = kLostClients;
  h.priority = 100;
  h.interval_us = 5000;
  h.instance = golden::kInstance;
  h.epoch = make_epoch(7, ServerId::lb1).value;
  h.number = 1001U;
  h.echo_instance = golden::kInstance + 1;
  h.echo_number = 2002U;
  h.commit = 42U;
  h.decided_cell_ms = golden::kCellMs;
  EXPECT_TRUE(golden::same(bytes_of(h), bytes));
  const auto with = [&](auto change) {
    Heartbeat changed = h;
    change(changed);
    return parse_heartbeat(bytes_of(changed), view);
  };
  EXPECT_EQ(with([](Heartbeat& c) { c.epoch = 0U; }), Drop::none);  // knows of none yet
  EXPECT_EQ(with([](Heartbeat& c) { c.epoch = 4U; }), Drop::malformed);
  EXPECT_EQ(with([](Heartbeat& c) { c.role = 5; }), Drop::malformed);
  EXPECT_EQ(with([](Heartbeat& c) { c.flags = 32; }), Drop::reserved);
  EXPECT_EQ(with([](Heartbeat& c) { c.commit = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Heartbeat& c) { c.decided_cell_ms = UINT64_MAX; }), Drop::malformed);
}

}  // namespace
}  // namespace tercet
