#pragma once
// Captures: GET /v1/capture streams what a server's wiretaps copy, as pcap, to one reader at a time, until it
// goes away or ?seconds=N have passed; GET /v1/capture/counts tells of the one that goes on, or was last, how
// many datagrams it took and how many it lost. Datagrams are sealed, as on the wire: what they say is opened
// by whoever has the key file (tercet capture --opened).
//
//   polling thread: Wiretap ═ Link ═► one thread of the admin interface: merged by time, pcap ─► TCP
//
// Threads: begin() and counts() by any; a stream by the one that reads it.

#include <atomic>
#include <memory>
#include <vector>

#include "control/admin.h"
#include "dataplane/wiretap.h"

namespace tercet::control {

class Captures {
 public:
  /// The taps outlive it, and it outlives its streams.
  explicit Captures(std::vector<dataplane::Wiretap*> taps) : taps_(std::move(taps)) {}

  /// 409 while another one goes on, 400 for a limit that is none.
  tl::expected<std::unique_ptr<AdminStream>, AdminPage> begin(const AdminQuery& query);
  [[nodiscard]] AdminPage counts() const;

 private:
  class Stream;
  [[nodiscard]] uint64_t taken() const;
  [[nodiscard]] uint64_t lost() const;

  std::vector<dataplane::Wiretap*> taps_;
  std::atomic<bool> running_{false};
  std::atomic<uint64_t> taken_before_{0};  ///< what the counters were when the last one began
  std::atomic<uint64_t> lost_before_{0};
};

/// The two routes.
void add_capture_routes(std::vector<AdminRoute>& routes, Captures& captures);

}  // namespace tercet::control
