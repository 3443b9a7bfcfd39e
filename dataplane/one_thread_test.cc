#include "dataplane/one_thread.h"

#include <gtest/gtest.h>

#include "dataplane/loop_rig.h"

namespace tercet::dataplane {
namespace {

TEST(OneThread, MoreThanABurstLeavesInSeveral) {
  LoopRig rig;
  rig.service.copies = 400;
  rig.client_says("again");
  rig.poll();
  EXPECT_EQ(rig.client_got().size(), 400U);
  EXPECT_EQ(rig.loop->sent().bursts.get(), 2U);
}

TEST(OneThread, WithoutARouteAMessageIsCountedAndDropped) {
  LoopRig rig;
  Routes fewer = rig.routes;
  fewer.lane_of[index(ServerId::b3)] = Routes::kNone;
  OneThread loop(*rig.port, *rig.keyring, rig.service, fewer);
  rig.service.to_all = true;
  rig.peer_says(ServerId::b1, "accept");
  loop.poll({});
  EXPECT_EQ(loop.sent().drop_no_route.get(), 1U);
  EXPECT_EQ(loop.sent().datagrams.get(), 2U);
}

TEST(OneThread, SleepsUntilTheServiceWantsItsTurn) {
  LoopRig rig;
  rig.service.again = MonoTime{777};
  const MonoTime again = rig.poll();
  EXPECT_EQ(again, MonoTime{777});
  rig.loop->wait(again);
  EXPECT_EQ(rig.port->waits_until(), MonoTime{777});
}

TEST(OneThread, ATurnThatComesLateIsCounted) {
  LoopRig rig;
  const auto turn = [&rig](int64_t at_ms, int64_t again_ms, int64_t wait_ms) {
    rig.service.again = MonoTime{again_ms * 1'000'000};
    rig.loop->poll({.mono = MonoTime{at_ms * 1'000'000}, .wall = {}, .dice = 1});
    rig.loop->wait(MonoTime{wait_ms * 1'000'000});
  };
  turn(1'000, 1'005, 1'005);
  turn(1'014, 900, 900);      // 9 ms late: that is usual; and at once again
  turn(1'024, 9'999, 1'100);  // 10 ms
  EXPECT_EQ(rig.loop->counters().late_polls.get(), 0U);
  turn(1'150, 9'999, 1'200);  // 50 ms after the end of the wait
  EXPECT_EQ(rig.loop->counters().late_polls.get(), 1U);
  EXPECT_EQ(rig.loop->counters().latest_ns.get(), 50'000'000U);
  turn(1'160, 9'999, 1'200);  // something came before that
  EXPECT_EQ(rig.loop->counters().late_polls.get(), 1U);
}

}  // namespace
}  // namespace tercet::dataplane
