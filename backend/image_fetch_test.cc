// An image that comes from a peer, and what may befall it on the way: pieces that are lost, wrong or another
// image's, a source that falls silent for a while or for good, a book that is no right one.

#include "backend/image_rig.h"

namespace tercet::backend {
namespace {

constexpr uint64_t kFetchWindow = quorum::kPullDatagrams * kChunkBytes;

class ImageFetchTest : public ImageRig {
 protected:
  ImageFetchTest() { EXPECT_GT(first_.bytes.size(), 3 * kFetchWindow) << "several windows"; }
  [[nodiscard]] ImageFetch::Counters counters() const { return replica_->view().fetched; }
  [[nodiscard]] unsigned asked(ServerId whom, const TestImage& image, uint64_t offset) const {
    return static_cast<unsigned>(std::ranges::count_if(asked_, [&](const Asked& a) {
      return a.whom == whom && Seq{a.checkpoint} == image.seq && a.offset == offset;
    }));
  }
  /// The backend has a base of its own, as one has that was away for long.
  void with_a_base() {
    Peer& source = peers_[ServerId::b2];
    source.image = &first_;
    begin(Seq{2});
    ASSERT_TRUE(until([this] { return opening_.acceptor->log().base().seq == first_.seq; }, seconds(2)));
    source.down = true;  // before the entries behind it have come
    asked_.clear();
  }
  void expect_second() {
    EXPECT_TRUE(until([this] { return caught_up(); }, seconds(30)));
    EXPECT_EQ(opening_.acceptor->checkpoint(), second_.seq);
    expect_sound();
  }
  void expect_sound() {
    EXPECT_FALSE(replica_->view().reopen);
    EXPECT_FALSE(replica_->view().lost);
    EXPECT_EQ(machine_.digest(), image_of(story_, story_.last()).digest);
  }
  /// Gives nothing any more once so many windows are here.
  void falls_silent_after(Peer& peer, unsigned windows) {
    peer.befalls = [this, windows](ChunkHeader&, std::vector<uint8_t>&) {
      return here() < windows * kFetchWindow;
    };
  }
};

TEST_F(ImageFetchTest, APeersImageBecomesTheBook) {
  b2().image = &first_;
  begin(Seq{2});
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(2)));
  expect_sound();
  EXPECT_EQ(counters().begun, 1U);
  EXPECT_EQ(counters().installed, 1U);
  EXPECT_EQ(counters().failed, 0U);
  EXPECT_EQ(counters().bytes, first_.bytes.size());
  EXPECT_EQ(asked_.size(), (first_.bytes.size() + kFetchWindow - 1) / kFetchWindow) << "a window at a time";
}

TEST_F(ImageFetchTest, TheNewerOfTwoIsTaken) {
  b2().image = &first_;
  b3().image = &second_;
  begin(Seq{2});
  expect_second();
  EXPECT_EQ(asked(ServerId::b2, first_, 0), 0U);
}

TEST_F(ImageFetchTest, ALostPieceIsAskedForAgainAndNotThoseBeforeIt) {
  constexpr uint64_t kLost = 7 * kChunkBytes;
  unsigned lost = 0;
  b2().image = &first_;
  b2().befalls = [&](ChunkHeader& h, std::vector<uint8_t>&) { return h.offset != kLost || ++lost > 2; };
  begin(Seq{2});
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(2)));
  EXPECT_EQ(asked(ServerId::b2, first_, 0), 1U);
  EXPECT_EQ(asked(ServerId::b2, first_, kLost), 2U);
  EXPECT_EQ(counters().failed, 0U);
}

