// The uring engine's writes to files: carried out by the port's ring among its datagrams, waited for by
// finish().

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::dataplane {
namespace {

class UringFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    PortOptions options;
    options.lanes = {{parse_endpoint("127.0.0.1:0").value(), {}}};
    auto port = make_uring_port(options);
    if (!port) {
      GTEST_SKIP() << port.error();
    }
    port_ = std::move(*port);
    ring_ = port_->file_ring();
    ASSERT_NE(ring_, nullptr);
    path_ = std::filesystem::temp_directory_path().string() + "/tercet-files-XXXXXX";
    fd_ = mkstemp(path_.data());
    ASSERT_GE(fd_, 0);
  }
  void TearDown() override {
    port_.reset();
    if (fd_ >= 0) {
      close(fd_);
      unlink(path_.c_str());
    }
  }
  /// What has been done within a second, as a poller would find it.
  std::vector<FileRing::Done> wait_for(size_t count) {
    std::vector<FileRing::Done> all;
    RxBurst burst;
    for (int turn = 0; turn < 1000 && all.size() < count; ++turn) {
      port_->receive(burst);
      FileRing::Done done[4];
      const size_t n = ring_->take(done);
      all.insert(all.end(), done, done + n);
      if (n == 0) {
        port_->wait(MonoTime{turn_ns()} + milliseconds(1));
      }
    }
    return all;
  }
  static int64_t turn_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
  }
  std::string content() {
    std::string text(64, '\0');
    const ssize_t n = pread(fd_, text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  static Bytes bytes(const char* text) { return as_bytes(text); }

  std::unique_ptr<Port> port_;
  FileRing* ring_ = nullptr;
  std::string path_;
  int fd_ = -1;
};

TEST_F(UringFilesTest, WritesAreDoneInTheLoop) {
  ASSERT_TRUE(ring_->write(fd_, 0, bytes("one "), true, 11));
  ASSERT_TRUE(ring_->write(fd_, 4, bytes("two"), false, 22));
  const auto done = wait_for(2);
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].id + done[1].id, 33U);
  EXPECT_EQ(done[0].result, done[0].id == 11 ? 4 : 3);
  EXPECT_EQ(content(), "one two");
}

TEST_F(UringFilesTest, ErrorsComeBackAsErrno) {
  ASSERT_TRUE(ring_->write(-1, 0, bytes("lost"), true, 5));
  const auto done = wait_for(1);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].result, -EBADF);
  const int read_only = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(ring_->write(read_only, 0, bytes("lost"), true, 6));
  EXPECT_EQ(wait_for(1).at(0).result, -EBADF);
  close(read_only);
}

TEST_F(UringFilesTest, MoreThanItsPlacesAreNotTakenAndPlacesComeBack) {
  for (uint64_t i = 0; i < FileRing::kUnderWayMax; ++i) {
    ASSERT_TRUE(ring_->write(fd_, i, bytes("x"), false, i));
  }
  EXPECT_FALSE(ring_->write(fd_, 50, bytes("y"), false, 99));
  EXPECT_EQ(wait_for(FileRing::kUnderWayMax).size(), FileRing::kUnderWayMax);
  EXPECT_TRUE(ring_->write(fd_, 0, bytes("z"), false, 100));
  EXPECT_EQ(wait_for(1).at(0).id, 100U);
}

TEST_F(UringFilesTest, WritesOutOfFixedBuffersAndBesideThem) {
  std::vector<uint8_t> first(4096, 'a');
  std::vector<uint8_t> second(4096, 'b');
  const MutBytes buffers[] = {first, second};
  const MutBytes many[FileRing::kFixedMax + 1] = {};
  EXPECT_FALSE(ring_->fix(many));
  ASSERT_TRUE(ring_->fix(buffers));
  EXPECT_FALSE(ring_->fix(buffers)) << "once";
  ASSERT_TRUE(ring_->write(fd_, 0, Bytes(second).subspan(4090, 6), true, 1));
  ASSERT_TRUE(ring_->write(fd_, 6, Bytes(first).first(3), false, 2));
  ASSERT_TRUE(ring_->write(fd_, 9, bytes("else"), true, 3));
  const auto done = wait_for(3);
  ASSERT_EQ(done.size(), 3U);
  for (const FileRing::Done& one : done) {
    EXPECT_EQ(one.result, one.id == 1 ? 6 : one.id == 2 ? 3 : 4);
  }
  EXPECT_EQ(content(), "bbbbbbaaaelse");
}

TEST_F(UringFilesTest, FinishWaitsForWhatIsUnderWay) {
  ASSERT_TRUE(ring_->write(fd_, 0, bytes("last words"), true, 1));
  RxBurst burst;
  port_->receive(burst);
  port_->finish();
  EXPECT_EQ(content(), "last words");
  FileRing::Done done;
  ASSERT_EQ(ring_->take({&done, 1}), 1U);
  EXPECT_EQ(done.result, 10);
}

TEST(OtherEngines, HaveNoFileRing) {
  PortOptions options;
  options.lanes = {{parse_endpoint("127.0.0.1:0").value(), {}}};
  const auto port = make_mmsg_port(options);
  ASSERT_TRUE(port) << port.error();
  EXPECT_EQ((*port)->file_ring(), nullptr);
}

}  // namespace
}  // namespace tercet::dataplane
