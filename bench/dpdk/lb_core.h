#pragma once
// LbCore: a load balancer's core, whole and real (DPDK port, stack, open, Balancer with its proposer, send;
// one thread run to completion), with the cell around it played in the same process: three voters, and
// clients. Each round is a burst of renewals and the votes on it:
//
//   clients → [turn: receive, open, order, fan out, seal three, send] → voters →
//             [turn: receive, open, tally, reply, seal, send] → clients, who check what they got
//
// Only what stands in brackets is timed. The cell's time advances by a fixed step a turn, so that heartbeats
// and keep-alives come as often as on a busy LB, however long the others take.

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "bench/dpdk/clients.h"
#include "bench/dpdk/far_end.h"
#include "bench/dpdk/steps.h"
#include "bench/dpdk/voter.h"
#include "dataplane/one_thread.h"
#include "dataplane/port/control_path.h"
#include "dataplane/real_clock.h"
#include "dataplane/steer/balancer.h"
#include "wire/seal/key_file.h"

namespace tercet::bench {

struct LbCoreOptions {
  std::string eal;
  std::optional<seal::Provider> provider;
  size_t clients = 1'024;
  size_t key_cache = 4'096;
  bool device_sums = true;  ///< as a device that verifies and fills in checksums; else in software
  size_t evict_bytes = 0;   ///< walked before each round: nothing of the LB stays in a cache …
  bool evict_code = false;  ///< … and no round of other clients comes between, which brings the loop back
};

/// Processor ticks of the two timed turns of a round; 0: not what was expected came back (counted).
struct Round {
  uint64_t queries = 0;
  uint64_t votes = 0;
  Steps steps[2];
};

class LbCore {
 public:
  /// Up to an LB that is active and serves. The error is one line.
  static tl::expected<std::unique_ptr<LbCore>, std::string> make(const LbCoreOptions& options);
  ~LbCore();
  LbCore(const LbCore&) = delete;
  LbCore& operator=(const LbCore&) = delete;

  /// `stepped`: fills Round::steps, by a loop of its own over the same port and Balancer. Seals the bursts of
  /// `rounds` rounds ahead and plays them. The clients' checks are made at the end, so that their memory is
  /// not walked in between.
  void play(size_t burst, size_t rounds, bool stepped, std::vector<Round>& out);
  /// Every client once, so that the LB knows all their keys and handles.
  void warm_up();

  [[nodiscard]] size_t clients() const { return clients_->size(); }
  /// Replies that did not come, did not open, or were not what was asked for.
  [[nodiscard]] uint64_t wrong() const { return wrong_; }
  [[nodiscard]] uint64_t keys_derived() const { return keyring_->query_keys_derived(); }
  [[nodiscard]] const char* provider() const { return seal::name_of(keyring_->provider()); }
  [[nodiscard]] size_t query_frame() const { return query_frame_; }
  [[nodiscard]] size_t reply_frame() const { return reply_frame_; }
  [[nodiscard]] uint64_t accepts() const { return accepts_; }

 private:
  /// A query or a reply: one renewal.
  struct alignas(64) Frame {
    std::array<uint8_t, 252> bytes;
    uint32_t size = 0;
  };

  explicit LbCore(const LbCoreOptions& options);
  tl::expected<void, std::string> set_up();
  uint64_t turn(Steps* steps);
  void hear_lb();
  void speak();
  void take(MutBytes frame);
  void answer_arp(MutBytes frame);
  void check_replies();
  void evict();
  void play_one(std::span<const Frame> burst, bool stepped, Round& round);
  size_t frame(MutBytes out, const Endpoint& from, const Endpoint& to, Bytes datagram) const;

  LbCoreOptions options_;
  seal::CellKeys keys_;
  std::unique_ptr<FarEnd> far_end_;
  std::shared_ptr<dataplane::ControlPath> control_;
  std::unique_ptr<dataplane::Port> port_;
  std::unique_ptr<seal::Keyring> keyring_;
  std::unique_ptr<dataplane::Balancer> balancer_;
  Steps steps_;
  std::unique_ptr<SteppedPort> stepped_port_;
  std::unique_ptr<SteppedService> stepped_service_;
  std::unique_ptr<dataplane::OneThread> loop_;
  std::unique_ptr<dataplane::OneThread> stepped_loop_;
  dataplane::RealClock clock_;
  Moment now_;
  std::vector<std::unique_ptr<Voter>> voters_;
  std::unique_ptr<Clients> clients_;
  std::vector<Frame> queries_;
  std::vector<Frame> replies_;
  size_t replied_ = 0;
  std::vector<uint8_t> junk_;
  uint64_t junk_sum_ = 0;
  uint64_t wrong_ = 0;
  uint64_t accepts_ = 0;
  size_t query_frame_ = 0;
  size_t reply_frame_ = 0;
};

}  // namespace tercet::bench
