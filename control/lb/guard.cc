#include "control/lb/guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <new>
#include <utility>

#include "base/fixed.h"
#include "control/lb/netlink.h"
#include "dataplane/net/udp.h"
#include "dataplane/port/socket.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {

using dataplane::IpAddress;
using dataplane::kVipsMax;
using dataplane::OwnedFd;

namespace {

constexpr char kClean = 'c';
constexpr size_t kPacketMax = sizeof(dataplane::Ipv4Header) + sizeof(dataplane::UdpHeader) + kLastWordSizeMax;
constexpr size_t kPeersMax = 16;

/// One whole IP packet and where the raw socket sends it.
template <size_t kSize>
struct Packet {
  sockaddr_in to{};
  size_t size = 0;
  std::array<uint8_t, kSize> bytes{};
};

sockaddr_in address_of(const IpAddress& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  std::memcpy(&to.sin_addr, address.data() + 12, 4);
  return to;
}

std::string failed(const std::string& what) {
  return "the guard process cannot be started: " + what + " (" + std::strerror(errno) + ")";
}

}  // namespace

/// Written by the load balancer, read by the guard once its writer is dead: the index is turned after the
/// words are written (release; its partner is the acquire in last_act), and the kernel's closing of the pipe
/// comes after both.
struct Guard::Shared {
  struct Words {
    uint32_t count = 0;
    uint64_t epoch = 0;
    std::array<Packet<kPacketMax>, kLastWordsMax> packets;
  };
  std::atomic<uint32_t> current{0};
  std::atomic<bool> on_air{false};
  std::array<Words, 2> words;
};

/// What the guard holds: made before the fork, so that errors are the load balancer's and nothing is left to
/// do.
struct Guard::Child {
  using AdvertPacket = Packet<sizeof(dataplane::Ipv4Header) + failover::VrrpBytes::capacity()>;
  FixedVector<AddressRequest, kVipsMax> removals;
  FixedVector<AdvertPacket, kPeersMax> goodbyes;
  const Shared* shared = nullptr;
  std::string on_standby;
  std::vector<char*> environment;     ///< ours, and what a hook is told; its texts are our own or static
  std::array<char, 40> epoch_text{};  ///< TERCET_EPOCH=…, written at the end

  // Its descriptors, by number.
  static constexpr int kPipe = 3;
  static constexpr int kNetlink = 4;
  static constexpr int kRaw = 5;

  [[noreturn]] void run(int pipe, int netlink, int raw, MutBytes argv, Life life);
  void last_act() const;
  void become_hook();
};

void Guard::Child::last_act() const {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (const AddressRequest& request : removals) {
    sendto(kNetlink, request.bytes.data(), request.size, 0, reinterpret_cast<const sockaddr*>(&kernel),
           sizeof kernel);
  }
  if (!shared->on_air.load(std::memory_order_acquire)) {
    return;
  }
  // Twice, for UDP loses things and nobody will ask again.
  for (int time = 0; time < 2; ++time) {
    const Shared::Words& words = shared->words[shared->current.load(std::memory_order_acquire) & 1U];
    for (uint32_t i = 0; i < std::min<uint32_t>(words.count, kLastWordsMax); ++i) {
      const auto& word = words.packets[i];
      sendto(kRaw, word.bytes.data(), word.size, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&word.to),
             sizeof word.to);
    }
    for (const AdvertPacket& goodbye : goodbyes) {
      sendto(kRaw, goodbye.bytes.data(), goodbye.size, MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&goodbye.to), sizeof goodbye.to);
    }
  }
}

/// failover.on_standby, in place of this process: the address may be a route that only such a command takes
/// back.
void Guard::Child::become_hook() {
  if (on_standby.empty() || !shared->on_air.load(std::memory_order_acquire)) {
    return;
  }
  const auto& words = shared->words[shared->current.load(std::memory_order_acquire) & 1U];
  char* const number = epoch_text.data() + std::strlen(epoch_text.data());
  *std::to_chars(number, epoch_text.data() + epoch_text.size() - 1, words.epoch).ptr = '\0';
  munlockall();
  const sched_param usual{};
  sched_setscheduler(0, SCHED_OTHER, &usual);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  close_range(3, ~0U, 0);
  char shell[] = "sh";
  char option[] = "-c";
  char* const arguments[] = {shell, option, on_standby.data(), nullptr};
  execve("/bin/sh", arguments, environment.data());
}

