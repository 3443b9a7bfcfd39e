#include "backend/store/file_disk.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backend/store/log.h"
#include "backend/store/log_rig.h"
#include "backend/store/scratch_dir.h"
#include "tests/allocations/allocations.h"

namespace tercet::store {
namespace {

struct Free {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Aligned = std::unique_ptr<uint8_t[], Free>;

Aligned aligned(size_t size, uint8_t value) {
  Aligned bytes(static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, (size + 4095) / 4096 * 4096)));
  std::memset(bytes.get(), value, size);
  return bytes;
}

std::unique_ptr<FileDisk> open_disk(const std::string& directory, bool direct = true) {
  auto disk = FileDisk::open({.directory = directory, .direct = direct});
  EXPECT_TRUE(disk) << disk.error();
  return disk ? std::move(*disk) : nullptr;
}

IoDone finish(Disk& disk) {
  EXPECT_TRUE(disk.wait());
  IoDone done;
  EXPECT_EQ(disk.reap({&done, 1}), 1U);
  return done;
}

void settle(Disk& disk, Log& log) {
  while (disk.wait()) {
    log.reap();
  }
}

class FileDisks : public testing::TestWithParam<bool> {};

TEST_P(FileDisks, WriteReadCreateSync) {
  const ScratchDir dir;
  const auto disk = open_disk(dir.path(), GetParam());
  EXPECT_FALSE(disk->wait()) << "nothing to wait for";
  EXPECT_EQ(disk->files().end, 0U);
  EXPECT_EQ(disk->size(3), 0U);
  disk->create(3, 65536, 30);
  IoDone done = finish(*disk);
  EXPECT_EQ(done.id, 30U);
  EXPECT_EQ(done.error, IoError::none) << done.os_error;
  EXPECT_EQ(disk->size(3), 65536U);
  EXPECT_EQ(disk->files().first, 3U);
  EXPECT_EQ(disk->files().end, 4U);

  const Aligned page = aligned(1024, 'w');
  for (const Durability durability : {Durability::fsync, Durability::memory, Durability::fsync}) {
    disk->write(3, 512, {page.get(), 1024}, 31, durability);
    done = finish(*disk);
    EXPECT_EQ(done.id, 31U);
    EXPECT_EQ(done.error, IoError::none) << done.os_error;
  }
  disk->sync(32);
  EXPECT_EQ(finish(*disk).error, IoError::none);

  const Aligned all = aligned(65536, 'r');
  disk->read(3, 0, {all.get(), 65536}, 33);
  done = finish(*disk);
  EXPECT_EQ(done.id, 33U);
  EXPECT_EQ(done.bytes, 65536U);
  for (size_t i = 0; i < 65536; ++i) {
    ASSERT_EQ(all[i], i >= 512 && i < 1536 ? 'w' : 0) << i;
  }
  disk->read(3, 65536 - 512, {all.get(), 4096}, 34);
  EXPECT_EQ(finish(*disk).bytes, 512U);
}

TEST_P(FileDisks, RefusesWhatIsNotThereOrIsThereAlready) {
  const ScratchDir dir;
  const auto disk = open_disk(dir.path(), GetParam());
  const Aligned page = aligned(4096, 'x');
  disk->read(0, 0, {page.get(), 512}, 1);
  IoDone done = finish(*disk);
  EXPECT_EQ(done.error, IoError::failed);
  EXPECT_EQ(done.os_error, ENOENT);
  disk->create(0, 4096, 2);
  EXPECT_EQ(finish(*disk).error, IoError::none);
  disk->create(0, 8192, 3);
  done = finish(*disk);
  EXPECT_EQ(done.error, IoError::failed);
  EXPECT_EQ(done.os_error, EEXIST);
  EXPECT_EQ(disk->size(0), 4096U);
  disk->write(0, 4096, {page.get(), 512}, 4, Durability::fsync);
  EXPECT_EQ(finish(*disk).error, IoError::failed) << "segments do not grow";
  EXPECT_EQ(disk->size(0), 4096U);
  disk->write(0, 0, {page.get(), 512}, 5, Durability::fsync);
  EXPECT_EQ(finish(*disk).error, IoError::failed) << "after one failure nothing is written";
  disk->sync(6);
  EXPECT_EQ(finish(*disk).error, IoError::failed);
  const Aligned seen = aligned(4096, 1);
  disk->read(0, 0, {seen.get(), 4096}, 7);
  EXPECT_EQ(finish(*disk).error, IoError::none) << "reading goes on";
  EXPECT_EQ(seen[0], 0);
}

TEST_P(FileDisks, ALogSurvivesARestart) {
  const ScratchDir dir;
  std::vector<std::string> expected;
  LogEnd end;
  for (int life = 0; life < 4; ++life) {
    const auto disk = open_disk(dir.path(), GetParam());
    if (life > 0) {
      const Read read = read_log(*disk);
      ASSERT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
      ASSERT_EQ(read.records, expected);
      end = read.result.end;
    }
    Log::Options options = kTestLog;
    options.durability = life % 2 == 0 ? Durability::fsync : Durability::memory;
    Log log(*disk, options, end);
    for (int i = 0; i < 40; ++i) {
      expected.push_back(std::string(static_cast<size_t>(i * 50), static_cast<char>('a' + life)));
      while (log.append(1, as_bytes(expected.back())) == kNotTaken) {
        ASSERT_FALSE(log.failed()) << log.state_text();
        disk->wait();
        log.reap();
      }
      if (i % 3 == 0) {
        log.flush();
      }
    }
    log.close();
    settle(*disk, log);
    EXPECT_TRUE(log.closed()) << log.state_text();
  }
}

TEST_P(FileDisks, TheBellRingsForEveryAnswer) {
  const ScratchDir dir;
  const auto disk = open_disk(dir.path(), GetParam());
  disk->create(0, 65536, 1);
  finish(*disk);
  const Aligned page = aligned(4096, 'b');
  const auto rings = [&](int ms) {
    pollfd fd{disk->bell(), POLLIN, 0};
    return ::poll(&fd, 1, ms) == 1;
  };
  IoDone done[4];
  for (int round = 0; round < 200; ++round) {
    const int requests = 1 + round % 3;
    for (int i = 0; i < requests; ++i) {
      disk->write(0, 0, {page.get(), 512}, static_cast<IoId>(i), Durability::memory);
    }
    int reaped = 0;
    while (reaped < requests) {
      ASSERT_TRUE(rings(10000)) << "asleep with an answer waiting, round " << round;
      // One at a time in some rounds: the rest must still ring.
      reaped += static_cast<int>(disk->reap(std::span<IoDone>(done).first(round % 2 == 0 ? 1 : 4)));
    }
    while (rings(0)) {  // a ring that came after its answer was taken is heard at most once more
      EXPECT_EQ(disk->reap(done), 0U);
    }
  }
}

TEST_P(FileDisks, AnUnfinishedCreationLeavesNothing) {
  const ScratchDir dir;
  {
    const auto disk = open_disk(dir.path(), GetParam());
    disk->create(0, 256U << 20U, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/log-000000.tlog"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/log-000000.tlog.new"));
  // As a crash would leave it:
  std::ofstream(dir.path() + "/log-000000.tlog.new") << "half";
  const auto disk = open_disk(dir.path(), GetParam());
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/log-000000.tlog.new"));
  EXPECT_EQ(disk->files().end, 0U);
}

TEST_P(FileDisks, WritesOvertakeACreation) {
  const ScratchDir dir;
  const auto disk = open_disk(dir.path(), GetParam());
  disk->create(0, 65536, 1);
  finish(*disk);
  const Aligned page = aligned(4096, 'b');
  disk->write(0, 0, {page.get(), 512}, 2, Durability::fsync);
  finish(*disk);
  disk->create(1, 8U << 20U, 3);
  int before = 0;
  for (;;) {
    disk->write(0, 0, {page.get(), 512}, 4, Durability::fsync);
    IoDone done = finish(*disk);
    if (done.id == 3) {
      EXPECT_EQ(done.error, IoError::none);
      break;
    }
    ++before;
  }
  EXPECT_GT(before, 20);
}
INSTANTIATE_TEST_SUITE_P(Manners, FileDisks, testing::Values(true, false),
                         [](const auto& which) { return which.param ? "direct" : "cached"; });

TEST(FileDisk, OnlyOneProcessHasTheStore) {
  const ScratchDir dir;
  auto first = open_disk(dir.path());
  auto second = FileDisk::open({.directory = dir.path()});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("in use"), std::string::npos) << second.error();
  first.reset();
  EXPECT_TRUE(FileDisk::open({.directory = dir.path()}));
}

