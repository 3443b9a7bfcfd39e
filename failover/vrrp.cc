#include "failover/vrrp.h"

#include "base/check.h"

namespace tercet::failover {

const char* problem_of(const VrrpOptions& options) {
  if (options.vrid == 0) {
    return "vrid must be 1 to 255";
  }
  if (options.priority == 0) {
    return "priority must be 1 to 255 (0 is what a server that stops sends)";
  }
  if (options.interval < milliseconds(10) || options.interval > milliseconds(int64_t{10} * kIntervalCsMax) ||
      options.interval.ns % milliseconds(10).ns != 0) {
    return "advert_interval must be 10ms to 40.95s in steps of 10ms";
  }
  return nullptr;
}

Duration Vrrp::skew() const { return active_interval_ * (256 - options_.priority) / 256; }
Duration Vrrp::down_interval() const { return active_interval_ * 3 + skew(); }

void Vrrp::start(MonoTime now) {
  if (state_ != State::initialize) {
    return;
  }
  active_interval_ = options_.interval;
  state_ = State::backup;
  down_at_ = now + down_interval();
}

void Vrrp::activate(MonoTime now, Effects& out) {
  if (state_ == State::active) {
    return;
  }
  state_ = State::active;
  held_ = false;
  down_at_ = MonoTime::never();
  send(options_.priority, now, out);
  out.own = true;
  out.announce = 1;
}

void Vrrp::deactivate(MonoTime now, Effects& out) {
  if (state_ != State::active) {
    return;
  }
  out.disown = true;
  out.advert = uint8_t{0};
  // §6.4.3 (655)–(665): back to Backup, waiting for whoever is active now by its interval; unknown, so by
  // ours.
  active_interval_ = options_.interval;
  state_ = State::backup;
  held_ = false;
  advert_at_ = MonoTime::never();
  down_at_ = now + down_interval();
}

void Vrrp::shutdown(MonoTime now, Effects& out) {
  deactivate(now, out);
  state_ = State::initialize;
  down_at_ = MonoTime::never();
}

void Vrrp::hold() {
  if (state_ == State::active) {
    held_ = true;
    advert_at_ = MonoTime::never();
  }
}

void Vrrp::resume(MonoTime now, Effects& out) {
  if (state_ == State::active && held_) {
    held_ = false;
    send(options_.priority, now, out);
  }
}

void Vrrp::send(uint8_t priority, MonoTime now, Effects& out) {
  out.advert = priority;
  advert_at_ = now + options_.interval;
}

void Vrrp::advert(const VrrpView& view, const Address& source, MonoTime now, Effects& out) {
  if (state_ == State::initialize) {
    return;
  }
  other_ = OtherAdvert{source, view.priority, view.interval, now};
  if (state_ == State::backup) {
    advert_as_backup(view, now, out);
  } else {
    advert_as_active(view, source, now, out);
  }
}

void Vrrp::advert_as_backup(const VrrpView& view, MonoTime now, Effects& out) {
  if (view.priority == 0) {  // §6.4.2 (420): it stops; in the RFC the best backup's skew ends first
    down_at_ = now + skew();
    out.hint = Effects::Hint::resigned;
    return;
  }
  if (!options_.preempt || view.priority >= options_.priority) {  // (430)–(440)
    active_interval_ = view.interval;
    down_at_ = now + down_interval();
  }  // else (445): a lower one does not put off the timer
}

void Vrrp::advert_as_active(const VrrpView& view, const Address& source, MonoTime now, Effects& out) {
  // Whoever advertises, and even who says goodbye, held the address a moment ago: neighbours may point there.
  out.ask = true;
  if (held_) {
    return;
  }
  // §6.4.3 (610), (645): priority 0, a lower priority, or a tie with a lower address are answered at once,
  // which sends the other one back to Backup. A higher one is not answered: were it an RFC router, both would
  // never stop.
  const bool below =
      view.priority < options_.priority || (view.priority == options_.priority && source < options_.local);
  if (below) {
    send(options_.priority, now, out);
  }
}

void Vrrp::tick(MonoTime now, Effects& out) {
  if (state_ == State::active && now >= advert_at_) {
    send(options_.priority, now, out);
  }
  if (state_ == State::backup && now >= down_at_) {
    // The RFC would go Active here. We say so and look again an interval later.
    out.hint = Effects::Hint::silent;
    down_at_ = now + down_interval();
  }
}

MonoTime Vrrp::due() const { return earlier(advert_at_, down_at_); }

}  // namespace tercet::failover