TEST_F(ImageFetchTest, APieceThatIsNoneOfThoseAskedForIsIgnored) {
  // Each of them follows its right one, or comes before it, with other bytes.
  b2().image = &first_;
  b2().befalls = [this](ChunkHeader& h, std::vector<uint8_t>& bytes) {
    const auto also = [this](ChunkHeader header, std::vector<uint8_t> wrong, ServerId from) {
      header.size = static_cast<uint16_t>(wrong.size());
      const Bytes head = bytes_of(header);
      std::vector<uint8_t> out(head.begin(), head.end());
      out.insert(out.end(), wrong.begin(), wrong.end());
      in_.emplace_back(from, std::move(out));
    };
    std::vector<uint8_t> wrong(bytes.size(), 0xEE);
    also(h, wrong, ServerId::b3);
    ChunkHeader other = h;
    other.number = h.number - 1;
    also(other, wrong, ServerId::b2);
    other = h;
    other.checkpoint = h.checkpoint + 1;
    also(other, wrong, ServerId::b2);
    other = h;
    other.offset = h.offset + 1;
    also(other, {wrong.begin(), wrong.end() - 1}, ServerId::b2);
    also(h, {wrong.begin(), wrong.end() - 1}, ServerId::b2);
    other = h;
    other.offset = h.offset / kFetchWindow * kFetchWindow + kFetchWindow;
    if (other.offset + wrong.size() < other.total) {
      also(other, wrong, ServerId::b2);
    }
    return true;
  };
  begin(Seq{2});
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(2)));
  expect_sound();
  EXPECT_EQ(counters().failed, 0U);
}

TEST_F(ImageFetchTest, AnImageThatIsNoRightBookIsPassedOverForAnothersOlderOne) {
  TestImage damaged = second_;
  damaged.bytes[damaged.bytes.size() / 2] ^= 4;
  b2().image = &first_;
  b3().image = &damaged;
  begin(Seq{2});
  EXPECT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  expect_sound();
  EXPECT_EQ(opening_.acceptor->checkpoint(), first_.seq);
  EXPECT_EQ(asked(ServerId::b3, damaged, 0), 1U);
  EXPECT_EQ(counters().failed, 1U);
}

TEST_F(ImageFetchTest, ABackendWithABaseOfItsOwnGoesOnToAnothersImageWithoutOpeningAnew) {
  with_a_base();
  TestImage damaged = second_;
  damaged.bytes[damaged.bytes.size() / 2] ^= 4;
  b2().image = &damaged;
  b2().down = false;
  ASSERT_TRUE(until([this] { return counters().failed == 1; }, seconds(5)));
  b3().image = &second_;
  expect_second();
}

TEST_F(ImageFetchTest, FailuresBecomeRareAndARightImageIsFoundInTheEnd) {
  TestImage damaged = second_;
  damaged.bytes[damaged.bytes.size() / 2] ^= 4;
  b2().image = b3().image = &damaged;
  begin(Seq{2});
  for (unsigned minute = 0; minute < 10; ++minute) {
    until([] { return false; }, seconds(60));
  }
  EXPECT_GE(counters().failed, 4U) << "it goes on trying";
  EXPECT_LE(counters().failed, 25U);
  b3().image = &second_;
  EXPECT_TRUE(until([this] { return caught_up(); }, seconds(130)));
  expect_sound();
}

TEST_F(ImageFetchTest, ATotalThatIsWrongMakesNoBook) {
  for (const size_t size : {second_.bytes.size() - 5000, second_.bytes.size() + 5000}) {
    TestImage other = second_;
    other.bytes.resize(size);
    restart();
    b2().image = &first_;
    b3().image = &other;
    begin(Seq{2});
    ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20))) << size;
    EXPECT_EQ(opening_.acceptor->checkpoint(), first_.seq);
    EXPECT_EQ(counters().failed, 1U);
    expect_sound();
  }
}

TEST_F(ImageFetchTest, ATotalBeyondWhatComesIsNotWaitedForForEver) {
  b3().befalls = [](ChunkHeader& h, std::vector<uint8_t>&) {
    h.total = h.total + 5000;
    return true;
  };
  b2().image = &first_;
  b3().image = &second_;
  begin(Seq{2});
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(30)));
  EXPECT_EQ(opening_.acceptor->checkpoint(), first_.seq);
  expect_sound();
}

