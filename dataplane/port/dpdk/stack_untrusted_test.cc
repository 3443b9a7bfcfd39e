// Frames cut short and flipped, and that nothing is allocated for any.

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/port/dpdk/stack.h"
#include "dataplane/port/dpdk/stack_rig.h"
#include "tests/allocations/allocations.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;
using Kind = Taken::Kind;

TEST(Stack, CutShortAtEveryByteNothingIsReadBehindIt) {
  StackOptions tagged = stack_options();
  tagged.vlan = 7;
  for (const std::string_view hex : frames::kAll) {
    const Frame whole = bytes(hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      StackRig rig(hex == frames::kQueryTagged ? tagged : stack_options());
      const Frame cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      const Taken taken = rig.take(cut);  // a block of just this size: the sanitizer sees the rest
      ASSERT_LE(size_t{taken.offset} + taken.size, size) << hex;
      if (taken.kind == Kind::dropped) {
        ASSERT_NE(taken.drop, NetDrop::none);
      }
    }
  }
}

TEST(Stack, NoFlippedBitMakesAnotherDatagramOfIt) {
  for (const auto& [hex, end] :
       {std::pair{frames::kQuery, 47U}, {frames::kVote, 60U}, {frames::kQueryOptions, 55U}}) {
    const Frame whole = bytes(hex);
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      Frame flipped = whole;
      flipped[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      StackRig rig;
      const Taken taken = rig.take(flipped);
      const bool covered =
          bit / 8 < 6 || (bit / 8 >= 12 && bit / 8 < end);  // not the source MAC, not the padding
      EXPECT_EQ(taken.kind == Kind::datagram, !covered && bit != 6 * 8) << hex << " bit " << bit;
    }
  }
  for (const std::string_view hex : frames::kAll) {
    for (size_t bit = 0; bit < bytes(hex).size() * 8; ++bit) {
      Frame flipped = bytes(hex);
      flipped[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      StackRig rig;
      const Taken taken = rig.take(flipped);
      ASSERT_LE(size_t{taken.offset} + taken.size, flipped.size());
    }
  }
}

TEST(Stack, NothingIsAllocatedAfterConstruction) {
  StackRig rig;
  std::vector<Frame> all;
  for (const std::string_view hex : frames::kAll) {
    all.push_back(bytes(hex));
  }
  Frame buffer(2'048);
  const uint64_t before = allocations_so_far();
  for (uint32_t i = 0; i < 20'000; ++i) {
    Frame& frame = all[i % all.size()];
    if (rig.stack.plain(frame, {}).headers == nullptr) {
      rig.stack.take(frame, {}, rig.now);
    }
    const Ipv4 to = ipv4_of(number(frames::kUs) + i % 250);
    const Hop hop = rig.stack.next_hop(kClients, endpoint_of(to, 1), rig.now);
    rig.stack.write_headers(buffer.data(), kClients, kClientAt, hop.mac != nullptr ? *hop.mac : Mac{},
                            Bytes(buffer).subspan(42, 100));
    while (rig.stack.next_question(buffer, rig.now) != 0) {
    }
    rig.now = rig.now + milliseconds(1);
    i % 2 == 0 ? rig.stack.own(frames::kVirtual) : rig.stack.disown(frames::kVirtual);
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
}

}  // namespace
}  // namespace tercet::dataplane
