#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tercet {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string advice(int error) {
  switch (error) {
    case ENOENT:
      return "check the path";
    case EACCES:
    case EPERM:
      return "check its permissions and who you are";
    case ENOSPC:
    case EDQUOT:
      return "free some space there";
    case EEXIST:
      return "it is there already; move it away or name another";
    case EROFS:
      return "choose a folder that can be written";
    default:
      return "check the file system it lies on";
  }
}

tl::unexpected<std::string> failed(const std::string& path) {
  const int error = errno;
  if (path.empty()) {
    return tl::unexpected(std::string("a file's name is empty: give one"));
  }
  return tl::unexpected(path + ": " + std::strerror(error) + ": " + advice(error));
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool sync_folder(const std::string& path) {
  const Fd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.get() >= 0 && ::fsync(folder.get()) == 0;
}

}  // namespace

tl::expected<std::string, std::string> read_file(const std::string& path, size_t most) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    return failed(path);
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    return failed(path);
  }
  if (S_ISDIR(info.st_mode)) {
    return tl::unexpected(path + ": is a folder: name a file");
  }
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failed(path);
    }
    if (n == 0) {
      return content;
    }
    content.append(buffer, static_cast<size_t>(n));
    if (content.size() > most) {
      return tl::unexpected(path + ": is larger than " + std::to_string(most) +
                            " bytes: name the right file");
    }
  }
}

tl::expected<void, std::string> write_file_durably(const std::string& path, std::string_view content,
                                                   mode_t mode, Existing existing) {
  const std::string beside = path + ".new." + std::to_string(::getpid());
  {
    const Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.get() < 0) {
      return failed(beside);
    }
    if (!write_all(file.get(), content) || ::fsync(file.get()) != 0) {
      auto error = failed(path);
      ::unlink(beside.c_str());
      return error;
    }
  }
  bool moved = false;
  if (existing == Existing::refuse) {
    moved = ::link(beside.c_str(), path.c_str()) == 0;  // unlike rename(), never replaces
    const int error = errno;
    ::unlink(beside.c_str());
    errno = error;
  } else {
    moved = ::rename(beside.c_str(), path.c_str()) == 0;
  }
  if (!moved) {
    auto error = failed(path);
    ::unlink(beside.c_str());
    return error;
  }
  if (!sync_folder(path)) {
    return failed(folder_of(path));
  }
  return {};
}

tl::expected<void, std::string> move_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return failed(to);
  }
  if (!sync_folder(to)) {
    return failed(folder_of(to));
  }
  return {};
}

tl::expected<void, std::string> append_line_durably(const std::string& path, std::string_view line,
                                                    mode_t mode) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode));
  if (file.get() < 0) {
    return failed(path);
  }
  if (!write_all(file.get(), std::string(line) + "\n") || ::fsync(file.get()) != 0) {
    return failed(path);
  }
  if (!sync_folder(path)) {
    return failed(folder_of(path));
  }
  return {};
}

tl::expected<void, std::string> make_folder(const std::string& path, mode_t mode) {
  for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return failed(part);
    }
    if (at == std::string::npos) {
      break;
    }
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return failed(path);
  }
  if (!S_ISDIR(info.st_mode)) {
    return tl::unexpected(path + ": is not a folder: name another");
  }
  return {};
}

}  // namespace tercet
