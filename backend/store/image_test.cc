// Images, on every disk: a draft that nobody sees, published as a whole or not at all.

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "backend/store/fault_disk.h"
#include "backend/store/file_disk.h"
#include "backend/store/log_rig.h"
#include "backend/store/ring_disk.h"
#include "backend/store/scratch_dir.h"

namespace tercet::store {
namespace {

constexpr size_t kPiece = 4096;
constexpr uint64_t kSize = 3 * kPiece + 512;

enum class Engine : uint8_t { memory, files, cached_files, ring, fault };

/// One disk of each kind, and the same questions to all.
class ImageTest : public testing::TestWithParam<Engine> {
 protected:
  ImageTest() : piece_(static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, kPiece)), &std::free) {
    open();
  }

  void open() {
    fault_.reset();
    ring_.reset();
    files_.reset();
    switch (GetParam()) {
      case Engine::memory:
        disk_ = &memory_;
        return;
      case Engine::fault:
        fault_ = std::make_unique<FaultDisk>(memory_);
        disk_ = fault_.get();
        return;
      default:
        break;
    }
    auto files = FileDisk::open({.directory = dir_.path(), .direct = GetParam() != Engine::cached_files});
    ASSERT_TRUE(files) << files.error();
    files_ = std::move(*files);
    disk_ = files_.get();
    if (GetParam() == Engine::ring) {
      ring_ = std::make_unique<RingDisk>(*files_);
      disk_ = ring_.get();
    }
  }
  IoDone done() {
    EXPECT_TRUE(disk_->wait());
    IoDone one;
    EXPECT_EQ(disk_->reap({&one, 1}), 1U);
    return one;
  }
  IoDone create(FileId file, uint64_t size = kSize) {
    if (is_image(file)) {
      return begin(file, 0);
    }
    disk_->create(file, size, 1);
    return done();
  }
  IoDone begin(FileId image, uint64_t leave) {
    disk_->begin(image, kSize, leave, 1);
    return done();
  }
  IoDone write(FileId file, Offset offset, uint8_t value, size_t size = kPiece) {
    std::memset(piece_.get(), value, kPiece);
    disk_->write(file, offset, {piece_.get(), size}, 2, Durability::memory);
    return done();
  }
  IoDone publish(FileId image) {
    disk_->publish(image, 3);
    return done();
  }
  IoDone drop(FileId image) {
    disk_->drop(image, 7);
    return done();
  }
  IoDone remove(FileId file) {
    disk_->remove(file, 4);
    return done();
  }
  void make(FileId image, uint8_t value) {
    ASSERT_EQ(create(image).error, IoError::none);
    for (Offset at = 0; at < kSize; at += kPiece) {
      ASSERT_EQ(write(image, at, value, std::min<size_t>(kPiece, kSize - at)).error, IoError::none);
    }
    ASSERT_EQ(publish(image).error, IoError::none);
  }
  uint8_t byte_at(FileId file, Offset offset) {
    disk_->read(file, offset, {piece_.get(), 512}, 5);
    EXPECT_EQ(done().bytes, 512U);
    return piece_.get()[0];
  }

  ScratchDir dir_;
  MemoryDisk memory_;
  std::unique_ptr<FileDisk> files_;
  std::unique_ptr<RingDisk> ring_;
  std::unique_ptr<FaultDisk> fault_;
  Disk* disk_ = nullptr;
  std::unique_ptr<uint8_t, decltype(&std::free)> piece_;
};

INSTANTIATE_TEST_SUITE_P(Disks, ImageTest,
                         testing::Values(Engine::memory, Engine::files, Engine::cached_files, Engine::ring,
                                         Engine::fault));

TEST_P(ImageTest, IsSeenOnlyOnceItIsPublishedAndStaysAsItWas) {
  const FileId image = image_file(7);
  ASSERT_EQ(create(image).error, IoError::none);
  ASSERT_EQ(write(image, kPiece, 'b').error, IoError::none);  // in any order
  ASSERT_EQ(write(image, 0, 'a').error, IoError::none);
  EXPECT_EQ(disk_->size(image), 0U);
  EXPECT_TRUE(disk_->images().empty());
  ASSERT_EQ(publish(image).error, IoError::none);
  EXPECT_EQ(disk_->size(image), kSize);
  EXPECT_EQ(disk_->images(), std::vector<FileId>{image});
  EXPECT_EQ(byte_at(image, 512), 'a');
  EXPECT_EQ(byte_at(image, kPiece), 'b');
  EXPECT_EQ(write(image, 0, 'c').error, IoError::failed) << "it is a draft no more";
  EXPECT_EQ(create(image).os_error, EEXIST);
  EXPECT_EQ(publish(image).error, IoError::failed);
  EXPECT_EQ(byte_at(image, 512), 'a');
}

