// Guard and KernelAnnouncer against the real kernel, each test in a network namespace of its own (a forked
// child: it may enter a user namespace, which only a process with one thread can). Skipped, visibly, where
// that is forbidden.
#include "control/lb/guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "control/lb/kernel_announcer.h"
#include "control/lb/netlink.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {
namespace {

using dataplane::IpAddress;
using dataplane::Vip;

constexpr int kSkipped = 77;
constexpr Vip kVip{.address = failover::v4_address(198, 18, 0, 100), .prefix_length = 24};
constexpr Vip kOwn{.address = failover::v4_address(198, 18, 0, 1), .prefix_length = 24};

bool run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

void write_text(const char* path, const std::string& text) { std::ofstream(path) << text; }

/// Runs `body` in a child in a fresh network namespace with `va` (198.18.0.1/24, MAC 02:…:0a) joined to `vb`.
void in_network(const std::function<void()>& body, bool privileged = true) {
  std::fflush(nullptr);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string uid = std::to_string(getuid());
    const std::string gid = std::to_string(getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      if (unshare(CLONE_NEWNET) != 0) {
        _exit(kSkipped);
      }
    } else {
      write_text("/proc/self/setgroups", "deny");
      write_text("/proc/self/uid_map", "0 " + uid + " 1");
      write_text("/proc/self/gid_map", "0 " + gid + " 1");
    }
    if (!run("ip link set lo up") || !run("ip link add va type veth peer name vb") ||
        !run("ip link set va address 02:00:00:00:00:0a up") || !run("ip link set vb up") ||
        !run("ip address add 198.18.0.1/24 dev va")) {
      _exit(kSkipped);
    }
    if (!privileged && (unshare(CLONE_NEWUSER) != 0)) {  // keeps no capability over the network it has
      _exit(kSkipped);
    }
    body();
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == kSkipped) {
    GTEST_SKIP() << "no network namespaces here";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see above";
}

std::vector<InterfaceAddress> addresses() {
  auto netlink = Netlink::open();
  return netlink ? netlink->addresses(if_nametoindex("va")) : std::vector<InterfaceAddress>{};
}
bool is_there(const Vip& vip) {
  const auto all = addresses();
  return std::ranges::any_of(all, [&](const InterfaceAddress& a) { return a.address == vip; });
}

/// What leaves va arrives at vb: whole frames.
int frames_at_vb() {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(0x0003));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(0x0003);
  at.sll_ifindex = static_cast<int>(if_nametoindex("vb"));
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  return fd;
}
std::vector<std::vector<uint8_t>> take_frames(int fd) {
  std::vector<std::vector<uint8_t>> frames;
  std::array<uint8_t, 2048> frame{};
  for (ssize_t got = 0; (got = recv(fd, frame.data(), frame.size(), 0)) > 0;) {
    frames.emplace_back(frame.begin(), frame.begin() + got);
  }
  return frames;
}
size_t count_of(const std::vector<std::vector<uint8_t>>& frames, uint8_t ip_protocol) {
  return static_cast<size_t>(std::ranges::count_if(frames, [&](const auto& f) {
    return f.size() >= 34 && f[12] == 8 && f[13] == 0 && f[23] == ip_protocol;
  }));
}

KernelAnnouncerOptions announcer_options() {
  return {.interface = "va", .vips = {kVip}, .unicast_peers = {}, .guard = nullptr};
}
GuardOptions guard_options() {
  return {.interface = "va", .vips = {kVip}, .unicast_peers = {}, .on_standby = {}, .argv = {}};
}

template <class Condition>
bool within(int ms, Condition condition) {
  for (int i = 0; i < ms; ++i) {
    if (condition()) {
      return true;
    }
    usleep(1000);
  }
  return condition();
}

TEST(KernelAnnouncer, TheAddressComesAndGoesAndDisturbsNoRoute) {
  in_network([] {
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    KernelAnnouncer& announcer = **opened;
    EXPECT_EQ(announcer.source(), kOwn.address);
    ASSERT_TRUE(run("ip route show > /tmp/tercet_routes.$PPID"));
    announcer.own(kVip);
    announcer.own(kVip);  // harmless
    EXPECT_TRUE(is_there(kVip));
    EXPECT_EQ(addresses().size(), 2U);
    EXPECT_TRUE(run("ip route show | cmp - /tmp/tercet_routes.$PPID"));
    announcer.disown(kVip);
    announcer.disown(kVip);  // harmless
    EXPECT_FALSE(is_there(kVip));
    EXPECT_TRUE(is_there(kOwn));
    EXPECT_TRUE(run("ip route show | cmp - /tmp/tercet_routes.$PPID"));
    run("rm -f /tmp/tercet_routes.$PPID");
    EXPECT_EQ(announcer.counters().address_failed.get(), 0U);
  });
}