/// Only what may be called between fork() and exec() of a process with threads.
void Guard::Child::run(int pipe, int netlink, int raw, MutBytes argv, Life life) {
  // Its own session: a Ctrl-C or a hang-up of the load balancer's terminal is not meant for it. No signal is:
  // it ends when its pipe says so (SIGKILL excepted).
  // All are blocked since before the fork.
  setsid();
  // Its three descriptors to 3, 4, 5 by way of numbers above them all, then nothing else stays open: above
  // all not the writing end of its own pipe, nor somebody's log or socket.
  const int base = std::max({pipe, netlink, raw, Child::kRaw}) + 1;
  const std::array<std::pair<int, int>, 3> moves{{{pipe, kPipe}, {netlink, kNetlink}, {raw, kRaw}}};
  for (size_t i = 0; i < moves.size(); ++i) {
    dup2(moves[i].first, base + static_cast<int>(i));
  }
  for (size_t i = 0; i < moves.size(); ++i) {
    dup2(base + static_cast<int>(i), moves[i].second);
  }
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) {
    dup2(null, fd);
  }
  if (close_range(kRaw + 1, ~0U, 0) != 0) {
    for (int fd = kRaw + 1; fd < 4096; ++fd) {
      close(fd);
    }
  }
  if (chdir("/") != 0) {
    // It only keeps a folder from being unmounted.
  }
  prctl(PR_SET_NAME, "tercet-guard");
  if (!argv.empty()) {
    constexpr std::string_view kTitle = "tercet-guard";
    std::ranges::fill(argv, uint8_t{0});
    std::memcpy(argv.data(), kTitle.data(), std::min(kTitle.size(), argv.size() - 1));
  }
  // Both may be refused; then it is a little slower when the machine is short of memory or time.
  if (life == Life::first) {
    mlockall(MCL_CURRENT);  // a later one would copy all that the load balancer has by now
  }
  const sched_param first{.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &first);

  char word = 0;
  ssize_t got = 0;
  do {
    got = read(kPipe, &word, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1 && word == kClean) {
    _exit(0);
  }
  last_act();
  become_hook();
  _exit(0);
}

tl::expected<Guard, std::string> Guard::start(const GuardOptions& options) {
  if (options.vips.empty() || options.vips.size() > kVipsMax) {
    return tl::unexpected("1 to " + std::to_string(kVipsMax) + " virtual addresses are possible, not " +
                          std::to_string(options.vips.size()) + ": change clients.virtual_ips");
  }
  if (options.unicast_peers.size() > kPeersMax) {
    return tl::unexpected("at most " + std::to_string(kPeersMax) +
                          " unicast peers are possible: shorten "
                          "failover.unicast_peers");
  }
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    return tl::unexpected(failed("no shared memory"));
  }
  Guard guard(options, new (memory) Shared());
  if (auto spawned = guard.spawn(Life::first); !spawned) {
    return tl::unexpected(spawned.error());
  }
  return guard;
}

tl::expected<void, std::string> Guard::restart() {
  if (alive()) {
    return {};
  }
  if (pipe_ >= 0) {
    close(std::exchange(pipe_, -1));
  }
  return spawn(Life::later);
}

/// What removes the addresses and says so, and the sockets that carry it.
tl::expected<void, std::string> Guard::prepare_network(Child& child, OwnedFd& netlink_fd,
                                                       OwnedFd& raw) const {
  const auto interface = find_interface(options_.interface);
  if (!interface) {
    return tl::unexpected(interface.error());
  }
  auto netlink = Netlink::open();
  if (!netlink) {
    return tl::unexpected(netlink.error());
  }
  const auto source = find_source(*netlink, *interface, options_.vips);
  if (!source) {
    return tl::unexpected(source.error());
  }

  failover::VrrpAdvert advert{
      .vrid = options_.vrid, .priority = 0, .interval_cs = options_.interval_cs, .addresses = {}};
  for (const auto& vip : options_.vips) {
    child.removals.push_back(removal_of(vip, interface->index));
    advert.addresses.push_back(vip.address);
  }
  std::vector<IpAddress> destinations = options_.unicast_peers;
  if (destinations.empty()) {
    destinations.push_back(failover::kVrrpGroup);
  }
  for (const IpAddress& destination : destinations) {
    failover::VrrpBytes vrrp = failover::write_advert(advert);
    failover::fill_checksum({vrrp.data(), vrrp.size()}, *source, destination);
    dataplane::Ipv4Header header;
    header.tos = dataplane::kTosInternetControl;
    header.ttl = failover::kVrrpTtl;
    header.protocol = failover::kVrrpProtocol;
    header.source = v4_of(*source);
    header.destination = v4_of(destination);
    Child::AdvertPacket packet;
    packet.to = address_of(destination);
    packet.size = dataplane::write_ip_packet(packet.bytes, header, {vrrp.data(), vrrp.size()});
    child.goodbyes.push_back(packet);
  }

  netlink_fd = OwnedFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (netlink_fd.get() < 0) {
    return tl::unexpected(failed("no netlink socket"));
  }
  raw = OwnedFd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (raw.get() < 0) {
    return tl::unexpected(errno == EPERM ? missing_capability("the guard process needs a raw socket")
                                         : failed("no raw socket"));
  }
  ip_mreqn out{};
  out.imr_ifindex = static_cast<int>(interface->index);
  const int off = 0;
  if (setsockopt(raw.get(), IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) != 0 ||
      setsockopt(raw.get(), IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof off) != 0) {
    return tl::unexpected(failed("multicast through " + options_.interface));
  }
  return {};
}

