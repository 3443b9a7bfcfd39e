#include "dataplane/steer/balancer.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace tercet::dataplane {
namespace {

/// How many handles are fetched ahead of the query that is ordered.
constexpr size_t kHandlesAhead = 16;
constexpr Duration kPublishEvery = milliseconds(20);
constexpr Duration kClaimAfter =
    milliseconds(20);  // nobody is active: lb1 claims first, lb2 later (first_claim)
constexpr Duration kWinsWithin =
    milliseconds(600);  // one that asks for promises, or has them: twice what it takes to give up
constexpr Duration kLoneFor =
    milliseconds(500);  // neither the other LB nor two backends for so long: cut off

failover::Cause cause_of(quorum::Cause cause) {
  switch (cause) {
    case quorum::Cause::raised:
    case quorum::Cause::no_progress:
      return failover::Cause::stray_prepare;
    case quorum::Cause::asked:
      return failover::Cause::stopped;
    case quorum::Cause::refused:
    case quorum::Cause::fenced:
      return failover::Cause::higher_epoch;
    default:
      return failover::Cause::none;
  }
}

}  // namespace

Balancer::Balancer(const Options& options, const Control& control)
    : options_(options),
      control_(control),
      proposer_(options.proposer),
      suspicion_(options.suspicion),
      heartbeats_(
          {options.proposer.self, options.proposer.instance, options.suspicion.heartbeat, options.priority}),
      order_(options.order, counters_),
      reply_(counters_) {
  order_.status_from(control.status);
}

MonoTime Balancer::poll(std::span<const Message> in, const Moment& now, Outbox& out) {
  outcomes_.clear();
  roles_.clear();
  quorum::Proposer::Output output{out, outcomes_, roles_};
  size_t fetched = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    for (; fetched < std::min(in.size(), i + kHandlesAhead); ++fetched) {
      if (!in[fetched].from_server) {
        order_.prefetch(in[fetched].plain);
      }
    }
    take(in[i], now, output);
  }
  reply_.finish(out);
  obey(now);
  suspicion_.tick(now.mono);
  watch_peer(now);
  if (resign_wanted_) {
    resign_wanted_ = false;
    resigned_ = true;  // a clean stop: never claimed again by this process, and the other LB is told at once
    heartbeats_.hurry();
    proposer_.resign(quorum::Cause::asked, now, output);
  }
  proposer_.set_fit(hears_clients_ && !cut_off_);
  MonoTime again = proposer_.tick(now, output);
  deliver(now, out);
  if (outcomes_.full()) {
    again = now.mono;  // more are waiting
  }
  unsigned flags = resigned_ ? kResigned : 0U;
  if (proposer_.active()) {
    flags |= kHoldsAddress;
    flags |= proposer_.serving(now.mono) ? kServing : 0U;
    flags |= proposer_.in_reach(now.mono) < 2 ? kLostBackends : 0U;
    flags |= cut_off_ || !hears_clients_ ? kLostClients : 0U;
  }
  again = earlier(again, heartbeats_.tick({proposer_.role(), static_cast<uint8_t>(flags), proposer_.epoch(),
                                           proposer_.commit(), proposer_.decided_cell()},
                                          now.mono, out));
  send_events();
  publish(now);
  return again;
}

void Balancer::take(const Message& message, const Moment& now, quorum::Proposer::Output& out) {
  if (!message.from_server) {
    order_.take(message.client, message.plain, now, proposer_, reply_, out.sends);
    return;
  }
  CellView view;
  if (parse_cell(message.plain, view) != Drop::none) {
    ++counters_.drop_malformed;
    return;
  }
  if (const auto* heartbeat = std::get_if<HeartbeatView>(&view)) {
    if (message.server != other_lb(options_.proposer.self) || !heartbeats_.take(*heartbeat, now.mono)) {
      return;
    }
    const Peer& peer = heartbeats_.peer();
    if ((peer.flags & kResigned) != 0) {
      suspicion_.resigned(failover::Cause::stopped, now.mono);
    } else {
      suspicion_.heard((peer.flags & (kLostClients | kLostBackends)) == 0, now.mono);
    }
    proposer_.note_epoch(peer.epoch);
    if (peer.role == LbRole::active) {
      proposer_.fence(peer.epoch, now, out);
    }
    return;
  }
  reply_.finish(out.sends);  // a step may write to the outbox
  proposer_.step(message.server, view, now, out);
}

void Balancer::unreachable(ServerId server, const Moment& now) {
  if (is_backend(server)) {
    proposer_.unreachable(slot_of(server), now);
  }
}

void Balancer::resigned(ServerId lb, Epoch epoch, const Moment& now) {
  // Only about the life that we know: a resignation of an epoch that it no longer holds is an old one.
  if (lb == other_lb(options_.proposer.self) && epoch >= heartbeats_.peer().epoch) {
    suspicion_.resigned(failover::Cause::killed, now.mono);
  }
}

// ---- the control thread's wishes

