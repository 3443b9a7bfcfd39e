#include "backend/store/file_disk.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "backend/store/file_worker.h"
#include "backend/store/log_format.h"
#include "base/check.h"

namespace tercet::store {
namespace {

void ring(int eventfd, uint64_t count = 1) {
  // It cannot overflow, and a full one would ring all the same.
  if (::write(eventfd, &count, sizeof(count)) < 0) {
    TERCET_CHECK(errno == EAGAIN, "an eventfd takes its count");
  }
}

uint64_t drain(int eventfd) {
  uint64_t count = 0;
  return ::read(eventfd, &count, sizeof(count)) == ssize_t{sizeof(count)} ? count : 0;
}

}  // namespace

tl::expected<std::unique_ptr<FileDisk>, std::string> FileDisk::open(const Options& options) {
  const auto error = [&options](const std::string& what) {
    return tl::make_unexpected("store " + options.directory + ": " + what);
  };
  std::unique_ptr<FileDisk> disk(new FileDisk);
  disk->directory_ = options.directory;
  struct stat status {};
  if (::stat(options.directory.c_str(), &status) != 0) {
    return error(std::string(std::strerror(errno)) + ": correct store.dir");
  }
  if (!S_ISDIR(status.st_mode)) {
    return error("not a directory: correct store.dir");
  }
  disk->lock_ = ::open((options.directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (disk->lock_ < 0) {
    return error(std::string("its file lock cannot be opened: ") + std::strerror(errno) +
                 ": the folder must be writable for this user");
  }
  if (::flock(disk->lock_, LOCK_EX | LOCK_NB) != 0) {
    return error(errno == EWOULDBLOCK
                     ? "in use by another process: end that one, or name another folder in store.dir"
                     : std::strerror(errno));
  }
  remove_drafts(options.directory);
  const int refused = options.direct ? try_direct(options.directory) : 0;
  if (refused == ENOSPC || refused == EDQUOT || refused == EROFS || refused == EIO) {
    const bool full = refused == ENOSPC || refused == EDQUOT;
    return error(std::string(std::strerror(refused)) +
                 (full ? ": make room there, or name another folder in store.dir"
                       : ": mend the disk, or name another folder in store.dir"));
  }
  disk->direct_ = options.direct && refused == 0;
  if (disk->direct_) {
    disk->manner_ = "O_DIRECT, RWF_DSYNC";
  } else {
    disk->manner_ = std::string("page cache, fdatasync (O_DIRECT ") +
                    (options.direct ? std::string("refused: ") + std::strerror(refused) : "not wanted") + ")";
  }
  disk->wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  disk->bell_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (disk->wake_ < 0 || disk->bell_ < 0) {
    return error(std::string("eventfd: ") + std::strerror(errno));
  }
  // The worker takes no signals: they are the main thread's.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  disk->thread_ = std::thread([d = disk.get()] { d->work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(disk->thread_.native_handle(), "tercet-disk");
  return disk;
}

FileDisk::~FileDisk() {
  if (thread_.joinable()) {
    submit(Request{});
    thread_.join();
  }
  for (const int fd : {bell_, wake_, lock_}) {
    if (fd >= 0) {
      ::close(fd);
    }
  }
}

void FileDisk::submit(const Request& request) {
  TERCET_CHECK(submitted_ - reaped_ < kQueue - 1 || request.kind == Kind::stop, "few requests at a time");
  while (!requests_.push(request)) {  // only a stop can find it full, and the worker is emptying it
    std::this_thread::yield();
  }
  ++submitted_;
  ring(wake_);
}

void FileDisk::write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) {
  TERCET_CHECK(offset % kSectorBytes == 0 && bytes.size() % kSectorBytes == 0, "whole sectors are written");
  Request request;
  request.kind = Kind::write;
  request.durability = durability;
  request.file = file;
  request.offset = offset;
  request.bytes = const_cast<uint8_t*>(bytes.data());  // NOLINT: only read; one field serves both directions
  request.size = bytes.size();
  request.id = id;
  submit(request);
}

void FileDisk::read(FileId file, Offset offset, MutBytes bytes, IoId id) {
  TERCET_CHECK(offset % kSectorBytes == 0 && bytes.size() % kSectorBytes == 0, "whole sectors are read");
  Request request;
  request.kind = Kind::read;
  request.file = file;
  request.offset = offset;
  request.bytes = bytes.data();
  request.size = bytes.size();
  request.id = id;
  submit(request);
}

void FileDisk::create(FileId file, uint64_t size, IoId id) {
  submit({.kind = Kind::create, .file = file, .size = size, .id = id});
}

void FileDisk::begin(FileId image, uint64_t size, uint64_t leave, IoId id) {
  submit({.kind = Kind::begin, .file = image, .size = size, .leave = leave, .id = id});
}

void FileDisk::sync(IoId id) { submit({.kind = Kind::sync, .id = id}); }

void FileDisk::publish(FileId image, IoId id) { submit({.kind = Kind::publish, .file = image, .id = id}); }

void FileDisk::drop(FileId image, IoId id) { submit({.kind = Kind::drop, .file = image, .id = id}); }

void FileDisk::remove(FileId file, IoId id) { submit({.kind = Kind::remove, .file = file, .id = id}); }

void FileDisk::recycle(FileId from, FileId to, IoId id) {
  submit({.kind = Kind::recycle, .file = from, .to = to, .id = id});
}

// The worker pushes first and rings then, so the ringing of an answer that was just taken may still be to
// come: it is asked for until it was heard. And ringing for answers that are still in the queue is given
// back: whoever sleeps on the bell must hear of them. No system call while nothing was done.
void FileDisk::hush() {
  rung_ += drain(bell_);
  if (rung_ > reaped_) {
    ring(bell_, rung_ - reaped_);
    rung_ = reaped_;
  }
}

size_t FileDisk::reap(std::span<IoDone> done) {
  const size_t n = done_.pop(done.data(), done.size());
  reaped_ += n;
  if (reaped_ > rung_) {
    hush();
  }
  return n;
}

bool FileDisk::wait() {
  while (done_.read_available() == 0) {
    if (submitted_ == reaped_) {
      return false;
    }
    if (reaped_ > rung_) {
      hush();
    }
    pollfd fd{bell_, POLLIN, 0};
    ::poll(&fd, 1, 1000);
  }
  return true;
}

uint64_t FileDisk::size(FileId file) {
  struct stat status {};
  const std::string path = directory_ + "/" + file_name(file);
  return ::stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

FileRange FileDisk::files() { return segments_in(directory_); }

std::vector<FileId> FileDisk::images() { return images_in(directory_); }

void FileDisk::say(const IoDone& done) {
  TERCET_CHECK(done_.push(done), "no more answers than requests");
  ring(bell_);
}

void FileDisk::work() {
  FileWorker worker(directory_, direct_);
  uint64_t elsewhere = 0;
  for (;;) {
    Request request;
    while (requests_.pop(request)) {
      switch (request.kind) {
        case Kind::write:
          say(worker.write(request.file, request.offset, {request.bytes, request.size}, request.id,
                           request.durability));
          break;
        case Kind::read:
          say(worker.read(request.file, request.offset, {request.bytes, request.size}, request.id));
          break;
        case Kind::create:
          worker.create(request.file, request.size, request.id);
          break;
        case Kind::begin:
          say(worker.begin_image(request.file, request.size, request.leave, request.id));
          break;
        case Kind::publish:
          say(worker.publish(request.file, request.id));
          break;
        case Kind::drop:
          say(worker.drop(request.file, request.id));
          break;
        case Kind::remove:
          say(worker.remove(request.file, request.id));
          break;
        case Kind::recycle:
          say(worker.recycle(request.file, request.to, request.id));
          break;
        case Kind::sync:
          say(worker.sync(request.id));
          break;
        case Kind::stop:
          return;
      }
    }
    timespec timeout{};
    if (worker.creating()) {
      const uint64_t seen = writes_elsewhere_.load(std::memory_order_relaxed);
      if (seen != elsewhere) {
        elsewhere = seen;
        worker.note_write();
      }
      timeout.tv_nsec = worker.pause().ns;
      if (timeout.tv_nsec == 0) {
        if (const std::optional<IoDone> done = worker.step()) {
          say(*done);
        }
        continue;
      }
    }
    pollfd fd{wake_, POLLIN, 0};
    ::ppoll(&fd, 1, worker.creating() ? &timeout : nullptr, nullptr);
    drain(wake_);
  }
}

}  // namespace tercet::store
