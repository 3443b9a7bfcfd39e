// What a backend gives of its image to a peer that asks for it.

#include "backend/image_rig.h"

namespace tercet::backend {
namespace {

class ImageSenderTest : public ImageRig {
 protected:
  /// It has taken the first image over, and may pass it on.
  void has_first() {
    b2().image = &first_;
    begin(Seq{2});
    ASSERT_TRUE(until([this] { return caught_up(); }, seconds(2)));
  }
  void ask(ServerId from, Seq checkpoint, uint64_t offset, uint8_t datagrams = 32) {
    Fetch fetch{};
    fetch.datagrams = datagrams;
    fetch.number = ++number_;
    fetch.checkpoint = checkpoint.value;
    fetch.offset = offset;
    in_.emplace_back(from, quorum::message_of(CellMessage::fetch, fetch));
  }
  struct Piece {
    ServerId to;
    ChunkHeader header;
    std::vector<uint8_t> bytes;
  };
  /// What is sent in the next steps.
  std::vector<Piece> pieces(unsigned n = 10) {
    sent_.clear();
    steps(n);
    std::vector<Piece> out;
    for (const auto& [to, bytes] : sent_) {
      const auto view = std::get<ChunkView>(quorum::testing::opened(bytes));
      out.push_back({to, *view.header, {view.bytes.begin(), view.bytes.end()}});
    }
    return out;
  }
  std::vector<Piece> answer_to(ServerId from, Seq checkpoint, uint64_t offset, uint8_t datagrams = 32) {
    ask(from, checkpoint, offset, datagrams);
    return pieces();
  }
  /// They are the first image's, from there on.
  void expect_first(const std::vector<Piece>& pieces, uint64_t offset) {
    for (const Piece& piece : pieces) {
      EXPECT_EQ(piece.header.number, number_);
      EXPECT_EQ(Seq{piece.header.checkpoint}, first_.seq);
      EXPECT_EQ(piece.header.total, first_.bytes.size());
      ASSERT_EQ(piece.header.offset, offset);
      ASSERT_LE(offset + piece.bytes.size(), first_.bytes.size());
      EXPECT_TRUE(std::equal(piece.bytes.begin(), piece.bytes.end(),
                             first_.bytes.begin() + static_cast<std::ptrdiff_t>(offset)));
      offset += piece.bytes.size();
    }
  }
  static bool is_refusal(const std::vector<Piece>& pieces) {
    return pieces.size() == 1 && pieces[0].bytes.empty();
  }

  uint32_t number_ = 100;
  MonoTime ask_next_;
};

TEST_F(ImageSenderTest, AllPiecesAreTheImageByteForByte) {
  has_first();
  uint64_t at = 0;
  while (at < first_.bytes.size()) {
    const std::vector<Piece> got = answer_to(ServerId::b3, first_.seq, at);
    ASSERT_FALSE(got.empty());
    expect_first(got, at);
    EXPECT_EQ(got[0].to, ServerId::b3);
    at = got.back().header.offset + got.back().bytes.size();
  }
  EXPECT_EQ(at, first_.bytes.size());
}

TEST_F(ImageSenderTest, AnyOffsetIsGivenAndNoMoreThanWasAskedFor) {
  has_first();
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, uint64_t{511}, uint64_t{70'001}}) {
    const std::vector<Piece> got = answer_to(ServerId::b3, first_.seq, offset, 3);
    EXPECT_EQ(got.size(), 3U);
    expect_first(got, offset);
  }
  EXPECT_EQ(answer_to(ServerId::b3, first_.seq, 0, 255).size(), quorum::kPullDatagrams);
  const std::vector<Piece> last = answer_to(ServerId::b3, first_.seq, first_.bytes.size() - 10);
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].bytes.size(), 10U);
  expect_first(last, first_.bytes.size() - 10);
  for (const uint64_t beyond : {uint64_t{0}, uint64_t{5000}, kImageBytesMax - first_.bytes.size() - 1}) {
    EXPECT_TRUE(answer_to(ServerId::b3, first_.seq, first_.bytes.size() + beyond).empty());
  }
}