TEST(FileDisk, SaysWhatIsWrongWithItsDirectory) {
  const ScratchDir dir;
  auto disk = FileDisk::open({.directory = dir.path() + "/no"});
  ASSERT_FALSE(disk);
  EXPECT_NE(disk.error().find("No such file"), std::string::npos) << disk.error();
  std::ofstream(dir.path() + "/file") << "x";
  disk = FileDisk::open({.directory = dir.path() + "/file"});
  ASSERT_FALSE(disk);
  EXPECT_NE(disk.error().find("not a directory"), std::string::npos) << disk.error();
  ASSERT_EQ(::mkdir((dir.path() + "/lock").c_str(), 0700), 0);
  disk = FileDisk::open({.directory = dir.path()});
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error(), "store " + dir.path() +
                              ": its file lock cannot be opened: Is a directory: the folder must be writable "
                              "for this user");
}

TEST(FileDisk, FallsBackWhereODirectIsRefusedAndSaysSo) {
  if (::access("/dev/shm", W_OK) != 0) {
    GTEST_SKIP() << "no tmpfs";
  }
  const ScratchDir dir("/dev/shm");
  const auto disk = open_disk(dir.path());
  // Newer kernels let tmpfs take O_DIRECT.
  EXPECT_EQ(disk->manner().starts_with("O_DIRECT"), disk->direct()) << disk->manner();
  Log log(*disk, kTestLog, {});
  ASSERT_EQ(log.append(1, as_bytes("x")), 1U);
  log.flush();
  settle(*disk, log);
  EXPECT_EQ(log.durable(), 1U);
  EXPECT_EQ(read_log(*disk).records, std::vector<std::string>{"x"});
  const auto cached = open_disk(ScratchDir().path(), false);
  EXPECT_NE(cached->manner().find("fdatasync"), std::string::npos);
}

