#include "dataplane/steer/heartbeat.h"

#include <gtest/gtest.h>

#include "wire/cell.h"

namespace tercet::dataplane {
namespace {

constexpr MonoTime kNow{1'000'000'000};

/// One LB's end.
struct End {
  Heartbeats heartbeats;
  Outbox outbox{4};
  End(ServerId self, uint64_t instance) : heartbeats({self, Nonce{instance}, milliseconds(5), 100}) {}
  std::vector<uint8_t> say(MonoTime now, LbRole role = LbRole::standby, uint8_t flags = 0,
                           Epoch epoch = make_epoch(3, ServerId::lb1)) {
    heartbeats.tick({role, flags, epoch, Seq{7}, CellTime{8}}, now, outbox);
    std::vector<uint8_t> bytes;
    if (!outbox.empty()) {
      const Bytes sent = outbox.bytes(outbox.parcels()[0]);
      bytes.assign(sent.begin(), sent.end());
    }
    outbox.clear();
    return bytes;
  }
  bool hear(const std::vector<uint8_t>& bytes, MonoTime now) {
    HeartbeatView view;
    EXPECT_EQ(parse_heartbeat(bytes, view), Drop::none);
    return heartbeats.take(view, now);
  }
};

class HeartbeatsTest : public ::testing::Test {
 protected:
  /// Both have heard each other.
  void meet() {
    two_.hear(one_.say(now_), now_);
    EXPECT_TRUE(one_.hear(two_.say(now_), now_));
    pass();
    EXPECT_TRUE(two_.hear(one_.say(now_), now_));
    pass();
  }
  void pass() { now_ = now_ + milliseconds(5); }
  End one_{ServerId::lb1, 0xA1};
  End two_{ServerId::lb2, 0xA2};
  MonoTime now_ = kNow;
};

TEST_F(HeartbeatsTest, SentOnceAnIntervalToTheOtherLb) {
  one_.heartbeats.tick({}, now_, one_.outbox);
  ASSERT_EQ(one_.outbox.parcels().size(), 1U);
  EXPECT_TRUE(one_.outbox.parcels()[0].servers == ServerSet(ServerId::lb2));
  const MonoTime next = one_.heartbeats.tick({}, now_ + milliseconds(4), one_.outbox);
  EXPECT_EQ(one_.outbox.parcels().size(), 1U);
  EXPECT_EQ(next, now_ + milliseconds(5));
  one_.heartbeats.tick({}, next, one_.outbox);
  EXPECT_EQ(one_.outbox.parcels().size(), 2U);
  EXPECT_EQ(one_.heartbeats.sent(), 2U);
}

TEST_F(HeartbeatsTest, AFullOutboxLosesNone) {
  while (!one_.outbox.open().empty()) {
    one_.outbox.close(ServerId::lb2, 1);
  }
  EXPECT_EQ(one_.heartbeats.tick({}, now_, one_.outbox), now_) << "again at once";
  EXPECT_EQ(one_.heartbeats.sent(), 0U);
}

TEST_F(HeartbeatsTest, TheFirstProvesNothingItsEchoDoes) {
  const std::vector<uint8_t> first = one_.say(now_);
  EXPECT_FALSE(two_.hear(first, now_)) << "it echoes nobody";
  EXPECT_FALSE(two_.heartbeats.peer().heard);
  EXPECT_TRUE(one_.hear(two_.say(now_), now_)) << "it echoes our first";
  pass();
  EXPECT_TRUE(two_.hear(one_.say(now_, LbRole::active, kHoldsAddress), now_));
  const Peer& peer = two_.heartbeats.peer();
  EXPECT_TRUE(peer.heard);
  EXPECT_EQ(peer.role, LbRole::active);
  EXPECT_EQ(peer.flags, kHoldsAddress);
  EXPECT_EQ(peer.epoch, make_epoch(3, ServerId::lb1));
  EXPECT_EQ(peer.instance, Nonce{0xA1});
  EXPECT_EQ(peer.at, now_);
}

TEST_F(HeartbeatsTest, ARecordedOneProvesNothingToALaterLife) {
  meet();
  const std::vector<uint8_t> recorded = one_.say(now_, LbRole::active);
  ASSERT_TRUE(two_.hear(recorded, now_));
  End restarted(ServerId::lb2, 0xB2);
  EXPECT_FALSE(restarted.hear(recorded, now_));
  EXPECT_FALSE(restarted.heartbeats.peer().heard);
}

TEST_F(HeartbeatsTest, AnEchoOfWhatWasNeverSentProvesNothing) {
  Heartbeat forged{};
  forged.instance = 0xA1;
  forged.number = 9;
  forged.echo_instance = 0xA2;
  forged.echo_number = 1;
  forged.type = static_cast<uint8_t>(CellMessage::heartbeat);
  std::vector<uint8_t> bytes(sizeof(forged));
  std::memcpy(bytes.data(), &forged, sizeof(forged));
  EXPECT_FALSE(two_.hear(bytes, now_)) << "lb2 has sent none yet";
}

TEST_F(HeartbeatsTest, OneThatWasOvertakenChangesNothing) {
  meet();
  const std::vector<uint8_t> older = one_.say(now_, LbRole::standby);
  pass();
  const std::vector<uint8_t> newer = one_.say(now_, LbRole::active);
  EXPECT_TRUE(two_.hear(newer, now_));
  EXPECT_FALSE(two_.hear(older, now_ + milliseconds(1)));
  EXPECT_FALSE(two_.hear(newer, now_ + milliseconds(1))) << "nor a repeated one";
  EXPECT_EQ(two_.heartbeats.peer().role, LbRole::active);
  EXPECT_EQ(two_.heartbeats.peer().at, now_);
}

TEST_F(HeartbeatsTest, ARestartedPeerIsHeardFromItsFirstNumberOn) {
  for (int i = 0; i < 10; ++i) {
    meet();
  }
  End again(ServerId::lb1, 0xB1);
  EXPECT_FALSE(two_.hear(again.say(now_), now_));
  EXPECT_TRUE(again.hear(two_.say(now_), now_));
  pass();
  EXPECT_TRUE(two_.hear(again.say(now_), now_));
  EXPECT_EQ(two_.heartbeats.peer().instance, Nonce{0xB1});
}

TEST_F(HeartbeatsTest, SinceWhenThePeerIsNotActiveIsCountedFromItsLastBeingSo) {
  meet();
  two_.hear(one_.say(now_, LbRole::active), now_);
  pass();
  const MonoTime stopped = now_;
  two_.hear(one_.say(now_, LbRole::standby), now_);
  pass();
  two_.hear(one_.say(now_, LbRole::standby), now_);
  EXPECT_EQ(two_.heartbeats.peer().not_active_since, stopped);
}

}  // namespace
}  // namespace tercet::dataplane