TEST_F(ImageFetchTest, ATotalThatChangesOnTheWayIsAnotherImages) {
  b3().befalls = [this](ChunkHeader& h, std::vector<uint8_t>&) {
    h.total = h.total + (here() >= kFetchWindow ? kChunkBytes : 0);
    return true;
  };
  b2().image = &first_;
  b3().image = &second_;
  begin(Seq{2});
  EXPECT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(opening_.acceptor->checkpoint(), first_.seq);
  EXPECT_EQ(counters().failed, 1U);
  expect_sound();
}

TEST_F(ImageFetchTest, ATotalThatNoImageCanHaveIsRefused) {
  b3().befalls = [](ChunkHeader& h, std::vector<uint8_t>& bytes) {
    h.total = 100U;
    bytes.resize(100);
    return h.offset == 0;
  };
  b2().image = &first_;
  b3().image = &second_;
  begin(Seq{2});
  EXPECT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(counters().failed, 1U);
}

TEST_F(ImageFetchTest, ASourceThatHasANewerOneInsteadIsAskedForThat) {
  with_a_base();
  b2().image = &first_;
  lends(100);
  const TestImage third = checkpoint(Slot::three);
  usable(third);
  lends(2);
  b2().image = &second_;
  b2().down = false;
  b2().befalls = [&](ChunkHeader&, std::vector<uint8_t>&) {
    if (here() > first_.bytes.size() + kFetchWindow) {
      b2().image = &third;
    }
    return true;
  };
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(opening_.acceptor->checkpoint(), third.seq);
  expect_sound();
}

TEST_F(ImageFetchTest, ATransferThatWasBrokenOffGoesOnWhereItStopped) {
  with_a_base();
  b2().image = &second_;
  b2().down = false;
  const uint64_t before = here();
  ASSERT_TRUE(until([&] { return here() >= before + 2 * kFetchWindow; }, seconds(5)));
  b2().down = true;
  steps(20);  // what was on its way
  const uint64_t reached = here() - before;
  until([] { return false; }, seconds(20));
  EXPECT_EQ(here() - before, reached);
  b2().down = false;
  asked_.clear();
  expect_second();
  ASSERT_FALSE(asked_.empty());
  EXPECT_GE(asked_.front().offset, reached);
  EXPECT_EQ(asked(ServerId::b2, second_, 0), 0U);
  EXPECT_EQ(here() - before, second_.bytes.size()) << "nothing twice";
}

TEST_F(ImageFetchTest, ItGoesOnWithAnotherPeerThatHasTheSameImage) {
  with_a_base();
  b2().image = &second_;
  b2().down = false;
  const uint64_t before = here();
  ASSERT_TRUE(until([&] { return here() >= before + 2 * kFetchWindow; }, seconds(5)));
  b2().down = true;
  b3().image = &second_;
  expect_second();
  EXPECT_EQ(asked(ServerId::b3, second_, 0), 0U);
  EXPECT_EQ(here() - before, second_.bytes.size()) << "nothing twice";
}

TEST_F(ImageFetchTest, TheOneThatIsHereInPartIsPreferredToANewerOne) {
  b2().image = &first_;
  begin(Seq{2});
  ASSERT_TRUE(until([&] { return here() >= 2 * kFetchWindow; }, seconds(5)));
  b2().down = true;
  until([] { return false; }, seconds(6));
  b2().down = false;
  b3().image = &second_;
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(asked(ServerId::b2, first_, 0), 1U);
  EXPECT_EQ(asked(ServerId::b3, second_, 0), 0U);
  expect_sound();
}

