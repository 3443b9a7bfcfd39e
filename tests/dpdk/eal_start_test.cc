// What keeps DPDK from starting is said in one line that names the cause and what to do; and where its
// threads are when it does start. Each test is a process of its own, since EAL starts once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kPlain = "--no-huge -m 64 --no-pci --no-shconf ";

DpdkOptions options_with(const std::string& eal) {
  DpdkOptions options;
  options.eal = {.arguments = kPlain + eal, .prefix = "tercet-start-" + std::to_string(getpid())};
  options.own = {parse_address("198.18.0.1").value().address, 24};
  return options;
}

/// The one line of an engine that does not open.
std::string refusal(const DpdkOptions& options, size_t threads = 1) {
  PortOptions lanes;
  lanes.lanes = {{parse_endpoint("198.18.0.1:8200").value(), {}}};
  testing::internal::CaptureStdout();
  const auto opened = open_dpdk(options, lanes, threads);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "") << "DPDK's usage is for nobody";
  EXPECT_FALSE(opened);
  const std::string line = opened ? std::string() : opened.error();
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  return line;
}

TEST(EalStart, AnLcoreThatIsNotThereIsNamed) {
  EXPECT_THAT(refusal(options_with("-l 0,120 --vdev=net_null0")),
              StartsWith("DPDK does not start (lcore 120 unavailable): correct port.eal"));
}

TEST(EalStart, AnOptionThatDpdkDoesNotKnowIsNamed) {
  EXPECT_THAT(refusal(options_with("--bogus=7")),
              StartsWith("DPDK does not start (unrecognized option '--bogus=7'): correct port.eal"));
}

TEST(EalStart, AWordThatIsNoOptionIsNamed) {
  EXPECT_THAT(refusal(options_with("--vdev=net_null0 -l 0 eth0")),
              HasSubstr("\"eth0\", which is no option of DPDK's"));
}

TEST(EalStart, WhatExcludesEachOtherIsNamed) {
  EXPECT_THAT(refusal(options_with("--in-memory")), HasSubstr("--no-huge and --in-memory"));
}

TEST(EalStart, WithHelpTheProcessDoesNotEnd) {
  EXPECT_THAT(refusal(options_with("--help")), HasSubstr("leave it out"));
}

TEST(EalStart, ADeviceThatCouldNotBeMadeIsBlamedOnItsDriversReason) {
  EXPECT_THAT(refusal(options_with("--vdev=net_pcap0,rx_pcap=/nowhere/in.pcap")),
              AllOf(StartsWith("DPDK could not make the device that port.eal names ("),
                    HasSubstr("/nowhere/in.pcap: No such file or directory")));
}

TEST(EalStart, AnInterfaceThatIsNotThereIsNamed) {
  EXPECT_EQ(
      refusal(options_with("--vdev=net_af_packet0,iface=nowhere0")),
      "there is no interface nowhere0, on which port.eal puts net_af_packet0: correct iface= there (see "
      "`ip link`)");
  EXPECT_THAT(refusal(options_with("--vdev=net_af_packet0")), HasSubstr("iface=eth0"));
}

/// A user namespace of its own, without or with a network of its own; false where that is not allowed.
bool enter(int namespaces) { return unshare(CLONE_NEWUSER | namespaces) == 0; }

TEST(EalStart, TheCapabilitiesThatAreMissingAreNamed) {
  if (!enter(0)) {
    GTEST_SKIP() << "no user namespaces here";
  }
  EXPECT_THAT(refusal(options_with("--vdev=net_af_packet0,iface=lo")),
              AllOf(HasSubstr("net_af_packet0 may not use lo (no CAP_NET_RAW and CAP_NET_ADMIN)"),
                    HasSubstr("setcap")));
}

TEST(EalStart, QueuesThatNobodyReadsAreRefused) {
  if (!enter(CLONE_NEWNET)) {
    GTEST_SKIP() << "no user namespaces here";
  }
  EXPECT_EQ(
      refusal(options_with("--vdev=net_af_packet0,iface=lo,qpairs=3"), 2),
      "net_af_packet0 fills 3 queues, of which 2 are read: what comes to the others would be lost: write "
      "qpairs=2 in port.eal, or port.steering_threads = 3");
}

