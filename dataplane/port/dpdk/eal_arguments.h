#pragma once
// The arguments that DPDK's EAL is started with: the configured ones, what they leave open, and what is
// refused before EAL sees it, because EAL would answer with a page of usage, or end the process.

#include <string>
#include <string_view>
#include <vector>

namespace tercet::dataplane {

struct EalOptions {
  /// As for any DPDK program: "-l 2,3 --vdev=net_af_packet0,iface=eth0 …". Words are separated by blanks.
  std::string arguments;
  /// Tells the memory of this server from that of other DPDK programs of the host; used where the arguments
  /// give no --file-prefix.
  std::string prefix = "tercet";
};

/// The words that EAL is started with: the configured ones, and what they leave open: --file-prefix,
/// --no-telemetry (a thread and a socket that nobody asked for), an lcore that may run on every CPU which
/// this process may use, and --huge-unlink=always: a huge page is free again when the process is gone,
/// however it went. "-l" and its kind are taken as given.
std::vector<std::string> eal_words(const EalOptions& options);

/// Why these arguments cannot be meant, with what to do; empty: EAL may see them.
std::string refuse_arguments(std::string_view arguments);

/// Whether they ask for huge pages (no --no-huge).
bool wants_huge_pages(std::string_view arguments);

/// Whether they name a device: --vdev, or -a of a PCI address.
bool names_a_device(std::string_view arguments);

/// A --vdev that stands on an interface of the kernel: net_af_packet, net_af_xdp.
struct KernelDevice {
  std::string name;       ///< "net_af_packet0"
  std::string interface;  ///< "eth0"; empty: not given
  [[nodiscard]] bool xdp() const { return name.find("_af_xdp") != std::string::npos; }
};
std::vector<KernelDevice> kernel_devices(std::string_view arguments);

}  // namespace tercet::dataplane