TEST_P(ImageTest, AreListedInOrderBesideSegmentsAndRemoved) {
  ASSERT_EQ(create(0, 4096).error, IoError::none);
  ASSERT_EQ(create(1, 4096).error, IoError::none);
  for (const uint32_t number : {9U, 2U, 11U}) {
    make(image_file(number), static_cast<uint8_t>(number));
  }
  EXPECT_EQ(disk_->images(), (std::vector<FileId>{image_file(2), image_file(9), image_file(11)}));
  EXPECT_EQ(disk_->files().first, 0U);
  EXPECT_EQ(disk_->files().end, 2U) << "images are no segments";
  EXPECT_EQ(byte_at(image_file(9), 0), 9U);
  EXPECT_EQ(remove(image_file(9)).error, IoError::none);
  EXPECT_EQ(remove(image_file(9)).error, IoError::none) << "gone is gone";
  EXPECT_EQ(disk_->images(), (std::vector<FileId>{image_file(2), image_file(11)}));
  EXPECT_EQ(disk_->size(image_file(9)), 0U);
  EXPECT_EQ(remove(0).error, IoError::none);
  EXPECT_EQ(disk_->files().first, 1U);
}

TEST_P(ImageTest, AWriteBeyondItSpoilsTheDraftAndNothingElse) {
  ASSERT_EQ(create(0, 4096).error, IoError::none);
  ASSERT_EQ(create(image_file(1)).error, IoError::none);
  EXPECT_EQ(write(image_file(1), kSize, 'x', 512).error, IoError::failed);
  EXPECT_EQ(publish(image_file(1)).error, IoError::failed);
  EXPECT_TRUE(disk_->images().empty());
  EXPECT_EQ(write(0, 0, 's', 512).error, IoError::none) << "the log goes on";
  EXPECT_EQ(write(image_file(2), 0, 'x').error, IoError::failed) << "no draft was begun";
  make(image_file(1), 'n');
  EXPECT_EQ(byte_at(image_file(1), 0), 'n');
}

TEST_P(ImageTest, ADraftThatIsBegunAgainIsAnother) {
  ASSERT_EQ(create(image_file(1)).error, IoError::none);
  ASSERT_EQ(write(image_file(1), 0, 'o').error, IoError::none);
  EXPECT_EQ(write(image_file(1), kSize, 'x', 512).error, IoError::failed);
  make(image_file(1), 'n');
  EXPECT_EQ(byte_at(image_file(1), 0), 'n');
}

TEST_P(ImageTest, ADraftLeavesWhatItIsToldTo) {
  memory_.set_space(kSize + 8192);
  EXPECT_EQ(begin(image_file(1), uint64_t{1} << 60U).error, IoError::full);
  EXPECT_EQ(write(image_file(1), 0, 'x').error, IoError::failed) << "none was begun";
  EXPECT_EQ(begin(image_file(1), 8192).error, IoError::none);
  EXPECT_EQ(create(0, 8192).error, IoError::none) << "what was left is others'";
}

TEST_P(ImageTest, ADraftThatIsDroppedTakesNoSpace) {
  memory_.set_space(kSize);
  ASSERT_EQ(create(image_file(1)).error, IoError::none);
  ASSERT_EQ(write(image_file(1), 0, 'o').error, IoError::none);
  EXPECT_EQ(drop(image_file(1)).error, IoError::none);
  EXPECT_EQ(publish(image_file(1)).error, IoError::failed);
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    EXPECT_NE(file.path().extension(), ".new") << file.path();
  }
  EXPECT_EQ(drop(image_file(1)).error, IoError::none) << "gone is gone";
  make(image_file(2), 'n');
  EXPECT_EQ(drop(image_file(2)).error, IoError::none) << "it is a draft no more";
  EXPECT_EQ(byte_at(image_file(2), 0), 'n');
}

TEST_P(ImageTest, OfADraftALaterLifeFindsNothing) {
  make(image_file(1), 'a');
  ASSERT_EQ(create(image_file(2)).error, IoError::none);
  ASSERT_EQ(write(image_file(2), 0, 'b').error, IoError::none);
  memory_.kill(1);
  open();
  EXPECT_EQ(disk_->images(), std::vector<FileId>{image_file(1)});
  EXPECT_EQ(byte_at(image_file(1), 0), 'a');
  EXPECT_EQ(publish(image_file(2)).error, IoError::failed);
  make(image_file(2), 'c');
  EXPECT_EQ(byte_at(image_file(2), 0), 'c');
}

