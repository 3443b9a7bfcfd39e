#include "wire/seal/private_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace tercet::seal {
namespace {

tl::unexpected<std::string> failed(const std::string& path, const std::string& why) {
  return tl::unexpected(path.empty() ? "a file's name is empty: give one" : path + ": " + why);
}

/// What errno says, and what to do about it.
std::string why_not() {
  const int error = errno;
  const char* advice = error == ENOENT || error == ENOTDIR  ? "check the path"
                       : error == EACCES || error == EPERM  ? "check its permissions and who you are"
                       : error == ENOSPC || error == EDQUOT ? "make room there, or name another file"
                       : error == EROFS                     ? "name a file where it can be written"
                                                            : "check the file system it lies on";
  return std::string(std::strerror(error)) + ": " + advice;
}

/// Closes at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

enum class Secrecy { secret, plain };

tl::expected<std::string, std::string> read_file(const std::string& path, size_t max_bytes, Secrecy secrecy) {
  // O_NONBLOCK: a fifo put in the file's place must not hold us up.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return failed(path, errno == ENOENT ? "no such file: check the path" : "cannot be read: " + why_not());
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    return failed(path, why_not());
  }
  if (!S_ISREG(info.st_mode)) {
    return failed(path, "is not a regular file: name one");
  }
  if (secrecy == Secrecy::secret) {
    if ((info.st_mode & 077U) != 0) {
      char mode[8];
      std::snprintf(mode, sizeof mode, "%04o", info.st_mode & 07777U);
      return failed(path, std::string("holds a secret but has mode ") + mode + "; run: chmod 600 " + path);
    }
    if (info.st_uid != ::geteuid() && info.st_uid != 0) {
      return failed(path, "holds a secret but belongs to user " + std::to_string(info.st_uid) +
                              ", neither to us nor to root; run: chown " + std::to_string(::geteuid()) + " " +
                              path);
    }
  }
  if (info.st_size > static_cast<off_t>(max_bytes)) {
    return failed(path, "is longer than " + std::to_string(max_bytes) + " bytes: name the right file");
  }
  std::string text(max_bytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return failed(path, why_not());
    }
    if (got == 0) {
      break;
    }
    size += static_cast<size_t>(got);
  }
  if (size > max_bytes) {  // it grew meanwhile
    return failed(path, "is longer than " + std::to_string(max_bytes) + " bytes: name the right file");
  }
  text.resize(size);
  return text;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    text.remove_prefix(static_cast<size_t>(put));
  }
  return ::fsync(fd) == 0;
}

void sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) {
    (void)::fsync(fd.get());  // some file systems refuse it for folders; the file itself is synced
  }
}

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

tl::expected<std::string, std::string> read_private_file(const std::string& path, size_t max_bytes) {
  return read_file(path, max_bytes, Secrecy::secret);
}
tl::expected<std::string, std::string> read_plain_file(const std::string& path, size_t max_bytes) {
  return read_file(path, max_bytes, Secrecy::plain);
}

tl::expected<void, std::string> write_private_file(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) {
    return failed(path, errno == EEXIST ? "exists already, and a key is never written over: name another path"
                                        : "cannot be made: " + why_not());
  }
  if (::fchmod(file.get(), 0600) != 0 || !write_all(file.get(), text)) {
    const std::string why = why_not();
    ::unlink(path.c_str());
    return failed(path, "cannot be written: " + why);
  }
  sync_folder_of(path);
  return {};
}

tl::expected<void, std::string> write_plain_file(const std::string& path, std::string_view text) {
  // A device or a fifo would be replaced by a file of its name.
  struct stat there {};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    return failed(path, "is there and is not a regular file: name another one");
  }
  const std::string fresh = path + ".new";
  {
    const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (file.get() < 0) {
      return failed(path, "cannot be made: " + why_not());
    }
    if (!write_all(file.get(), text)) {
      const std::string why = why_not();
      ::unlink(fresh.c_str());
      return failed(path, "cannot be written: " + why);
    }
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const std::string why = why_not();
    ::unlink(fresh.c_str());
    return failed(path, "cannot be replaced: " + why);
  }
  sync_folder_of(path);
  return {};
}

std::string base64url(Bytes bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
  text.pop_back();  // its terminating zero
  return text;
}

bool from_base64url(std::string_view text, MutBytes out) {
  // libsodium 1.0.18 takes some bytes above 0x7F for digits (0xC3 for '_'), which would give a text two
  // spellings.
  const bool clean = std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  size_t size = 0;
  return clean &&
         sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                           kVariant) == 0 &&
         size == out.size();
}

tl::expected<std::string, std::string> from_base64url(std::string_view text, size_t max_bytes) {
  const size_t size = text.size() / 4 * 3 + (text.size() % 4 == 0 ? 0 : text.size() % 4 - 1);
  if (size > max_bytes) {
    return tl::unexpected(std::string("too long"));
  }
  std::string out(size, '\0');
  if (text.size() % 4 == 1 || !from_base64url(text, {reinterpret_cast<uint8_t*>(out.data()), out.size()})) {
    return tl::unexpected(std::string("not base64url"));
  }
  return out;
}

}  // namespace tercet::seal
