#pragma once
// The engine on DPDK: one queue of a Device, with no kernel under it.
//
//   receive: rte_eth_rx_burst → Stack::plain, or else take → RxBurst (datagrams stand where the device wrote
//            them: zero copy)
//   send:    TxBurst (written into buffers of the device) → Stack::write_headers → rte_eth_tx_burst
//
// A datagram whose next hop is not known yet waits (bounded) until ARP has answered. Frames of the control
// thread (adverts, gratuitous ARP) leave first, where the device allows by a queue of their own.

#include <memory>

#include "dataplane/port/control_path.h"
#include "dataplane/port/dpdk/device.h"
#include "dataplane/port/dpdk/stack.h"
#include "dataplane/port/dpdk/tap.h"
#include "dataplane/port/port.h"

namespace tercet::dataplane {

struct DpdkPortOptions {
  std::shared_ptr<Device> device;
  std::shared_ptr<ControlPath> control;
  uint16_t queue = 0;  ///< of the device, and the polling thread's number
  PollMode poll = PollMode::adaptive;
  Duration spin = nanoseconds(-1);  ///< as PortOptions::spin
  std::shared_ptr<Tap> tap;         ///< null: exceptions are dropped. What it brings leaves by queue 0
  StackOptions stack;               ///< with the device's address and abilities
};

/// Made by any thread, used by the polling thread `queue` alone.
std::unique_ptr<Port> make_dpdk_port(DpdkPortOptions options);

}  // namespace tercet::dataplane
