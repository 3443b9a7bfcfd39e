// What a durable commit costs as a backend makes it (append, seal, one write by its port's own ring, its
// completion), beside the bare write of the same bytes by a ring of its own: O_DIRECT, RWF_DSYNC, into space
// that was zero-written. One of each in turn, so that whatever the disk or its neighbours do meets all of
// them alike:
//
//   bare_   IORING_OP_WRITE of a buffer of ours
//   fixed_  the same from a registered (fixed) buffer
//   log_    N records of 64 bytes through Log, RingDisk and the port's ring
//
// Each: p50 and p99 of the whole in µs, and `cpu_us`, CPU of the process per commit, the kernel's workers for
// its rings included. `ratio`: log_p50 over bare_p50. TERCET_BENCH_DIR names the directory (on the disk to
// measure).

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/store/file_worker.h"
#include "backend/store/log.h"
#include "backend/store/ring_disk.h"
#include "backend/store/scratch_dir.h"
#include "bench/percentiles.h"
#include "dataplane/port/uring/ring.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::bench {
namespace {

using store::kSectorBytes;

constexpr size_t kRecordBytes = 64;
constexpr uint32_t kSegmentBytes = 128U << 20U;
constexpr int64_t kCommits =
    700;  ///< of 1,024 records: less than half a segment, so that no other is made meanwhile

std::string bench_parent() {
  const char* named = std::getenv("TERCET_BENCH_DIR");
  return named != nullptr ? named : std::filesystem::temp_directory_path().string();
}

double cpu_us() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

/// A zero-written file, a buffer and a ring of its own.
class BareWriter {
 public:
  static std::unique_ptr<BareWriter> open(const std::string& directory, size_t size, std::string& error) {
    auto ring = dataplane::Ring::create(8, 16);
    if (!ring) {
      error = ring.error();
      return nullptr;
    }
    std::unique_ptr<BareWriter> self(new BareWriter(std::move(*ring), size));
    store::FileWorker worker(directory, true);
    worker.create(0, kSegmentBytes, 1);
    std::optional<store::IoDone> done;
    while (!(done = worker.step())) {
    }
    self->fd_ = ::open((directory + "/" + store::segment_name(0)).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (self->fd_ < 0) {
      error = "no O_DIRECT does not run on this machine's " + directory;
      return nullptr;
    }
    iovec buffer{self->bytes_.get(), self->size_};
    if (::syscall(SYS_io_uring_register, self->ring_.fd(), IORING_REGISTER_BUFFERS, &buffer, 1) != 0 ||
        !self->ring_.enable()) {
      error = "a fixed buffer does not run on this machine";
      return nullptr;
    }
    return self;
  }
  ~BareWriter() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  bool write(bool fixed) {
    if (offset_ + size_ > kSegmentBytes) {
      offset_ = 0;
    }
    io_uring_sqe* sqe = ring_.next_sqe();
    sqe->opcode = fixed ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE;
    sqe->fd = fd_;
    sqe->addr = reinterpret_cast<uintptr_t>(bytes_.get());
    sqe->len = static_cast<uint32_t>(size_);
    sqe->off = offset_;
    sqe->rw_flags = RWF_DSYNC;
    offset_ += size_;
    while (ring_.peek() == nullptr) {
      if (ring_.enter(1'000'000'000) != 0) {
        return false;
      }
    }
    const bool whole = ring_.peek()->res == static_cast<int>(size_);
    ring_.consume();
    return whole;
  }

 private:
  BareWriter(dataplane::Ring ring, size_t size)
      : ring_(std::move(ring)),
        size_(size),
        bytes_(static_cast<uint8_t*>(std::aligned_alloc(4096, (size + 4095) / 4096 * 4096)), &std::free) {
    std::memset(bytes_.get(), 'x', size);
  }
  dataplane::Ring ring_;
  size_t size_;
  std::unique_ptr<uint8_t[], decltype(&std::free)> bytes_;
  int fd_ = -1;
  uint64_t offset_ = 0;
};

/// A log as a backend's polling thread has it.
class RingLog {
 public:
  static std::unique_ptr<RingLog> open(const std::string& directory, std::string& error) {
    std::unique_ptr<RingLog> self(new RingLog);
    auto port = dataplane::make_uring_port({});
    auto files = store::FileDisk::open({.directory = directory});
    if (!port || !files) {
      error = port ? files.error() : port.error() + " (io_uring does not run on this machine)";
      return nullptr;
    }
    self->port_ = std::move(*port);
    self->files_ = std::move(*files);
    self->disk_ = std::make_unique<store::RingDisk>(*self->files_);
    self->log_ = std::make_unique<store::Log>(
        *self->disk_, store::Log::Options{.store = 1, .segment_bytes = kSegmentBytes}, store::LogEnd{});
    while (!self->log_->ready() && self->disk_->wait()) {
      self->log_->reap();
    }
    if (!self->port_->file_ring()->fix(self->log_->buffers())) {
      error = "a fixed buffer does not run on this machine";
      return nullptr;
    }
    self->disk_->attach(*self->port_->file_ring());
    return self;
  }
  ~RingLog() {
    if (log_) {
      port_->finish();
      disk_->detach();
      log_->reap();
    }
  }
  bool commit(int64_t records, Bytes payload) {
    store::Lsn last = 0;
    for (int64_t i = 0; i < records; ++i) {
      last = log_->append(1, payload);
    }
    log_->flush();
    while (log_->reap() < last && !log_->failed()) {
      port_->wait(dataplane::raw_now() + seconds(1));
      port_->receive(burst_);
    }
    return !log_->failed();
  }

 private:
  RingLog() = default;
  dataplane::RxBurst burst_;
  std::unique_ptr<dataplane::Port> port_;
  std::unique_ptr<store::FileDisk> files_;
  std::unique_ptr<store::RingDisk> disk_;
  std::unique_ptr<store::Log> log_;
};

void commit(benchmark::State& state) {
  const int64_t records = state.range(0);
  const size_t stream = static_cast<size_t>(records) * (kRecordBytes + sizeof(store::RecordHeader));
  const size_t size = (stream + store::kPayloadBytes - 1) / store::kPayloadBytes * kSectorBytes;
  const store::ScratchDir bare_dir(bench_parent());
  const store::ScratchDir log_dir(bench_parent());
  std::string error;
  const auto bare = BareWriter::open(bare_dir.path(), size, error);
  const auto log = bare ? RingLog::open(log_dir.path(), error) : nullptr;
  if (!log) {
    state.SkipWithError(error.c_str());
    return;
  }
  const std::vector<uint8_t> payload(kRecordBytes, 'p');
  Percentiles bare_times(state, "bare_");
  Percentiles fixed_times(state, "fixed_");
  Percentiles log_times(state, "log_");
  double cpu[3] = {};
  const auto timed = [&](Percentiles& times, double& sum, auto&& work) {
    const double before = cpu_us();
    times.start();
    const bool done = work();
    times.stop();
    sum += cpu_us() - before;
    return done;
  };
  for (auto _ : state) {
    if (!timed(bare_times, cpu[0], [&] { return bare->write(false); }) ||
        !timed(fixed_times, cpu[1], [&] { return bare->write(true); }) ||
        !timed(log_times, cpu[2], [&] { return log->commit(records, payload); })) {
      state.SkipWithError("a write failed");
      return;
    }
  }
  const auto commits = static_cast<double>(state.iterations());
  state.counters["bare_cpu_us"] = cpu[0] / commits;
  state.counters["fixed_cpu_us"] = cpu[1] / commits;
  state.counters["log_cpu_us"] = cpu[2] / commits;
  state.counters["ratio"] = log_times.p50() / bare_times.p50();
}
BENCHMARK(commit)->Arg(1)->Arg(64)->Arg(1024)->Iterations(kCommits)->UseRealTime()->Unit(
    benchmark::kMicrosecond);

}  // namespace
}  // namespace tercet::bench