tl::expected<void, std::string> Guard::spawn(Life life) {
  Child child;
  OwnedFd netlink_fd;
  OwnedFd raw;
  if (options_.interface.empty()) {
    netlink_fd = OwnedFd(open("/dev/null", O_RDWR | O_CLOEXEC));
    raw = OwnedFd(open("/dev/null", O_RDWR | O_CLOEXEC));
  } else if (auto prepared = prepare_network(child, netlink_fd, raw); !prepared) {
    return prepared;
  }
  child.shared = shared_;
  child.on_standby = options_.on_standby;
  static char state[] = "TERCET_STATE=standby";
  static char cause[] = "TERCET_CAUSE=killed";
  std::strcpy(child.epoch_text.data(), "TERCET_EPOCH=");
  for (char** e = environ; *e != nullptr; ++e) {
    child.environment.push_back(*e);
  }
  child.environment.insert(child.environment.end(), {state, cause, child.epoch_text.data(), nullptr});
  int pipe[2] = {-1, -1};
  if (pipe2(pipe, O_CLOEXEC) != 0) {
    return tl::unexpected(failed("no pipe"));
  }
  const OwnedFd reading(pipe[0]);
  OwnedFd writing(pipe[1]);
  // Blocked here already, or a signal to the group in the guard's first microseconds would end it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t pid = fork();
  if (pid != 0) {
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
  }
  if (pid < 0) {
    return tl::unexpected(failed("no process"));
  }
  if (pid == 0) {
    child.run(reading.get(), netlink_fd.get(), raw.get(), options_.argv, life);
  }
  pid_ = pid;
  pipe_ = writing.release();
  return {};
}

Guard::Guard(Guard&& other) noexcept
    : options_(std::move(other.options_)),
      pid_(std::exchange(other.pid_, -1)),
      pipe_(std::exchange(other.pipe_, -1)),
      shared_(std::exchange(other.shared_, nullptr)) {}

Guard& Guard::operator=(Guard&& other) noexcept {
  std::swap(options_, other.options_);
  std::swap(pid_, other.pid_);
  std::swap(pipe_, other.pipe_);
  std::swap(shared_, other.shared_);
  return *this;
}

Guard::~Guard() {
  stop();
  if (shared_ != nullptr) {
    munmap(shared_, sizeof(Shared));
  }
}

tl::expected<void, std::string> Guard::arm(Epoch epoch, std::span<const LastWord> words) {
  if (words.size() > kLastWordsMax) {
    return tl::unexpected("the guard keeps at most " + std::to_string(kLastWordsMax) + " last words");
  }
  const uint32_t next = (shared_->current.load(std::memory_order_relaxed) + 1U) & 1U;
  Shared::Words& into = shared_->words[next];
  into.count = 0;
  into.epoch = epoch.value;
  for (const LastWord& word : words) {
    if (!word.from.is_v4() || !word.to.is_v4()) {
      return tl::unexpected("the guard's last words go over IPv4 only: " + to_string(word.to) + " is not");
    }
    auto& packet = into.packets[into.count];
    packet.size = dataplane::write_udp_packet(packet.bytes, v4_of(word.from.address), word.from.port,
                                              v4_of(word.to.address), word.to.port, word.bytes);
    if (packet.size == 0) {
      return tl::unexpected("a last word has at most " + std::to_string(kLastWordSizeMax) + " bytes, not " +
                            std::to_string(word.bytes.size()));
    }
    packet.to = address_of(word.to.address);
    ++into.count;
  }
  shared_->current.store(next, std::memory_order_release);  // partner: last_act's acquire
  return {};
}

void Guard::disarm() {
  const uint32_t next = (shared_->current.load(std::memory_order_relaxed) + 1U) & 1U;
  shared_->words[next].count = 0;
  shared_->current.store(next, std::memory_order_release);  // partner: last_act's acquire
}

void Guard::on_air(bool yes) { shared_->on_air.store(yes, std::memory_order_release); }

bool Guard::alive() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ > 0;
}

void Guard::stop() {
  if (pipe_ < 0) {
    return;
  }
  // MSG_NOSIGNAL has no like for pipes; a guard that is gone must not end us by SIGPIPE.
  sigset_t broken;
  sigset_t before;
  sigemptyset(&broken);
  sigaddset(&broken, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken, &before);
  const ssize_t told = write(pipe_, &kClean, 1);
  if (told < 0 && errno == EPIPE) {
    const timespec now{};
    sigtimedwait(&broken, nullptr, &now);  // take the pending one back
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(pipe_);
  pipe_ = -1;
  // It exits at once. One that somebody stopped (SIGSTOP) would hold us up for ever: then it is ended.
  for (int tries = 0; pid_ > 0 && tries < 200; ++tries) {
    const pid_t ended = waitpid(pid_, nullptr, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno != EINTR)) {
      pid_ = -1;
      return;
    }
    usleep(1000);
  }
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
}

}  // namespace tercet::control
