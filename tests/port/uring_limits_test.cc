// io_uring where it is forbidden or short of room: what only this engine can meet.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/socket.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::dataplane {
namespace {

Endpoint at(const char* text) { return parse_endpoint(text).value(); }

PortOptions one_lane() {
  PortOptions options;
  options.lanes = {{at("127.0.0.1:0"), {}}};
  return options;
}

/// From here on io_uring_setup fails with `error` in this process, as in many containers.
bool forbid_uring(int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = 4, .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// What make_uring_port() says in a child process where io_uring_setup fails with `error`; then mmsg must
/// still work.
std::string said_when(int error) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) {
    return "no pipe";
  }
  const pid_t child = fork();
  if (child == 0) {
    std::string text = "no filter";
    if (forbid_uring(error)) {
      const auto port = make_uring_port(one_lane());
      text = port ? "a port" : port.error();
      if (uring_allowed() || !make_mmsg_port(one_lane())) {
        text = "uring_allowed() or mmsg is wrong";
      }
    }
    const ssize_t written = write(pipe_ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(pipe_ends[1]);
  char buffer[500] = {};
  const ssize_t n = read(pipe_ends[0], buffer, sizeof(buffer));
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return n > 0 && status == 0 ? std::string(buffer, static_cast<size_t>(n)) : "the child failed";
}

TEST(Uring, SaysWhyItIsNotToBeHad) {
  ASSERT_TRUE(uring_allowed()) << "these tests need io_uring: " << uring_allowed().error();
  EXPECT_EQ(said_when(EPERM),
            "io_uring is forbidden here: a seccomp filter (containers) or sysctl kernel.io_uring_disabled");
  EXPECT_EQ(said_when(ENOSYS), "this kernel has no io_uring");
  EXPECT_EQ(said_when(EINVAL), "this kernel's io_uring is too old (Linux 6.1 is needed)");
  EXPECT_THAT(said_when(ENOMEM), testing::HasSubstr("ulimit -l"));
}

/// Sends `count` datagrams to `port` from a plain socket.
void flood(const Endpoint& to, size_t count) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in6 name{};
  const socklen_t length = to_sockaddr(to, name);
  for (size_t i = 0; i < count; ++i) {
    const auto number = static_cast<uint16_t>(i);
    ASSERT_EQ(sendto(fd, &number, sizeof(number), 0, reinterpret_cast<sockaddr*>(&name), length), 2);
  }
  close(fd);
}

size_t drain(Port& port, size_t count) {
  RxBurst burst;
  size_t got = 0;
  for (int polls = 0; got < count && polls < 10'000; ++polls) {
    port.receive(burst);
    for (const RxDatagram& d : burst.datagrams) {
      uint16_t number = 0;
      EXPECT_EQ(d.bytes.size(), sizeof(number));
      std::memcpy(&number, d.bytes.data(), sizeof(number));
      EXPECT_EQ(number, got++);
    }
    if (got < count) {
      port.wait(raw_now() + milliseconds(50));
    }
  }
  return got;
}

TEST(Uring, ADryBufferRingIsRefilledAndArmedAgain) {
  auto port = make_uring_port(one_lane(), {.plain_buffers = 8}).value();
  RxBurst burst;
  port->receive(burst);
  flood(port->local(0), 300);
  EXPECT_EQ(drain(*port, 300), 300U);
  EXPECT_GT(port->counters().receive_buffers_empty.get(), 0U);
  flood(port->local(0), 5);  // and it is armed now
}

TEST(Uring, AnOverflownCompletionQueueLosesNothing) {
  auto port = make_uring_port(one_lane(), {.submissions = 4, .completions = 8, .plain_buffers = 256}).value();
  RxBurst burst;
  port->receive(burst);
  flood(port->local(0), 200);
  EXPECT_EQ(drain(*port, 200), 200U);
}

TEST(Uring, AFullSubmissionQueueIsHandedOverMidway) {
  auto port = make_uring_port(one_lane(), {.submissions = 4, .completions = 64}).value();
  auto receiver = make_uring_port(one_lane()).value();
  RxBurst burst;
  receiver->receive(burst);
  TxBurst& out = port->transmit();
  for (unsigned i = 0; i < 100; ++i) {
    const MutBytes room = out.next();
    const auto number = static_cast<uint16_t>(i);
    std::memcpy(room.data(), &number, sizeof(number));
    out.push(i == 50 ? 2 : 2, 0, receiver->local(0));
    if (i % 3 == 2) {  // no runs: one submission each
      std::memset(out.next().data(), 0, 1);
      out.push(1, 0, at("127.0.0.1:9"));
    }
  }
  port->send(out);
  port->wait(raw_now());
  EXPECT_EQ(drain(*receiver, 100), 100U);
}

TEST(Uring, ThreeBurstsInARowDoNotOverwriteEachOther) {
  auto port = make_uring_port(one_lane()).value();
  auto receiver = make_uring_port(one_lane()).value();
  RxBurst burst;
  receiver->receive(burst);
  uint16_t number = 0;
  for (int b = 0; b < 5; ++b) {
    TxBurst& out = port->transmit();
    for (unsigned i = 0; i < 50; ++i, ++number) {
      std::memcpy(out.next().data(), &number, sizeof(number));
      out.push(2, 0, receiver->local(0));
    }
    port->send(out);  // no wait() between: nothing forces it out but the need for a bank
  }
  port->wait(raw_now());
  EXPECT_EQ(drain(*receiver, 250), 250U);
  port->receive(burst);
  EXPECT_EQ(port->counters().sent_datagrams.get(), 250U);
}

TEST(Uring, UnderLoadThereAreFewerCallsThanDatagrams) {
  auto port = make_uring_port(one_lane()).value();
  RxBurst burst;
  port->receive(burst);
  flood(port->local(0), 500);
  for (size_t got = 0; got < 500;) {
    const size_t n = port->receive(burst);
    got += n;
    TxBurst& out = port->transmit();
    for (const RxDatagram& d : burst.datagrams) {
      std::memcpy(out.next().data(), d.bytes.data(), d.bytes.size());
      out.push(d.bytes.size(), d.lane, d.from);
    }
    port->send(out);
    port->wait(raw_now() + milliseconds(n == 0 ? 10 : 0));
  }
  EXPECT_LT(port->counters().receive_calls.get(), 100U);  // 1,000 datagrams moved
}

}  // namespace
}  // namespace tercet::dataplane
