// A whole server with several polling threads over the kernel engines, on real threads, while the control
// thread reads their counters. Also run under the thread sanitizer.

#include <gtest/gtest.h>

#include <thread>

#include "dataplane/loop_rig.h"
#include "dataplane/poller.h"
#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/socket.h"
#include "dataplane/port/uring/uring_port.h"
#include "dataplane/real_clock.h"

namespace tercet::dataplane {
namespace {

struct Setting {
  const char* engine;
  unsigned steering;
  PollMode poll;
};

std::string name_of(const testing::TestParamInfo<Setting>& info) {
  return std::string(info.param.engine) + "_" + std::to_string(info.param.steering) +
         (info.param.poll == PollMode::busy ? "_busy" : "");
}

/// A polling thread.
class Running {
 public:
  explicit Running(Loop& loop) : poller_(loop, clock_), thread_([this] { poller_.run(); }) {}
  ~Running() {
    poller_.stop();
    thread_.join();
  }

 private:
  RealClock clock_;
  Poller poller_;
  std::thread thread_;
};

class ManyThreadsReal : public testing::TestWithParam<Setting> {
 protected:
  using Ports = std::vector<std::unique_ptr<Port>>;
  static Ports open(std::span<const PortOptions> threads) {
    if (std::string(GetParam().engine) == "uring") {
      return std::move(make_uring_ports(threads).value());
    }
    return std::move(make_mmsg_ports(threads).value());
  }
  void SetUp() override {
    if (std::string(GetParam().engine) == "uring") {
      if (const auto allowed = uring_allowed(); !allowed) {
        GTEST_SKIP() << allowed.error();
      }
    }
    const unsigned steering = GetParam().steering;
    PortOptions whole;
    whole.poll = GetParam().poll;
    whole.lanes = {{endpoint("127.0.0.1:0"), {}}};
    // b1, at a port of its own that is connected to ours once that is known.
    PortOptions free;
    free.lanes = {{endpoint("127.0.0.1:0"), {}}};
    const Endpoint ours = open({&free, 1})[0]->local(0);
    const Endpoint theirs = open({&free, 1})[0]->local(0);
    Routes routes;
    routes.lane_of[index(ServerId::b1)] = 1;
    whole.lanes.push_back({ours, theirs});
    const Owners owners = owners_of(ServerId::lb1, steering);
    std::vector<PortOptions> options;
    const std::vector<Share> shares = share_out(whole, routes, owners, steering);
    for (const Share& share : shares) {
      options.push_back(share.port);
    }
    ports_ = open(options);
    PortOptions no_lanes;
    no_lanes.poll = GetParam().poll;
    rest_ = std::move(open({&no_lanes, 1})[0]);
    std::vector<ManyThreads::Steering> threads;
    for (unsigned thread = 0; thread < steering; ++thread) {
      keyrings_.push_back(std::make_unique<seal::Keyring>(keys_of(keys_.servers[0], owners, thread)));
      threads.push_back({ports_[thread].get(), keyrings_[thread].get(), shares[thread].routes});
    }
    many_ =
        ManyThreads::make(threads, *rest_, service_, owners, {.sleep = {.poll = GetParam().poll}}).value();
    PortOptions peer;
    peer.lanes = {{theirs, ours}};
    peer_ = std::move(open({&peer, 1})[0]);
  }

