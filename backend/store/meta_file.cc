#include "backend/store/meta_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace tercet::store {
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
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string why(const std::string& path, const char* what) {
  return path + ": " + what + " failed: " + std::strerror(errno);
}

// The checksum covers the header's first half too, so that a changed length or version is damage.
uint64_t checksum_of(const MetaHeader& header, Bytes content) {
  std::vector<uint8_t> all(8 + content.size());
  std::memcpy(all.data(), &header, 8);
  if (!content.empty()) {
    std::memcpy(all.data() + 8, content.data(), content.size());
  }
  return hash64(all);
}

bool write_all(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

bool read_up_to(int fd, std::vector<uint8_t>& bytes, size_t most) {
  bytes.resize(most);
  size_t have = 0;
  while (have < most) {
    const ssize_t n = ::read(fd, bytes.data() + have, most - have);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return false;
    }
    if (n == 0) {
      break;
    }
    have += static_cast<size_t>(n);
  }
  bytes.resize(have);
  return true;
}

}  // namespace

tl::expected<std::vector<uint8_t>, MetaError> read_meta(const std::string& path) {
  using Kind = MetaError::Kind;
  const auto error = [](Kind kind, std::string text) {
    return tl::make_unexpected(MetaError{kind, std::move(text)});
  };
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) {
    return error(errno == ENOENT ? Kind::absent : Kind::unreadable, why(path, "opening"));
  }
  std::vector<uint8_t> bytes;
  if (!read_up_to(file.get(), bytes, sizeof(MetaHeader) + kMetaBytesMax + 1)) {
    return error(Kind::unreadable, why(path, "reading"));
  }
  MetaHeader header;
  if (bytes.size() < sizeof(header)) {
    return error(Kind::damaged, path + ": too short (" + std::to_string(bytes.size()) + " bytes)");
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  static constexpr uint8_t kMagic[] = {'T', 'M', 'F'};
  const Bytes content = Bytes{bytes}.subspan(sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return error(Kind::damaged, path + ": not a file of this kind");
  }
  if (header.length != content.size()) {
    return error(Kind::damaged, path + ": its length is not what it says");
  }
  if (header.checksum != checksum_of(header, content)) {
    return error(Kind::damaged, path + ": its checksum does not match");
  }
  if (header.version != 1) {
    return error(Kind::unreadable,
                 path + ": version " + std::to_string(header.version) + ", this program reads 1");
  }
  return std::vector<uint8_t>(content.begin(), content.end());
}

tl::expected<void, std::string> write_meta(const std::string& path, Bytes content) {
  if (content.size() > kMetaBytesMax) {
    return tl::make_unexpected(path + ": more than " + std::to_string(kMetaBytesMax) + " bytes");
  }
  const std::string fresh = path + ".new";
  {
    const Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.ok()) {
      return tl::make_unexpected(why(fresh, "creating"));
    }
    MetaHeader header;
    header.length = static_cast<uint32_t>(content.size());
    header.checksum = checksum_of(header, content);
    const char* failed = nullptr;
    if (!write_all(file.get(), bytes_of(header)) || !write_all(file.get(), content)) {
      failed = "writing";
    } else if (::fsync(file.get()) != 0) {
      failed = "syncing";
    }
    if (failed != nullptr) {
      std::string text = why(fresh, failed);
      ::unlink(fresh.c_str());
      return tl::make_unexpected(std::move(text));
    }
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    std::string text = why(path, "renaming");
    ::unlink(fresh.c_str());
    return tl::make_unexpected(std::move(text));
  }
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Fd dir(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.ok() || ::fsync(dir.get()) != 0) {
    return tl::make_unexpected(why(directory, "syncing"));
  }
  return {};
}

std::string read_boot_id() {
  const Fd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  std::vector<uint8_t> bytes;
  if (!file.ok() || !read_up_to(file.get(), bytes, 36) || bytes.size() != 36) {
    return {};
  }
  return std::string(as_text(bytes));
}

}  // namespace tercet::store