void Balancer::obey(const Moment& now) {
  if (control_.commands == nullptr) {
    return;
  }
  Command commands[8];
  const size_t n = control_.commands->pop(commands);
  for (size_t i = 0; i < n; ++i) {
    command(commands[i], now);
  }
}

void Balancer::command(const Command& command, const Moment& now) {
  switch (command.kind) {
    case Command::Kind::confirm:
      if (proposer_.active() && command.epoch == proposer_.epoch() && command.token != confirm_token_ &&
          proposer_.confirm(now)) {
        confirm_token_ = command.token;
      }
      break;
    case Command::Kind::resign:
      resign_wanted_ = true;
      break;
    case Command::Kind::suspect:
      if (!proposer_.active()) {
        suspicion_.hint(command.cause, now.mono);
      }
      break;
    case Command::Kind::clients:
      set_hears_clients(command.hears);
      break;
    case Command::Kind::force:
      forced_token_ = command.token;
      proposer_.force({command.slot, command.incarnation}, now);
      break;
  }
}

// ---- the other LB

void Balancer::watch_peer(const Moment& now) {
  if (suspicion_.last_stall() >= options_.stall) {
    ++counters_.stalls;
    Event event;
    event.kind = Event::Kind::stalled;
    event.gap = suspicion_.last_stall();
    push(event, now);
  }
  const Peer& peer = heartbeats_.peer();
  const bool suspect = suspicion_.verdict(now.mono) == failover::Verdict::suspect;
  if (proposer_.active()) {
    const bool second = peer.heard && peer.role == LbRole::active && now.mono - peer.at < milliseconds(100);
    if (second && !second_active_) {
      Event event;
      event.kind = Event::Kind::second_active;
      push(event, now);
      proposer_.confirm(now);
    }
    second_active_ = second;
    const bool lone = proposer_.in_reach(now.mono) < 2 && suspicion_.silence(now.mono) > kLoneFor;
    if (!lone) {
      lone_since_ = {};
      cut_off_ = false;
    } else if (lone_since_.ns == 0) {
      lone_since_ = now.mono;
    } else if (!cut_off_ && now.mono - lone_since_ > kLoneFor) {
      cut_off_ = true;
      Event event;
      event.kind = Event::Kind::cut_off;
      push(event, now);
    }
    return;
  }
  second_active_ = false;
  if (proposer_.role() != LbRole::standby || resigned_ || !hears_clients_) {
    return;  // one that clients cannot reach would hold the address for nobody
  }
  const bool about_to = peer.role == LbRole::preparing || peer.role == LbRole::starting;
  const bool nobody_active =
      peer.heard && peer.role != LbRole::active &&
      now.mono - peer.not_active_since > (about_to ? kWinsWithin : kClaimAfter + options_.first_claim);
  if (!suspect && !nobody_active) {
    return;
  }
  const quorum::Cause why = suspect ? quorum::Cause::peer_silent : quorum::Cause::start;
  proposer_.claim(why, now);
  if (proposer_.role() != LbRole::standby) {
    ++counters_.claims;
    cause_ = suspect ? suspicion_.cause(now.mono) : failover::Cause::first_start;
    if (!suspicion_.ever_heard()) {
      cause_ = failover::Cause::first_start;
    }
    gap_ = cause_ == failover::Cause::first_start ? Duration{} : now.mono - suspicion_.last_sign();
    claimed_at_ = now.mono;
  }
}

// ---- what the proposer decided

void Balancer::deliver(const Moment& now, Outbox& out) {
  for (const quorum::RoleChange& change : roles_) {
    tell(change, now, out);
  }
  for (const quorum::Outcome& outcome : outcomes_) {
    order_.deliver(outcome, reply_, out);
  }
  const bool serving = proposer_.serving(now.mono);
  if (serving_ && !serving && proposer_.active()) {
    order_.tell_all(Code::unavailable, false, reply_, out);  // outcome unknown; may yet be decided
  }
  serving_ = serving;
  reply_.finish(out);
}

void Balancer::tell(const quorum::RoleChange& change, const Moment& now, Outbox& out) {
  using Kind = quorum::RoleChange::Kind;
  Event event;
  event.epoch = change.epoch;
  switch (change.kind) {
    case Kind::won:
      event.kind = Event::Kind::won;
      event.epoch_before = change.before;
      event.entries_recovered = change.recovered;
      event.cause = won_by(change.cause);
      event.gap = gap_.ns == 0 ? Duration{} : gap_ + (now.mono - claimed_at_);
      gap_ = {};
      cut_off_ = false;
      lone_since_ = {};
      push(event, now);
      break;
    case Kind::lost:
      order_.tell_all(Code::not_active, true, reply_, out);
      event.kind = Event::Kind::lost;
      event.epoch = change.before;
      event.cause = cause_of(change.cause);
      push(event, now);
      break;
    case Kind::raising:
      order_.tell_all(Code::unavailable, true, reply_, out);
      break;
    case Kind::confirmed:
      event.kind = Event::Kind::confirmed;
      event.token = confirm_token_;
      push(event, now);
      break;
  }
}

