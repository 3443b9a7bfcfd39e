#include "control/backend/why.h"

#include <gtest/gtest.h>

namespace tercet::control {
namespace {

backend::ReplicaView in_state(const char* state) {
  backend::ReplicaView view;
  view.known = true;
  view.state = state;
  view.last = Seq{120};
  view.commit = Seq{118};
  return view;
}

std::string why(const backend::ReplicaView& view, const WhyFacts& facts = {}) {
  return why_not_voting(view, facts);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(WhyNotVoting, WhoeverVotesHasNoReason) { EXPECT_EQ(why(in_state("voting")), ""); }

TEST(WhyNotVoting, EveryOtherStateHasOne) {
  EXPECT_EQ(why(in_state("stopped"), {.stopped = "disk full: no space left"}), "disk full: no space left");
  EXPECT_TRUE(has(why(in_state("amnesiac")), "its disk is new"));
  EXPECT_EQ(why(in_state("amnesiac"), {.lost = "a record is damaged"}), "a record is damaged");
  EXPECT_TRUE(has(why(in_state("blank")), "all three backends"));
  backend::ReplicaView divergent = in_state("divergent");
  divergent.acceptor.rebuilds = 3;
  EXPECT_TRUE(has(why(divergent), "built 3 times so far"));
  EXPECT_TRUE(has(why(in_state("catching-up")), "ends at seq 120, decided as far as it knows up to 118"));
}

TEST(WhyNotVoting, ABookOnItsWayIsToldWithItsPercentage) {
  for (const char* state : {"catching-up", "amnesiac", "divergent"}) {
    backend::ReplicaView view = in_state(state);
    view.image = {.from = ServerId::b2, .seq = Seq{4711}, .here = 37'000, .total = 100'000};
    EXPECT_TRUE(has(why(view), "takes over b2's book of seq 4711, 37 %")) << why(view);
  }
}

TEST(WhyNotVoting, SoIsOneThatFailed) {
  backend::ReplicaView view = in_state("catching-up");
  view.image_failed = {.from = ServerId::b3, .seq = Seq{4711}, .here = 0, .total = 0};
  view.fetched.failed = 12;
  EXPECT_TRUE(has(why(view), "b3's book of seq 4711 could not be taken over, after 0 % (12 failed in all)"))
      << why(view);
  EXPECT_FALSE(has(why(view), "it takes over")) << "nothing is under way";
}

TEST(WhyNotVoting, RoomComesFirst) {
  backend::ReplicaView view = in_state("catching-up");
  view.waits_for_room = true;
  EXPECT_EQ(why(view, {.no_room = "12 MiB must be free"}), "12 MiB must be free");
}

TEST(ImageTransfer, IsWholeOnlyAtItsEnd) {
  const auto percent = [](uint64_t here, uint64_t total) {
    return backend::ImageFetch::Transfer{ServerId::b1, Seq{1}, here, total}.percent();
  };
  EXPECT_EQ(percent(0, 0), 0U);
  EXPECT_EQ(percent(0, 1000), 0U);
  EXPECT_EQ(percent(500, 1000), 50U);
  EXPECT_EQ(percent(999, 1000), 99U);
  EXPECT_EQ(percent(1000, 1000), 100U);
  EXPECT_EQ(percent(1, 3), 33U);
}

}  // namespace
}  // namespace tercet::control