TEST_F(ImageFetchTest, ASourceThatDiesForGoodIsLeftForAnothersImage) {
  with_a_base();
  TestImage newer = second_;
  b2().image = &newer;
  b2().down = false;
  const uint64_t before = here();
  ASSERT_TRUE(until([&] { return here() >= before + kFetchWindow; }, seconds(5)));
  b2().down = true;
  lends(50);
  const TestImage third = checkpoint(Slot::three);
  usable(third);
  lends(2);
  b3().image = &third;
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(opening_.acceptor->checkpoint(), third.seq);
  expect_sound();
}

TEST_F(ImageFetchTest, ASourceThatAnswersButGivesNothingIsPassedOver) {
  b2().image = &first_;
  b3().image = &second_;
  b3().befalls = [](ChunkHeader&, std::vector<uint8_t>&) { return false; };
  begin(Seq{2});
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(opening_.acceptor->checkpoint(), first_.seq);
  EXPECT_EQ(counters().failed, 1U);
}

TEST_F(ImageFetchTest, ASourceThatAlwaysStopsAtTheSamePlaceIsPassedOverToo) {
  b2().image = &first_;
  b3().image = &second_;
  falls_silent_after(b3(), 2);
  begin(Seq{2});
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(30)));
  EXPECT_EQ(opening_.acceptor->checkpoint(), first_.seq);
  expect_sound();
}

TEST_F(ImageFetchTest, PartsOfTwoSourcesThatMakeNoBookAreNobodysFault) {
  // What the one gave was damaged, where only the sums of the whole book tell; the other's is whole.
  TestImage damaged = second_;
  const std::string user = "user 1";
  const auto at = std::search(damaged.bytes.begin(), damaged.bytes.end(), user.begin(), user.end());
  ASSERT_LT(at - damaged.bytes.begin(), static_cast<std::ptrdiff_t>(kFetchWindow));
  *at ^= 4;
  with_a_base();
  b2().image = &damaged;
  b2().down = false;
  const uint64_t before = here();
  ASSERT_TRUE(until([&] { return here() >= before + kFetchWindow; }, seconds(5)));
  b2().down = true;
  b3().image = &second_;
  expect_second();
  EXPECT_EQ(asked(ServerId::b3, second_, 0), 1U) << "again, from its beginning";
}

TEST_F(ImageFetchTest, WhereTheEntriesAreToBeHadAfterAllThePartThatIsHereIsGivenUp) {
  b2().image = &first_;
  begin(Seq{2});
  ASSERT_TRUE(until([&] { return here() >= kFetchWindow; }, seconds(5)));
  b2().down = true;
  b3().has_entries = true;
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(opening_.acceptor->log().base().seq, Seq{0});
  EXPECT_EQ(counters().installed, 0U);
  expect_sound();
  steps(20);
  EXPECT_TRUE(disk_.images().empty());
}

TEST_F(ImageFetchTest, WhereAnAcceptGoesOnBehindTheLogThePartThatIsHereIsGivenUp) {
  b2().image = &first_;
  begin(Seq{4});
  ASSERT_TRUE(until([&] { return here() >= kFetchWindow; }, seconds(5)));
  b2().down = true;
  until([] { return false; }, seconds(6));
  for (unsigned i = 0; i < 10; ++i) {
    in_.emplace_back(lb_of(kFirstEpoch), quorum::accept_of(story_, 5, 8, kFirstEpoch));
    steps(5);
  }
  EXPECT_EQ(last(), Seq{8});
}

TEST_F(ImageFetchTest, ADiskThatFailsTheDraftIsNotTheSourcesFault) {
  b2().image = &first_;
  begin(Seq{2});
  ASSERT_TRUE(until([&] { return here() >= kFetchWindow; }, seconds(5)));
  disk_.fault_next_write(store::WriteFault::fail);
  ASSERT_TRUE(until([this] { return caught_up(); }, seconds(20)));
  EXPECT_EQ(counters().failed, 1U);
  expect_sound();
}

}  // namespace
}  // namespace tercet::backend
