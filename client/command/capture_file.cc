#include "client/command/capture_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/net/pcap.h"
#include "wire/opened.h"

namespace tercet::command {

using dataplane::PcapDatagram;
using dataplane::PcapFileHeader;
using dataplane::PcapStep;

namespace {

std::string cannot_be_written(const std::string& path) {
  return path + ": cannot be written (" + std::strerror(errno) +
         "): name a file in a folder of yours, or - for standard output";
}

/// A new file, and nothing of the one that was there: whoever owns that, or had it open, may read it.
tl::expected<int, std::string> new_file(const std::string& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) {
      return tl::unexpected(path + ": is " +
                            (S_ISLNK(there.st_mode) ? "a symbolic link" : "no regular file") +
                            ", which a capture is not written to: name a new file, or - for standard output");
    }
    if (::unlink(path.c_str()) != 0) {
      return tl::unexpected(cannot_be_written(path));
    }
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || ::fchmod(fd, 0600) != 0) {  // whatever the umask says
    const std::string why = cannot_be_written(path);
    if (fd >= 0) {
      ::close(fd);
    }
    return tl::unexpected(why);
  }
  return fd;
}

}  // namespace

CaptureFile::CaptureFile(int fd, std::string path, const Options& options)
    : fd_(fd), path_(std::move(path)), options_(options) {
  if (options_.keys) {
    opener_ = std::make_unique<seal::RecordedOpener>(*options_.keys);
    options_.keys.reset();
  }
}

CaptureFile::CaptureFile(CaptureFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      options_(other.options_),
      opener_(std::move(other.opener_)),
      rest_(std::move(other.rest_)),
      out_(std::move(other.out_)),
      whole_(other.whole_),
      begun_(other.begun_),
      packets_(other.packets_),
      opened_(other.opened_) {}

CaptureFile::~CaptureFile() {
  if (fd_ > STDERR_FILENO) {
    ::close(fd_);
  }
}

tl::expected<CaptureFile, std::string> CaptureFile::create(const std::string& path, const Options& options) {
  if (path == "-") {
    return CaptureFile(STDOUT_FILENO, "standard output", options);
  }
  return new_file(path).map([&](int fd) { return CaptureFile(fd, path, options); });
}

tl::expected<void, std::string> CaptureFile::take(std::string_view piece) {
  if (full()) {
    return {};
  }
  rest_ += piece;
  Bytes bytes = as_bytes(rest_);
  if (!begun_) {
    PcapFileHeader header;
    if (bytes.size() < sizeof header) {
      return {};
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    if (!dataplane::is_pcap_of_datagrams(header)) {
      return tl::unexpected(
          std::string("what the server sends is no capture: are both of the same version?"));
    }
    out_ = as_text(bytes.first(sizeof header));
    if (auto done = write_out(); !done) {
      return done;
    }
    bytes = bytes.subspan(sizeof header);
    begun_ = true;
  }
  bool broken = false;
  while (!full()) {
    const size_t size = take_packet(bytes, broken);
    if (size == 0) {
      break;
    }
    bytes = bytes.subspan(size);
  }
  rest_.erase(0, rest_.size() - bytes.size());
  if (auto done = write_out(); !done) {
    return done;
  }
  if (broken) {
    return tl::unexpected(std::string("what the server sends is no capture: are both of the same version?"));
  }
  return {};
}

/// Puts the packet at the front of `bytes` into out_; returns its size, 0: there is no whole one.
size_t CaptureFile::take_packet(Bytes bytes, bool& broken) {
  PcapDatagram datagram;
  size_t size = 0;
  const PcapStep step = dataplane::parse_pcap_datagram(bytes, datagram, size);
  if (step != PcapStep::datagram) {
    broken = step == PcapStep::broken;
    return 0;
  }
  const auto plain = opener_ ? opener_->open(datagram.payload, datagram.from, datagram.to)
                             : tl::expected<Bytes, Drop>(tl::unexpected(Drop::none));
  if (!plain) {
    out_ += as_text(bytes.first(size));
  } else {
    const OpenedMark mark;
    const Bytes parts[] = {bytes_of(mark), datagram.payload.first(kHeaderSize), *plain};
    plain_.clear();
    for (const Bytes part : parts) {
      plain_.insert(plain_.end(), part.begin(), part.end());
    }
    datagram.payload = plain_;
    record_.resize(plain_.size() + dataplane::kPcapOverheadMax);
    out_ += as_text(Bytes(record_).first(dataplane::write_pcap_datagram(datagram, record_)));
    ++opened_;
  }
  ++packets_;
  return size;
}

tl::expected<void, std::string> CaptureFile::write_out() {
  for (size_t written = 0; written < out_.size();) {
    const ssize_t got = ::write(fd_, out_.data() + written, out_.size() - written);
    if (got < 0 && errno != EINTR) {
      const std::string why = path_ + ": cannot be written any more (" + std::strerror(errno) + "): ";
      const bool whole = fd_ > STDERR_FILENO && ::ftruncate(fd_, static_cast<off_t>(whole_)) == 0;
      return tl::unexpected(why + (whole ? "what is in it is whole up to there" : "its last packet is cut"));
    }
    written += got > 0 ? static_cast<size_t>(got) : 0;
  }
  whole_ += out_.size();
  out_.clear();
  return {};
}

}  // namespace tercet::command
