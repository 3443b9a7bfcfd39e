#pragma once
// HttpServer: httplib's server, hardened for a port that anyone on the network may reach. It serves short GET
// and HEAD requests; every connection carries one of them, and there is one time limit for the whole request
// and one for the whole answer, however slowly its client sends or reads (httplib limits each read alone, so
// a client that sends a byte now and then would hold a thread for hours). A connection that sends nothing
// costs no thread at all: the kernel keeps it (TCP_DEFER_ACCEPT).

#include <httplib.h>

#include <cstddef>
#include <set>
#include <string>

namespace tercet::control {

class HttpServer : public httplib::Server {
 public:
  static constexpr size_t kThreads = 16;
  static constexpr int kRequestMs = 1000;   ///< from a connection's first byte to the end of its request
  static constexpr int kAnswerMs = 30'000;  ///< of an answer; small ones fit the socket's buffer
  /// Of an answer that may last: what waited for its reader at one look must be taken at the next, kPaceMs
  /// later, or at least kPaceBytes of it. So who stopped reading, or takes a byte now and then, is gone in
  /// kPaceMs to twice that, and who is slow is not.
  static constexpr int kPaceMs = 2000;
  static constexpr int kPaceBytes = 64 << 10;

  HttpServer();

  /// Answers at `path` may last, as long as their reader keeps pace; they end when it is gone. Before
  /// listening.
  void let_last(const std::string& path) { lasting_.insert(path); }

  /// bind_to_port / bind_to_any_port, with room for a burst of connections. The port, or -1 with errno set.
  int bind(const char* host, int port);

 private:
  bool process_and_close_socket(socket_t socket) override;

  std::set<std::string> lasting_;
  int listening_ = -1;  ///< the socket that listens, as httplib handed it out while binding
};

}  // namespace tercet::control