  seal::CellKeys keys_ = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  EchoService service_;
  Ports ports_;
  std::unique_ptr<Port> rest_;
  std::vector<std::unique_ptr<seal::Keyring>> keyrings_;
  std::unique_ptr<ManyThreads> many_;
  std::unique_ptr<Port> peer_;
};

TEST_P(ManyThreadsReal, AnswersAllClientsAndAPeer) {
  constexpr unsigned kClients = 24;
  constexpr unsigned kRounds = 40;
  std::vector<std::unique_ptr<seal::ClientKeyring>> clients;
  PortOptions options;
  for (unsigned i = 0; i < kClients; ++i) {
    options.lanes.push_back({{}, ports_[0]->local(0)});
    clients.push_back(std::make_unique<seal::ClientKeyring>(keys_.client));
  }
  const auto asks = std::move(make_mmsg_port(options).value());
  seal::Keyring b1(keys_.servers[index(ServerId::b1)]);

  std::vector<std::unique_ptr<Running>> running;
  running.push_back(std::make_unique<Running>(many_->quorum()));
  for (size_t thread = 0; thread < many_->steering_threads(); ++thread) {
    running.push_back(std::make_unique<Running>(many_->steering(thread)));
  }
  unsigned answered = 0;
  unsigned of_peer = 0;
  RxBurst rx;
  for (unsigned round = 0; round < kRounds; ++round) {
    TxBurst& burst = asks->transmit();
    for (unsigned i = 0; i < kClients; ++i) {
      const std::string text = std::to_string(i) + " asks " + std::string(round * 20, 'x');
      burst.push(clients[i]->seal_query(as_bytes(text), burst.next()), static_cast<Lane>(i), {});
    }
    asks->send(burst);
    TxBurst& vote = peer_->transmit();
    const std::string text(round * 30, 'v');
    vote.push(b1.seal_to_server(ServerId::lb1, as_bytes("vote " + text), vote.next()), 0, {});
    peer_->send(vote);
    const MonoTime give_up = raw_now() + seconds(10);
    unsigned now_answered = 0;
    unsigned now_of_peer = 0;
    while ((now_answered < kClients || now_of_peer < 1) && raw_now() < give_up) {
      asks->receive(rx);
      for (const RxDatagram& d : rx.datagrams) {
        const auto opened = clients[d.lane]->open_reply(d.bytes);
        ASSERT_TRUE(opened);
        ASSERT_TRUE(as_text(opened->plain).starts_with(std::to_string(d.lane) + " asks "));
        ++now_answered;
      }
      peer_->receive(rx);
      for (const RxDatagram& d : rx.datagrams) {
        const auto opened = b1.open_from_server(d.bytes);
        ASSERT_TRUE(opened);
        ASSERT_EQ(as_text(opened->plain), "vote " + text);
        ++now_of_peer;
      }
      asks->wait(raw_now() + microseconds(200));
      peer_->wait({});
      for (const ThreadView& view : many_->views()) {  // as the control thread does
        ASSERT_LE(view.loop->busy_polls.get(), view.loop->polls.get() + 1);
      }
    }
    ASSERT_EQ(now_answered, kClients) << "in round " << round;
    ASSERT_EQ(now_of_peer, 1U) << "in round " << round;
    answered += now_answered;
    of_peer += now_of_peer;
  }
  running.clear();
  EXPECT_EQ(answered, kClients * kRounds);
  EXPECT_EQ(of_peer, kRounds);
  EXPECT_EQ(service_.messages, (kClients + 1) * kRounds);
  uint64_t received = 0;
  unsigned used = 0;
  for (const ThreadView& view : many_->views()) {
    EXPECT_GT(view.loop->busy_ns.get() + view.loop->idle_ns.get(), 0U) << view.name;
    if (view.up != nullptr) {
      EXPECT_EQ(view.up->producer.drop_full.get() + view.down->producer.drop_full.get(), 0U);
      EXPECT_EQ(view.opened->dropped(), 0U);
      received += view.port->received_datagrams.get();
      used += view.port->received_datagrams.get() > 0 ? 1U : 0U;
    }
  }
  EXPECT_EQ(received, (kClients + 1) * kRounds);
  EXPECT_EQ(used, many_->steering_threads()) << "clients are spread over all threads";
  EXPECT_EQ(many_->rung() > 0, GetParam().poll == PollMode::adaptive);
}

/// Idle, several threads turn next to never (unless they are to be busy); and the first query after that is
/// answered at once.
TEST_P(ManyThreadsReal, SleepsWhenIdleAndWakesAtOnce) {
  seal::ClientKeyring client(keys_.client);
  PortOptions options;
  options.lanes.push_back({{}, ports_[0]->local(0)});
  const auto asks = std::move(make_mmsg_port(options).value());
  std::vector<std::unique_ptr<Running>> running;
  running.push_back(std::make_unique<Running>(many_->quorum()));
  for (size_t thread = 0; thread < many_->steering_threads(); ++thread) {
    running.push_back(std::make_unique<Running>(many_->steering(thread)));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto turns = [this] {
    uint64_t sum = 0;
    for (const ThreadView& view : many_->views()) {
      sum += view.loop->polls.get();
    }
    return sum;
  };
  const uint64_t before = turns();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  if (GetParam().poll == PollMode::busy) {
    EXPECT_GT(turns() - before, 1'000U) << "busy threads never sleep";
  } else {
    EXPECT_LE(turns() - before, 10U * (many_->steering_threads() + 1)) << "a turn each 100 ms, and some more";
  }
  Duration best = seconds(1);
  for (unsigned i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    TxBurst& burst = asks->transmit();
    burst.push(client.seal_query(as_bytes("awake?"), burst.next()), 0, {});
    const MonoTime start = raw_now();
    asks->send(burst);
    RxBurst rx;
    while (asks->receive(rx) == 0 && raw_now() < start + seconds(5)) {
      asks->wait(raw_now() + milliseconds(1));
    }
    ASSERT_EQ(rx.datagrams.size(), 1U) << "no answer to query " << i;
    best = std::min(best, raw_now() - start);
  }
  if (GetParam().poll != PollMode::busy) {  // three that spin on two cores have to wait for each other
    EXPECT_LT(best.us(), 20'000) << "nobody waited for the end of a turn of 100 ms";
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, ManyThreadsReal,
                         testing::Values(Setting{"mmsg", 1, PollMode::adaptive},
                                         Setting{"mmsg", 3, PollMode::adaptive},
                                         Setting{"uring", 1, PollMode::adaptive},
                                         Setting{"uring", 2, PollMode::adaptive},
                                         Setting{"uring", 2, PollMode::busy}),
                         name_of);

}  // namespace
}  // namespace tercet::dataplane
