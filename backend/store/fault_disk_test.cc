#include "backend/store/fault_disk.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>

#include "backend/store/file_disk.h"
#include "backend/store/log_rig.h"
#include "backend/store/scratch_dir.h"

namespace tercet::store {
namespace {

class FaultDiskTest : public testing::Test {
 protected:
  static constexpr uint64_t kSize = 65536;
  FaultDiskTest() {
    disk_.create(0, kSize, 1);
    EXPECT_EQ(done().error, IoError::none);
  }
  IoDone done() {
    EXPECT_TRUE(disk_.wait());
    IoDone one;
    EXPECT_EQ(disk_.reap({&one, 1}), 1U);
    return one;
  }
  IoDone write(IoId id) {
    disk_.write(0, 0, sector_, id, Durability::fsync);
    return done();
  }
  IoDone sync() {
    disk_.sync(9);
    return done();
  }

  MemoryDisk inner_;
  FaultDisk disk_{inner_, milliseconds(20)};
  std::vector<uint8_t> sector_ = std::vector<uint8_t>(kSectorBytes, 's');
};

TEST_F(FaultDiskTest, HandsOnWhatItIsAskedAndToldAsLongAsAllIsWell) {
  EXPECT_EQ(write(5).error, IoError::none);
  EXPECT_EQ(sync().error, IoError::none);
  EXPECT_EQ(disk_.size(0), kSize);
  EXPECT_EQ(disk_.files().end, 1U);
  std::vector<uint8_t> read(kSectorBytes);
  disk_.read(0, 0, read, 7);
  const IoDone one = done();
  EXPECT_EQ(one.id, 7U);
  EXPECT_EQ(one.bytes, kSectorBytes);
  EXPECT_EQ(read, sector_);
}

TEST_F(FaultDiskTest, AFullOneHasNoSpaceAndStaysRefusedWhenItHasRoomAgain) {
  disk_.set(DiskFault::full);
  disk_.create(1, kSize, 2);
  const IoDone created = done();
  EXPECT_EQ(created.error, IoError::full);
  EXPECT_EQ(disk_.size(1), 0U) << "a creation leaves nothing behind";
  EXPECT_EQ(sync().error, IoError::none) << "nothing was refused to be written yet";
  const IoDone written = write(3);
  EXPECT_EQ(written.id, 3U);
  EXPECT_EQ(written.error, IoError::full);
  EXPECT_EQ(written.os_error, ENOSPC);
  EXPECT_EQ(inner_.writes(), 0U);
  disk_.set(DiskFault::ok);
  EXPECT_EQ(write(4).error, IoError::full) << "nothing is retried: the disk is opened anew";
  EXPECT_EQ(sync().error, IoError::full);
  disk_.create(1, kSize, 5);
  EXPECT_EQ(done().error, IoError::none) << "other files are usable";
}

TEST_F(FaultDiskTest, AnErrorOfASyncIsForGood) {
  disk_.set(DiskFault::eio);
  const IoDone synced = sync();
  EXPECT_EQ(synced.error, IoError::failed);
  EXPECT_EQ(synced.os_error, EIO);
  disk_.set(DiskFault::ok);
  EXPECT_EQ(write(3).error, IoError::failed);
  FaultDisk anew(inner_);
  anew.write(0, 0, sector_, 6, Durability::fsync);
  ASSERT_TRUE(anew.wait());
  IoDone one;
  ASSERT_EQ(anew.reap({&one, 1}), 1U);
  EXPECT_EQ(one.error, IoError::none) << "opened anew, it writes again";
}

TEST_F(FaultDiskTest, ALogOnItStopsAndSaysWhy) {
  Log log(disk_, {.store = 1, .segment_bytes = 16384, .batch_bytes = 4096}, {});
  while (disk_.wait()) {
    log.reap();
  }
  disk_.set(DiskFault::eio);
  ASSERT_NE(log.append(1, as_bytes("one")), kNotTaken);
  log.flush();
  log.reap();
  EXPECT_EQ(log.state(), LogState::failed);
  EXPECT_NE(log.state_text().find("Input/output error"), std::string::npos) << log.state_text();
  EXPECT_EQ(log.durable(), 0U);
}

TEST_F(FaultDiskTest, ASlowOneIsDoneLaterAndRingsThen) {
  disk_.set(DiskFault::slow);
  disk_.write(0, 0, sector_, 3, Durability::fsync);
  inner_.advance(MonoTime{} + seconds(1));  // the inner one has done it
  IoDone one;
  EXPECT_EQ(disk_.reap({&one, 1}), 0U);
  pollfd bell{disk_.bell(), POLLIN, 0};
  EXPECT_EQ(::poll(&bell, 1, 0), 0) << "nothing to reap yet";
  ASSERT_EQ(::poll(&bell, 1, 2000), 1);
  EXPECT_EQ(disk_.reap({&one, 1}), 1U);
  EXPECT_EQ(one.id, 3U);
  EXPECT_EQ(one.error, IoError::none);
  EXPECT_EQ(::poll(&bell, 1, 0), 0) << "heard";
  disk_.set(DiskFault::ok);
  EXPECT_EQ(write(4).error, IoError::none);
}

TEST(FaultDiskOnFiles, TheInnerDisksBellIsHeardThroughIt) {
  const ScratchDir dir;
  auto files = FileDisk::open({.directory = dir.path()});
  ASSERT_TRUE(files) << files.error();
  FaultDisk disk(**files);
  disk.create(0, 16384, 1);
  pollfd bell{disk.bell(), POLLIN, 0};
  ASSERT_EQ(::poll(&bell, 1, 10'000), 1);
  IoDone one;
  ASSERT_EQ(disk.reap({&one, 1}), 1U);
  EXPECT_EQ(one.id, 1U);
  EXPECT_EQ(::poll(&bell, 1, 0), 0);
}

TEST(DiskFaultNames, AreRead) {
  EXPECT_EQ(parse_disk_fault("full\n"), DiskFault::full);
  EXPECT_EQ(parse_disk_fault(" eio "), DiskFault::eio);
  EXPECT_EQ(parse_disk_fault("slow"), DiskFault::slow);
  EXPECT_EQ(parse_disk_fault("ok"), DiskFault::ok);
  EXPECT_EQ(parse_disk_fault(""), std::nullopt);
  EXPECT_EQ(parse_disk_fault("fullest"), std::nullopt);
  EXPECT_EQ(parse_disk_fault("ok full"), std::nullopt);
}

}  // namespace
}  // namespace tercet::store
