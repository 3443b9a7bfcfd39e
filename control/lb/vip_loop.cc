#include "control/lb/vip_loop.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "control/lb/receipts.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {

using dataplane::Advert;
using dataplane::Command;
using dataplane::Event;
using dataplane::Vip;
using failover::Cause;
using failover::Effects;

namespace {

/// At least so often while on the air: the loop's own stalls are found by its lateness.
constexpr Duration kTurnOnAir = milliseconds(100);
constexpr Duration kTurnStandby = seconds(1);
/// Most adverts in one turn: whoever floods us must not keep us from our timers.
constexpr size_t kAdvertsAtOnce = 8;
constexpr size_t kAdvertBurstsATurn = 4;
constexpr size_t kEventsAtOnce = 16;

VipLoopOptions sound(VipLoopOptions options) {
  TERCET_CHECK(!options.vips.empty(), "a virtual address");
  TERCET_CHECK(failover::problem_of(options.vrrp) == nullptr,
               "VRRP options are checked with the configuration");
  options.promotion.stall = std::min(options.promotion.stall, failover::stall_limit(options.vrrp.interval));
  return options;
}

}  // namespace

VipLoop::VipLoop(const VipLoopOptions& options, dataplane::Announcer& announcer,
                 dataplane::Link<Event>& events, dataplane::Link<Command>& commands, Receipts* receipts)
    : options_(sound(options)),
      announcer_(announcer),
      events_(events),
      commands_(commands),
      receipts_(receipts),
      promotion_(options_.promotion, options_.vrrp) {}

MonoTime VipLoop::poll(const Moment& now) {
  transitions_.clear();
  if (!started_) {
    started_ = true;
    promotion_.start(now.mono);
  } else if (now.mono - due_ > options_.promotion.stall) {
    // Before the events: an answer among them may be older than our sleep.
    counters_.stalls.add();
    Effects effects;
    promotion_.stalled(now.mono, effects);
    carry_out(effects, now, Cause::none);
  }
  std::array<Event, kEventsAtOnce> events;
  const size_t count = events_.pop(std::span(events));
  for (size_t i = 0; i < count; ++i) {
    take_event(events[i], now);
  }
  watch_reach(now);
  const bool drained = take_adverts(now) && count < events.size();
  Effects effects;
  promotion_.tick(now.mono, effects);
  carry_out(effects, now, Cause::none);
  if (resigning_ && promotion_.on_air()) {
    command({.kind = Command::Kind::resign, .epoch = promotion_.epoch()});
  }
  const MonoTime turn = now.mono + (promotion_.on_air() ? kTurnOnAir : kTurnStandby);
  due_ = drained ? earlier(promotion_.due(), turn) : now.mono;
  return due_;
}

void VipLoop::resign(const Moment& now) {
  transitions_.clear();
  resigning_ = true;
  due_ = earlier(due_, now.mono);
  command({.kind = Command::Kind::resign, .epoch = promotion_.epoch()});
}

void VipLoop::stop(const Moment& now) {
  transitions_.clear();
  Effects effects;
  promotion_.shutdown(now.mono, effects);
  carry_out(effects, now, Cause::stopped);
  announcer_.resign();
}

void VipLoop::take_event(const Event& event, const Moment& now) {
  Effects effects;
  switch (event.kind) {
    case Event::Kind::won:
      if (event.epoch > promotion_.epoch()) {
        won_ = event;
        regaining_ = false;
        // Whoever holds the address already gets no other receipt, and this one is not to be missed.
        if (event.cause == Cause::forced && promotion_.on_air() && receipts_ != nullptr) {
          receipts_->add({.cause = event.cause,
                          .at = now.wall,
                          .epoch_before = event.epoch_before,
                          .epoch_after = event.epoch,
                          .entries_recovered = event.entries_recovered});
        }
      }
      promotion_.won(event.epoch, event.at, now.mono, effects);
      break;
    case Event::Kind::lost:
      promotion_.lost(event.epoch, now.mono, effects);
      break;
    case Event::Kind::confirmed:
      promotion_.confirmed(event.epoch, event.token, now.mono, effects);
      break;
    case Event::Kind::cut_off:
      promotion_.cut_off(event.epoch, now.mono, effects);
      regaining_ = regaining_ || effects.disown;
      carry_out(effects, now, Cause::cut_off);
      return;
    case Event::Kind::second_active:
      promotion_.second_active(now.mono, effects);
      break;
    case Event::Kind::stalled:
      if (event.gap.ns == 0 || event.gap >= options_.promotion.stall) {  // 0: it does not say
        promotion_.stalled(now.mono, effects);
      }
      break;
  }
  carry_out(effects, now, event.cause);
}

void VipLoop::watch_reach(const Moment& now) {
  const dataplane::Reach reach = announcer_.reach();
  reachable_ = reach != dataplane::Reach::none;
  if (reach == dataplane::Reach::restored && promotion_.on_air()) {
    // Whoever looked for the address meanwhile found nothing, or another: confirmed, it is announced again.
    Effects effects;
    promotion_.stalled(now.mono, effects);
    carry_out(effects, now, Cause::none);
  }
  if (reachable_ != told_ && command({.kind = Command::Kind::clients, .hears = reachable_})) {
    told_ = reachable_;
  }
}

