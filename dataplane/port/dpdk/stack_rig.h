#pragma once
// A stack between the hosts of dataplane/net/frames_rig.h, for its tests, its fuzz test and its benchmark.

#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "dataplane/net/frames_rig.h"
#include "dataplane/port/dpdk/stack.h"

namespace tercet::dataplane {

inline constexpr Lane kClients = 0;   ///< the virtual address, unconnected
inline constexpr Lane kToPeer = 1;    ///< our own to the peer's, connected
inline constexpr Lane kAnywhere = 2;  ///< any address of ours, unconnected
inline constexpr Lane kFarPeer = 3;   ///< connected, behind the gateway
inline constexpr Endpoint kClientAt = endpoint_of(frames::kClient, 40'000);
inline constexpr Endpoint kPeerAt = endpoint_of(frames::kPeer, 8'220);

inline StackOptions stack_options() {
  StackOptions options;
  options.mac = frames::kOurMac;
  options.own = {endpoint_of(frames::kUs, 0).address, 24};
  options.gateway = frames::kGateway;
  options.lanes = {
      {endpoint_of(frames::kVirtual, 8'210), {}},
      {endpoint_of(frames::kUs, 8'220), kPeerAt},
      {endpoint_of({}, 9'000), {}},
      {endpoint_of(frames::kUs, 8'221), endpoint_of({198, 19, 0, 1}, 8'220)},
  };
  return options;
}

struct StackRig {
  explicit StackRig(const StackOptions& options = stack_options()) : stack(options) {
    stack.own(frames::kVirtual);
  }
  /// Gives a copy of `bytes` in a block of exactly their size to the stack; the copy stays in `frame`. Goes
  /// both ways: what the short one finds is what the long one makes of it.
  Taken take(std::vector<uint8_t> bytes, RxSums sums = {}) {
    frame = std::move(bytes);
    frame.shrink_to_fit();
    const Plain plain = stack.plain(frame, sums);
    const Ipv4Udp headers = plain.headers != nullptr ? *plain.headers : Ipv4Udp{};
    const Taken taken = stack.take(frame, sums, now);
    plainly = plain.headers != nullptr;
    if (plainly) {
      ++plain_datagrams;
      TERCET_CHECK(taken.kind == Taken::Kind::datagram && taken.lane == plain.lane &&
                       taken.offset == stack.headers() &&
                       taken.size == headers.udp.length - sizeof headers.udp &&
                       taken.from == endpoint_of(headers.ip.source, headers.udp.source_port) &&
                       taken.to == headers.ip.destination && taken.ttl == headers.ip.ttl,
                   "the short way takes nothing that the long one does not take so");
    }
    return taken;
  }
  Taken take(std::string_view hex, RxSums sums = {}) { return take(frames::bytes(hex), sums); }
  /// What take() found the payload to be.
  [[nodiscard]] Bytes payload(const Taken& taken) const {
    return Bytes(frame).subspan(taken.offset, taken.size);
  }
  /// All questions that are due now, a frame each.
  std::vector<std::vector<uint8_t>> questions() {
    std::vector<std::vector<uint8_t>> out;
    for (;;) {
      std::vector<uint8_t> question(64);
      question.resize(stack.next_question(question, now));
      if (question.empty()) {
        return out;
      }
      out.push_back(question);
    }
  }
  [[nodiscard]] uint64_t drops(NetDrop drop) const {
    return stack.counters().drops[static_cast<size_t>(drop)].get();
  }

  Stack stack;
  MonoTime now{1'000'000'000};
  std::vector<uint8_t> frame;
  bool plainly = false;  ///< the last one could have gone the short way
  uint64_t plain_datagrams = 0;
};

}  // namespace tercet::dataplane