failover::Cause Balancer::won_by(quorum::Cause cause) const {
  switch (cause) {
    case quorum::Cause::raised:
    case quorum::Cause::no_progress:
      return failover::Cause::stray_prepare;
    case quorum::Cause::forced:
      return failover::Cause::forced;
    default:
      return cause_;
  }
}

void Balancer::push(Event event, const Moment& now) {
  event.at = now.mono;
  if (event.epoch.value == 0) {
    event.epoch = proposer_.epoch();
  }
  if (events_.full()) {
    // Only news of which a later one says as much are let go; `won` and `lost` must not be forgotten.
    for (size_t i = 0; i < events_.size(); ++i) {
      if (events_[i].kind != Event::Kind::won && events_[i].kind != Event::Kind::lost) {
        std::copy(events_.begin() + i + 1, events_.end(), events_.begin() + i);
        events_.pop_back();
        break;
      }
    }
  }
  if (events_.full()) {
    std::copy(events_.begin() + 1, events_.end(), events_.begin());
    events_.pop_back();
  }
  events_.push_back(event);
}

void Balancer::send_events() {
  if (control_.events == nullptr || events_.empty()) {
    return;
  }
  const size_t sent = control_.events->push(std::span<const Event>(events_.data(), events_.size()));
  std::copy(events_.begin() + sent, events_.end(), events_.begin());
  events_.resize(events_.size() - sent);
  if (sent != 0 && control_.events_bell >= 0) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n =
        write(control_.events_bell, &one, sizeof(one));  // full: it rings already
  }
}

// ---- what it shows

View Balancer::view(const Moment& now) const {
  View view;
  view.known = true;
  view.self = options_.proposer.self;
  view.role = proposer_.role();
  view.epoch = proposer_.epoch();
  view.highest_seen = proposer_.highest_seen();
  view.commit = proposer_.commit();
  view.last = proposer_.last_ordered();
  view.serving = proposer_.serving(now.mono);
  view.split = proposer_.split();
  view.undecided = proposer_.undecided();
  view.in_flight = order_.in_flight();
  const uint8_t absent = proposer_.absent_by_two().value_or(0);
  quorum::SlotSet voting;
  for (const Slot slot : kSlots) {
    BackendView& b = view.backends[index(slot)];
    const quorum::Backend& known = proposer_.backends()[slot];
    b.state = proposer_.backend_state(slot, now.mono);
    b.incarnation = known.incarnation;
    b.seq = known.durable;
    b.pulled_to = known.pulled_to;
    b.rtt = known.rtt;
    b.container = known.container;
    b.absent = (absent >> index(slot) & 1U) != 0;
    b.stop = known.stop;
    b.heard = known.heard;
    b.heard_ago = now.mono - known.heard_at;
    if (!proposer_.backends().closed(slot, now.mono)) {
      b.told = proposer_.backends().state(slot, known.heard_at, Seq{0});
    }
    b.said = {b.state != quorum::BackendState::down,
              known.flags,
              known.incarnation,
              known.newcomer,
              known.pulled_to,
              known.decided};
    if (b.state == quorum::BackendState::voting) {
      voting.add(slot);
    }
  }
  // The newest seq of which the state of all that vote is known: votes and Heard say it.
  for (uint64_t back = 0; back < 256 && back < view.commit.value && !voting.empty(); ++back) {
    const Seq seq{view.commit.value - back};
    bool all = true;
    for (const Slot slot : kSlots) {
      all = all && (!voting.has(slot) || proposer_.digest(slot, seq).has_value());
    }
    if (all) {
      view.digest_seq = seq;
      for (const Slot slot : kSlots) {
        view.backends[index(slot)].digest = proposer_.digest(slot, seq);
      }
      break;
    }
  }
  const Peer& peer = heartbeats_.peer();
  view.peer_heard = peer.heard && now.mono - peer.at < seconds(1);
  view.peer_role = peer.role;
  view.peer_epoch = peer.epoch;
  view.peer_commit = peer.commit;
  view.peer_serving = (peer.flags & kServing) != 0;
  view.clocks_apart = proposer_.clocks_apart(now.mono);
  view.outvoted = proposer_.outvoted();
  view.counters = counters_;
  view.counters.heartbeats_sent = heartbeats_.sent();
  view.counters.heartbeats_heard = heartbeats_.heard();
  view.forced = proposer_.forced();
  view.forced_token = forced_token_;
  view.forced_starts = proposer_.forced_starts();
  view.decided_cell = proposer_.decided_cell();
  view.resends = proposer_.resends();
  view.read_misses = proposer_.read_misses();
  return view;
}

void Balancer::publish(const Moment& now) {
  if (control_.view == nullptr || now.mono < publish_at_) {
    return;
  }
  publish_at_ = now.mono + kPublishEvery;
  control_.view->draft() = view(now);
  control_.view->publish();
}

}  // namespace tercet::dataplane
