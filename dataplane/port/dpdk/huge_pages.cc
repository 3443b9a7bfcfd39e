#include "dataplane/port/dpdk/huge_pages.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/file.h"

namespace tercet::dataplane {
namespace {

constexpr const char* kOrWithout = ", or add --no-huge -m 64 to port.eal";

/// Of all sizes.
size_t sum_of(const char* file) {
  size_t sum = 0;
  std::error_code error;
  for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    if (const auto text = read_file((size.path() / file).string(), 64)) {
      sum += std::strtoull(text->c_str(), nullptr, 10);
    }
  }
  return sum;
}

bool hugetlbfs_is_mounted() {
  const auto mounts = read_file("/proc/self/mounts", size_t{1} << 20U);
  return !mounts || mounts->find(" hugetlbfs ") != std::string::npos;
}

}  // namespace

std::string huge_page_trouble(const std::string& eal_said) {
  if (eal_said.find("hugepage") == std::string::npos) {
    return {};
  }
  const size_t all = sum_of("nr_hugepages");
  if (all == 0) {
    return std::string(
               "no huge pages are reserved for DPDK: reserve some (sysctl vm.nr_hugepages=256, each 2 MiB)") +
           kOrWithout;
  }
  if (!hugetlbfs_is_mounted()) {
    return std::string(
               "huge pages are reserved, but hugetlbfs is not mounted: mount it (mount -t hugetlbfs "
               "none /dev/hugepages), or add --in-memory to port.eal") +
           kOrWithout;
  }
  if (sum_of("free_hugepages") == 0) {
    return "all " + std::to_string(all) +
           " huge pages are in use: reserve more (sysctl vm.nr_hugepages), or see who has them (grep Huge "
           "/proc/*/smaps_rollup)" +
           kOrWithout;
  }
  return {};
}

}  // namespace tercet::dataplane
