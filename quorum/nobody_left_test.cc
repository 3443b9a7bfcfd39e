// When two backends are not there to vote: somebody must be left to say UNAVAILABLE, and only one.

#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

class NobodyLeft : public ::testing::Test {
 protected:
  NobodyLeft() { cell_.begin(); }
  SmallCell cell_;
};

TEST_F(NobodyLeft, TwoStoppedBackendsMakeNobodyFollow) {
  const Epoch epoch = cell_.lb().epoch();
  cell_.backend(Slot::two).acceptor.stop(StopReason::io_error);
  cell_.backend(Slot::three).acceptor.stop(StopReason::io_error);
  cell_.run(milliseconds(300));
  EXPECT_FALSE(cell_.lb().serving(cell_.now.mono));
  EXPECT_FALSE(cell_.lb().fit(cell_.now.mono)) << "the other one may try";
  for (int i = 0; i < 50; ++i) {
    cell_.lb(1).claim(Cause::peer_unfit, cell_.now);
    cell_.run(milliseconds(40));
    EXPECT_NE(cell_.lb(1).role(), LbRole::preparing) << "their disks take no promise: it could not win";
  }
  EXPECT_TRUE(cell_.lb().active()) << "it is the one to say UNAVAILABLE";
  EXPECT_EQ(cell_.lb().epoch(), epoch) << "and no epoch is spent";
  EXPECT_EQ(cell_.backend(Slot::one).acceptor.promised(), epoch) << "nor promised by the one that is left";
  EXPECT_EQ(cell_.propose("x", 1), Admit::unavailable);
}

TEST_F(NobodyLeft, OneStoppedBackendHindersNobody) {
  cell_.backend(Slot::two).acceptor.stop(StopReason::io_error);
  cell_.lost = [](const Flight& f) { return f.from == LB1 || f.to == LB1; };
  cell_.run(milliseconds(50));
  cell_.lb(1).claim(Cause::peer_silent, cell_.now);
  cell_.run(milliseconds(300));
  EXPECT_TRUE(cell_.lb(1).active());
}

TEST_F(NobodyLeft, OneThatReachesOneBackendStaysUntilTheWinnerSpeaks) {
  // LB 1 is cut off from two backends; LB 2 wins with them. The third one's refusal alone proves no winner.
  const auto cut = [](const Flight& f) {
    const auto far = [](ServerId s) { return s == ServerId::b1 || s == ServerId::b2; };
    return (f.from == LB1 && far(f.to)) || (f.to == LB1 && far(f.from));
  };
  cell_.lost = cut;
  cell_.run(milliseconds(400));
  cell_.lb(1).claim(Cause::peer_unfit, cell_.now);
  cell_.run(milliseconds(600));
  ASSERT_TRUE(cell_.lb(1).active());
  ASSERT_TRUE(cell_.lb().active());
  EXPECT_FALSE(cell_.lb().serving(cell_.now.mono));
  const unsigned lost = cell_.count(Role::lost);
  cell_.lb().fence(cell_.lb(1).epoch(), cell_.now, cell_.output(0));
  EXPECT_EQ(cell_.lb().role(), LbRole::standby);
  cell_.run(milliseconds(1));
  EXPECT_EQ(cell_.count(Role::lost), lost + 1);
  EXPECT_TRUE(cell_.lb(1).active());
}

TEST_F(NobodyLeft, ALowerEpochFencesNobody) {
  cell_.lb().fence(cell_.lb().epoch(), cell_.now, cell_.output(0));
  cell_.lb().fence(Epoch{1}, cell_.now, cell_.output(0));
  EXPECT_TRUE(cell_.lb().active());
}

}  // namespace
}  // namespace tercet::quorum
