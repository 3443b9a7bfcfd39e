#include "dataplane/port/control_path.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

constexpr size_t kOrders = 256;
constexpr size_t kArpCopies = 64;
constexpr size_t kAdverts = 32;
constexpr size_t kClaims = 16;

int make_bell() {
  const int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  TERCET_CHECK(bell >= 0, "a few descriptors at start");
  return bell;
}

}  // namespace

ControlPath::ControlPath(size_t threads, DeviceLook device)
    : device_(std::move(device)), adverts_bell_(make_bell()), answers_bell_(make_bell()) {
  device_counters_.queues = threads;
  for (size_t i = 0; i < threads; ++i) {
    orders_.push_back(std::make_unique<Link<ControlOrder>>(kOrders));
    adverts_.push_back(std::make_unique<Link<Advert>>(kAdverts));
    claims_.push_back(std::make_unique<Link<AddressClaim>>(kClaims));
  }
  for (size_t i = 0; i < threads * threads; ++i) {
    arp_.push_back(std::make_unique<Link<ArpCopy>>(kArpCopies));
  }
}

ControlPath::~ControlPath() {
  close(adverts_bell_);
  close(answers_bell_);
}

void ControlPath::ring(int bell) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(bell, &one, sizeof one);  // full: it rings already
}

void ControlPath::silence(int bell) {
  uint64_t rung = 0;
  [[maybe_unused]] const ssize_t n = read(bell, &rung, sizeof rung);  // empty: nothing rang
}

}  // namespace tercet::dataplane
