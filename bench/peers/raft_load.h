#pragma once
// Closed-loop load on the libraft server of this process, which must be the leader: N entries undecided, and
// one that was applied is followed by the next in the same turn of the loop. Latency: from raft_apply until
// the entry comes to the leader's state machine, which is when a client could be answered.

#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "bench/peers/raft_node.h"

namespace tercet::bench {

struct RaftLoadOptions {
  unsigned outstanding = 1;  ///< 1..kOutstandingMax
  Duration run = seconds(2);
  bool together =
      false;  ///< what is due in one turn of the loop goes into one raft_apply, else into one each
};
inline constexpr unsigned kOutstandingMax = 4'096;

struct RaftLoadResult {
  Duration ran;
  std::vector<int64_t> latencies_ns;  ///< of every entry applied meanwhile, sorted
  std::string failed;                 ///< libraft's words, where it ended the load
};

class RaftLoad final : public RaftNode::Listener {
 public:
  RaftLoad(uv_loop_t& loop, RaftNode& node);
  RaftLoad(const RaftLoad&) = delete;
  RaftLoad& operator=(const RaftLoad&) = delete;

  /// One at a time; `done` is called from the loop, or at once where nothing can be proposed.
  void start(const RaftLoadOptions& options, std::function<void(const RaftLoadResult&)> done);
  [[nodiscard]] bool running() const { return static_cast<bool>(done_); }

  void applied(Bytes entry) override;
  void failed(const std::string& why) override;

 private:
  void propose();
  void finish();

  RaftNode& node_;
  uv_check_t turn_{};
  uv_timer_t end_{};
  RaftLoadOptions options_;
  std::function<void(const RaftLoadResult&)> done_;
  RaftLoadResult result_;
  MonoTime started_;
  uint64_t round_ = 0;            // tells entries of an earlier load, and of another leader's
  std::vector<int64_t> sent_ns_;  // by slot; 0: not under way
  std::vector<uint32_t> due_;     // slots that wait for the turn's end
  std::vector<Entry> entries_;    // of one propose()
};

}  // namespace tercet::bench
