#pragma once
// AdminReader: one GET of a server's admin interface, read piece by piece while it lasts. Just enough of
// HTTP/1.1 (RFC 9112) for that interface: one request a connection, answers in chunks or up to the end of the
// connection.
//
// It waits only where it is told how long, so that its user can look after signals and times in between.

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/time.h"
#include "wire/endpoint.h"

namespace tercet::command {

class AdminReader {
 public:
  /// Connects, asks, and reads the answer's header, all within `limit`. `token`: may be empty. The error says
  /// what went wrong, without what to do.
  static tl::expected<AdminReader, std::string> get(const Endpoint& server, const std::string& path,
                                                    const std::string& token, Duration limit);
  AdminReader(AdminReader&& other) noexcept;
  AdminReader& operator=(AdminReader&&) = delete;
  ~AdminReader();

  [[nodiscard]] int status() const { return status_; }

  enum class Step : uint8_t {
    piece,    ///< something was appended
    nothing,  ///< nothing came in time
    end,      ///< that was the whole answer
    cut,      ///< it ended before its end, or was no HTTP
  };
  /// Appends to `body` what comes within `wait`.
  Step next(std::string& body, Duration wait);
  /// The rest of the answer, if it ends within `limit` and has at most `max` bytes.
  tl::expected<std::string, std::string> rest(Duration limit, size_t max);

 private:
  explicit AdminReader(int fd) : fd_(fd) {}
  enum class Came : uint8_t { bytes, nothing, closed };
  Came receive(Duration wait);
  tl::expected<void, std::string> read_header(MonoTime until);
  Step take_body(std::string& body);
  Step take_chunks(std::string& body);

  int fd_;
  int status_ = 0;
  bool chunked_ = false;
  std::string raw_;        ///< received, not taken apart yet
  size_t chunk_left_ = 0;  ///< of the chunk under way, its closing CR LF not counted
  bool in_chunk_ = false;
};

}  // namespace tercet::command
