// Random and mutated frames into the stack: a million in a few seconds, from one seed. What comes out is held
// against a second, naive reading of the same bytes: a datagram is one that really is there, from whom it
// says, to an address that is ours now; a reply is an ARP or echo reply from such an address, to who asked;
// and nothing else is ever written. TERCET_FUZZ_SEED and TERCET_FUZZ_RUNS repeat or lengthen it.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <vector>

#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

using Frame = std::vector<uint8_t>;
using Kind = Taken::Kind;
constexpr uint16_t kVlan = 7;

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

// The naive reading.

size_t word(const Frame& f, size_t at) { return static_cast<size_t>(f.at(at)) << 8U | f.at(at + 1); }
Ipv4 address(const Frame& f, size_t at) { return {f.at(at), f.at(at + 1), f.at(at + 2), f.at(at + 3)}; }
Mac mac(const Frame& f, size_t at) {
  return {f.at(at), f.at(at + 1), f.at(at + 2), f.at(at + 3), f.at(at + 4), f.at(at + 5)};
}
/// RFC 1071, a word at a time, of [at, at + size), after `sum`.
size_t folded(const Frame& f, size_t at, size_t size, size_t sum = 0) {
  for (size_t i = 0; i < size; i += 2) {
    sum += static_cast<size_t>(f.at(at + i)) << 8U | (i + 1 < size ? f.at(at + i + 1) : 0U);
  }
  while (sum > 0xFFFF) {
    sum = (sum >> 16U) + (sum & 0xFFFF);
  }
  return sum;
}
size_t payload_at(const Frame& f) { return word(f, 12) == kEtherTypeVlan ? 18 : 14; }
size_t type_of(const Frame& f) { return word(f, payload_at(f) - 2); }
size_t vlan_of(const Frame& f) { return word(f, 12) == kEtherTypeVlan ? word(f, 14) & 0xFFFU : 0; }

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

class Judge {
 public:
  Judge(const StackOptions& options, const Stack& stack) : options_(options), stack_(stack) {}

  void datagram(const Frame& f, const Taken& taken) const {
    const size_t ip = payload_at(f);
    const size_t header = (f.at(ip) & 0x0FU) * size_t{4};
    const size_t udp = ip + header;
    const size_t length = word(f, udp + 4);
    ASSERT_EQ(type_of(f), kEtherTypeIpv4);
    ASSERT_EQ(vlan_of(f), options_.vlan);
    ASSERT_EQ(mac(f, 0), frames::kOurMac);
    ASSERT_EQ(f.at(ip) >> 4U, 4);
    ASSERT_EQ(f.at(ip + 9), kProtocolUdp);
    ASSERT_EQ(word(f, ip + 6) & 0x3FFFU, 0U) << "a piece";
    ASSERT_EQ(folded(f, ip, header), 0xFFFFU);
    ASSERT_LE(header + length, word(f, ip + 2));
    ASSERT_LE(ip + word(f, ip + 2), f.size());
    ASSERT_EQ(taken.offset, udp + 8);
    ASSERT_EQ(taken.size + 8U, length);
    if (word(f, udp + 6) != 0) {
      ASSERT_EQ(folded(f, udp, length, folded(f, ip + 12, 8) + 17 + length), 0xFFFFU);
    }
    const Endpoint from = endpoint_of(address(f, ip + 12), static_cast<uint16_t>(word(f, udp)));
    const Endpoint to = endpoint_of(address(f, ip + 16), static_cast<uint16_t>(word(f, udp + 2)));
    ASSERT_EQ(taken.from, from);
    ASSERT_EQ(endpoint_of(taken.to, to.port), to);
    ASSERT_TRUE(stack_.owns(taken.to));
    ASSERT_FALSE(stack_.owns(address(f, ip + 12)));
    ASSERT_TRUE(is_host(address(f, ip + 12)));
    // The lane: a connected one before an unconnected one, an address before any address.
    size_t best = options_.lanes.size();
    int rank = 0;
    for (size_t l = 0; l < options_.lanes.size(); ++l) {
      const LaneOptions& lane = options_.lanes[l];
      const bool any = lane.local == endpoint_of({}, to.port);
      if ((lane.local == to || any) && (!lane.connected() || lane.remote == from)) {
        const int r = (lane.connected() ? 4 : 2) - (any ? 1 : 0);
        best = r > rank ? l : best;
        rank = std::max(rank, r);
      }
    }
    ASSERT_EQ(taken.lane, best);
  }

