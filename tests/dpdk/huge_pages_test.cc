// Real huge pages, where this machine has some free and lets us mount: a server finds them again however the
// one before it ended. Without any (sysctl vm.nr_hugepages) it is skipped.

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "dataplane/port/dpdk/dpdk_engine.h"

namespace tercet::dataplane {
namespace {

size_t free_pages() {
  const auto text = read_file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

enum class Ending { killed, stopped };

/// A process that opens a device on huge pages in `folder` and ends so. Its exit code, 9 if it was killed.
int life(const std::string& folder, Ending end) {
  const pid_t child = fork();
  if (child == 0) {
    DpdkOptions options;
    options.eal = {"--no-pci --vdev=net_null0 --huge-dir " + folder, "tercet-huge-test"};
    options.own = {parse_address("198.18.0.1").value().address, 24};
    PortOptions lanes;
    lanes.lanes = {{parse_endpoint("198.18.0.1:8200").value(), {}}};
    {
      const size_t before = free_pages();
      const auto network = open_dpdk(options, lanes, 1);
      if (!network || free_pages() >= before) {
        std::fputs(network ? "no page was taken\n" : network.error().c_str(), stderr);
        _exit(1);
      }
      if (end == Ending::killed) {
        kill(getpid(), SIGKILL);
      }
    }
    stop_eal();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(HugePages, AreFreeAgainHoweverAServerEnded) {
  const size_t pages = free_pages();
  std::string folder = "/tmp/tercet-huge-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  if (pages < 8 || unshare(CLONE_NEWNS) != 0 ||
      mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", folder.c_str(), "hugetlbfs", 0, nullptr) != 0) {
    rmdir(folder.c_str());
    GTEST_SKIP() << "8 free huge pages and the right to mount are needed";
  }
  EXPECT_EQ(life(folder, Ending::stopped), 0);
  EXPECT_EQ(free_pages(), pages);
  EXPECT_EQ(life(folder, Ending::killed), SIGKILL);
  EXPECT_EQ(free_pages(), pages);
  EXPECT_EQ(life(folder, Ending::stopped), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder)) << "map files stay";
  umount(folder.c_str());
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace tercet::dataplane
