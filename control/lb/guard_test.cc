// Guard against the real kernel.
#include "control/lb/guard.h"

#include <thread>

#include "control/lb/network_rig.h"

namespace tercet::control {
namespace {

/// A load balancer that starts a guard, takes the address, arms it, and waits to be killed. Returns its pid
/// and the guard's.
std::pair<pid_t, pid_t> start_guarded(bool on_air, bool armed) {
  int report[2];
  EXPECT_EQ(pipe(report), 0);
  const pid_t lb = fork();
  if (lb == 0) {
    auto guard = Guard::start(guard_options());
    if (!guard) {
      std::fprintf(stderr, "%s\n", guard.error().c_str());
      _exit(1);
    }
    KernelAnnouncerOptions options = announcer_options();
    options.guard = on_air ? &*guard : nullptr;
    auto announcer = KernelAnnouncer::open(options);
    if (!announcer) {
      _exit(1);
    }
    (*announcer)->own(kVip);
    if (armed) {
      const Endpoint from{.address = kOwn.address, .port = 8210};
      const std::array<LastWord, 2> old{{{from, {kOwn.address, 9}, as_bytes("an older epoch")},
                                         {from, {kOwn.address, 9}, as_bytes("an older epoch")}}};
      const LastWord word{
          from, {.address = failover::v4_address(198, 18, 0, 2), .port = 8211}, as_bytes("I resign")};
      if (!guard->arm(Epoch{21}, old) || !guard->arm(Epoch{21}, {&word, 1})) {
        _exit(1);
      }
    }
    const pid_t pid = guard->pid();
    if (write(report[1], &pid, sizeof pid) != sizeof pid) {
      _exit(1);
    }
    for (;;) {
      pause();
    }
  }
  close(report[1]);
  pid_t guard = 0;
  EXPECT_EQ(read(report[0], &guard, sizeof guard), static_cast<ssize_t>(sizeof guard));
  close(report[0]);
  return {lb, guard};
}

bool exists(pid_t pid) {
  // A guard whose parent is dead is a zombie of init's (here: of nobody that reaps) until then.
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  return std::getline(stat, line) && line.find(") Z ") == std::string::npos;
}

void kill_and_reap(pid_t pid, int signal) {
  ASSERT_EQ(kill(pid, signal), 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
}

TEST(Guard, WhenItsParentIsKilledTheAddressGoesAndTheLastWordsLeave) {
  in_network([] {
    ASSERT_TRUE(run("ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:0b dev va"));
    const int vb = frames_at_vb();
    const auto [lb, guard] = start_guarded(true, true);
    ASSERT_GT(guard, 0);
    EXPECT_TRUE(is_there(kVip));
    EXPECT_TRUE(within(1000, [g = guard] { return getsid(g) == g; }));
    take_frames(vb);
    kill_and_reap(lb, SIGKILL);
    EXPECT_TRUE(within(1000, [] { return !is_there(kVip); }));
    EXPECT_TRUE(within(1000, [g = guard] { return !exists(g); }));
    EXPECT_TRUE(is_there(kOwn));
    const auto frames = take_frames(vb);
    EXPECT_EQ(count_of(frames, failover::kVrrpProtocol), 2U);
    EXPECT_EQ(count_of(frames, 17), 2U);
    for (const auto& f : frames) {
      if (f.size() >= 34 && f[12] == 8 && f[23] == failover::kVrrpProtocol) {
        failover::VrrpView view;
        EXPECT_EQ(failover::parse_advert(
                      Bytes(f).subspan(34),
                      {.ttl = f[22], .source = kOwn.address, .destination = failover::kVrrpGroup}, 51, view),
                  failover::VrrpDrop::none);
        EXPECT_EQ(view.priority, 0);
      }
      if (f.size() >= 42 && f[12] == 8 && f[23] == 17) {
        EXPECT_EQ(as_text(Bytes(f).subspan(42)), "I resign");
        EXPECT_EQ(f[34] * 256 + f[35], 8210);
        EXPECT_EQ(f[36] * 256 + f[37], 8211);
      }
    }
    close(vb);
  });
}

TEST(Guard, OffTheAirItOnlyRemovesTheAddress) {
  in_network([] {
    const int vb = frames_at_vb();
    const auto [lb, guard] = start_guarded(false, true);
    ASSERT_GT(guard, 0);
    take_frames(vb);
    kill_and_reap(lb, SIGKILL);
    EXPECT_TRUE(within(1000, [] { return !is_there(kVip); }));
    EXPECT_TRUE(within(1000, [g = guard] { return !exists(g); }));
    const auto frames = take_frames(vb);
    EXPECT_EQ(count_of(frames, failover::kVrrpProtocol) + count_of(frames, 17), 0U);
    close(vb);
  });
}

TEST(Guard, SignalsToItDoNotEndIt) {
  in_network([] {
    const auto [lb, guard] = start_guarded(true, false);
    ASSERT_GT(guard, 0);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE}) {
      EXPECT_EQ(kill(guard, signal), 0);
    }
    usleep(20'000);
    EXPECT_TRUE(exists(guard));
    kill_and_reap(lb, SIGABRT);  // an abort is a death like any other
    EXPECT_TRUE(within(1000, [] { return !is_there(kVip); }));
    EXPECT_TRUE(within(1000, [g = guard] { return !exists(g); }));
  });
}

TEST(Guard, ACleanStopLeavesNothingAndSaysNothing) {
  in_network([] {
    const int vb = frames_at_vb();
    auto guard = Guard::start(guard_options());
    ASSERT_TRUE(guard) << guard.error();
    EXPECT_TRUE(guard->alive());
    const pid_t pid = guard->pid();
    guard->on_air(true);
    const LastWord word{{kOwn.address, 1}, {kOwn.address, 2}, as_bytes("not to be said")};
    EXPECT_TRUE(guard->arm(Epoch{21}, {&word, 1}));
    take_frames(vb);
    guard->stop();
    EXPECT_FALSE(exists(pid));
    EXPECT_FALSE(guard->alive());
    guard->stop();  // harmless
    const auto frames = take_frames(vb);
    EXPECT_EQ(count_of(frames, failover::kVrrpProtocol) + count_of(frames, 17), 0U);
    close(vb);
  });
}

TEST(Guard, AGuardThatWasKilledIsNoticedAndStopDoesNotMind) {
  in_network([] {
    auto guard = Guard::start(guard_options());
    ASSERT_TRUE(guard) << guard.error();
    ASSERT_EQ(kill(guard->pid(), SIGKILL), 0);
    EXPECT_TRUE(within(1000, [&] { return !guard->alive(); }));
    guard->stop();
  });
}

TEST(Guard, ASuccessorKnowsWhatWasArmedBeforeItsLife) {
  in_network([] {
    ASSERT_TRUE(run("ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:0b dev va"));
    const int vb = frames_at_vb();
    int report[2];
    ASSERT_EQ(pipe(report), 0);
    const pid_t lb = fork();
    if (lb == 0) {
      auto guard = Guard::start(guard_options());
      auto announcer = KernelAnnouncer::open(announcer_options());
      if (!guard || !announcer) {
        _exit(1);
      }
      (*announcer)->own(kVip);
      const LastWord word{{.address = kOwn.address, .port = 8210},
                          {.address = failover::v4_address(198, 18, 0, 2), .port = 8211},
                          as_bytes("I resign")};
      const bool armed = guard->arm(Epoch{21}, {&word, 1}).has_value();
      guard->on_air(true);
      const pid_t first = guard->pid();
      kill(first, SIGKILL);
      // Started from a process that has other threads, as a load balancer has by then.
      std::thread other([] { pause(); });
      const bool noticed = within(1000, [&] { return !guard->alive(); });
      const pid_t second = guard->restart() ? guard->pid() : 0;
      const bool left_alone =
          guard->restart().has_value() && guard->pid() == second;  // it lives: nothing to do
      const pid_t answer = armed && noticed && left_alone && second != first ? second : 0;
      if (write(report[1], &answer, sizeof answer) != sizeof answer) {
        _exit(1);
      }
      other.join();  // until killed
    }
    pid_t second = 0;
    ASSERT_EQ(read(report[0], &second, sizeof second), static_cast<ssize_t>(sizeof second));
    ASSERT_GT(second, 0);
    EXPECT_TRUE(within(1000, [second] { return getsid(second) == second; }));
    EXPECT_TRUE(is_there(kVip));
    take_frames(vb);
    kill_and_reap(lb, SIGKILL);
    EXPECT_TRUE(within(1000, [second] { return !exists(second); }));
    EXPECT_FALSE(is_there(kVip));
    const auto frames = take_frames(vb);
    EXPECT_EQ(count_of(frames, failover::kVrrpProtocol), 2U);
    EXPECT_EQ(count_of(frames, 17), 2U);
    close(report[0]);
    close(report[1]);
    close(vb);
  });
}

TEST(Guard, RunsTheHookOfAnAddressThatWentWithItsLoadBalancer) {
  for (const bool on_air : {true, false}) {
    in_network([on_air] {
      char path[] = "/tmp/tercet-guard-hook.XXXXXX";
      ASSERT_GE(mkstemp(path), 0);
      GuardOptions options = guard_options();
      // Nothing of the guard is left to it: no descriptor, no blocked signal, no priority.
      options.on_standby = std::string(
                               "echo $TERCET_STATE $TERCET_EPOCH $TERCET_CAUSE "
                               "$(ls /proc/self/fd | wc -l) $(grep SigBlk /proc/self/status | cut -f2) > ") +
                           path;
      int report[2];
      ASSERT_EQ(pipe(report), 0);
      const pid_t lb = fork();
      if (lb == 0) {
        auto guard = Guard::start(options);
        if (!guard || !guard->arm(Epoch{21}, {})) {
          _exit(1);
        }
        guard->on_air(on_air);
        const pid_t pid = guard->pid();
        if (write(report[1], &pid, sizeof pid) != sizeof pid) {
          _exit(1);
        }
        for (;;) {
          pause();
        }
      }
      pid_t guard = 0;
      ASSERT_EQ(read(report[0], &guard, sizeof guard), static_cast<ssize_t>(sizeof guard));
      kill_and_reap(lb, SIGKILL);
      EXPECT_TRUE(within(2000, [guard] { return !exists(guard); }));
      std::string line;
      std::ifstream said(path);
      std::getline(said, line);
      EXPECT_EQ(line, on_air ? "standby 21 killed 4 0000000000000000" : "");
      close(report[0]);
      close(report[1]);
      unlink(path);
    });
  }
}

TEST(Guard, AGuardThatStandsStillDoesNotHoldUpAStop) {
  in_network([] {
    auto guard = Guard::start(guard_options());
    ASSERT_TRUE(guard) << guard.error();
    const pid_t pid = guard->pid();
    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    guard->stop();
    EXPECT_FALSE(exists(pid));
  });
}

TEST(Guard, KeepsNoDescriptorOfItsParent) {
  in_network([] {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    auto guard = Guard::start(guard_options());
    ASSERT_TRUE(guard) << guard.error();
    close(ends[1]);
    pollfd closed{.fd = ends[0], .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&closed, 1, 1000), 1);
    EXPECT_NE(closed.revents & POLLHUP, 0);
    close(ends[0]);
  });
}

TEST(Guard, TakesAnotherName) {
  in_network([] {
    std::string argv("tercet-lb\0--config\0lb1.toml", 27);
    GuardOptions options = guard_options();
    options.argv = {reinterpret_cast<uint8_t*>(argv.data()), argv.size()};
    auto guard = Guard::start(options);
    ASSERT_TRUE(guard) << guard.error();
    EXPECT_TRUE(within(1000, [&] {
      std::ifstream comm("/proc/" + std::to_string(guard->pid()) + "/comm");
      std::string name;
      return std::getline(comm, name) && name == "tercet-guard";
    }));
    EXPECT_EQ(argv.substr(0, 9), "tercet-lb");  // ours is as it was
  });
}

TEST(Guard, LastWordsThatItCannotKeepAreRefusedAndTheFormerOnesStay) {
  in_network([] {
    auto guard = Guard::start(guard_options());
    ASSERT_TRUE(guard) << guard.error();
    const Endpoint v4{kOwn.address, 1};
    const std::vector<LastWord> many(kLastWordsMax + 1, LastWord{v4, v4, as_bytes("x")});
    EXPECT_FALSE(guard->arm(Epoch{21}, many));
    EXPECT_TRUE(guard->arm(Epoch{21}, std::span(many).first(kLastWordsMax)));
    const std::vector<uint8_t> longest(kLastWordSizeMax);
    const std::vector<uint8_t> longer(kLastWordSizeMax + 1);
    const LastWord fits{v4, v4, longest};
    EXPECT_TRUE(guard->arm(Epoch{21}, {&fits, 1}));
    const LastWord too_long{v4, v4, longer};
    EXPECT_NE(guard->arm(Epoch{21}, {&too_long, 1}).error().find("at most 1452 bytes"), std::string::npos);
    const LastWord v6{v4, {.address = {0x20, 0x01}, .port = 1}, as_bytes("x")};
    EXPECT_NE(guard->arm(Epoch{21}, {&v6, 1}).error().find("IPv4 only"), std::string::npos);
    EXPECT_TRUE(guard->arm(Epoch{21}, {}));
    guard->disarm();
  });
}

TEST(Guard, WhatCannotWorkIsSaidInOneLine) {
  in_network([] {
    GuardOptions options = guard_options();
    options.vips.clear();
    EXPECT_NE(Guard::start(options).error().find("clients.virtual_ips"), std::string::npos);
    options = guard_options();
    options.interface = "nowhere0";
    EXPECT_NE(Guard::start(options).error().find("interface nowhere0 is not there"), std::string::npos);
    options = guard_options();
    options.unicast_peers.resize(17, kOwn.address);
    EXPECT_NE(Guard::start(options).error().find("failover.unicast_peers"), std::string::npos);
  });
}

}  // namespace
}  // namespace tercet::control
