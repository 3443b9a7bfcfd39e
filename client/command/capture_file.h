#pragma once
// CaptureFile: takes a server's capture as it comes (dataplane/net/pcap.h) and writes it, packet by packet,
// so that what was written is a whole file at any time. With the server's keys it opens what it can on the
// way: such a packet's payload becomes an OpenedMark (wire/opened.h), the datagram's header and its
// plaintext; what cannot be opened stays as it was.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "wire/seal/recorded.h"

namespace tercet::command {

class CaptureFile {
 public:
  struct Options {
    std::optional<seal::ServerKeys> keys = {};  ///< absent: sealed, as on the wire
    uint64_t packets_max = 0;                   ///< 0: no limit
  };
  /// Makes `path` (mode 0600, since opened packets name people and seats); a file that is there gives way to
  /// a new one, a symbolic link or what is no regular file is refused. "-": standard output. The error is one
  /// line with what to do.
  static tl::expected<CaptureFile, std::string> create(const std::string& path, const Options& options);
  CaptureFile(CaptureFile&& other) noexcept;
  CaptureFile& operator=(CaptureFile&&) = delete;
  ~CaptureFile();

  /// The next piece of the stream, cut anywhere. The error is one line; nothing more can be taken then. What
  /// comes when full() is forgotten.
  tl::expected<void, std::string> take(std::string_view piece);

  [[nodiscard]] bool begun() const { return begun_; }  ///< the file's header came, and is written
  [[nodiscard]] bool full() const { return options_.packets_max != 0 && packets_ >= options_.packets_max; }
  [[nodiscard]] uint64_t packets() const { return packets_; }
  [[nodiscard]] uint64_t opened() const { return opened_; }

 private:
  CaptureFile(int fd, std::string path, const Options& options);
  size_t take_packet(Bytes bytes, bool& broken);
  tl::expected<void, std::string> write_out();

  int fd_;
  std::string path_;
  Options options_;
  std::unique_ptr<seal::RecordedOpener> opener_;
  std::string rest_;  ///< the record under way
  std::string out_;
  uint64_t whole_ = 0;  ///< bytes in the file
  std::vector<uint8_t> plain_;
  std::vector<uint8_t> record_;
  bool begun_ = false;
  uint64_t packets_ = 0;
  uint64_t opened_ = 0;
};

}  // namespace tercet::command
