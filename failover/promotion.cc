#include "failover/promotion.h"

#include <algorithm>

namespace tercet::failover {

namespace {
/// A question that stays unanswered is put as a new one now and then, in case whoever was to ask has dropped
/// it.
constexpr unsigned kAsksOfOneToken = 10;
}  // namespace

Duration stall_limit(Duration advert_interval) {
  return std::clamp(advert_interval * 3, milliseconds(100), milliseconds(500));
}

bool Promotion::holds(Epoch epoch) const { return !gone_ && epoch == epoch_; }

bool Promotion::sure() const {
  const auto* air = std::get_if<OnAir>(&state_);
  return air != nullptr && !air->unsure;
}

void Promotion::won(Epoch epoch, MonoTime at, MonoTime now, Effects& out) {
  if (epoch < epoch_ || epoch == epoch_ || vrrp_.state() == Vrrp::State::initialize) {
    return;  // known, or already lost (P3); or stopped
  }
  epoch_ = epoch;
  gone_ = false;
  const bool fresh = now - at <= options_.stall;
  if (auto* air = std::get_if<OnAir>(&state_)) {  // outbid a stray Prepare: the address stays where it is
    if (air->unsure && fresh) {
      air->unsure = false;
      ask_again_at_ = MonoTime::never();
      vrrp_.resume(now, out);
      announce(*air, now, out);
    } else if (ask_again_at_ != MonoTime::never()) {
      ask_anew(now, out);  // what was asked about the old epoch says nothing of this one
    }
    return;
  }
  if (fresh) {
    go_on_air(now, out);
  } else {
    state_ = OffAir{};
    ask_anew(now, out);
  }
}

void Promotion::lost(Epoch epoch, MonoTime now, Effects& out) {
  if (epoch < epoch_) {
    return;  // an older one than we hold
  }
  epoch_ = epoch;
  gone_ = true;
  state_ = Standby{};
  ask_again_at_ = MonoTime::never();
  vrrp_.deactivate(now, out);
}

void Promotion::confirmed(Epoch epoch, uint32_t token, MonoTime now, Effects& out) {
  if (!holds(epoch) || token != token_ || ask_again_at_ == MonoTime::never()) {
    return;  // an answer to an older question (P1)
  }
  ask_again_at_ = MonoTime::never();
  if (std::holds_alternative<OffAir>(state_)) {
    go_on_air(now, out);
    return;
  }
  auto* air = std::get_if<OnAir>(&state_);
  if (air == nullptr) {
    return;
  }
  if (air->unsure) {
    air->unsure = false;
    vrrp_.resume(now, out);
    announce(*air, now, out);
  } else if (air->announce && now >= air->announced_at + options_.reannounce_gap) {
    announce(*air, now, out);
  }
}

void Promotion::cut_off(Epoch epoch, MonoTime now, Effects& out) {
  if (!holds(epoch) || !on_air()) {
    return;
  }
  state_ = OffAir{};
  vrrp_.deactivate(now, out);
  ask_anew(now, out);
}

void Promotion::second_active(MonoTime now, Effects& out) {
  if (auto* air = std::get_if<OnAir>(&state_)) {
    occasion(*air, now, out);
  }
}

void Promotion::stalled(MonoTime now, Effects& out) {
  if (gone_) {
    return;
  }
  if (auto* air = std::get_if<OnAir>(&state_)) {
    air->unsure = true;
    vrrp_.hold();
  }
  ask_anew(now, out);
}

void Promotion::advert(const VrrpView& view, const Address& source, MonoTime now, Effects& out) {
  Effects from_vrrp;
  vrrp_.advert(view, source, now, from_vrrp);
  if (from_vrrp.advert) {
    out.advert = from_vrrp.advert;
  }
  if (from_vrrp.hint != Effects::Hint::none) {
    out.hint = from_vrrp.hint;
  }
  if (from_vrrp.ask) {
    second_active(now, out);
  }
}

void Promotion::tick(MonoTime now, Effects& out) {
  vrrp_.tick(now, out);
  auto* air = std::get_if<OnAir>(&state_);
  if (air != nullptr && !air->unsure) {
    if (now >= air->again_at) {
      air->announce = true;
      air->again_at = options_.garp_refresh.ns > 0 ? now + options_.garp_refresh : MonoTime::never();
    }
    if (air->announce && ask_again_at_ == MonoTime::never() &&
        now >= air->announced_at + options_.reannounce_gap) {
      ask_anew(now, out);
    }
  }
  if (now >= ask_again_at_) {
    if (asks_ < kAsksOfOneToken) {
      ask(now, out);
    } else {
      ask_anew(now, out);
    }
  }
}

void Promotion::shutdown(MonoTime now, Effects& out) {
  gone_ = true;
  state_ = Standby{};
  ask_again_at_ = MonoTime::never();
  vrrp_.shutdown(now, out);
}

MonoTime Promotion::due() const {
  MonoTime at = earlier(vrrp_.due(), ask_again_at_);
  const auto* air = std::get_if<OnAir>(&state_);
  if (air != nullptr && !air->unsure) {
    at = earlier(at, air->again_at);
    if (air->announce && ask_again_at_ == MonoTime::never()) {
      at = earlier(at, air->announced_at + options_.reannounce_gap);
    }
  }
  return at;
}

void Promotion::go_on_air(MonoTime now, Effects& out) {
  vrrp_.activate(now, out);
  out.announce = options_.garp_repeat;
  state_ = OnAir{.again_at = now + options_.garp_again, .announced_at = now};
  ask_again_at_ = MonoTime::never();
}

void Promotion::announce(OnAir& air, MonoTime now, Effects& out) {
  out.announce = options_.garp_repeat;
  air.announced_at = now;
  air.announce = false;
}

void Promotion::occasion(OnAir& air, MonoTime now, Effects& out) {
  air.announce = true;
  // Asked at once, for our epoch may be gone; while an answer is awaited, that one serves (asking anew at
  // each advert of a fast sender would void every answer). What waits for the gap is only the announcement:
  // tick() asks for it again.
  if (!air.unsure && ask_again_at_ == MonoTime::never() && now >= asked_at_ + options_.confirm_repeat) {
    ask_anew(now, out);
  }
}

void Promotion::ask(MonoTime now, Effects& out) {
  out.ask = true;
  ++asks_;
  asked_at_ = now;
  ask_again_at_ = now + options_.confirm_repeat;
}

void Promotion::ask_anew(MonoTime now, Effects& out) {
  ++token_;
  asks_ = 0;
  ask(now, out);
}

}  // namespace tercet::failover