TEST_F(ImageSenderTest, WhatItDoesNotHaveItRefuses) {
  EXPECT_TRUE(is_refusal(answer_to(ServerId::b3, first_.seq, 0))) << "it has no image at all";
  has_first();
  EXPECT_TRUE(is_refusal(answer_to(ServerId::b3, second_.seq, 0)));
  EXPECT_TRUE(is_refusal(answer_to(ServerId::b3, Seq{1}, 0)));
}

TEST_F(ImageSenderTest, OnlyBackendsAreAnswered) {
  has_first();
  EXPECT_TRUE(answer_to(ServerId::lb1, first_.seq, 0).empty());
}

TEST_F(ImageSenderTest, WhoeverAskedWhileItReadForAnotherAsksAgain) {
  has_first();
  ask(ServerId::b2, first_.seq, 0);
  ask(ServerId::b3, first_.seq, 0);
  const std::vector<Piece> got = pieces();
  EXPECT_EQ(got.size(), quorum::kPullDatagrams);
  EXPECT_EQ(got.front().to, got.back().to);
  const ServerId other = got.front().to == ServerId::b2 ? ServerId::b3 : ServerId::b2;
  const std::vector<Piece> again = answer_to(other, first_.seq, 0);
  EXPECT_EQ(again.size(), quorum::kPullDatagrams);
  EXPECT_EQ(again.front().to, other);
}

TEST_F(ImageSenderTest, WhatTheDiskCannotReadIsNotAnsweredAndTheRestIs) {
  has_first();
  disk_.fail_reads_at(disk_.images().front(), store::kImageAt + 50'000);
  EXPECT_TRUE(answer_to(ServerId::b3, first_.seq, 0).empty());
  const std::vector<Piece> got = answer_to(ServerId::b3, first_.seq, 60'000);
  EXPECT_EQ(got.size(), quorum::kPullDatagrams);
  expect_first(got, 60'000);
}

TEST_F(ImageSenderTest, WhatDoesNotFitIntoOnePollIsAskedForAgain) {
  has_first();
  answer_to(ServerId::b3, first_.seq, 0);
  for (unsigned i = 0; i < 20; ++i) {
    ask(ServerId::b3, first_.seq, 0);
  }
  const std::vector<Piece> got = pieces();
  EXPECT_LT(got.size(), 20 * quorum::kPullDatagrams);
  EXPECT_EQ(answer_to(ServerId::b3, first_.seq, 0).size(), quorum::kPullDatagrams);
}

TEST_F(ImageSenderTest, TheImageThatAPeerReadsStaysUntilItAsksNoMore) {
  has_first();
  ASSERT_FALSE(answer_to(ServerId::b3, first_.seq, 0).empty());
  const TestImage own = checkpoint(Slot::one);
  lends(2);
  const auto asking = [&] {
    if (ask_next_ <= now_at_.mono) {
      ask_next_ = now_at_.mono + seconds(1);
      ask(ServerId::b3, first_.seq, 43'008);
    }
  };
  ASSERT_TRUE(until([&] { return asking(), caught_up(); }, seconds(5)));
  usable(own);
  lends(2);
  ASSERT_TRUE(until([&] { return asking(), opening_.acceptor->checkpoint() == own.seq; }, seconds(20)));
  until([&] { return asking(), false; }, seconds(20));
  const std::vector<Piece> got = answer_to(ServerId::b3, first_.seq, 43'008);
  ASSERT_EQ(got.size(), quorum::kPullDatagrams);
  expect_first(got, 43'008);
  EXPECT_EQ(disk_.images().size(), 2U);
  EXPECT_FALSE(is_refusal(answer_to(ServerId::b2, own.seq, 0))) << "who begins now begins with the newer one";

  until([] { return false; }, quorum::kFedFor + seconds(1));
  EXPECT_TRUE(is_refusal(answer_to(ServerId::b3, first_.seq, 43'008)));
  EXPECT_EQ(disk_.images().size(), 1U);
}

}  // namespace
}  // namespace tercet::backend
