#pragma once
// What a bench run saw.

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "client/boot_time.h"
#include "client/load/histogram.h"

namespace tercet::load {

using client::BootTime;

struct Report {
  double seconds = 0;     ///< from the start until the last request had finished
  uint64_t offered = 0;   ///< requests that were to be sent; open loop: due before the end
  uint64_t requests = 0;  ///< that were sent, and finished: answered or given up
  uint64_t answered = 0;
  uint64_t not_sent = 0;                     ///< open loop: due, but no client became free for them in time
  double rate = 0;                           ///< requests / seconds
  std::map<std::string, uint64_t> by_op;     ///< answered, by operation
  std::map<std::string, uint64_t> errors;    ///< given up, by kind: NO_ANSWER, UNAVAILABLE, …, or NOT_SENT
  std::map<std::string, uint64_t> denied;    ///< by code
  std::map<std::string, uint64_t> refusals;  ///< UNAVAILABLE, BUSY, NOT_ACTIVE heard and repeated
  Histogram latency;                         ///< of answers; from the intended send time
  Duration longest_silence{};    ///< longest time in which something was asked and nothing was answered
  Duration first_unavailable{};  ///< longest that a request waited for its first UNAVAILABLE; 0: none came
  uint64_t retransmissions = 0;
  uint64_t seats_lost = 0;  ///< whose lease ended here, or that the cell did not know any more
  uint64_t seats_left = 0;  ///< that could not be released at the end
  unsigned clients = 0, outstanding = 0;
};

/// The silence watch: from the moment that something waits for an answer, or from the last answer, to the
/// next.
class Silence {
 public:
  void asked(BootTime at) {
    if (waiting_++ == 0) {
      since_ = later(since_, at);  // what was due long ago does not undo an answer since
    }
  }
  void answered(BootTime at) {
    note(at);
    since_ = at;
    --waiting_;
  }
  void given_up() { --waiting_; }
  /// Also counts a silence that is still going on.
  void note(BootTime now) {
    if (waiting_ > 0 && now - since_ > longest_) {
      longest_ = now - since_;
    }
  }
  [[nodiscard]] Duration longest() const { return longest_; }
  void restart_second() { longest_ = {}; }

 private:
  BootTime since_;
  uint64_t waiting_ = 0;
  Duration longest_{};
};

}  // namespace tercet::load