  void reply(const Frame& before, const Frame& after, const Taken& taken) const {
    const size_t at = payload_at(before);
    ASSERT_EQ(taken.offset, 0);
    ASSERT_EQ(vlan_of(before), options_.vlan);
    ASSERT_EQ(mac(after, 6), frames::kOurMac);
    ASSERT_TRUE(
        std::equal(before.begin() + 12, before.begin() + static_cast<ptrdiff_t>(at), after.begin() + 12));
    if (type_of(before) == kEtherTypeArp) {
      ASSERT_EQ(word(before, at + 6), 1U) << "a question";
      ASSERT_EQ(word(after, at + 6), 2U);
      ASSERT_EQ(taken.size, at + 28);
      ASSERT_EQ(mac(after, 0), mac(before, at + 8)) << "to who asked";
      ASSERT_EQ(mac(after, at + 8), frames::kOurMac);
      ASSERT_EQ(address(after, at + 14), address(before, at + 24)) << "about what was asked";
      ASSERT_TRUE(stack_.owns(address(after, at + 14)));
      ASSERT_EQ(mac(after, at + 18), mac(before, at + 8));
      ASSERT_EQ(address(after, at + 24), address(before, at + 14));
      return;
    }
    ASSERT_EQ(type_of(before), kEtherTypeIpv4);
    const size_t header = (before.at(at) & 0x0FU) * size_t{4};
    const size_t size = word(before, at + 2) - header;
    ASSERT_EQ(before.at(at + 9), kProtocolIcmp);
    ASSERT_EQ(before.at(at + header), 8) << "an echo request";
    ASSERT_LE(size, 1'480U);
    ASSERT_EQ(mac(before, 0), frames::kOurMac);
    ASSERT_EQ(mac(after, 0), mac(before, 6)) << "to who asked";
    ASSERT_EQ(taken.size, at + 20 + size) << "not longer than what was asked";
    ASSERT_EQ(after.at(at), 0x45);
    ASSERT_EQ(word(after, at + 2), 20 + size);
    ASSERT_EQ(folded(after, at, 20), 0xFFFFU);
    ASSERT_EQ(address(after, at + 12), address(before, at + 16));
    ASSERT_EQ(address(after, at + 16), address(before, at + 12));
    ASSERT_TRUE(stack_.owns(address(after, at + 12)));
    ASSERT_TRUE(is_host(address(after, at + 16)));
    ASSERT_EQ(after.at(at + 20), 0);
    ASSERT_EQ(folded(after, at + 20, size), 0xFFFFU);
    ASSERT_TRUE(std::equal(before.begin() + static_cast<ptrdiff_t>(at + header + 4),
                           before.begin() + static_cast<ptrdiff_t>(at + header + size),
                           after.begin() + static_cast<ptrdiff_t>(at + 24)))
        << "the same data";
  }

  void vrrp(const Frame& f, const Taken& taken) const {
    const size_t ip = payload_at(f);
    ASSERT_EQ(f.at(ip + 9), kProtocolVrrp);
    ASSERT_EQ(taken.offset, ip + (f.at(ip) & 0x0FU) * size_t{4});
    ASSERT_EQ(taken.offset + taken.size, ip + word(f, ip + 2));
    ASSERT_EQ(taken.from, endpoint_of(address(f, ip + 12), 0));
    ASSERT_EQ(taken.to, address(f, ip + 16));
    ASSERT_EQ(taken.ttl, f.at(ip + 8));
  }

  /// Somebody else's address was learned, or an error of ICMP noted.
  void consumed(const Frame& f) const {
    const size_t at = payload_at(f);
    ASSERT_EQ(vlan_of(f), options_.vlan);
    if (type_of(f) == kEtherTypeArp) {
      ASSERT_FALSE(stack_.owns(address(f, at + 14)));
      ASSERT_TRUE(is_host(address(f, at + 14)));
      ASSERT_EQ(f.at(at + 8) & 1U, 0U) << "a group has no address";
      return;
    }
    ASSERT_EQ(f.at(at + 9), kProtocolIcmp);
    ASSERT_EQ(f.at(at + (f.at(at) & 0x0FU) * size_t{4}), 3);
    ASSERT_TRUE(stack_.owns(address(f, at + 16)));
  }

  /// A question of ours: one for a neighbour, from us.
  static void question(const Frame& f) {
    const size_t at = payload_at(f);
    ASSERT_EQ(f.size(), at + 28);
    ASSERT_EQ(type_of(f), kEtherTypeArp);
    ASSERT_EQ(mac(f, 6), frames::kOurMac);
    ASSERT_EQ(word(f, at + 6), 1U);
    ASSERT_EQ(mac(f, at + 8), frames::kOurMac);
    ASSERT_EQ(address(f, at + 14), frames::kUs);
    const Ipv4 asked = address(f, at + 24);
    ASSERT_TRUE(asked[0] == 198 && asked[1] == 18 && asked[2] == 0) << "on the link";
    ASSERT_NE(asked, frames::kUs);
  }

 private:
  const StackOptions& options_;
  const Stack& stack_;
};

void run(uint64_t seed, uint64_t runs, uint16_t vlan) {
  StackOptions options = stack_options();
  options.vlan = vlan;
  options.lanes.insert(options.lanes.begin(),
                       {endpoint_of(frames::kUs, 8'220), {}});  // beside a connected one
  StackRig rig(options);
  const Judge judge(options, rig.stack);
  Mutator mutator(seed, vlan);
  std::array<uint64_t, 6> seen{};
  for (uint64_t i = 0; i < runs; ++i) {
    const Frame frame = mutator.next();
    if (mutator.draw(64) == 0) {
      mutator.draw(2) == 0 ? rig.stack.own(frames::kVirtual) : rig.stack.disown(frames::kVirtual);
    }
    const Taken taken = rig.take(frame);
    ++seen[static_cast<size_t>(taken.kind)];
    ASSERT_LE(size_t{taken.offset} + taken.size, frame.size());
    switch (taken.kind) {
      case Kind::datagram:
        judge.datagram(frame, taken);
        break;
      case Kind::reply:
        judge.reply(frame, rig.frame, taken);
        break;
      case Kind::vrrp:
        judge.vrrp(frame, taken);
        break;
      case Kind::consumed:
        judge.consumed(frame);
        break;
      case Kind::exception:
      case Kind::dropped:
        ASSERT_NE(taken.drop, NetDrop::none);
        break;
    }
    if (taken.kind != Kind::reply) {
      ASSERT_EQ(rig.frame, frame) << "written to";
    }
    rig.now = rig.now + microseconds(static_cast<int64_t>(mutator.draw(20'000)));
    if (i % 16 == 0) {
      const Ipv4 to = ipv4_of(number(frames::kUs) + static_cast<uint32_t>(mutator.draw(300)));
      rig.stack.next_hop(kClients, endpoint_of(to, 1), rig.now);
      for (const Frame& question : rig.questions()) {
        judge.question(question);
      }
    }
    if (::testing::Test::HasFailure()) {
      FAIL() << "frame " << i << " in VLAN " << vlan << ": TERCET_FUZZ_SEED=" << seed << " repeats it";
    }
  }
  for (const size_t count : seen) {
    EXPECT_GT(count, runs / 200) << "each kind of outcome is reached, often";
  }
  uint64_t reasons = 0;
  for (const Counter& drop : rig.stack.counters().drops) {
    reasons += drop.get() != 0 ? 1 : 0;
  }
  EXPECT_GT(reasons, 18U) << "so are the reasons";
}

TEST(StackFuzz, OnlyTrueDatagramsAndAnswersForOurAddressesComeOut) {
  const uint64_t seed = from_environment("TERCET_FUZZ_SEED", 20261125);
  const uint64_t runs = from_environment("TERCET_FUZZ_RUNS", 1'000'000);
  run(seed, runs / 2, 0);
  run(seed + 1, runs / 2, kVlan);
}

}  // namespace
}  // namespace tercet::dataplane
