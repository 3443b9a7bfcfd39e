// Random and mutated frames through a real port: DPDK's pcap driver reads them from a file into mbufs and
// writes what leaves into another. Who serves answers each datagram, so that answers, questions and what
// waits for a neighbour hold mbufs too. At the end every mbuf is home; what left are the replies that a stack
// gives to the same frames (which judge.h judges), the server's answers and questions for neighbours, and
// nothing else. TERCET_FUZZ_SEED and TERCET_FUZZ_PORT_RUNS repeat or lengthen it. EAL starts once: a process
// for each test.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/dpdk/limits.h"
#include "dataplane/port/socket.h"
#include "tests/dpdk/pcap_file.h"
#include "tests/fuzz/judge.h"
#include "tests/fuzz/mutated_frames.h"

namespace tercet::dataplane::fuzz {
namespace {

using Kind = Taken::Kind;

/// The fixtures' hardware address <-> the driver's own, where one stands: Ethernet's two, ARP's two.
class Renamed {
 public:
  explicit Renamed(const Mac& device) : device_(device) {}
  [[nodiscard]] Frame in(Frame frame) const { return changed(std::move(frame), frames::kOurMac, device_); }
  [[nodiscard]] Frame out(Frame frame) const { return changed(std::move(frame), device_, frames::kOurMac); }

 private:
  static Frame changed(Frame frame, const Mac& from, const Mac& to) {
    const auto change = [&](size_t at) {
      if (at + from.size() <= frame.size() && mac(frame, at) == from) {
        std::ranges::copy(to, frame.begin() + static_cast<ptrdiff_t>(at));
      }
    };
    change(0);
    change(6);
    if (frame.size() > 18 && type_of(frame) == kEtherTypeArp) {
      change(payload_at(frame) + 8);
      change(payload_at(frame) + 18);
    }
    return frame;
  }
  Mac device_;
};

struct Got {
  Frame bytes;
  Lane lane = 0;
  Endpoint from;
  friend bool operator==(const Got&, const Got&) = default;
};

class PortFuzz : public ::testing::Test {
 protected:
  // The pcap driver's own; a mutation does not hit it by chance.
  static constexpr Mac kDeviceMac{0x02, 0x70, 0x63, 0x61, 0x70, 0x00};
  static constexpr size_t kTooLong = kFrameRoom + 1;

  void SetUp() override {
    const std::string folder = ::testing::TempDir() + "tercet-fuzz-" + std::to_string(getpid());
    in_ = folder + "-in";
    out_ = folder + "-out";
  }
  void TearDown() override {
    unlink(in_.c_str());
    unlink(out_.c_str());
  }