TEST(FileDisk, AFileSizeLimitCountsAsFull) {
  const ScratchDir dir;
  const auto disk = open_disk(dir.path());
  disk->create(0, 1U << 20U, 1);
  ASSERT_EQ(finish(*disk).error, IoError::none);
  // A test program's only limit of that kind, taken back at once. SIGXFSZ would end the process by default;
  // the worker has it blocked.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 512U << 10U;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  disk->create(1, 1U << 20U, 2);
  const IoDone created = finish(*disk);
  const Aligned page = aligned(4096, 'x');
  disk->write(0, 600U << 10U, {page.get(), 512}, 3, Durability::fsync);
  const IoDone written = finish(*disk);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(created.error, IoError::full) << created.os_error;
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/log-000001.tlog"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/log-000001.tlog.new"));
  EXPECT_EQ(written.error, IoError::full) << written.os_error;
  disk->write(0, 0, {page.get(), 512}, 4, Durability::fsync);
  EXPECT_EQ(finish(*disk).error, IoError::full) << "nothing is retried";
}

// Runs `body` in a child; what it returns is its exit code.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(body());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

TEST(FileDisk, ALogOnASmallFilesystemFillsItAndStops) {
  const ScratchDir dir;
  constexpr int kSkip = 99;
  const int code = in_child([&] {
    // A mount of its own, that ends with the child.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=200k") != 0) {
      return kSkip;
    }
    auto opened = FileDisk::open({.directory = dir.path()});
    if (!opened) {
      return 2;
    }
    Disk& disk = **opened;
    Lsn durable = 0;
    {
      Log::Options options = kTestLog;
      options.segment_bytes = 65536;
      Log log(disk, options, {});
      for (int i = 0; i < 100000 && !log.failed(); ++i) {
        (void)log.append(1, as_bytes(std::string(300, 'x')));
        log.flush();
        disk.wait();
        log.reap();
      }
      if (log.state() != LogState::full || log.state_text().find("No space left") == std::string_view::npos) {
        return 3;
      }
      durable = log.durable();
    }
    if (durable < 200 || disk.files().end != 3) {
      return 4;
    }
    const Read read = read_log(disk);
    return read.result.verdict == Verdict::clean && read.records.size() == durable ? 0 : 5;
  });
  if (code == kSkip) {
    GTEST_SKIP() << "needs the right to mount";
  }
  EXPECT_EQ(code, 0);
}

