#pragma once
// For tests against the real kernel: each runs in a network namespace of its own (a forked child: it may
// enter a user namespace, which only a process with one thread can). Skipped, visibly, where that is
// forbidden (scripts/test lists what was, under the sanitizers).

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

#include "control/lb/guard.h"
#include "control/lb/kernel_announcer.h"
#include "control/lb/netlink.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {

using dataplane::IpAddress;
using dataplane::Vip;

inline constexpr int kSkipped = 77;
inline constexpr Vip kVip{.address = failover::v4_address(198, 18, 0, 100), .prefix_length = 24};
inline constexpr Vip kOwn{.address = failover::v4_address(198, 18, 0, 1), .prefix_length = 24};

inline bool run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

inline void write_text(const char* path, const std::string& text) { std::ofstream(path) << text; }

/// Runs `body` in a child in a fresh network namespace with `va` (198.18.0.1/24, MAC 02:…:0a) joined to `vb`.
inline void in_network(const std::function<void()>& body, bool privileged = true) {
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

inline std::vector<InterfaceAddress> addresses() {
  auto netlink = Netlink::open();
  return netlink ? netlink->addresses(if_nametoindex("va")) : std::vector<InterfaceAddress>{};
}
inline bool is_there(const Vip& vip) {
  const auto all = addresses();
  return std::ranges::any_of(all, [&](const InterfaceAddress& a) { return a.address == vip; });
}

/// What leaves va arrives at vb: whole frames.
inline int frames_at_vb() {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(0x0003));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(0x0003);
  at.sll_ifindex = static_cast<int>(if_nametoindex("vb"));
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  return fd;
}
inline std::vector<std::vector<uint8_t>> take_frames(int fd) {
  std::vector<std::vector<uint8_t>> frames;
  std::array<uint8_t, 2048> frame{};
  for (ssize_t got = 0; (got = recv(fd, frame.data(), frame.size(), 0)) > 0;) {
    frames.emplace_back(frame.begin(), frame.begin() + got);
  }
  return frames;
}
inline size_t count_of(const std::vector<std::vector<uint8_t>>& frames, uint8_t ip_protocol) {
  return static_cast<size_t>(std::ranges::count_if(frames, [&](const auto& f) {
    return f.size() >= 34 && f[12] == 8 && f[13] == 0 && f[23] == ip_protocol;
  }));
}

inline KernelAnnouncerOptions announcer_options() {
  return {.interface = "va", .vips = {kVip}, .unicast_peers = {}, .guard = nullptr};
}
inline GuardOptions guard_options() {
  return {.interface = "va", .vips = {kVip}, .unicast_peers = {}, .on_standby = {}, .argv = {}};
}

template <class Condition>
inline bool within(int ms, Condition condition) {
  for (int i = 0; i < ms; ++i) {
    if (condition()) {
      return true;
    }
    usleep(1000);
  }
  return condition();
}

}  // namespace tercet::control