  static StackOptions options(uint16_t vlan) {
    StackOptions options = stack_options();
    options.vlan = vlan;
    options.lanes.insert(options.lanes.begin(), {endpoint_of(frames::kUs, 8'220), {}});
    return options;
  }

  /// Writes the frames, and what a stack makes of each.
  void prepare(uint64_t seed, uint64_t runs, uint16_t vlan) {
    const StackOptions stack = options(vlan);
    StackRig rig(stack);
    const Judge judge(stack, rig.stack);
    const Renamed renamed(kDeviceMac);
    Mutator mutator(seed, vlan);
    PcapFile input(in_);
    for (uint64_t i = 0; i < runs; ++i) {
      Frame frame = mutator.next();
      if (mutator.draw(512) == 0) {
        frame.resize(kTooLong + mutator.draw(8'000));  // more than an mbuf: a chain of them, or none
        input.add(renamed.in(frame));
        ++too_long_;
        continue;
      }
      input.add(renamed.in(frame));
      const Taken taken = rig.take(frame);
      if (taken.kind == Kind::datagram) {
        judge.datagram(frame, taken);
        const Bytes payload = rig.payload(taken);
        datagrams_.push_back({{payload.begin(), payload.end()}, taken.lane, taken.from});
      } else if (taken.kind == Kind::reply) {
        judge.reply(frame, rig.frame, taken);
        const auto start = rig.frame.begin() + taken.offset;
        replies_.emplace_back(start, start + taken.size);
      }
      ASSERT_FALSE(HasFailure()) << "frame " << i;
    }
  }

  void run(uint16_t vlan) {
    const uint64_t seed = from_environment("TERCET_FUZZ_SEED", 20261126 + vlan);
    const uint64_t runs = from_environment("TERCET_FUZZ_PORT_RUNS", 250'000);
    SCOPED_TRACE("TERCET_FUZZ_SEED=" + std::to_string(seed) + " repeats it");
    prepare(seed, runs, vlan);
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(datagrams_.size(), runs / 200);
    EXPECT_GT(replies_.size(), runs / 200);

    const StackOptions stack = options(vlan);
    DpdkOptions dpdk;
    dpdk.eal.arguments =
        "--no-huge -m 64 --no-pci --no-shconf --vdev=net_pcap0,rx_pcap=" + in_ + ",tx_pcap=" + out_;
    dpdk.own = stack.own;
    dpdk.vlan = vlan;
    dpdk.gateway = stack.gateway;
    PortOptions lanes;
    lanes.lanes = stack.lanes;
    auto network = open_dpdk(dpdk, lanes, 1);
    ASSERT_TRUE(network) << network.error();
    ASSERT_EQ(network->device->mac(), kDeviceMac);
    ControlOrder own;
    own.kind = ControlOrder::Kind::own;
    own.address = frames::kVirtual;
    ASSERT_TRUE(network->control->orders(0).push(own));

    Port& port = *network->ports[0];
    serve(port, runs);
    std::map<std::string, uint64_t> drops;
    for (const NamedCounter& drop : port.drops()) {
      drops[std::string(drop.name)] = drop.counter->get();
    }
    EXPECT_EQ(drops["no_buffer"], 0U) << "the pool never ran dry";
    EXPECT_GT(too_long_, 0U) << "none of which came in serve(), nor left";
    EXPECT_GT(drops["unresolved"], 0U) << "so mbufs have waited for neighbours";
    port.finish();
    network->ports.clear();
    EXPECT_EQ(network->device->close(), 0U) << "mbufs are lost";
    judge_output(vlan);
  }

  /// Polls until all frames must have come, and then until nothing can wait any more.
  void serve(Port& port, uint64_t runs) {
    RxBurst burst;
    const auto turn = [&] {
      port.receive(burst);
      TxBurst& out = port.transmit();
      for (const RxDatagram& d : burst.datagrams) {
        const Got got{{d.bytes.begin(), d.bytes.end()}, d.lane, d.from};
        ASSERT_LT(received_, datagrams_.size());
        ASSERT_EQ(got, datagrams_[received_]) << "datagram " << received_;
        ++received_;
        std::ranges::copy(kAnswer, out.next().begin());
        out.push(kAnswer.size(), d.lane, d.from);
      }
      port.send(out);
    };
    for (uint64_t i = 0; i < runs / kReceiveAtOnce + 100 && !HasFatalFailure(); ++i) {
      turn();
    }
    EXPECT_EQ(received_, datagrams_.size());
    for (const MonoTime end = raw_now() + milliseconds(1'200); raw_now() < end; usleep(1'000)) {
      turn();
    }
  }

  void judge_output(uint16_t vlan) const {
    const Renamed renamed(kDeviceMac);
    std::set<std::string> clients;
    for (const Got& d : datagrams_) {
      clients.insert(to_string(d.from));
    }
    size_t replied = 0;
    size_t answers = 0;
    size_t questions = 0;
    for (const Frame& raw : read_pcap(out_)) {
      const Frame frame = renamed.out(raw);
      ASSERT_EQ(vlan_of(frame), vlan);
      if (replied < replies_.size() && frame == replies_[replied]) {
        ++replied;
        continue;
      }
      const size_t ip = payload_at(frame);
      if (type_of(frame) == kEtherTypeArp) {
        Judge::question(frame);
        ++questions;
      } else {
        ASSERT_EQ(type_of(frame), kEtherTypeIpv4);
        ASSERT_EQ(frame.at(ip + 9), kProtocolUdp);
        ASSERT_EQ(frame.size(), ip + 28 + kAnswer.size());
        ASSERT_TRUE(std::equal(kAnswer.begin(), kAnswer.end(), frame.end() - kAnswer.size()));
        const Ipv4 from = address(frame, ip + 12);
        ASSERT_TRUE(from == frames::kUs || from == frames::kVirtual);
        ASSERT_TRUE(clients.contains(
            to_string(endpoint_of(address(frame, ip + 16), static_cast<uint16_t>(word(frame, ip + 22))))));
        ++answers;
      }
      ASSERT_FALSE(HasFailure()) << "after reply " << replied;
    }
    EXPECT_EQ(replied, replies_.size()) << "in their order";
    EXPECT_GT(answers, 0U);
    EXPECT_LE(answers, datagrams_.size());
    EXPECT_GT(questions, 0U);
  }

  static constexpr std::string_view kAnswer = "answer";
  std::string in_;
  std::string out_;
  std::deque<Got> datagrams_;
  std::deque<Frame> replies_;
  size_t received_ = 0;
  uint64_t too_long_ = 0;
};

TEST_F(PortFuzz, EveryBufferComesHomeAndOnlyAnswersLeave) { run(0); }
TEST_F(PortFuzz, AndInAVlan) { run(7); }

}  // namespace
}  // namespace tercet::dataplane::fuzz
