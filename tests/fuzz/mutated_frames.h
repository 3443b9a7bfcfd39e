#pragma once
// Frames from one seed: the fixtures of dataplane/net, tagged or not, with some of their bytes changed, and
// noise; and a naive reading of their bytes, which shares nothing with dataplane/net.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <vector>

#include "dataplane/net/frames_rig.h"
#include "dataplane/net/ip.h"

namespace tercet::dataplane::fuzz {

using Frame = std::vector<uint8_t>;

inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

inline size_t word(const Frame& f, size_t at) { return static_cast<size_t>(f.at(at)) << 8U | f.at(at + 1); }
inline Ipv4 address(const Frame& f, size_t at) {
  return {f.at(at), f.at(at + 1), f.at(at + 2), f.at(at + 3)};
}
inline Mac mac(const Frame& f, size_t at) {
  return {f.at(at), f.at(at + 1), f.at(at + 2), f.at(at + 3), f.at(at + 4), f.at(at + 5)};
}
/// RFC 1071, a word at a time, of [at, at + size), after `sum`.
inline size_t folded(const Frame& f, size_t at, size_t size, size_t sum = 0) {
  for (size_t i = 0; i < size; i += 2) {
    sum += static_cast<size_t>(f.at(at + i)) << 8U | (i + 1 < size ? f.at(at + i + 1) : 0U);
  }
  while (sum > 0xFFFF) {
    sum = (sum >> 16U) + (sum & 0xFFFF);
  }
  return sum;
}
inline size_t payload_at(const Frame& f) { return word(f, 12) == kEtherTypeVlan ? 18 : 14; }
inline size_t type_of(const Frame& f) { return word(f, payload_at(f) - 2); }
inline size_t vlan_of(const Frame& f) { return word(f, 12) == kEtherTypeVlan ? word(f, 14) & 0xFFFU : 0; }

/// Frames that may be taken: the fixtures, tagged or not, with some of their bytes changed, and noise.
class Mutator {
 public:
  explicit Mutator(uint64_t seed, uint16_t vlan) : random_(seed) {
    for (const std::string_view hex : frames::kAll) {
      Frame frame = frames::bytes(hex);
      const bool tagged = payload_at(frame) == 18;
      if (vlan != 0 && !tagged) {
        frame.insert(frame.begin() + 12, {0x81, 0x00, 0x00, static_cast<uint8_t>(vlan)});
      } else if (vlan == 0 && tagged) {
        frame[15] = 0;  // a priority alone
      }
      seeds_.push_back(std::move(frame));
    }
  }
  uint64_t draw(uint64_t below) { return random_() % below; }
  Frame next() {
    if (draw(16) == 0) {
      return noise();
    }
    Frame frame = seeds_[draw(seeds_.size())];
    if (draw(4) == 0) {
      put_address(frame);
    }
    for (uint64_t n = draw(4); n > 0 && !frame.empty(); --n) {
      mutate(frame);
    }
    if (draw(3) != 0) {
      finish(frame);  // past the checksums, to what stands behind them
    }
    return frame;
  }

 private:
  Frame noise() {
    Frame frame(draw(200));
    for (uint8_t& byte : frame) {
      byte = static_cast<uint8_t>(random_());
    }
    return frame;
  }
  void put_address(Frame& frame) {
    static constexpr Ipv4 kInteresting[] = {frames::kUs,          frames::kVirtual,  frames::kPeer,
                                            frames::kClient,      frames::kGateway,  {0, 0, 0, 0},
                                            {255, 255, 255, 255}, {198, 18, 0, 255}, {224, 0, 0, 18},
                                            {127, 0, 0, 1},       {198, 18, 0, 33}};
    static constexpr std::array<size_t, 5> kPlaces{12, 16, 14, 24, 40};  // IPv4's, ARP's, a quoted header's
    const size_t at = payload_at(frame) + kPlaces[draw(kPlaces.size())];
    if (at + 4 <= frame.size()) {
      std::ranges::copy(kInteresting[draw(std::size(kInteresting))],
                        frame.begin() + static_cast<ptrdiff_t>(at));
    }
  }
  void mutate(Frame& frame) {
    static constexpr std::array<uint8_t, 6> kEdges{0, 1, 0x7F, 0x80, 0xFE, 0xFF};
    const size_t at = draw(frame.size());
    switch (draw(8)) {
      case 0:
      case 1:
        frame[at] ^= static_cast<uint8_t>(1U << draw(8));
        break;
      case 2:
        frame[at] = static_cast<uint8_t>(random_());
        break;
      case 3:
        frame[at] = kEdges[draw(kEdges.size())];
        break;
      case 4:
        frame[at] = static_cast<uint8_t>(frame[at] + (draw(2) == 0 ? 1 : -1));
        break;
      case 5:
        frame.resize(at);
        break;
      case 6:
        frame.resize(std::min<size_t>(frame.size() + draw(1'600), 2'000), static_cast<uint8_t>(random_()));
        if (frame.size() > 18 + 4 && draw(2) == 0) {
          put(frame, payload_at(frame) + 2, frame.size() - payload_at(frame));  // IPv4's length goes with it
        }
        break;
      default:
        frame[payload_at_or_0(frame)] = static_cast<uint8_t>(0x40 | draw(16));  // header lengths
    }
  }
  static size_t payload_at_or_0(const Frame& frame) { return frame.size() > 18 ? payload_at(frame) : 0; }
  static void put(Frame& frame, size_t at, size_t value) {
    frame[at] = static_cast<uint8_t>(value >> 8U);
    frame[at + 1] = static_cast<uint8_t>(value);
  }
  /// Makes the checksums right that can be found.
  static void finish(Frame& frame) {
    if (frame.size() < 18 + 20) {
      return;
    }
    const size_t ip = payload_at(frame);
    const size_t header = (frame[ip] & 0x0FU) * size_t{4};
    const size_t total = word(frame, ip + 2);
    if (header < 20 || total < header || ip + total > frame.size()) {
      return;
    }
    put(frame, ip + 10, 0);
    put(frame, ip + 10, folded(frame, ip, header) ^ 0xFFFFU);
    const size_t at = ip + header;
    const size_t size = total - header;
    if (frame[ip + 9] == kProtocolUdp && size >= 8 && word(frame, at + 4) <= size &&
        word(frame, at + 6) != 0) {
      const size_t length = word(frame, at + 4);
      put(frame, at + 6, 0);
      put(frame, at + 6, folded(frame, at, length, folded(frame, ip + 12, 8) + 17 + length) ^ 0xFFFFU);
    }
    if (frame[ip + 9] == kProtocolIcmp && size >= 8) {
      put(frame, at + 2, 0);
      put(frame, at + 2, folded(frame, at, size) ^ 0xFFFFU);
    }
  }

  std::mt19937_64 random_;
  std::vector<Frame> seeds_;
};

}  // namespace tercet::dataplane::fuzz
