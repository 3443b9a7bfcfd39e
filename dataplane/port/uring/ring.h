#pragma once
// Ring: one io_uring, set up for a single polling thread (SINGLE_ISSUER, DEFER_TASKRUN), over the system
// calls themselves: liburing 2.3 knows neither NO_SQARRAY nor how to leave the array alone. Structures are
// the kernel's.
//
// Threads: create() and the register calls may run on any thread, before the first enter(): the ring is made
// disabled (R_DISABLED), and the thread that calls enable() becomes the only one that may use it. Submission:
// next_sqe() fills a place in the queue, enter() hands all of them over. Completions: see peek().

#include <liburing/compat.h>
#include <liburing/io_uring.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "base/time.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {

/// Memory from mmap, given back with its owner.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();
  [[nodiscard]] uint8_t* at(size_t offset) const { return static_cast<uint8_t*>(address_) + offset; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return address_ == nullptr; }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

/// A ring's descriptor, registered with the thread that enters it. The kernel keeps the ring, and its sockets
/// with it, while it is registered: given back with its owner, unless the thread itself has ended (then it
/// was already).
class RegisteredRing {
 public:
  RegisteredRing() = default;
  RegisteredRing(int ring_fd, unsigned index);
  RegisteredRing(RegisteredRing&& other) noexcept;
  RegisteredRing& operator=(RegisteredRing&& other) noexcept;
  RegisteredRing(const RegisteredRing&) = delete;
  RegisteredRing& operator=(const RegisteredRing&) = delete;
  ~RegisteredRing();

 private:
  int ring_fd_ = -1;
  unsigned index_ = 0;
  int thread_ = 0;  ///< indices are the thread's own: another one must not give them back
};

class Ring {
 public:
  /// Why there is no ring, in words: forbidden (seccomp, sysctl io_uring_disabled), not in this kernel, or
  /// too old.
  static tl::expected<Ring, std::string> create(unsigned sq_entries, unsigned cq_entries);

  Ring(Ring&&) = default;
  Ring& operator=(Ring&&) = default;

  tl::expected<void, std::string> register_files(std::span<const int> fds);
  /// For writes by IORING_OP_WRITE_FIXED, by their place here.
  tl::expected<void, std::string> register_buffers(std::span<const MutBytes> buffers);
  tl::expected<void, std::string> register_buffer_ring(const void* ring, unsigned entries, uint16_t group);
  /// Ties the ring to the calling thread and registers its descriptor (saves a lookup per enter).
  tl::expected<void, std::string> enable();

  /// A zeroed place in the submission queue, or nullptr when it is full: enter() first.
  io_uring_sqe* next_sqe();
  /// Places filled and not yet taken by the kernel.
  [[nodiscard]] unsigned pending() const { return sqe_tail_ - load_acquire(sq_head_); }
  /// Hands over what is pending and runs deferred completions. With `wait_ns` > 0 it sleeps until one
  /// completion is there or that time is over. Returns 0 or an errno (never EINTR or ETIME).
  int enter(int64_t wait_ns);

  /// The oldest completion that was not yet consumed, or nullptr.
  [[nodiscard]] const io_uring_cqe* peek() const {
    return cqe_head_ == load_acquire(cq_tail_) ? nullptr : &cqes_[cqe_head_ & cq_mask_];
  }
  void consume();
  /// Completions wait in the kernel (deferred work, or an overflown queue): enter() brings them.
  [[nodiscard]] bool kernel_has_more() const {
    return (load_relaxed(sq_flags_) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Ring() = default;
  int do_register(unsigned opcode, const void* argument, unsigned count) const;
  // The rings are shared with the kernel. An acquire load of a tail pairs with the kernel's release of it
  // after it wrote the entries; our release store of a tail or head pairs with the kernel's acquire.
  static unsigned load_acquire(const unsigned* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
  static unsigned load_relaxed(const unsigned* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
  static void store_release(unsigned* p, unsigned value) { __atomic_store_n(p, value, __ATOMIC_RELEASE); }

  OwnedFd fd_;
  RegisteredRing registered_;  // behind fd_: goes first
  Mapping rings_;
  Mapping sqe_memory_;
  int enter_fd_ = -1;         ///< fd, or the registered index
  unsigned enter_flags_ = 0;  ///< IORING_ENTER_REGISTERED_RING once registered
  unsigned* sq_head_ = nullptr;
  unsigned* sq_tail_ = nullptr;
  unsigned* sq_flags_ = nullptr;
  unsigned* cq_head_ = nullptr;
  unsigned* cq_tail_ = nullptr;
  io_uring_sqe* sqes_ = nullptr;
  io_uring_cqe* cqes_ = nullptr;
  unsigned sq_entries_ = 0;
  unsigned cq_mask_ = 0;
  unsigned sqe_tail_ = 0;  ///< ours; published by enter()
  unsigned cqe_head_ = 0;  ///< ours; published by consume()
};

/// Buffers that the kernel takes for what arrives (IORING_REGISTER_PBUF_RING): one group of equal-sized
/// buffers.
class BufferRing {
 public:
  /// `entries` is a power of two; a buffer is `size` bytes, `stride` apart.
  static tl::expected<BufferRing, std::string> create(Ring& ring, uint16_t group, unsigned entries,
                                                      size_t size, size_t stride);
  BufferRing(BufferRing&&) = default;
  BufferRing& operator=(BufferRing&&) = default;

  [[nodiscard]] MutBytes buffer(uint16_t id) const { return {memory_.at(id * stride_), size_}; }
  [[nodiscard]] uint16_t group() const { return group_; }
  [[nodiscard]] unsigned entries() const { return entries_; }
  /// Gives a buffer back; the kernel sees it after publish().
  void give(uint16_t id);
  void publish();

 private:
  BufferRing() = default;
  Mapping ring_;
  Mapping memory_;
  uint16_t group_ = 0;
  unsigned entries_ = 0;
  size_t size_ = 0;
  size_t stride_ = 0;
  uint16_t tail_ = 0;
};

}  // namespace tercet::dataplane
