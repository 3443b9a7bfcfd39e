#pragma once
// What comes out of a stack, held against a second, naive reading of the bytes that went in: a datagram is
// one that really is there, from whom it says, to an address that is ours now; a reply is an ARP or echo
// reply from such an address, to who asked.

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/port/dpdk/stack_rig.h"
#include "tests/fuzz/mutated_frames.h"

namespace tercet::dataplane::fuzz {

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

}  // namespace tercet::dataplane::fuzz
