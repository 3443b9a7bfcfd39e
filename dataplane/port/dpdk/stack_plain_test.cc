// What goes the short way. That it takes nothing else than the long way does, StackRig::take holds to in
// every test of the stack, and tests/fuzz with a million frames.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dataplane/port/dpdk/changed_frames.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;

TEST(StackPlain, QueriesAndVotesAre) {
  StackRig rig;
  for (const std::string_view hex : {frames::kQuery, frames::kVote, frames::kQueryUnsummed}) {
    for (const RxSums sums : {RxSums{}, RxSums{Sum::good, Sum::good}, RxSums{Sum::good, Sum::unknown},
                              RxSums{Sum::unknown, Sum::good}}) {
      rig.take(hex, sums);
      EXPECT_TRUE(rig.plainly) << hex;
    }
  }
  Frame padded = bytes(frames::kQuery);
  padded.resize(padded.size() + 20, 0xEE);
  rig.take(padded);
  EXPECT_TRUE(rig.plainly);
}

TEST(StackPlain, InAVlanItsFramesAre) {
  StackOptions options = stack_options();
  options.vlan = 7;
  StackRig rig(options);
  rig.take(frames::kQueryTagged);
  EXPECT_TRUE(rig.plainly);
  rig.take(frames::kQuery);
  EXPECT_FALSE(rig.plainly);
}

TEST(StackPlain, ToAVirtualMacAsWell) {
  const Mac virtual_mac{0, 0, 0x5E, 0, 1, 7};
  StackRig rig;
  Frame query = bytes(frames::kQuery);
  std::ranges::copy(virtual_mac, query.begin());
  rig.take(query);
  EXPECT_FALSE(rig.plainly);
  rig.stack.own(frames::kVirtual, virtual_mac);
  rig.take(query);
  EXPECT_TRUE(rig.plainly);
  rig.take(frames::kQuery);
  EXPECT_TRUE(rig.plainly) << "who has not heard yet";
  rig.stack.disown(frames::kVirtual);
  rig.take(frames::kQuery);
  EXPECT_FALSE(rig.plainly) << "it is not ours any more";
}

TEST(StackPlain, AnUnfinishedSumIsWhereItWasAskedFor) {
  Frame frame = bytes(frames::kQuery);
  const auto sum = Be16(ones_fold(udp_pseudo_sum(frames::kClient, frames::kVirtual, 13)));
  std::ranges::copy(bytes_of(sum), frame.begin() + 40);
  StackRig strict;
  strict.take(frame);
  EXPECT_FALSE(strict.plainly);
  StackOptions options = stack_options();
  options.unfinished_sums_in = true;
  StackRig rig(options);
  for (const Sum l4 : {Sum::unknown, Sum::bad}) {
    rig.take(frame, {Sum::good, l4});
    EXPECT_TRUE(rig.plainly) << "the device cannot know";
  }
}

/// Each byte of the headers to each value. What is taken then, and not plainly, has something unusual about
/// it.
TEST(StackPlain, WithAnotherByteOnlyWhatIsUnusualGoesTheLongWay) {
  const RxSums sums{Sum::good, Sum::good};
  size_t unusual = 0;
  for (size_t at = 0; at < 42; ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      StackRig rig;
      Frame frame = bytes(frames::kQuery);
      frame[at] = static_cast<uint8_t>(value);
      const Taken taken = rig.take(frame, sums);
      EXPECT_TRUE(taken.kind == Taken::Kind::datagram || !rig.plainly);
      unusual += taken.kind == Taken::Kind::datagram && !rig.plainly ? 1 : 0;
    }
  }
  EXPECT_EQ(unusual, 0U) << "options would need more than one";
  StackRig rig;
  EXPECT_EQ(rig.take(frames::kQueryOptions).kind, Taken::Kind::datagram);
  EXPECT_FALSE(rig.plainly);
}

}  // namespace
}  // namespace tercet::dataplane