TEST(FileDisk, AKilledProcessLosesNothingThatItReported) {
  const ScratchDir dir;
  uint64_t known = 0;
  for (int life = 0; life < 8; ++life) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe_ends[0]);
      auto opened = FileDisk::open({.directory = dir.path()});
      if (!opened) {
        ::_exit(1);
      }
      Disk& disk = **opened;
      const Read read = read_log(disk, {.store = kTestStore, .fresh = disk.files().end == 0});
      if (read.result.verdict != Verdict::clean && read.result.verdict != Verdict::torn) {
        ::_exit(2);
      }
      Log::Options options = kTestLog;
      options.segment_bytes = 1U << 20U;
      options.batch_bytes = 65536;
      options.durability = life % 3 == 2 ? Durability::memory : Durability::fsync;
      Log log(disk, options, read.result.end);
      for (;;) {
        for (int i = 0; i < 20; ++i) {
          const std::string text = std::to_string(log.appended() + 1);
          (void)log.append(1, as_bytes(text));
        }
        log.flush();
        disk.wait();
        const Lsn durable = log.reap();
        if (::write(pipe_ends[1], &durable, sizeof(durable)) != ssize_t{sizeof(durable)}) {
          ::_exit(3);
        }
      }
    }
    ::close(pipe_ends[1]);
    uint64_t durable = 0;
    const int reports = 10 + life * 13;
    for (int i = 0; i < reports; ++i) {
      ASSERT_EQ(::read(pipe_ends[0], &durable, sizeof(durable)), ssize_t{sizeof(durable)})
          << "the child ended by itself";
      known = std::max(known, durable);
    }
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &durable, sizeof(durable)) == ssize_t{sizeof(durable)}) {
      known = std::max(known, durable);
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    const auto disk = open_disk(dir.path());
    const Read read = read_log(*disk);
    ASSERT_TRUE(read.result.verdict == Verdict::clean || read.result.verdict == Verdict::torn)
        << read.result.why;
    ASSERT_GE(read.records.size(), known);
    for (size_t i = 0; i < read.records.size(); ++i) {
      ASSERT_EQ(read.records[i], std::to_string(i + 1));
    }
  }
  EXPECT_GT(known, 1000U);
}

TEST(FileDisk, ALogOnItDoesNotAllocateWhileItRuns) {
  const ScratchDir dir;
  const auto disk = open_disk(dir.path());
  Log log(*disk, {.store = 1, .segment_bytes = 8U << 20U, .batch_bytes = 65536}, {});
  const std::string payload(100, 'p');
  const auto commit = [&](int records) {
    for (int i = 0; i < records; ++i) {
      ASSERT_NE(log.append(1, as_bytes(payload)), kNotTaken);
    }
    log.flush();
    const Lsn wanted = log.appended();
    while (log.reap() != wanted && !log.failed()) {
      disk->wait();
    }
  };
  commit(1);  // the worker opens the segment
  const uint64_t before = allocations_so_far();
  for (int i = 0; i < 200; ++i) {
    commit(1 + i % 30);
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
}

}  // namespace
}  // namespace tercet::store
