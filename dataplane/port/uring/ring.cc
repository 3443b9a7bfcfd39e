#include "dataplane/port/uring/ring.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

using Failure = tl::unexpected<std::string>;

constexpr unsigned kSetupNoSqArray = 1U << 16;  // IORING_SETUP_NO_SQARRAY, Linux 6.6; no name in liburing 2.3

tl::expected<Mapping, std::string> map(size_t size, int fd, off_t offset) {
  const int flags = fd >= 0 ? MAP_SHARED | MAP_POPULATE : MAP_PRIVATE | MAP_ANONYMOUS;
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, offset);
  if (address == MAP_FAILED) {
    return Failure(std::string("io_uring: cannot map memory: ") + std::strerror(errno));
  }
  return Mapping(address, size);
}

std::string setup_error(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here: a seccomp filter (containers) or sysctl kernel.io_uring_disabled";
    case ENOSYS:
      return "this kernel has no io_uring";
    case EINVAL:
      return "this kernel's io_uring is too old (Linux 6.1 is needed)";
    case ENOMEM:
      return "io_uring: not enough memory that may be locked (ulimit -l)";
    default:
      return std::string("io_uring cannot be set up: ") + std::strerror(error);
  }
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (address_ != nullptr) {
    munmap(address_, size_);
  }
}

RegisteredRing::RegisteredRing(int ring_fd, unsigned index)
    : ring_fd_(ring_fd), index_(index), thread_(static_cast<int>(gettid())) {}

RegisteredRing::RegisteredRing(RegisteredRing&& other) noexcept { *this = std::move(other); }

RegisteredRing& RegisteredRing::operator=(RegisteredRing&& other) noexcept {
  std::swap(ring_fd_, other.ring_fd_);
  std::swap(index_, other.index_);
  std::swap(thread_, other.thread_);
  return *this;
}

RegisteredRing::~RegisteredRing() {
  if (ring_fd_ >= 0 && thread_ == static_cast<int>(gettid())) {
    io_uring_rsrc_update self{};
    self.offset = index_;
    syscall(__NR_io_uring_register, ring_fd_, IORING_UNREGISTER_RING_FDS, &self, 1);
  }
}

tl::expected<Ring, std::string> Ring::create(unsigned sq_entries, unsigned cq_entries) {
  constexpr unsigned kFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                              IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
                              IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  io_uring_params params{};
  bool sq_array = false;
  params.flags = kFlags | kSetupNoSqArray;
  params.cq_entries = cq_entries;
  long fd = syscall(__NR_io_uring_setup, sq_entries, &params);
  if (fd < 0 && errno == EINVAL) {  // before 6.6: with the array, which is filled once and never changed
    params = {};
    params.flags = kFlags;
    params.cq_entries = cq_entries;
    sq_array = true;
    fd = syscall(__NR_io_uring_setup, sq_entries, &params);
  }
  if (fd < 0) {
    return Failure(setup_error(errno));
  }
  Ring ring;
  ring.fd_ = OwnedFd(static_cast<int>(fd));
  constexpr unsigned kNeeded =
      IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;
  if ((params.features & kNeeded) != kNeeded) {
    return Failure(setup_error(EINVAL));
  }
  const size_t sq_bytes = sq_array ? params.sq_off.array + params.sq_entries * sizeof(unsigned) : 0;
  const size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  auto rings = map(std::max(sq_bytes, cq_bytes), ring.fd(), IORING_OFF_SQ_RING);
  if (!rings) {
    return Failure(std::move(rings.error()));
  }
  auto sqes = map(params.sq_entries * sizeof(io_uring_sqe), ring.fd(), IORING_OFF_SQES);
  if (!sqes) {
    return Failure(std::move(sqes.error()));
  }
  ring.rings_ = std::move(*rings);
  ring.sqe_memory_ = std::move(*sqes);
  const auto word = [&ring](size_t offset) { return reinterpret_cast<unsigned*>(ring.rings_.at(offset)); };
  ring.enter_fd_ = ring.fd();
  ring.sq_head_ = word(params.sq_off.head);
  ring.sq_tail_ = word(params.sq_off.tail);
  ring.sq_flags_ = word(params.sq_off.flags);
  ring.cq_head_ = word(params.cq_off.head);
  ring.cq_tail_ = word(params.cq_off.tail);
  ring.cqes_ = reinterpret_cast<io_uring_cqe*>(ring.rings_.at(params.cq_off.cqes));
  ring.sqes_ = reinterpret_cast<io_uring_sqe*>(ring.sqe_memory_.at(0));
  ring.sq_entries_ = params.sq_entries;
  ring.cq_mask_ = params.cq_entries - 1;
  if (sq_array) {
    for (unsigned i = 0; i < params.sq_entries; ++i) {
      word(params.sq_off.array)[i] = i;
    }
  }
  return ring;
}

int Ring::do_register(unsigned opcode, const void* argument, unsigned count) const {
  const long n = syscall(__NR_io_uring_register, fd(), opcode, argument, count);
  return n < 0 ? errno : 0;
}

tl::expected<void, std::string> Ring::register_files(std::span<const int> fds) {
  if (const int error = do_register(IORING_REGISTER_FILES, fds.data(), static_cast<unsigned>(fds.size()))) {
    return Failure(std::string("io_uring: cannot register the sockets: ") + std::strerror(error));
  }
  return {};
}

