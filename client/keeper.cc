#include "client/keeper.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace tercet::client {
namespace {

/// Between two tries after STALE: our idea of the cell's time comes from Hello, which is asked anew each
/// time.
constexpr Duration kStalePause = milliseconds(50);

void sleep_until(BootTime until, int bell) {
  pollfd fd{bell, POLLIN, 0};
  const Duration left = std::max(until - boot_now(), Duration{});
  const timespec timeout{left.ns / 1'000'000'000, left.ns % 1'000'000'000};
  ::ppoll(&fd, 1, &timeout, nullptr);
}

}  // namespace

Keeper::Keeper(std::unique_ptr<Channel> channel, const SeatState& seat,
               std::function<void(const std::string&)> on_lost)
    : channel_(std::move(channel)),
      on_lost_(std::move(on_lost)),
      bell_(::eventfd(0, EFD_CLOEXEC)),
      seat_(seat) {
  TERCET_CHECK(bell_ >= 0, "an eventfd for the keeper");
  channel_->set_interrupt(bell_);
  thread_ = std::thread([this] { run(); });
}

Keeper::~Keeper() {
  if (!done_) {
    release();
  }
  ::close(bell_);
}

bool Keeper::held() const {
  const std::lock_guard lock(mutex_);
  return lost_.empty() && !stopping_.load() && boot_now() < seat_.held_until;
}

SeatState Keeper::seat() const {
  const std::lock_guard lock(mutex_);
  return seat_;
}

std::string Keeper::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void Keeper::stop() {
  if (!thread_.joinable()) {
    return;
  }
  stopping_.store(true);
  const uint64_t one = 1;
  // An eventfd takes a count of one as long as it is not full, which one ring cannot make it.
  TERCET_CHECK(::write(bell_, &one, sizeof one) == sizeof one, "the keeper's bell rings");
  thread_.join();
}

bool Keeper::release() {
  stop();
  if (done_) {
    return false;
  }
  done_ = true;
  channel_->set_interrupt(-1);
  if (!lost_.empty()) {
    return false;
  }
  Cell cell(*channel_, {.timeout = kReleaseTimeout, .unavailable = kUnavailablePatience});
  return cell.release(seat_).has_value();
}

SeatState Keeper::leave() {
  stop();
  done_ = true;
  return seat_;
}

void Keeper::lose(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    lost_ = why;
  }
  if (on_lost_) {
    on_lost_(why);
  }
}

void Keeper::run() {
  SeatState seat = this->seat();
  while (!stopping_.load()) {
    const BootTime now = boot_now();
    if (now >= seat.held_until) {
      lose("the seat's lease ended before it could be renewed: check one out anew");
      return;
    }
    if (now < seat.renew_at()) {
      sleep_until(earlier(seat.renew_at(), seat.held_until), bell_);
      continue;
    }
    Cell cell(*channel_, {.timeout = seat.held_until - now});  // repeats until then, whatever it hears
    const auto grant = cell.renew(seat, 0);
    {
      const std::lock_guard lock(mutex_);
      seat_ = seat;
    }
    if (grant) {
      renewals_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    const Failure& failure = grant.error();
    if (failure.kind == Failure::Kind::denied && failure.code != Code::stale) {
      lose(std::string(tercet::name_of(failure.code)) + ", " + failure.message);
      return;
    }
    if (failure.kind != Failure::Kind::interrupted) {
      sleep_until(earlier(boot_now() + kStalePause, seat.held_until), bell_);
    }
  }
}

}  // namespace tercet::client
