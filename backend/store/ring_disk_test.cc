#include "backend/store/ring_disk.h"

#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "backend/store/log.h"
#include "backend/store/recover.h"
#include "backend/store/scratch_dir.h"

namespace tercet::store {
namespace {

constexpr uint64_t kSegment = 1U << 20U;

/// A ring whose writes are carried out when the test says so, or go wrong as it wants.
class HeldRing final : public FileRing {
 public:
  bool write(int fd, uint64_t offset, Bytes bytes, bool durable, uint64_t id) override {
    if (full) {
      return false;
    }
    held.push_back({fd, offset, bytes, durable, id});
    return true;
  }
  bool fix(std::span<const MutBytes>) override { return false; }
  size_t take(std::span<Done> done) override {
    size_t n = 0;
    while (n < done.size() && !ready.empty()) {
      done[n++] = ready.front();
      ready.erase(ready.begin());
    }
    return n;
  }
  void carry_out() {
    for (const Held& one : held) {
      iovec piece{const_cast<uint8_t*>(one.bytes.data()), one.bytes.size()};  // NOLINT: pwritev2 only reads
      const ssize_t n = fails != 0 ? -fails
                                   : ::pwritev2(one.fd, &piece, 1, static_cast<off_t>(one.offset),
                                                one.durable ? RWF_DSYNC : 0);
      ready.push_back({one.id, static_cast<int>(short_by != 0 ? n - short_by : n)});
    }
    held.clear();
  }
  struct Held {
    int fd;
    uint64_t offset;
    Bytes bytes;
    bool durable;
    uint64_t id;
  };
  std::vector<Held> held;
  std::vector<Done> ready;
  bool full = false;
  int fails = 0;
  int short_by = 0;
};

struct FreeRing {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Sectors = std::unique_ptr<uint8_t[], FreeRing>;
Sectors sectors(size_t count, uint8_t value) {
  Sectors bytes(
      static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, (count * kSectorBytes + 4095) / 4096 * 4096)));
  std::memset(bytes.get(), value, count * kSectorBytes);
  return bytes;
}

class RingDiskTest : public testing::Test {
 protected:
  RingDiskTest() {
    auto opened = FileDisk::open({.directory = dir_.path()});
    EXPECT_TRUE(opened) << opened.error();
    files_ = std::move(*opened);
    disk_ = std::make_unique<RingDisk>(*files_);
    disk_->create(0, kSegment, 1);
    EXPECT_EQ(done().error, IoError::none);
    disk_->attach(ring_);
  }
  IoDone done() {
    EXPECT_TRUE(disk_->wait());
    IoDone one;
    EXPECT_EQ(disk_->reap({&one, 1}), 1U);
    return one;
  }
  bool nothing_done() {
    IoDone one;
    return disk_->reap({&one, 1}) == 0;
  }
  uint8_t byte_at(FileId file, Offset offset) {
    const Sectors bytes = sectors(1, 0xEE);
    disk_->read(file, offset, {bytes.get(), kSectorBytes}, 77);
    EXPECT_EQ(done().id, 77U);
    return bytes[0];
  }
  void write(uint8_t value, IoId id, Durability durability = Durability::fsync, Offset offset = 0,
             FileId file = 0) {
    disk_->write(file, offset, {kept_.emplace_back(sectors(1, value)).get(), kSectorBytes}, id, durability);
  }

