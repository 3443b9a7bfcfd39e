#include "dataplane/port/dpdk/rx_interrupt.h"

#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace tercet::dataplane {
namespace {

/// That a driver has no interrupts is an answer here, which DPDK logs as an error.
class Quietly {
 public:
  Quietly() { rte_log_set_level(static_cast<uint32_t>(type_), RTE_LOG_EMERG); }
  ~Quietly() { rte_log_set_level(static_cast<uint32_t>(type_), static_cast<uint32_t>(level_)); }
  Quietly(const Quietly&) = delete;
  Quietly& operator=(const Quietly&) = delete;

 private:
  int type_ = rte_log_register("lib.ethdev");  // is there: gives its number
  int level_ = rte_log_get_level(static_cast<uint32_t>(type_));
};

}  // namespace

std::unique_ptr<RxInterrupt> RxInterrupt::open(uint16_t device, uint16_t queue) {
  const Quietly quietly;
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    return nullptr;
  }
  if (rte_eth_dev_rx_intr_ctl_q(device, queue, epoll, RTE_INTR_EVENT_ADD, nullptr) != 0) {
    close(epoll);
    return nullptr;
  }
  std::unique_ptr<RxInterrupt> self(new RxInterrupt(device, queue, epoll));
  if (!self->arm()) {
    return nullptr;
  }
  self->disarm();
  return self;
}

RxInterrupt::~RxInterrupt() {
  rte_eth_dev_rx_intr_ctl_q(device_, queue_, epoll_, RTE_INTR_EVENT_DEL, nullptr);
  close(epoll_);
}

bool RxInterrupt::arm() {
  armed_ = rte_eth_dev_rx_intr_enable(device_, queue_) == 0;
  return armed_;
}

void RxInterrupt::disarm() {
  armed_ = false;
  rte_eth_dev_rx_intr_disable(device_, queue_);
  rte_epoll_event rang;
  rte_epoll_wait(epoll_, &rang, 1, 0);
}

}  // namespace tercet::dataplane
