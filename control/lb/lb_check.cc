#include <sys/socket.h>
#include <unistd.h>

#include "control/check.h"
#include "control/lb/netlink.h"
#include "control/lb/tercet_lb.h"

namespace tercet::control {
namespace {

/// What a virtual address and VRRP need: raw sockets, and the right to change addresses.
Check check_raw_sockets() {
  const int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 112);
  const int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  const bool allowed = raw >= 0 && packet >= 0;
  for (const int fd : {raw, packet}) {
    if (fd >= 0) {
      close(fd);
    }
  }
  return {
      allowed ? Check::Verdict::good : Check::Verdict::bad,
      allowed ? "privileges: raw sockets are allowed" : "privileges: " + missing_capability("raw sockets")};
}

/// Asks the kernel to remove an address that cannot be there: refused only for lack of the right.
Check check_address_right(const std::string& interface) {
  auto netlink = Netlink::open();
  const auto found = find_interface(interface);
  if (!netlink || !found) {
    return {Check::Verdict::bad, "addresses: " + (netlink ? found.error() : netlink.error())};
  }
  const dataplane::Vip none{mapped({192, 0, 2, 1}), 32};  // RFC 5737: for documentation
  const int error = netlink->remove(none, found->index);
  return {
      error == 0 ? Check::Verdict::good : Check::Verdict::bad,
      error == 0 ? "addresses: may be added to " + interface : "addresses: " + missing_capability("changing addresses of " + interface)};
}

}  // namespace

int check_lb(const LbConfig& config, const Engines& engines) {
  dataplane::Routes routes;
  std::vector<Check> checks;
  checks.push_back({Check::Verdict::good, "configuration: " + config.server.path + " is sound"});
  checks.push_back(check_keys(config.server));
  checks.push_back(check_crypto(config.server));
  if (config.server.engine != Engine::dpdk) {
    checks.push_back(check_of("interface", config.interface + " is there and up",
                              find_interface(config.interface).map([](const Interface&) {})));
    checks.push_back(check_raw_sockets());
    checks.push_back(check_address_right(config.interface));
  }
  const std::vector<Check> port = check_port(config.server, engines, lb_lanes(config, routes));
  checks.insert(checks.end(), port.begin(), port.end());
  checks.push_back(check_admin(config.server.admin));
  checks.push_back(check_clock());
  checks.push_back(check_memory_lock());
  return report(checks);
}

}  // namespace tercet::control
