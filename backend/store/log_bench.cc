// What the log costs beside the bare write of the same bytes: a batch of N records of 64 bytes, appended,
// flushed and waited for; its records alone (append and seal, no disk); and one pwritev2(RWF_DSYNC) of as
// many bytes from this thread. TERCET_BENCH_DIR names the directory (on the disk to measure), else the
// temporary one. By the disk's thread; bench/store/commit_bench.cc has the same by a polling thread's ring.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/store/file_disk.h"
#include "backend/store/file_worker.h"
#include "backend/store/log.h"
#include "backend/store/scratch_dir.h"
#include "bench/percentiles.h"

namespace tercet::store {
namespace {

constexpr size_t kRecordBytes = 64;
constexpr uint32_t kSegmentBytes = 64U << 20U;

std::string bench_parent() {
  const char* named = std::getenv("TERCET_BENCH_DIR");
  return named != nullptr ? named : std::filesystem::temp_directory_path().string();
}

size_t sectors_of(int64_t records) {
  const size_t stream = static_cast<size_t>(records) * (kRecordBytes + sizeof(RecordHeader));
  return (stream + kPayloadBytes - 1) / kPayloadBytes;
}

void log_commit(benchmark::State& state, Durability durability) {
  const ScratchDir dir(bench_parent());
  auto disk = FileDisk::open({.directory = dir.path()});
  if (!disk) {
    state.SkipWithError(disk.error().c_str());
    return;
  }
  state.SetLabel((*disk)->manner());
  Log log(**disk, {.store = 1, .segment_bytes = kSegmentBytes, .durability = durability}, {});
  while (!log.ready() && (*disk)->wait()) {
    log.reap();
  }
  const std::vector<uint8_t> payload(kRecordBytes, 'p');
  {
    bench::Percentiles times(state);
    for (auto _ : state) {
      times.start();
      Lsn last = 0;
      for (int64_t i = 0; i < state.range(0); ++i) {
        last = log.append(1, payload);
      }
      log.flush();
      while (log.reap() < last && !log.failed()) {
        (*disk)->wait();
      }
      times.stop();
    }
  }
  if (log.failed()) {
    state.SkipWithError(std::string(log.state_text()).c_str());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void bare_write(benchmark::State& state) {
  const ScratchDir dir(bench_parent());
  const bool direct = try_direct(dir.path()) == 0;
  {
    FileWorker worker(dir.path(), direct);
    worker.create(0, kSegmentBytes, 1);
    while (!worker.step()) {
    }
  }
  const int fd = ::open((dir.path() + "/" + segment_name(0)).c_str(), O_RDWR | (direct ? O_DIRECT : 0));
  const size_t size = sectors_of(state.range(0)) * kSectorBytes;
  std::unique_ptr<uint8_t[], decltype(&std::free)> bytes(
      static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, (size + 4095) / 4096 * 4096)), &std::free);
  std::memset(bytes.get(), 'x', size);
  state.SetLabel(direct ? "O_DIRECT, RWF_DSYNC" : "page cache, RWF_DSYNC");
  off_t offset = 0;
  {
    bench::Percentiles times(state);
    for (auto _ : state) {
      times.start();
      if (offset + static_cast<off_t>(size) > kSegmentBytes) {
        offset = 0;
      }
      iovec piece{bytes.get(), size};
      if (::pwritev2(fd, &piece, 1, offset, RWF_DSYNC) != static_cast<ssize_t>(size)) {
        state.SkipWithError("pwritev2 failed");
        break;
      }
      offset += static_cast<off_t>(size);
      times.stop();
    }
  }
  ::close(fd);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A disk that has always done it already.
class NoDisk final : public Disk {
 public:
  void write(FileId, Offset, Bytes bytes, IoId id, Durability) override {
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
    done_[count_++].id = id;
  }
  void read(FileId, Offset, MutBytes, IoId id) override { done_[count_++].id = id; }
  void create(FileId file, uint64_t, IoId id) override {
    end_ = file + 1;
    done_[count_++].id = id;
  }
  void begin(FileId, uint64_t, uint64_t, IoId id) override { done_[count_++].id = id; }
  void sync(IoId id) override { done_[count_++].id = id; }
  void publish(FileId, IoId id) override { done_[count_++].id = id; }
  void drop(FileId, IoId id) override { done_[count_++].id = id; }
  void remove(FileId, IoId id) override { done_[count_++].id = id; }
  void recycle(FileId, FileId, IoId id) override { done_[count_++].id = id; }
  size_t reap(std::span<IoDone> done) override {
    const size_t n = count_;
    std::copy_n(done_, n, done.begin());
    count_ = 0;
    return n;
  }
  bool wait() override { return count_ != 0; }
  uint64_t size(FileId file) override { return file < end_ ? kSegmentBytes : 0; }
  FileRange files() override { return {0, end_}; }
  std::vector<FileId> images() override { return {}; }

 private:
  IoDone done_[8];
  size_t count_ = 0;
  FileId end_ = 0;
};

void log_without_disk(benchmark::State& state) {
  NoDisk disk;
  Log log(disk, {.store = 1, .segment_bytes = kSegmentBytes}, {});
  log.reap();
  const std::vector<uint8_t> payload(kRecordBytes, 'p');
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      benchmark::DoNotOptimize(log.append(1, payload));
    }
    log.flush();
    log.reap();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void log_commit_fsync(benchmark::State& state) { log_commit(state, Durability::fsync); }
void log_commit_memory(benchmark::State& state) { log_commit(state, Durability::memory); }

#define TERCET_BATCHES Arg(1)->Arg(64)->Arg(1024)
BENCHMARK(log_without_disk)->TERCET_BATCHES;
BENCHMARK(bare_write)->TERCET_BATCHES->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(log_commit_fsync)->TERCET_BATCHES->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(log_commit_memory)->TERCET_BATCHES->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tercet::store
