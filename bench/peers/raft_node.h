#pragma once
// A server of a libraft cluster of three, with the library's own transport (TCP) and storage, as they come.
// Everything happens on the thread that runs the loop. A server begins anew each time and is never stopped
// cleanly: its directory is thrown away after the measurement, and it ends with its process.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include "base/bytes.h"

namespace tercet::bench {

/// As long as the longest renewal, release or consumption that our cell orders (wire/op.h).
inline constexpr size_t kEntryBytes = 48;
using Entry = std::array<uint8_t, kEntryBytes>;

struct NodeOptions {
  unsigned id = 1;                     ///< 1, 2 or 3: its place among the addresses
  std::vector<std::string> addresses;  ///< of all three: "127.0.0.1:9001"
  std::string directory;               ///< exists, and is empty
};

class RaftNode {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// That entry is committed, and it is its turn in this server's state machine.
    virtual void applied(Bytes entry) = 0;
    /// What was proposed will not be heard of any more.
    virtual void failed(const std::string& why) = 0;
  };

  /// The error is one line. The loop outlives the node, which stays where it is.
  static tl::expected<std::unique_ptr<RaftNode>, std::string> start(uv_loop_t& loop,
                                                                    const NodeOptions& options);

  void listen(Listener& listener) { listener_ = &listener; }
  /// All of them in one raft_apply; copied. The error is libraft's.
  tl::expected<void, std::string> propose(std::span<const Entry> entries);

  bool leads() { return raft_state(&raft_) == RAFT_LEADER; }
  /// The id of the leader that it knows; 0: none.
  unsigned leader();
  uint64_t term() const { return raft_.current_term; }
  uint64_t last_applied() { return raft_last_applied(&raft_); }

 private:
  struct Request {
    struct raft_apply apply {};  // libraft has a function of that name too
    RaftNode* node = nullptr;
  };

  RaftNode() = default;
  std::string open(uv_loop_t& loop, const NodeOptions& options);
  static void answered(struct raft_apply* apply, int status, void* result);

  raft_uv_transport transport_{};
  raft_io io_{};
  raft_fsm machine_{};
  raft raft_{};
  Listener* listener_ = nullptr;
  std::vector<raft_buffer> buffers_;  // of one propose()
};

}  // namespace tercet::bench
