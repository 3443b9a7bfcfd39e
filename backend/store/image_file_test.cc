#include "backend/store/image_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backend/store/image_draft.h"
#include "backend/store/image_load.h"
#include "backend/store/memory_disk.h"

namespace tercet::store {
namespace {

constexpr StoreId kImageStore = 0x1234;

ImageBase some_base() {
  ImageBase base{};
  base.seq = 77U;
  base.epoch = 5U;
  base.result_size = 8;
  return base;
}

ImageHeader some_header() {
  ImageHeader header;
  header.store = kImageStore;
  header.bytes = 4711;
  header.start = {.segment = 3, .batch = 40, .batch_seen = 41, .lsn = 1000};
  header.older = 1010;
  header.promised = 9;
  header.promised_to = 0xA1;
  header.admitted_by = 12;
  header.foreign = true;
  return header;
}

TEST(ImageFile, TheHeaderSaysWhatItWasGiven) {
  uint8_t sector[kSectorBytes];
  seal_image_header(some_header(), some_base(), sector);
  const auto read = open_image_header({sector, kSectorBytes}, some_base());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->store, kImageStore);
  EXPECT_EQ(read->bytes, 4711U);
  EXPECT_EQ(read->start.segment, 3U);
  EXPECT_EQ(read->start.batch, 40U);
  EXPECT_EQ(read->start.batch_seen, 41U);
  EXPECT_EQ(read->start.lsn, 1000U);
  EXPECT_EQ(read->older, 1010U);
  EXPECT_EQ(read->promised, 9U);
  EXPECT_EQ(read->promised_to, 0xA1U);
  EXPECT_EQ(read->admitted_by, 12U);
  EXPECT_TRUE(read->foreign);
  EXPECT_EQ(image_bytes({sector, kSectorBytes}), 4711U);
}

TEST(ImageFile, EachByteOfTheHeaderAndOfTheBaseIsVouchedFor) {
  uint8_t sector[kSectorBytes];
  seal_image_header(some_header(), some_base(), sector);
  for (size_t i = 0; i < 128; ++i) {
    sector[i] ^= 0x10U;
    EXPECT_FALSE(open_image_header({sector, kSectorBytes}, some_base())) << i;
    sector[i] ^= 0x10U;
  }
  for (size_t i = 0; i < sizeof(ImageBase); ++i) {
    ImageBase base = some_base();
    reinterpret_cast<uint8_t*>(&base)[i] ^= 0x10U;
    EXPECT_FALSE(open_image_header({sector, kSectorBytes}, base)) << i;
  }
}

class ImageDraftTest : public ::testing::Test {
 protected:
  ImageDraftTest() : content_(700'001) {
    const ImageBase base = some_base();
    std::memcpy(content_.data(), &base, sizeof base);
    for (size_t i = sizeof base; i < content_.size(); ++i) {
      content_[i] = static_cast<uint8_t>(i * 31);
    }
  }
  void settle() {
    IoDone done;
    while (disk_.wait()) {
      while (disk_.reap({&done, 1}) != 0) {
        draft_.take(done);
      }
    }
  }
  /// All of it, as the draft has room.
  void write(uint32_t number = 1) {
    draft_.begin(image_file(number), content_.size(), leave_);
    for (size_t at = 0; at < content_.size() && draft_.phase() != ImageDraft::Phase::failed;) {
      settle();
      const size_t n = std::min(draft_.room(), content_.size() - at);
      draft_.append({content_.data() + at, n});
      at += n;
    }
    settle();
  }
  LoadedImage load() {
    loaded_.clear();
    return load_image(disk_, image_file(1), kImageStore, [this](Bytes bytes) {
      loaded_.insert(loaded_.end(), bytes.begin(), bytes.end());
      return true;
    });
  }
  MemoryDisk disk_;
  ImageDraft draft_{disk_};
  std::vector<uint8_t> content_;
  std::vector<uint8_t> loaded_;
  uint64_t leave_ = 0;
};

TEST_F(ImageDraftTest, WhatGoesInComesOutAgain) {
  write();
  ASSERT_TRUE(draft_.written());
  EXPECT_TRUE(disk_.images().empty()) << "not before it is finished";
  draft_.finish(some_header(), some_base());
  settle();
  ASSERT_EQ(draft_.phase(), ImageDraft::Phase::done);
  const LoadedImage image = load();
  ASSERT_EQ(image.verdict, Verdict::clean) << image.why;
  EXPECT_EQ(image.header.bytes, content_.size());
  EXPECT_EQ(image.base.seq, 77U);
  EXPECT_TRUE(
      std::equal(loaded_.begin(), loaded_.end(), content_.begin() + sizeof(ImageBase), content_.end()));
}

TEST_F(ImageDraftTest, OneThatIsDroppedGivesItsSpaceBackWheneverThatIs) {
  disk_.set_space(content_.size() * 3 / 2);
  draft_.begin(image_file(1), content_.size(), leave_);
  draft_.drop();
  EXPECT_TRUE(draft_.busy()) << "the disk is not done with it";
  draft_.drop();
  settle();
  ASSERT_FALSE(draft_.busy());
  write(2);
  ASSERT_TRUE(draft_.written()) << "there is room for one";
  draft_.drop();
  settle();
  write(3);
  ASSERT_TRUE(draft_.written());
  draft_.finish(some_header(), some_base());
  settle();
  ASSERT_EQ(draft_.phase(), ImageDraft::Phase::done);
  draft_.drop();
  settle();
  EXPECT_EQ(disk_.images(), std::vector<FileId>{image_file(3)}) << "a file stays one";
}

TEST_F(ImageDraftTest, ItIsRefusedUnlessItLeavesRoomAndSaysHowMuchItWants) {
  const uint64_t size = kImageAt + 700'416;  // whole sectors
  leave_ = 1'000'000;
  disk_.set_space(size + leave_ - 1);
  write();
  EXPECT_EQ(draft_.phase(), ImageDraft::Phase::failed);
  EXPECT_EQ(draft_.room_wanted(), size + leave_);
  draft_.drop();
  settle();
  EXPECT_EQ(draft_.room_wanted(), size + leave_) << "until there is room";
  disk_.set_space(size + leave_);
  write(2);
  EXPECT_TRUE(draft_.written());
  EXPECT_EQ(draft_.room_wanted(), 0U);
}

TEST_F(ImageDraftTest, AFullDiskGivesItUpAndNothingElse) {
  disk_.set_full(true);
  write();
  EXPECT_EQ(draft_.phase(), ImageDraft::Phase::failed);
  disk_.set_full(false);
  draft_.drop();
  settle();
  write();
  EXPECT_TRUE(draft_.written());
}

TEST_F(ImageDraftTest, AnothersImageOneCutShortAndADamagedHeaderAreRefused) {
  write();
  draft_.finish(some_header(), some_base());
  settle();
  EXPECT_EQ(load_image(disk_, image_file(1), kImageStore + 1, [](Bytes) { return true; }).verdict,
            Verdict::corrupt);
  EXPECT_EQ(load_image(disk_, image_file(1), kImageStore, [](Bytes) { return false; }).verdict,
            Verdict::corrupt);
  disk_.flip(image_file(1), 20, 1);
  EXPECT_EQ(load().verdict, Verdict::corrupt);
  disk_.flip(image_file(1), 20, 1);
  disk_.truncate(image_file(1), 300'032);
  EXPECT_EQ(load().verdict, Verdict::corrupt);
  disk_.fail_reads_at(image_file(1), 8192);
  EXPECT_EQ(load().verdict, Verdict::unreadable);
}

}  // namespace
}  // namespace tercet::store
