#include "bench/peers/raft_load.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/port/port.h"

namespace tercet::bench {
namespace {

using dataplane::raw_now;

/// What an entry carries, in front of its padding. The marker is what a test looks for on the disks.
struct Stamp {
  std::array<char, 8> marker{'t', 'e', 'r', 'c', 'e', 't', '4', '8'};
  uint64_t round = 0;
  uint64_t slot = 0;
};
static_assert(sizeof(Stamp) <= kEntryBytes);

constexpr size_t kSamples = 4'000'000;  // reserved before the load, and more than three minutes give

}  // namespace

RaftLoad::RaftLoad(uv_loop_t& loop, RaftNode& node) : node_(node) {
  uv_check_init(&loop, &turn_);
  uv_timer_init(&loop, &end_);
  turn_.data = this;
  end_.data = this;
  node.listen(*this);
}

void RaftLoad::start(const RaftLoadOptions& options, std::function<void(const RaftLoadResult&)> done) {
  TERCET_CHECK(!running() && options.outstanding >= 1 && options.outstanding <= kOutstandingMax,
               "one load at a time");
  options_ = options;
  done_ = std::move(done);
  result_ = {};
  result_.latencies_ns.reserve(kSamples);
  ++round_;
  sent_ns_.assign(options.outstanding, 0);
  due_.clear();
  for (uint32_t slot = 0; slot < options.outstanding; ++slot) {
    due_.push_back(slot);
  }
  // libuv's own clock is that of the turn's beginning.
  uv_update_time(end_.loop);
  uv_timer_start(
      &end_, [](uv_timer_t* timer) { static_cast<RaftLoad*>(timer->data)->finish(); },
      static_cast<uint64_t>(options.run.ns / 1'000'000), 0);
  // At the end of a turn, not from within libraft's callbacks, which walk the log meanwhile.
  uv_check_start(&turn_, [](uv_check_t* check) { static_cast<RaftLoad*>(check->data)->propose(); });
  started_ = raw_now();
  propose();
}

void RaftLoad::propose() {
  // What comes due meanwhile (an error of libraft's may end the load from here) waits for the next turn.
  const std::vector<uint32_t> slots = std::exchange(due_, {});
  const size_t at_once = options_.together ? slots.size() : 1;
  for (size_t i = 0; i < slots.size() && running(); i += at_once) {
    entries_.assign(at_once, Entry{});
    const int64_t now = raw_now().ns;
    for (size_t j = 0; j < at_once; ++j) {
      const Stamp stamp{.round = round_, .slot = slots[i + j]};
      std::memcpy(entries_[j].data(), &stamp, sizeof(stamp));
      sent_ns_[stamp.slot] = now;
    }
    if (auto proposed = node_.propose(entries_); !proposed) {
      failed(proposed.error());
    }
  }
}

void RaftLoad::applied(Bytes entry) {
  Stamp stamp;
  const Stamp own;
  if (!running() || entry.size() != kEntryBytes) {
    return;
  }
  std::memcpy(&stamp, entry.data(), sizeof(stamp));
  if (stamp.marker != own.marker || stamp.round != round_ || stamp.slot >= sent_ns_.size() ||
      sent_ns_[stamp.slot] <= 0) {
    return;
  }
  result_.latencies_ns.push_back(raw_now().ns - std::exchange(sent_ns_[stamp.slot], 0));
  due_.push_back(static_cast<uint32_t>(stamp.slot));
}

void RaftLoad::failed(const std::string& why) {
  if (running()) {
    result_.failed = why;
    finish();
  }
}

void RaftLoad::finish() {
  uv_timer_stop(&end_);
  uv_check_stop(&turn_);
  result_.ran = raw_now() - started_;
  std::ranges::sort(result_.latencies_ns);
  std::exchange(done_, {})(result_);
}

}  // namespace tercet::bench