TEST_P(ImageTest, ASegmentBecomesAnotherWithItsBytes) {
  for (const FileId file : {0U, 1U}) {
    ASSERT_EQ(create(file, 8192).error, IoError::none);
    ASSERT_EQ(write(file, 4096, static_cast<uint8_t>('a' + file), 512).error, IoError::none);
  }
  disk_->recycle(0, 1, 6);
  EXPECT_EQ(done().os_error, EEXIST);
  disk_->recycle(0, 2, 6);
  EXPECT_EQ(done().error, IoError::none);
  EXPECT_EQ(disk_->size(0), 0U);
  EXPECT_EQ(disk_->size(2), 8192U);
  EXPECT_EQ(disk_->files().first, 1U);
  EXPECT_EQ(disk_->files().end, 3U);
  EXPECT_EQ(byte_at(2, 4096), 'a');
  EXPECT_EQ(write(2, 4096, 'n', 512).error, IoError::none);
  EXPECT_EQ(byte_at(2, 4096), 'n');
  EXPECT_EQ(byte_at(1, 4096), 'b');
  disk_->recycle(0, 3, 6);
  EXPECT_EQ(done().error, IoError::failed) << "it is not there any more";
}

TEST(ImageFaults, WhatIsRefusedOfAnImageIsItsOwn) {
  MemoryDisk inner;
  FaultDisk disk(inner);
  const auto done = [&disk] {
    EXPECT_TRUE(disk.wait());
    IoDone one;
    EXPECT_EQ(disk.reap({&one, 1}), 1U);
    return one.error;
  };
  const std::vector<uint8_t> piece(512, 'p');
  disk.create(0, 4096, 1);
  EXPECT_EQ(done(), IoError::none);
  disk.begin(image_file(1), 4096, 0, 2);
  EXPECT_EQ(done(), IoError::none);
  disk.set(DiskFault::full);
  disk.write(image_file(1), 0, piece, 3, Durability::memory);
  EXPECT_EQ(done(), IoError::full);
  disk.set(DiskFault::eio);
  disk.publish(image_file(1), 4);
  EXPECT_EQ(done(), IoError::failed);
  disk.remove(0, 5);
  EXPECT_EQ(done(), IoError::failed);
  disk.recycle(0, 1, 5);
  EXPECT_EQ(done(), IoError::failed);
  disk.set(DiskFault::ok);
  disk.write(0, 0, piece, 6, Durability::fsync);
  EXPECT_EQ(done(), IoError::none) << "the log was never refused";
}

/// What a crash makes of a publication, a removal and a recycling that were under way: all of it or nothing.
TEST(ImageCrash, IsAllOrNothing) {
  unsigned published = 0;
  unsigned removed = 0;
  unsigned recycled = 0;
  for (uint64_t dice = 1; dice <= 64; ++dice) {
    MemoryDisk disk(MemoryDisk::Options{.seed = dice});
    const std::vector<uint8_t> piece(512, 'p');
    disk.begin(image_file(1), 1024, 0, 1);
    disk.create(0, 4096, 2);
    disk.create(1, 4096, 3);
    while (disk.wait()) {
      IoDone one;
      disk.reap({&one, 1});
    }
    disk.write(image_file(1), 512, piece, 4, Durability::memory);
    disk.wait();
    disk.publish(image_file(1), 5);
    disk.remove(0, 6);
    disk.recycle(1, 2, 7);
    dice % 2 == 0 ? disk.power_loss(dice * 977) : disk.kill(dice * 977);
    if (disk.size(image_file(1)) != 0) {
      ++published;
      std::vector<uint8_t> read(512);
      disk.peek(image_file(1), 512, read);
      EXPECT_EQ(read, piece) << "there as a whole";
    }
    removed += disk.size(0) == 0 ? 1U : 0U;
    EXPECT_NE(disk.size(1) == 0, disk.size(2) == 0);
    recycled += disk.size(2) != 0 ? 1U : 0U;
  }
  for (const unsigned n : {published, removed, recycled}) {
    EXPECT_GT(n, 10U);
    EXPECT_LT(n, 54U);
  }
}

}  // namespace
}  // namespace tercet::store
