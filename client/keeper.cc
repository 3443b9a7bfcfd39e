#include "client/keeper.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

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
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
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
  ring();
  thread_.join();
}

void Keeper::ring() {
  const uint64_t one = 1;
  // An eventfd takes a count of one as long as it is not full, which so few rings cannot make it.
  TERCET_CHECK(::write(bell_, &one, sizeof one) == sizeof one, "the keeper's bell rings");
}

tl::expected<Grant, Failure> Keeper::consume(uint64_t total, Duration timeout) {
  const std::lock_guard one_at_a_time(asking_);
  std::unique_lock lock(mutex_);
  Failure failure;
  if (!ended_) {
    wish_ = Wish{++wishes_, total, boot_now() + timeout};
    ring();
    // The thread itself says in time what became of it, unless it is busy with a renewal that nobody answers.
    const auto wait = std::chrono::nanoseconds((timeout + kReleaseTimeout).ns);
    answered_.wait_for(lock, wait, [this] { return wish_->done.has_value(); });
    tl::expected<Grant, Failure> done = tl::unexpected(failure);
    if (wish_->done) {
      done = std::move(*wish_->done);
    } else {
      done.error().message =
          "no answer (the outcome of this request is unknown): ask again with the same total";
      done.error().outcome_unknown = true;
    }
    wish_.reset();
    return done;
  }
  failure.kind = Failure::Kind::denied;
  failure.code = Code::unknown_handle;
  failure.message = lost_.empty() ? "this seat was given back: check one out anew" : lost_;
  return tl::unexpected(failure);
}

void Keeper::grant_wish(SeatState& seat) {
  Wish wish;
  {
    const std::lock_guard lock(mutex_);
    if (!wish_ || wish_->done) {
      return;
    }
    wish = *wish_;
    // Rung under this lock: what rings later is heard.
    uint64_t rings = 0;
    (void)!::read(bell_, &rings, sizeof rings);
  }
  if (stopping_.load()) {
    return;
  }
  // Whatever became of a try, the next is harmless: it sends the same total. So none keeps a renewal waiting.
  const BootTime now = boot_now();
  const BootTime until = earlier(wish.until, later(now + kStalePause, seat.renew_at()));
  Cell cell(*channel_,
            {.timeout = std::max(until - now, milliseconds(1)), .unavailable = kUnavailablePatience});
  auto answer = cell.consume(seat, wish.total);
  const bool cut_short = !answer && until < wish.until && answer.error().kind == Failure::Kind::no_answer;
  const std::lock_guard lock(mutex_);
  seat_ = seat;
  if (cut_short || !wish_ || wish_->id != wish.id) {
    return;
  }
  wish_->done = std::move(answer);
  answered_.notify_all();
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
  hold();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (wish_ && !wish_->done) {
    Failure failure;
    failure.kind = Failure::Kind::interrupted;
    failure.message = "the seat was lost or given back meanwhile: check one out anew";
    failure.outcome_unknown = true;
    wish_->done = tl::unexpected(failure);
    answered_.notify_all();
  }
}

void Keeper::hold() {
  SeatState seat = this->seat();
  while (!stopping_.load()) {
    if (boot_now() >= seat.held_until) {
      lose("the seat's lease ended before it could be renewed: check one out anew");
      return;
    }
    grant_wish(seat);
    const BootTime now = boot_now();
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