TEST(KernelAnnouncer, ResignAndTheDestructorLeaveNothing) {
  in_network([] {
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    (*opened)->own(kVip);
    (*opened)->resign();
    EXPECT_FALSE(is_there(kVip));
    (*opened)->own(kVip);
    opened->reset();
    EXPECT_FALSE(is_there(kVip));
  });
}

TEST(KernelAnnouncer, AStaleAddressIsRemovedAtStartWhateverItsPrefix) {
  in_network([] {
    ASSERT_TRUE(run("ip address add 198.18.0.100/32 dev va"));
    ASSERT_TRUE(run("ip address add 198.18.0.100/24 dev va"));
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ((*opened)->stale_removed(), 2U);
    EXPECT_EQ(addresses().size(), 1U);
    EXPECT_TRUE(is_there(kOwn));
  });
}

TEST(KernelAnnouncer, TheHostsOwnAddressSurvivesWhenTheVirtualOneHadBecomePrimary) {
  in_network([] {
    ASSERT_TRUE(run("ip address flush dev va"));
    ASSERT_TRUE(run("ip address add 198.18.0.100/24 dev va"));  // a stale one, then the host's
    ASSERT_TRUE(run("ip address add 198.18.0.1/24 dev va"));
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_FALSE(is_there(kVip));
    EXPECT_TRUE(is_there(kOwn));
  });
}

TEST(KernelAnnouncer, SendsWellFormedAdvertsAndAnnouncements) {
  in_network([] {
    const int vb = frames_at_vb();
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    take_frames(vb);
    const failover::VrrpBytes packet =
        failover::write_advert({.vrid = 51, .priority = 100, .interval_cs = 10, .addresses = {kVip.address}});
    (*opened)->advert({packet.data(), packet.size()});
    (*opened)->announce(kVip);
    const auto frames = take_frames(vb);
    ASSERT_EQ(count_of(frames, failover::kVrrpProtocol), 1U);
    for (const auto& frame : frames) {
      if (frame[12] == 8 && frame[13] == 0 && frame[23] == failover::kVrrpProtocol) {
        // RFC 1112 §6.4: 224.0.0.18 is 01:00:5e:00:00:12.
        EXPECT_TRUE(equal(Bytes(frame).first(6), std::array<uint8_t, 6>{1, 0, 0x5E, 0, 0, 0x12}));
        EXPECT_EQ(frame[15], 0xC0);
        failover::VrrpView view;
        EXPECT_EQ(
            failover::parse_advert(
                Bytes(frame).subspan(34),
                {.ttl = frame[22], .source = kOwn.address, .destination = failover::kVrrpGroup}, 51, view),
            failover::VrrpDrop::none);
        EXPECT_EQ(view.checksum, failover::Checksum::pseudo_header);
      }
    }
    const dataplane::ArpFrame want = dataplane::gratuitous_arp({2, 0, 0, 0, 0, 0x0A}, {198, 18, 0, 100});
    EXPECT_TRUE(std::ranges::any_of(frames, [&](const auto& f) { return equal(f, bytes_of(want)); }));
    close(vb);
  });
}

TEST(KernelAnnouncer, UnicastPeersGetTheirOwnChecksums) {
  in_network([] {
    const int vb = frames_at_vb();
    KernelAnnouncerOptions options = announcer_options();
    options.unicast_peers = {failover::v4_address(198, 18, 0, 2), failover::v4_address(198, 18, 0, 3)};
    auto opened = KernelAnnouncer::open(options);
    ASSERT_TRUE(opened) << opened.error();
    ASSERT_TRUE(run("ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:0b dev va"));
    ASSERT_TRUE(run("ip neigh add 198.18.0.3 lladdr 02:00:00:00:00:0c dev va"));
    take_frames(vb);
    const failover::VrrpBytes packet =
        failover::write_advert({.vrid = 51, .priority = 100, .interval_cs = 10, .addresses = {kVip.address}});
    (*opened)->advert({packet.data(), packet.size()});
    uint8_t peer = 2;
    for (const auto& frame : take_frames(vb)) {
      if (frame[12] == 8 && frame[13] == 0 && frame[23] == failover::kVrrpProtocol) {
        failover::VrrpView view;
        EXPECT_EQ(failover::parse_advert(Bytes(frame).subspan(34),
                                         {.ttl = frame[22],
                                          .source = kOwn.address,
                                          .destination = failover::v4_address(198, 18, 0, peer)},
                                         51, view),
                  failover::VrrpDrop::none);
        ++peer;
      }
    }
    EXPECT_EQ(peer, 4);
    close(vb);
  });
}

