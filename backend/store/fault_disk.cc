#include "backend/store/fault_disk.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "backend/store/file_worker.h"
#include "base/check.h"

namespace tercet::store {
namespace {

MonoTime by_the_timer() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return MonoTime{} + seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

void add_to(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  TERCET_CHECK(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "a descriptor can be watched");
}

}  // namespace

const char* name_of(DiskFault fault) {
  switch (fault) {
    case DiskFault::ok:
      return "ok";
    case DiskFault::full:
      return "full";
    case DiskFault::eio:
      return "eio";
    case DiskFault::slow:
      return "slow";
  }
  return "?";
}

std::optional<DiskFault> parse_disk_fault(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) {
    return std::nullopt;
  }
  text = text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  for (const DiskFault fault : {DiskFault::ok, DiskFault::full, DiskFault::eio, DiskFault::slow}) {
    if (text == name_of(fault)) {
      return fault;
    }
  }
  return std::nullopt;
}

FaultDisk::FaultDisk(Disk& inner, Duration slowness)
    : inner_(inner),
      slowness_(slowness),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      bell_(::epoll_create1(EPOLL_CLOEXEC)) {
  TERCET_CHECK(timer_ >= 0 && bell_ >= 0, "the kernel gives a timer");
  add_to(bell_, timer_);
  if (inner_.bell() >= 0) {
    add_to(bell_, inner_.bell());
  }
}

FaultDisk::~FaultDisk() {
  ::close(bell_);
  ::close(timer_);
}

void FaultDisk::set_timer(MonoTime due) const {
  const int64_t ns = (due - MonoTime{}).ns;
  itimerspec when{};
  when.it_value = {ns / 1'000'000'000, ns % 1'000'000'000};
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

bool FaultDisk::refused(IoId id) {
  if (refusal_ == 0) {
    return false;
  }
  done_.push_back(io_done(id, refusal_));
  return true;
}

/// A request whose error is its own: nothing else is spoiled by it.
bool FaultDisk::fails(IoId id, bool wants_space) {
  const int error = fault() == DiskFault::eio ? EIO : wants_space && fault() == DiskFault::full ? ENOSPC : 0;
  if (error != 0) {
    done_.push_back(io_done(id, error));
  }
  return error != 0;
}

void FaultDisk::note_slow(IoId id) {
  if (fault() == DiskFault::slow) {
    Late late;
    late.done.id = id;
    late_.push_back(late);
  }
}

void FaultDisk::write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) {
  if (is_image(file)) {
    if (!fails(id, true)) {
      note_slow(id);
      inner_.write(file, offset, bytes, id, durability);
    }
    return;
  }
  if (refusal_ == 0 && (fault() == DiskFault::full || fault() == DiskFault::eio)) {
    refusal_ = fault() == DiskFault::full ? ENOSPC : EIO;
  }
  if (!refused(id)) {
    note_slow(id);
    inner_.write(file, offset, bytes, id, durability);
  }
}

void FaultDisk::sync(IoId id) {
  if (refusal_ == 0 && fault() == DiskFault::eio) {
    refusal_ = EIO;
  }
  if (!refused(id)) {
    note_slow(id);
    inner_.sync(id);
  }
}

void FaultDisk::create(FileId file, uint64_t size, IoId id) {
  if (!fails(id, true)) {
    inner_.create(file, size, id);
  }
}

void FaultDisk::begin(FileId image, uint64_t size, uint64_t leave, IoId id) {
  if (!fails(id, true)) {
    inner_.begin(image, size, leave, id);
  }
}

void FaultDisk::publish(FileId image, IoId id) {
  if (!fails(id, true)) {
    inner_.publish(image, id);
  }
}

void FaultDisk::drop(FileId image, IoId id) {
  if (!fails(id, false)) {
    inner_.drop(image, id);
  }
}

void FaultDisk::remove(FileId file, IoId id) {
  if (!fails(id, false)) {
    inner_.remove(file, id);
  }
}

void FaultDisk::recycle(FileId from, FileId to, IoId id) {
  if (!fails(id, false)) {
    inner_.recycle(from, to, id);
  }
}

/// What the inner disk has done, and what was late long enough, into done_.
void FaultDisk::gather() {
  IoDone one;
  while (!done_.full() && inner_.reap({&one, 1}) == 1) {
    const auto slow =
        std::ranges::find_if(late_, [&one](const Late& l) { return !l.here && l.done.id == one.id; });
    if (slow == late_.end()) {
      done_.push_back(one);
      continue;
    }
    *slow = {one, true, by_the_timer() + slowness_};
    set_timer(slow->due);
  }
  if (late_.empty()) {
    return;
  }
  const MonoTime at = by_the_timer();
  size_t kept = 0;
  for (size_t i = 0; i < late_.size(); ++i) {
    if (late_[i].here && late_[i].due <= at && !done_.full()) {
      done_.push_back(late_[i].done);
    } else {
      late_[kept++] = late_[i];
    }
  }
  late_.resize(kept);
  uint64_t rung = 0;
  if (::read(timer_, &rung, sizeof(rung)) == ssize_t{sizeof(rung)}) {
    for (const Late& late : late_) {
      if (late.here) {
        set_timer(late.due);
      }
    }
  }
}

size_t FaultDisk::reap(std::span<IoDone> done) {
  gather();
  return hand_over(done_, done);
}

bool FaultDisk::wait() {
  for (gather(); done_.empty(); gather()) {
    if (std::ranges::any_of(late_, &Late::here)) {
      pollfd fd{bell_, POLLIN, 0};
      ::poll(&fd, 1, 1000);
    } else if (!inner_.wait()) {
      return false;
    }
  }
  return true;
}

}  // namespace tercet::store
