#pragma once
// Two devices of this process that a virtual machine and its host would have: net_vhost0, and its guest's
// net_virtio_user0, which can only be made once the first one listens.

#include <gtest/gtest.h>
#include <rte_dev.h>
#include <unistd.h>

#include <string>

namespace tercet::dataplane {

class VhostPair {
 public:
  static constexpr const char* kHost = "net_vhost0";
  static constexpr const char* kGuest = "net_virtio_user0";

  VhostPair() = default;
  ~VhostPair() { unlink(path_.c_str()); }
  VhostPair(const VhostPair&) = delete;
  VhostPair& operator=(const VhostPair&) = delete;

  [[nodiscard]] std::string eal() const {
    return "--no-huge -m 128 --no-pci --no-shconf --vdev=net_vhost0,iface=" + path_;
  }
  /// Once the host's device is open.
  void plug_in() const {
    ASSERT_EQ(rte_eal_hotplug_add("vdev", kGuest, ("queues=1,path=" + path_).c_str()), 0);
  }

 private:
  std::string path_ = testing::TempDir() + "tercet-vhost-" + std::to_string(getpid());
};

}  // namespace tercet::dataplane