/// An IP packet of protocol 112 from 198.18.0.2, as a frame into vb.
void inject(int vb, std::vector<uint8_t> vrrp, uint8_t last_byte_of_source = 2) {
  std::array<uint8_t, 1600> packet{};
  dataplane::Ipv4Header header;
  header.ttl = 255;
  header.protocol = failover::kVrrpProtocol;
  header.source = {198, 18, 0, last_byte_of_source};
  header.destination = {224, 0, 0, 18};
  std::vector<uint8_t> frame{1, 0, 0x5E, 0, 0, 0x12, 2, 0, 0, 0, 0, 0x0B, 8, 0};
  const size_t size = dataplane::write_ip_packet(packet, header, vrrp);
  frame.insert(frame.end(), packet.begin(), packet.begin() + static_cast<ptrdiff_t>(size));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("vb"));
  ASSERT_EQ(sendto(vb, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(frame.size()));
}

TEST(KernelAnnouncer, HearsOthersAndNotItself) {
  in_network([] {
    const int vb = frames_at_vb();
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    KernelAnnouncer& announcer = **opened;
    write_text("/proc/sys/net/ipv4/conf/va/accept_local",
               "1");  // else the kernel drops a reflected one before us
    std::array<dataplane::Advert, 4> adverts;
    EXPECT_EQ(announcer.adverts(adverts), 0U);
    inject(vb, {0x31, 51, 100, 1, 0, 10, 1, 2, 198, 18, 0, 100});
    inject(vb, {});                                                   // no VRRP in it: the parser's matter
    inject(vb, std::vector<uint8_t>(dataplane::kAdvertMax + 1, 0));   // too long
    inject(vb, {0x31, 51, 100, 1, 0, 10, 1, 2, 198, 18, 0, 100}, 1);  // our own source, reflected
    pollfd wake{.fd = announcer.descriptor(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wake, 1, 1000), 1);
    ASSERT_EQ(announcer.adverts(adverts), 2U);
    EXPECT_EQ(adverts[0].from, failover::v4_address(198, 18, 0, 2));
    EXPECT_EQ(adverts[0].to, failover::kVrrpGroup);
    EXPECT_EQ(adverts[0].ttl, 255);
    EXPECT_EQ(adverts[0].size, 12);
    EXPECT_EQ(adverts[0].bytes[7], 2);
    EXPECT_EQ(adverts[1].size, 0);
    EXPECT_EQ(announcer.counters().drop_malformed.get(), 1U);
    EXPECT_EQ(announcer.counters().drop_own.get(), 1U);
    for (int i = 0; i < 6; ++i) {
      inject(vb, {0x31, 51, 100, 1, 0, 10, 1, 2, 198, 18, 0, 100});
    }
    EXPECT_EQ(announcer.adverts(adverts), 4U);
    EXPECT_EQ(announcer.adverts(adverts), 2U);
    close(vb);
  });
}

TEST(KernelAnnouncer, WhatIsMissingIsSaidInOneLine) {
  in_network([] {
    KernelAnnouncerOptions options = announcer_options();
    options.interface = "nowhere0";
    EXPECT_NE(KernelAnnouncer::open(options).error().find("interface nowhere0 is not there: "),
              std::string::npos);
    options.interface = "a_name_that_is_far_too_long";
    EXPECT_NE(KernelAnnouncer::open(options).error().find("is no interface name"), std::string::npos);
    ASSERT_TRUE(run("ip link set vb down"));
    options.interface = "vb";
    EXPECT_NE(KernelAnnouncer::open(options).error().find("is down: `ip link set vb up`"), std::string::npos);
    ASSERT_TRUE(run("ip link set vb up"));
    EXPECT_NE(KernelAnnouncer::open(options).error().find("has no IPv4 address of its own"),
              std::string::npos);
    options = announcer_options();
    options.vips = {Vip{.address = {0x20, 0x01}, .prefix_length = 64}};
    EXPECT_NE(KernelAnnouncer::open(options).error().find("cannot be a virtual address"), std::string::npos);
    for (const std::string& error : {KernelAnnouncer::open(options).error()}) {
      EXPECT_EQ(error.find('\n'), std::string::npos);
    }
  });
}

TEST(KernelAnnouncer, WithoutPrivilegesItSaysWhatToGive) {
  in_network(
      [] {
        const auto opened = KernelAnnouncer::open(announcer_options());
        ASSERT_FALSE(opened);
        EXPECT_NE(opened.error().find("no permission"), std::string::npos) << opened.error();
        EXPECT_NE(opened.error().find("setcap"), std::string::npos);
        const auto guard = Guard::start(guard_options());
        ASSERT_FALSE(guard);
        EXPECT_NE(guard.error().find("setcap"), std::string::npos) << guard.error();
      },
      false);
}

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