tl::expected<void, std::string> Ring::register_buffers(std::span<const MutBytes> buffers) {
  std::vector<iovec> pieces;
  for (const MutBytes& buffer : buffers) {
    pieces.push_back({buffer.data(), buffer.size()});
  }
  if (const int error =
          do_register(IORING_REGISTER_BUFFERS, pieces.data(), static_cast<unsigned>(pieces.size()))) {
    return Failure(std::string("io_uring: cannot register buffers: ") + std::strerror(error));
  }
  return {};
}

tl::expected<void, std::string> Ring::register_buffer_ring(const void* ring, unsigned entries,
                                                           uint16_t group) {
  io_uring_buf_reg argument{};
  argument.ring_addr = reinterpret_cast<uintptr_t>(ring);
  argument.ring_entries = entries;
  argument.bgid = group;
  if (const int error = do_register(IORING_REGISTER_PBUF_RING, &argument, 1)) {
    return Failure(std::string("io_uring: cannot register a buffer ring: ") + std::strerror(error));
  }
  return {};
}

tl::expected<void, std::string> Ring::enable() {
  if (const int error = do_register(IORING_REGISTER_ENABLE_RINGS, nullptr, 0)) {
    return Failure(std::string("io_uring: cannot enable the ring: ") + std::strerror(error));
  }
  io_uring_rsrc_update self{};
  self.offset = UINT32_MAX;  // the kernel chooses the index
  self.data = static_cast<unsigned>(fd());
  if (syscall(__NR_io_uring_register, fd(), IORING_REGISTER_RING_FDS, &self, 1) == 1) {
    registered_ = RegisteredRing(fd(), self.offset);
    enter_fd_ = static_cast<int>(self.offset);
    enter_flags_ = IORING_ENTER_REGISTERED_RING;
  }
  return {};
}

io_uring_sqe* Ring::next_sqe() {
  if (pending() >= sq_entries_) {
    return nullptr;
  }
  io_uring_sqe* sqe = &sqes_[sqe_tail_++ & (sq_entries_ - 1)];
  std::memset(sqe, 0, sizeof(*sqe));
  return sqe;
}

int Ring::enter(int64_t wait_ns) {
  store_release(sq_tail_, sqe_tail_);
  __kernel_timespec time{.tv_sec = wait_ns / 1'000'000'000, .tv_nsec = wait_ns % 1'000'000'000};
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<uintptr_t>(&time);
  const bool waits = wait_ns > 0;
  const unsigned flags =
      IORING_ENTER_GETEVENTS | enter_flags_ | (waits ? static_cast<unsigned>(IORING_ENTER_EXT_ARG) : 0U);
  const long n = syscall(__NR_io_uring_enter, enter_fd_, pending(), waits ? 1 : 0, flags,
                         waits ? &argument : nullptr, waits ? sizeof(argument) : 0);
  if (n >= 0 || errno == ETIME || errno == EINTR) {
    return 0;
  }
  return errno;
}

void Ring::consume() { store_release(cq_head_, ++cqe_head_); }

tl::expected<BufferRing, std::string> BufferRing::create(Ring& ring, uint16_t group, unsigned entries,
                                                         size_t size, size_t stride) {
  TERCET_CHECK(entries > 0 && (entries & (entries - 1)) == 0 && entries <= 32'768 && stride >= size,
               "a buffer ring has a power of two of buffers that do not overlap");
  auto descriptors = map(entries * sizeof(io_uring_buf), -1, 0);
  if (!descriptors) {
    return Failure(std::move(descriptors.error()));
  }
  auto memory = map(entries * stride, -1, 0);
  if (!memory) {
    return Failure(std::move(memory.error()));
  }
  // Big buffers are touched at their first bytes only, each in a page of its own: huge pages keep that off
  // the TLB.
  madvise(memory->at(0), memory->size(), MADV_HUGEPAGE);
  BufferRing buffers;
  buffers.ring_ = std::move(*descriptors);
  buffers.memory_ = std::move(*memory);
  buffers.group_ = group;
  buffers.entries_ = entries;
  buffers.size_ = size;
  buffers.stride_ = stride;
  if (auto registered = ring.register_buffer_ring(buffers.ring_.at(0), entries, group); !registered) {
    return Failure(std::move(registered.error()));
  }
  for (unsigned id = 0; id < entries; ++id) {
    buffers.give(static_cast<uint16_t>(id));
  }
  buffers.publish();
  return buffers;
}

void BufferRing::give(uint16_t id) {
  auto* entries = reinterpret_cast<io_uring_buf*>(ring_.at(0));
  io_uring_buf& entry = entries[tail_++ & (entries_ - 1)];
  // Field by field: in the first entry the last 16 bits are the ring's tail (io_uring_buf_ring).
  entry.addr = reinterpret_cast<uintptr_t>(memory_.at(id * stride_));
  entry.len = static_cast<uint32_t>(size_);
  entry.bid = id;
}

void BufferRing::publish() {
  // Pairs with the kernel's acquire of the tail before it reads the entries.
  __atomic_store_n(&reinterpret_cast<io_uring_buf*>(ring_.at(0))->resv, tail_, __ATOMIC_RELEASE);
}

}  // namespace tercet::dataplane
