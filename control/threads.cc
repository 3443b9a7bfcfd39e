#include "control/threads.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/check.h"

namespace tercet::control {
namespace {

constexpr int kNice = -10;

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&set, signal);
  }
  return set;
}

void keep_to(const std::vector<int>& cpus) {
  if (cpus.empty()) {
    return;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    CPU_SET(cpu, &set);
  }
  sched_setaffinity(0, sizeof set, &set);
}

}  // namespace

void block_signals() {
  const sigset_t set = handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int open_signals() {
  const sigset_t set = handled();
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  TERCET_CHECK(fd >= 0, "the kernel gives a signalfd");
  return fd;
}

int take_signal(int signals) {
  signalfd_siginfo info{};
  return read(signals, &info, sizeof info) == ssize_t{sizeof info} ? static_cast<int>(info.ssi_signo) : 0;
}

void name_this_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

bool raise_priority() {
  // Not a real-time class: a polling thread that spins would then starve its core. Linux: 0 is this thread
  // alone.
  if (setpriority(PRIO_PROCESS, 0, kNice) != 0) {
    return false;
  }
  // Since Linux 6.12 the runtime of a SCHED_OTHER thread is its slice: a short one has an early deadline, so
  // it runs soon after it wakes (EEVDF). Older kernels ignore it. glibc 2.36 has neither the call nor its
  // struct.
  struct {
    uint32_t size = 48;
    uint32_t policy = SCHED_OTHER;
    uint64_t flags = 0;
    int32_t nice = kNice;
    uint32_t priority = 0;
    uint64_t runtime_ns = 100'000;
    uint64_t deadline_ns = 0;
    uint64_t period_ns = 0;
  } attributes;
  static_assert(sizeof attributes == 48);
  syscall(SYS_sched_setattr, 0, &attributes, 0);
  return true;
}

bool raise_session() {
  if (getsid(0) != getpid()) {
    return false;
  }
  const int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;  // a kernel without it
  }
  const std::string text = std::to_string(kNice);
  const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return done;
}

tl::expected<void, std::string> lock_memory() {
  if (mlockall(MCL_CURRENT | MCL_ONFAULT) == 0) {
    return {};
  }
  return tl::unexpected(std::string("memory is not locked (") + std::strerror(errno) +
                        "): give it CAP_IPC_LOCK or a higher memlock limit, or turn swap off");
}

PollingThread::PollingThread(dataplane::Loop& loop, const char* name, const std::vector<int>& cpus)
    : poller_(loop, clock_) {
  thread_ = std::thread([this, name, cpus] {
    name_this_thread(name);
    keep_to(cpus);
    prctl(PR_SET_TIMERSLACK, 1UL);  // wait() ends when it was asked to, not 50 µs later
    raise_priority();
    tid_.store(gettid(), std::memory_order_relaxed);
    poller_.run();
  });
}

void PollingThread::stop() {
  if (thread_.joinable()) {
    poller_.stop();
    thread_.join();
  }
}

}  // namespace tercet::control
