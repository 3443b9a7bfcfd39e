#include "control/engines/engines.h"

#include "control/engines/dpdk.h"
#include "dataplane/port/dpdk/eal.h"
#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::control {

const Engines& all_engines() {
  static const Engines engines{
      .uring =
          [](std::span<const dataplane::PortOptions> threads) {
            return dataplane::make_uring_ports(threads);
          },
      .mmsg =
          [](std::span<const dataplane::PortOptions> threads) { return dataplane::make_mmsg_ports(threads); },
      .uring_allowed = dataplane::uring_allowed,
      .dpdk = open_dpdk_ports,
      .stop = dataplane::stop_eal,
  };
  return engines;
}

}  // namespace tercet::control