bool VipLoop::take_adverts(const Moment& now) {
  std::array<Advert, kAdvertsAtOnce> adverts;
  for (size_t burst = 0; burst < kAdvertBurstsATurn; ++burst) {
    const size_t count = announcer_.adverts(std::span(adverts));
    for (size_t i = 0; i < count; ++i) {
      const Advert& advert = adverts[i];
      failover::VrrpView view;
      const failover::VrrpDrop drop = failover::parse_advert(
          advert.view(), {.ttl = advert.ttl, .source = advert.from, .destination = advert.to},
          options_.vrrp.vrid, view);
      if (drop != failover::VrrpDrop::none) {
        counters_.drops[static_cast<size_t>(drop)].add();
        continue;
      }
      counters_.adverts_heard.add();
      (view.checksum == failover::Checksum::plain ? counters_.checksum_plain
                                                  : counters_.checksum_pseudo_header)
          .add();
      Effects effects;
      promotion_.advert(view, advert.from, now.mono, effects);
      carry_out(effects, now, Cause::none);
    }
    if (count < adverts.size()) {
      return true;
    }
  }
  return false;
}

/// In the order that Effects gives. `left`: why, if the address goes.
void VipLoop::carry_out(const Effects& effects, const Moment& now, Cause left) {
  if (effects.disown) {
    for (const Vip& vip : options_.vips) {
      announcer_.disown(vip);
    }
    counters_.demotions.add();
    receipt_until_ = MonoTime{INT64_MIN};
    if (!transitions_.full()) {
      transitions_.push_back({.cause = left, .epoch = promotion_.epoch(), .at = now.wall});
    }
  }
  if (effects.advert) {
    send_advert(*effects.advert);
  }
  // Again before each announcement: it may have failed the first time, and a VM that was frozen or an
  // operator may have lost the address meanwhile.
  if (effects.own || effects.announce > 0) {
    for (const Vip& vip : options_.vips) {
      announcer_.own(vip);
    }
  }
  if (effects.announce > 0) {
    announce(effects.announce, now);
  }
  if (effects.own) {
    came(now);
  }
  if (effects.ask) {
    counters_.asks.add();
    command({.kind = Command::Kind::confirm, .token = promotion_.token(), .epoch = promotion_.epoch()});
  }
  if (effects.hint != Effects::Hint::none) {
    command({.kind = Command::Kind::suspect,
             .epoch = promotion_.epoch(),
             .cause = effects.hint == Effects::Hint::resigned ? Cause::stopped : Cause::silence});
  }
}

void VipLoop::send_advert(uint8_t priority) {
  failover::VrrpAdvert advert{.vrid = options_.vrrp.vrid,
                              .priority = priority,
                              .interval_cs = static_cast<uint16_t>(options_.vrrp.interval.ms() / 10),
                              .addresses = {}};
  for (const Vip& vip : options_.vips) {
    advert.addresses.push_back(vip.address);
  }
  const failover::VrrpBytes packet = failover::write_advert(advert);
  announcer_.advert({packet.data(), packet.size()});
  counters_.adverts_sent.add();
}

void VipLoop::announce(uint8_t times, const Moment& now) {
  for (uint8_t i = 0; i < times; ++i) {
    for (const Vip& vip : options_.vips) {
      announcer_.announce(vip);
    }
  }
  const auto sent = static_cast<uint32_t>(times * options_.vips.size());
  counters_.announcements.add(sent);
  if (receipts_ != nullptr && now.mono <= receipt_until_) {
    receipts_->announced(sent);
  }
}

/// The address is here and announced: writes the receipt.
void VipLoop::came(const Moment& now) {
  counters_.promotions.add();
  failover::Receipt receipt{.at = now.wall, .epoch_after = promotion_.epoch()};
  receipt.announcements = static_cast<uint32_t>(options_.promotion.garp_repeat * options_.vips.size());
  if (won_) {
    receipt.cause = regaining_ ? Cause::regained : won_->cause;
    receipt.epoch_before = regaining_ ? promotion_.epoch() : won_->epoch_before;
    // Regained: nothing was recovered, and the gap is not known here.
    if (!regaining_) {
      receipt.gap = won_->gap.ns > 0 ? won_->gap + (now.mono - won_->at) : Duration{};
      receipt.entries_recovered = won_->entries_recovered;
    }
  }
  // The repetition comes with a confirmation, a little after its time.
  receipt_until_ = now.mono + options_.promotion.garp_again + seconds(1);
  if (receipts_ != nullptr) {
    receipts_->add(receipt);
  }
  if (!transitions_.full()) {
    transitions_.push_back({.on_air = true, .receipt = receipt, .epoch = promotion_.epoch(), .at = now.wall});
  }
}

bool VipLoop::command(const Command& command) {
  // A full queue loses nothing that does not come again: confirm is repeated, resign too, suspect is a hint.
  const bool pushed = commands_.push(command);
  if (!pushed) {
    counters_.commands_full.add();
  }
  return pushed;
}

}  // namespace tercet::control
