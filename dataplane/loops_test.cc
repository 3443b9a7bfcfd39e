// What a server's loop owes its service and its peers, with one thread and with several: the same tests.

#include <gtest/gtest.h>

#include "dataplane/loop_rig.h"

namespace tercet::dataplane {
namespace {

class Loops : public testing::TestWithParam<unsigned> {};

TEST_P(Loops, AnswersGoBackWhereTheQuestionCameFrom) {
  LoopRig rig(GetParam());
  rig.client_says("query");
  rig.peer_says(ServerId::b2, "vote");
  rig.peer_says(ServerId::lb2, "heartbeat");
  rig.poll();
  EXPECT_EQ(rig.client_got(), std::vector<std::string>{"query"});
  EXPECT_EQ(rig.peer_got(ServerId::b2), std::vector<std::string>{"vote"});
  EXPECT_EQ(rig.peer_got(ServerId::lb2), std::vector<std::string>{"heartbeat"});
  EXPECT_TRUE(rig.peer_got(ServerId::b1).empty());
  EXPECT_EQ(rig.service.messages, 3U);
}

TEST_P(Loops, OneMessageToThreeIsSealedForEach) {
  LoopRig rig(GetParam());
  rig.service.to_all = true;
  rig.peer_says(ServerId::b1, "accept");
  rig.poll();
  for (const ServerId backend : {ServerId::b1, ServerId::b2, ServerId::b3}) {
    EXPECT_EQ(rig.peer_got(backend), std::vector<std::string>{"accept"});
  }
  EXPECT_EQ(rig.sent_datagrams(), 3U);
}

TEST_P(Loops, EveryClientIsAnsweredAtItsOwnAddress) {
  LoopRig rig(GetParam());
  std::vector<std::unique_ptr<MemoryPort>> ports;
  std::vector<std::unique_ptr<seal::ClientKeyring>> clients;
  RxBurst rx;
  constexpr unsigned kClients = 100;
  for (unsigned i = 0; i < kClients; ++i) {
    PortOptions options;
    options.lanes = {
        {endpoint("198.18.1." + std::to_string(i + 1) + ":" + std::to_string(5'000 + 7 * i)), {}}};
    ports.push_back(std::make_unique<MemoryPort>(rig.wire, options));
    clients.push_back(std::make_unique<seal::ClientKeyring>(rig.keys.client));
    TxBurst& burst = ports[i]->transmit();
    const std::string text = "I am " + std::to_string(i);
    const size_t size = clients[i]->seal_query(as_bytes(text), burst.next());
    burst.push(size, 0, rig.kClients);
    ports[i]->send(burst);
  }
  rig.poll();
  for (unsigned i = 0; i < kClients; ++i) {
    ASSERT_EQ(ports[i]->receive(rx), 1U) << i;
    const auto opened = clients[i]->open_reply(rx.datagrams[0].bytes);
    ASSERT_TRUE(opened) << i;
    EXPECT_EQ(as_text(opened->plain), "I am " + std::to_string(i));
  }
  if (GetParam() > 1) {
    for (const auto& port : rig.ports) {
      EXPECT_GT(port->counters().received_datagrams.get(), 0U) << "each thread has some of them";
      EXPECT_EQ(port->counters().received_datagrams.get(), port->counters().sent_datagrams.get())
          << "and answers those itself";
    }
  }
}

TEST_P(Loops, AFullOutboxIsTheServicesToSee) {
  LoopRig rig(GetParam());
  rig.service.copies = 600;  // of 512 that fit
  rig.client_says("again");
  rig.poll();
  EXPECT_EQ(rig.client_got().size(), rig.outbox_parcels);
  EXPECT_EQ(rig.service.no_room, 1U);
}

TEST_P(Loops, ADeadPeersPortIsToldToTheService) {
  LoopRig rig(GetParam());
  rig.report_unreachable(ServerId::b2);
  rig.ports.back()->report_unreachable(0);  // the clients' lane is no server's
  rig.poll();
  EXPECT_EQ(rig.service.unreachable_servers, std::vector<ServerId>{ServerId::b2});
}

TEST_P(Loops, AResignationIsToldToTheService) {
  LoopRig rig(GetParam());
  std::array<uint8_t, seal::kResignationSize> word{};
  rig.peer_keys[1]->seal_resignation(ServerId::lb1, Epoch{2}, Nonce{9}, word);
  rig.wire.deliver(LoopRig::address(1), LoopRig::address(0), word);
  rig.poll();
  ASSERT_EQ(rig.service.resignations.size(), 1U);
  EXPECT_EQ(rig.service.resignations[0], std::make_pair(ServerId::lb2, Epoch{2}));
}

/// What somebody recorded on its way from a peer proves nothing a second time, wherever he sends it: also not
/// at the clients' address, from an address of his own that leads to a thread to which this peer does not
/// belong.
TEST_P(Loops, ARecordedMessageOfAPeerIsTakenByNoThread) {
  LoopRig rig(GetParam());
  std::vector<uint8_t> recorded;
  rig.wire.intercept([&](const Endpoint& from, const Endpoint& to, Bytes bytes) {
    recorded.assign(bytes.begin(), bytes.end());
    rig.wire.deliver(from, to, bytes);
  });
  rig.peer_says(ServerId::b2, "vote");
  rig.wire.intercept({});
  rig.poll();
  ASSERT_EQ(rig.service.messages, 1U);
  for (unsigned i = 0; i < 32; ++i) {
    rig.wire.deliver(endpoint("198.18.9.9:" + std::to_string(1'000 + i)), rig.kClients, recorded);
  }
  rig.poll();
  EXPECT_EQ(rig.service.messages, 1U);
  EXPECT_EQ(rig.drops(GetParam() == 0 ? Drop::replay : Drop::not_for_us), 32U);
}

TEST_P(Loops, LongAndShortMessagesCrossUnchanged) {
  LoopRig rig(GetParam());
  for (const size_t size : {size_t{1}, size_t{191}, size_t{193}, size_t{700}, kCellPlainMax}) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    rig.peer_says(ServerId::b3, text);
    rig.poll();
    EXPECT_EQ(rig.peer_got(ServerId::b3), std::vector<std::string>{text}) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(SteeringThreads, Loops, testing::Values(0U, 1U, 2U, 3U, 8U));

}  // namespace
}  // namespace tercet::dataplane
