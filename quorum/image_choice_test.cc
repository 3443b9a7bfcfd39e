#include "quorum/image_choice.h"

#include <gtest/gtest.h>

namespace tercet::quorum {
namespace {

class ImageChoiceTest : public ::testing::Test {
 protected:
  static PeerImage image(ServerId from, uint64_t seq, uint64_t l = 1) { return {from, Seq{seq}, {l, l}}; }
  void pass(Duration span) { now_ = now_ + span; }
  /// Whose, of which seq: "b2 12"; "none".
  std::string best() const {
    const auto best = choice_.best(now_);
    return best ? "b" + std::to_string(index(slot_of(best->from)) + 1) + " " + std::to_string(best->seq.value)
                : "none";
  }

  ImageChoice choice_;
  MonoTime now_{1'000'000'000};
  const PeerImage old_ = image(ServerId::b2, 12);
  const PeerImage new_ = image(ServerId::b3, 20);
};

TEST_F(ImageChoiceTest, TheNewestThatIsOfferedIsTaken) {
  EXPECT_FALSE(choice_.any());
  EXPECT_EQ(best(), "none");
  choice_.offered(new_);
  choice_.offered(old_);
  EXPECT_TRUE(choice_.any());
  EXPECT_EQ(best(), "b3 20");
  choice_.offered(image(ServerId::b2, 30));
  EXPECT_EQ(best(), "b2 30") << "in its former one's place";
  choice_.forget_offers();
  EXPECT_EQ(best(), "none");
}

TEST_F(ImageChoiceTest, OneThatFailedIsPassedOverForAWhile) {
  for (const ImageEnd end : {ImageEnd::wrong, ImageEnd::not_there}) {
    choice_ = {};
    choice_.offered(old_);
    choice_.offered(new_);
    choice_.ended(new_, end, now_);
    EXPECT_TRUE(choice_.any());
    EXPECT_EQ(best(), "none");
    pass(kImagePauseMin);
    EXPECT_EQ(best(), "b2 12");
    pass(kImagePassedOver);
    EXPECT_EQ(best(), "b3 20") << "perhaps it is right now";
  }
}

TEST_F(ImageChoiceTest, ANewerOneOfTheSamePeerIsNotPassedOver) {
  choice_.ended(new_, ImageEnd::wrong, now_);
  pass(kImagePauseMin);
  choice_.offered(image(ServerId::b3, 21));
  EXPECT_EQ(best(), "b3 21");
}

TEST_F(ImageChoiceTest, PausesDoubleUntilOneSucceeds) {
  choice_.offered(old_);
  Duration pause = kImagePauseMin;
  for (unsigned i = 0; i < 12; ++i) {
    choice_.ended(new_, ImageEnd::unclear, now_);
    pass(pause - nanoseconds(1));
    EXPECT_EQ(best(), "none");
    pass(nanoseconds(1));
    EXPECT_EQ(best(), "b2 12");
    pause = std::min(pause * 2, kImagePauseMax);
  }
  choice_.ended(new_, ImageEnd::unclear, now_);
  choice_.succeeded();
  EXPECT_EQ(best(), "b2 12");
  choice_.ended(new_, ImageEnd::unclear, now_);
  pass(kImagePauseMin);
  EXPECT_EQ(best(), "b2 12");
}

TEST_F(ImageChoiceTest, WhereAllFailEachComesToItsTurnAgain) {
  std::array<unsigned, kBackends> turns{};
  for (const MonoTime end = now_ + seconds(600); now_ < end; pass(milliseconds(20))) {
    choice_.offered(image(ServerId::b2, 20));
    choice_.offered(new_);
    if (const auto best = choice_.best(now_)) {
      ++turns[index(slot_of(best->from))];
      choice_.ended(*best, ImageEnd::wrong, now_);
    }
  }
  EXPECT_GE(turns[1], 8U);
  EXPECT_GE(turns[2], 8U);
  EXPECT_LE(turns[1] + turns[2], 25U);
}

TEST_F(ImageChoiceTest, OneThatIsHereInPartComesBeforeNewerOnesWhoeverHasIt) {
  choice_.ended(old_, ImageEnd::broken_off, now_);
  choice_.offered(new_);
  EXPECT_EQ(best(), "b3 20") << "it is not offered, and nothing failed that would call for a pause";
  choice_.offered(old_);
  EXPECT_EQ(best(), "b2 12");
  choice_.offered(image(ServerId::b2, 12, 2));
  EXPECT_EQ(best(), "b3 20") << "of another log";
  choice_.offered(image(ServerId::b1, 12));
  EXPECT_EQ(best(), "b1 12") << "another peer has the same";
}

TEST_F(ImageChoiceTest, ASourceThatGivesNothingMoreIsPassedOverAndNotWhoeverElseHasTheSame) {
  choice_.ended(old_, ImageEnd::not_there, now_);
  pass(kImagePauseMin);
  choice_.offered(old_);
  choice_.offered(new_);
  EXPECT_EQ(best(), "b3 20");
  choice_.offered(image(ServerId::b1, 12));
  EXPECT_EQ(best(), "b1 12");
}

TEST_F(ImageChoiceTest, OfAWrongOneNothingIsKept) {
  choice_.ended(old_, ImageEnd::broken_off, now_);
  choice_.ended(old_, ImageEnd::unclear, now_);
  pass(kImagePauseMin);
  choice_.offered(old_);
  choice_.offered(new_);
  EXPECT_EQ(best(), "b3 20");
}

}  // namespace
}  // namespace tercet::quorum
