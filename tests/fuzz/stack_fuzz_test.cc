// Random and mutated frames into the stack: a million in a few seconds, from one seed. What comes out is
// judged (judge.h); nothing else is ever written; and what goes the short way, the long one takes just so
// (StackRig::take), also where a device is believed about checksums. TERCET_FUZZ_SEED and TERCET_FUZZ_RUNS
// repeat or lengthen it.

#include <gtest/gtest.h>

#include <array>

#include "dataplane/port/dpdk/stack_rig.h"
#include "tests/fuzz/judge.h"
#include "tests/fuzz/mutated_frames.h"

namespace tercet::dataplane::fuzz {
namespace {

using Kind = Taken::Kind;
constexpr uint16_t kVlan = 7;

void run(uint64_t seed, uint64_t runs, uint16_t vlan) {
  StackOptions options = stack_options();
  options.vlan = vlan;
  options.lanes.insert(options.lanes.begin(),
                       {endpoint_of(frames::kUs, 8'220), {}});  // beside a connected one
  StackRig rig(options);
  StackOptions trusting = options;
  trusting.unfinished_sums_in = true;
  StackRig believing(trusting);
  const Judge judge(options, rig.stack);
  Mutator mutator(seed, vlan);
  std::array<uint64_t, 6> seen{};
  for (uint64_t i = 0; i < runs; ++i) {
    const Frame frame = mutator.next();
    if (mutator.draw(64) == 0) {
      mutator.draw(2) == 0 ? rig.stack.own(frames::kVirtual) : rig.stack.disown(frames::kVirtual);
    }
    believing.take(frame, {static_cast<Sum>(mutator.draw(3)), static_cast<Sum>(mutator.draw(3))});
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
  EXPECT_GT(rig.plain_datagrams, seen[static_cast<size_t>(Kind::datagram)] / 2) << "by the short way";
  EXPECT_GT(believing.plain_datagrams, runs / 100);
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
}  // namespace tercet::dataplane::fuzz
