#include "control/backend/disk_probe.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "backend/store/log_format.h"
#include "base/check.h"

namespace tercet::control {
namespace {

constexpr size_t kProbeBytes = 1U << 20U;

struct Free {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<uint8_t[], Free>;

Buffer buffer() {
  Buffer bytes(static_cast<uint8_t*>(std::aligned_alloc(store::kIoAlignment, kProbeBytes)));
  TERCET_CHECK(bytes != nullptr, "memory for a probe");
  return bytes;
}

/// 0, or errno.
int write_and_read_back(int fd) {
  const Buffer written = buffer();
  for (size_t i = 0; i < kProbeBytes; ++i) {
    written[i] = static_cast<uint8_t>(i * 31 + (i >> 9U));  // no two sectors alike
  }
  const ssize_t wrote = ::pwrite(fd, written.get(), kProbeBytes, 0);
  if (wrote != ssize_t{kProbeBytes}) {
    return wrote < 0 ? errno : ENOSPC;
  }
  const Buffer read = buffer();
  const ssize_t got = ::pread(fd, read.get(), kProbeBytes, 0);
  if (got < 0) {
    return errno;
  }
  return got == ssize_t{kProbeBytes} && std::memcmp(written.get(), read.get(), kProbeBytes) == 0 ? 0 : EIO;
}

}  // namespace

std::string probe_disk(const std::string& folder, uint64_t room, bool direct) {
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) {
    return std::strerror(errno);
  }
  const uint64_t free = uint64_t{space.f_bavail} * space.f_frsize;
  if (free < room + kProbeBytes) {
    return std::to_string(free >> 20U) + " MiB are free, " + std::to_string((room + kProbeBytes) >> 20U) +
           " are wanted";
  }
  const std::string path = folder + "/probe.new";
  const int fd =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DSYNC | (direct ? O_DIRECT : 0), 0600);
  int error = fd < 0 ? errno : write_and_read_back(fd);
  if (fd >= 0) {
    ::close(fd);
    if (::unlink(path.c_str()) != 0 && error == 0) {
      error = errno;
    }
  }
  return error == 0 ? std::string() : std::strerror(error);
}

}  // namespace tercet::control