TEST(EalStart, TheLinkIsTheInterfacesUnderTheDevice) {
  if (!enter(CLONE_NEWNET)) {
    GTEST_SKIP() << "no user namespaces here";
  }
  const DpdkOptions options = options_with("--vdev=net_af_packet0,iface=lo");
  ASSERT_TRUE(start_eal(options.eal));
  const auto device =
      Device::open({.name = "net_af_packet0", .arguments = options.eal.arguments, .more_macs = {}});
  ASSERT_TRUE(device) << device.error();
  EXPECT_EQ((*device)->interface(), "lo");
  EXPECT_FALSE((*device)->link_up()) << "nobody has set it up";
  const OwnedFd fd(socket(AF_INET, SOCK_DGRAM, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  ASSERT_EQ(ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
  EXPECT_TRUE((*device)->link_up());
}

TEST(EalStart, WithoutHugePagesWhatToReserveIsSaid) {
  const auto reserved = read_file("/proc/sys/vm/nr_hugepages");
  if (!reserved || reserved->front() != '0') {
    GTEST_SKIP() << "there are some here";
  }
  DpdkOptions options = options_with("");
  options.eal.arguments = "--no-pci --no-shconf --vdev=net_null0";
  EXPECT_THAT(refusal(options), StartsWith("no huge pages are reserved for DPDK: reserve some"));
}

/// As /proc/self/task/*/status says it: "0", "0-1".
std::string cpus_of(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Cpus_allowed_list:")) {
      return line.substr(line.find_last_of("\t ") + 1);
    }
  }
  return "";
}

/// Where a thread runs that does `what` first.
std::string cpus_after(const std::function<void()>& what) {
  std::string cpus;
  std::thread([&] {
    what();
    cpus = cpus_of(gettid());
  }).join();
  return cpus;
}

TEST(EalStart, EachThreadIsOnItsLcoreAndControlThreadsOnTheFirst) {
  if (std::thread::hardware_concurrency() < 2) {
    GTEST_SKIP() << "one CPU";
  }
  std::atomic<pid_t> earlier{0};
  std::atomic<bool> end{false};
  std::thread log_writer([&] {
    earlier = gettid();
    end.wait(false);
  });
  while (earlier == 0) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(start_eal(options_with("-l 0,1 --vdev=net_null0").eal));
  EXPECT_EQ(cpus_of(getpid()), "0");
  EXPECT_EQ(cpus_of(earlier), "0") << "one that was there before";
  EXPECT_EQ(cpus_after([] {}), "0") << "one that a control thread starts";
  EXPECT_EQ(cpus_after([] {
              ASSERT_TRUE(adopt_polling_thread(0));
              release_polling_thread();
            }),
            "1");
  EXPECT_EQ(polling_lcores(), 1U);
  EXPECT_EQ(cpus_of_polling_thread(0), std::vector{1});
  EXPECT_EQ(cpus_of_polling_thread(1), std::vector{0}) << "no lcore is left: with the control threads";
  end = true;
  end.notify_all();
  log_writer.join();
}

TEST(EalStart, MoreThreadsThanLcoresAreRefused) {
  EXPECT_THAT(refusal(options_with("--lcores=0@0,1@0 --vdev=net_null0"), 2),
              StartsWith("port.eal leaves 1 lcores for 2 polling threads"));
}

TEST(EalStart, AFloodThatIsNotOursKeepsNobodyAndAllIsGivenBackAtTheEnd) {
  const DpdkOptions options = options_with("--vdev=net_null0");
  {
    PortOptions lanes;
    lanes.lanes = {{parse_endpoint("198.18.0.1:8200").value(), {}}};
    auto network = open_dpdk(options, lanes, 1);
    ASSERT_TRUE(network) << network.error();
    RxBurst burst;
    network->ports[0]->receive(burst);  // this driver always has more frames, of which none is ours
    EXPECT_TRUE(burst.datagrams.empty());
    network->ports[0]->finish();
  }
  stop_eal();
  stop_eal();
  EXPECT_THAT(start_eal(options.eal).error(), HasSubstr("was stopped"));
}

}  // namespace
}  // namespace tercet::dataplane