  ScratchDir dir_;
  std::vector<Sectors> kept_;
  HeldRing ring_;
  std::unique_ptr<FileDisk> files_;
  std::unique_ptr<RingDisk> disk_;
};

TEST_F(RingDiskTest, AWriteGoesThroughTheRingAndIsDoneWhenTheRingSaysSo) {
  write('a', 5);
  ASSERT_EQ(ring_.held.size(), 1U);
  EXPECT_TRUE(ring_.held[0].durable);
  EXPECT_TRUE(nothing_done());
  ring_.carry_out();
  IoDone one;
  ASSERT_EQ(disk_->reap({&one, 1}), 1U);
  EXPECT_EQ(one.id, 5U);
  EXPECT_EQ(one.error, IoError::none);
  EXPECT_EQ(byte_at(0, 0), 'a');
}

TEST_F(RingDiskTest, WithoutAPlaceInTheRingTheThreadWrites) {
  ring_.full = true;
  write('b', 6, Durability::fsync, 512);
  EXPECT_TRUE(ring_.held.empty());
  EXPECT_EQ(done().id, 6U);
  EXPECT_EQ(byte_at(0, 512), 'b');
}

TEST_F(RingDiskTest, ADurableWriteAfterMemoryOnesHasAllOfThemSynced) {
  write('m', 7, Durability::memory);
  ASSERT_EQ(ring_.held.size(), 1U);
  EXPECT_FALSE(ring_.held[0].durable);
  ring_.carry_out();
  EXPECT_EQ(done().id, 7U);
  write('p', 8, Durability::fsync, 1024);
  EXPECT_TRUE(ring_.held.empty()) << "the thread's business: every segment";
  EXPECT_EQ(done().id, 8U) << "one answer, after the sync";
  EXPECT_TRUE(nothing_done());
  EXPECT_EQ(byte_at(0, 1024), 'p');
  write('q', 9, Durability::fsync, 1536);
  EXPECT_EQ(ring_.held.size(), 1U) << "nothing is dirty any more";
  ring_.carry_out();
  EXPECT_EQ(done().id, 9U);
}

TEST_F(RingDiskTest, AfterOneThatFailedNothingIsWrittenAnyMore) {
  ring_.fails = EIO;
  write('x', 1);
  ring_.carry_out();
  EXPECT_EQ(done().error, IoError::failed);
  ring_.fails = 0;
  write('y', 2);
  EXPECT_TRUE(ring_.held.empty());
  EXPECT_EQ(done().error, IoError::failed);
  disk_->sync(3);
  EXPECT_EQ(done().error, IoError::failed) << "a failed sync may have forgotten what it did not write";
}

TEST_F(RingDiskTest, AlsoWhenItWasTheThreadsWriteThatFailed) {
  ASSERT_EQ(::unlink((dir_.path() + "/" + segment_name(0)).c_str()), 0);  // the thread has not opened it yet
  ring_.full = true;
  write('x', 1);
  EXPECT_EQ(done().error, IoError::failed);
  ring_.full = false;
  write('y', 2);
  EXPECT_TRUE(ring_.held.empty()) << "the ring could still write it";
  EXPECT_EQ(done().error, IoError::failed);
}

TEST_F(RingDiskTest, NoSpaceIsToldAsThat) {
  ring_.fails = ENOSPC;
  write('x', 1);
  ring_.carry_out();
  const IoDone one = done();
  EXPECT_EQ(one.error, IoError::full);
  EXPECT_EQ(one.os_error, ENOSPC);
}

TEST_F(RingDiskTest, OfAWriteThatWasDoneInPartTheThreadWritesTheRest) {
  const Sectors both = sectors(2, 'p');
  ring_.short_by = kSectorBytes;
  disk_->write(0, 1024, {both.get(), 2 * kSectorBytes}, 7, Durability::fsync);
  ring_.carry_out();
  both.get()[kSectorBytes] = 'q';
  const IoDone one = done();
  EXPECT_EQ(one.id, 7U);
  EXPECT_EQ(one.error, IoError::none);
  EXPECT_EQ(byte_at(0, 1024), 'p');
  EXPECT_EQ(byte_at(0, 1536), 'q');
}

TEST_F(RingDiskTest, APartOfASectorIsAFailure) {
  ring_.short_by = 256;
  write('x', 1);
  ring_.carry_out();
  EXPECT_EQ(done().error, IoError::failed);
}

TEST_F(RingDiskTest, AFileThatIsNotThereAndAPlaceBehindItsEndFail) {
  write('x', 1, Durability::fsync, kSegment);
  EXPECT_EQ(done().error, IoError::failed);
  EXPECT_TRUE(ring_.held.empty());
}

TEST_F(RingDiskTest, SegmentsFollowEachOther) {
  for (FileId file = 1; file < 5; ++file) {
    disk_->create(file, kSegment, 100 + file);
    EXPECT_EQ(done().id, 100U + file);
    write(static_cast<uint8_t>('0' + file), file, Durability::fsync, 0, file);
    ring_.carry_out();
    EXPECT_EQ(done().error, IoError::none);
  }
  EXPECT_EQ(byte_at(1, 0), '1');
  EXPECT_EQ(byte_at(4, 0), '4');
}

TEST_F(RingDiskTest, WhatTheRingHasDoneIsNotLostWhenItGoes) {
  write('z', 4);
  ring_.carry_out();
  disk_->detach();
  EXPECT_EQ(done().id, 4U);
  write('w', 5, Durability::fsync, 2048);
  EXPECT_TRUE(ring_.held.empty()) << "without a ring the thread writes";
  EXPECT_EQ(done().id, 5U);
}

TEST_F(RingDiskTest, ALogOnItComesBackWhole) {
  {
    Log log(*disk_, {.store = 9, .segment_bytes = kSegment}, LogEnd{});
    while (!log.ready()) {
      ASSERT_TRUE(disk_->wait());
      log.reap();
    }
    for (int i = 0; i < 100; ++i) {
      const uint8_t byte = static_cast<uint8_t>(i);
      ASSERT_NE(log.append(1, {&byte, 1}), kNotTaken);
      log.flush();
      ring_.carry_out();
      log.reap();
    }
    ring_.carry_out();
    EXPECT_EQ(log.reap(), 100U);
    disk_->detach();
    log.close();
    while (!log.closed() && !log.failed()) {
      ASSERT_TRUE(disk_->wait());
      log.reap();
    }
    ASSERT_TRUE(log.closed());
  }
  // The next segment may still be in the making: a recovery has the disk for itself, as at a start.
  IoDone rest;
  while (disk_->reap({&rest, 1}) == 1 || disk_->wait()) {
  }
  unsigned records = 0;
  const Recovered found = recover(*disk_, {.store = 9}, [&](Lsn, uint8_t, Bytes bytes) {
    EXPECT_EQ(bytes[0], records);
    ++records;
    return true;
  });
  EXPECT_EQ(found.verdict, Verdict::clean);
  EXPECT_EQ(records, 100U);
}

}  // namespace
}  // namespace tercet::store
