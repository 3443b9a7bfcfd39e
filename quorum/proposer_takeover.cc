// The proposer's way to an epoch: ask, prepare, choose once, EpochStart (DESIGN §2 "Takeover", "First
// start").

#include <algorithm>

#include "base/mutant.h"
#include "quorum/proposer.h"

namespace tercet::quorum {

void Proposer::claim(Cause cause, const Moment& now) {
  changed();
  if (!std::holds_alternative<Standby>(role_) || now.mono < backoff_until_) {
    return;
  }
  cause_ = cause;
  role_ = Asking{};
  inquire(kAskGiveUp, now);
}

bool Proposer::confirm(const Moment& now) {
  if (std::holds_alternative<Active>(role_) && (!inquiry_.on || confirming_)) {
    confirming_ = true;
    inquire(kAskGiveUp, now);  // anew: only answers to questions put from now on count
    return true;
  }
  return false;
}

void Proposer::inquire(Duration give_up, const Moment& now) {
  inquiry_ = {};
  inquiry_.on = true;
  inquiry_.number = ++inquiries_;
  inquiry_.until = now.mono + give_up;
  inquiry_.again = now.mono;
}

void Proposer::on(const HeardView& view, ServerId from, const Moment& now, Output& out) {
  const Heard& h = *view.header;
  const Slot slot = slot_of(from);
  backends_.hear(slot, h.flags, Incarnation{h.incarnation}, now.mono);
  Backend& b = backends_[slot];
  b.load = h.load;
  b.newcomer = (h.traits & kNewcomer) != 0;
  b.asks_rejoin = (h.traits & kAsksRejoin) != 0;
  b.container = static_cast<ContainerState>(h.container);
  b.pulled_to = Seq{h.durable};
  b.decided = Seq{h.decided};
  b.base = Seq{h.base};
  b.told_base = true;
  stamp_.heard_clock(slot, WallTime{as_signed(h.wall_ms)}, now.wall, now.mono);
  note_epoch(Epoch{h.promised});
  // Our own clock, come back: anything else (before our start, ahead of now) measures nothing.
  const MonoTime stamp{as_signed(h.stamp)};
  if (stamp.ns > 0 && stamp <= now.mono && now.mono - stamp < seconds(10)) {
    backends_.measure(slot, now.mono - stamp);
  }
  if ((h.flags & kLeasesLive) != 0) {
    leases_live_ = true;
  }
  b.digest_seq = Seq{h.commit};
  b.digest = h.commit_s.low;
  b.stop = static_cast<StopReason>(h.stop);
  if (holds_epoch()) {
    note_position(slot, h, now);
    note_absent(slot, Seq{h.commit}, h.absent);
  }
  if (inquiry_.on && h.asked != 0 && h.number == inquiry_.number) {
    note_answer(slot, h);
    judge_inquiry(now, out);
  }
}

/// Where its log stands on ours: what it lost, what it need not vote on any more, how far it has pulled.
void Proposer::note_position(Slot slot, const Heard& h, const Moment& now) {
  Backend& b = backends_[slot];
  const Seq durable{h.durable};
  const Seq first = first_of_epoch();
  if (durable < b.acked && b.acked >= first && MonoTime{as_signed(h.stamp)} > b.acked_at) {
    b.regressed = true;  // asked after its vote came, it has less than it voted for
  }
  if (durable >= previous(window_.oldest()) && durable < window_.next() &&
      window_.l_at(durable) == h.durable_l.get()) {
    b.durable = std::max(b.durable, durable);
    if (b.acked < std::min(durable, answered_)) {
      b.acked = std::min(durable, answered_);  // what is answered needs no ballot of it any more
      b.acked_at = now.mono;
      b.progress_at = now.mono;
    }
    if (durable == previous(first) && std::holds_alternative<Starting>(role_)) {
      b.resend_at = now.mono;  // it has pulled the chosen log: now it can take EpochStart
    }
  }
  if (h.progress != b.pulled) {
    b.pulled = h.progress;
    if (auto* starting = std::get_if<Starting>(&role_)) {
      starting->progress_at = now.mono;
    }
  }
  // Its S is right again: readmitted (it was rebuilt).
  const Seq commit{h.commit};
  if (b.outvoted && (h.flags & kDivergent) == 0 && commit >= first && window_.has(commit)) {
    const Tally::Finding finding = window_.at(commit).tally.find(backends_.counted());
    b.outvoted = finding.verdict != Tally::Verdict::decided || finding.s != h.commit_s.low;
  }
}

void Proposer::note_answer(Slot slot, const Heard& h) {
  inquiry_.answered.add(slot);
  inquiry_.said[index(slot)] = {
      true, h.flags, Incarnation{h.incarnation}, (h.traits & kNewcomer) != 0, Seq{h.last}, Seq{h.decided}};
  if ((h.traits & kVacant) != 0) {
    inquiry_.vacant.add(slot);
  }
  if ((h.flags & kAmnesiac) != 0 || (active() && (h.flags & kMember) == 0)) {
    inquiry_.lost.add(slot);  // once an LB serves, all three are members: an empty log is a lost one
  } else if ((h.flags & kStopped) != 0) {
    inquiry_.stopped.add(slot);
  } else if ((h.flags & kMember) != 0 && (h.flags & kDivergent) == 0) {
    inquiry_.voters.add(slot);
  }
  if (h.heard != 0) {
    inquiry_.heard.add(slot);
  }
  if (Epoch{h.promised} > epoch_) {
    inquiry_.higher.add(slot);
  }
}

void Proposer::judge_inquiry(const Moment& now, Output& out) {
  if (std::holds_alternative<Asking>(role_)) {
    // Deposing a holder whose successor could not be elected, or could decide nothing, would leave nobody to
    // say UNAVAILABLE: two whose promises and votes count must be free to promise, or, before the first
    // Genesis has reached all, all three.
    const SlotSet free_voters(static_cast<uint8_t>(inquiry_.voters.bits() & ~inquiry_.heard.bits()));
    const bool all_answered =
        inquiry_.answered.count() == kBackends ||
        (planted(Mutant::genesis_from_two_empty_promises) && inquiry_.answered.count() == 2);
    const bool starting =
        all_answered && inquiry_.heard.empty() && inquiry_.lost.empty() && inquiry_.stopped.empty();
    if (free_voters.count() >= 2 || starting) {
      inquiry_.on = false;
      prepare(false, 1, now);
    } else if (inquiry_.heard.count() >= 2) {
      inquiry_.on = false;  // the holder lives: the suspicion was wrong
      role_ = Standby{};
      backoff_until_ = now.mono + kBackoffMin;
      refuse_force(ForceVerdict::not_needed);
    }
    return;
  }
  if (!std::holds_alternative<Active>(role_)) {
    return;  // about the operator's order: judged where that is carried out
  }
  // One that lost its disk lost with it what it may have promised: its word counts for neither side.
  const SlotSet none_higher(
      static_cast<uint8_t>(inquiry_.answered.bits() & ~inquiry_.higher.bits() & ~inquiry_.lost.bits()));
  if (none_higher.count() >= 2) {
    inquiry_.on = false;
    if (confirming_ && inquiry_.higher.empty()) {
      confirming_ = false;
      out.roles.push_back({RoleChange::Kind::confirmed, before_, epoch_, cause_, 0});
      return;
    }
    // One backend promised a stray Prepare: go above it, and keep the address.
    confirming_ = false;
    cause_ = Cause::raised;
    out.roles.push_back({RoleChange::Kind::raising, epoch_, epoch_, Cause::raised, 0});
    prepare(true, 1, now);
  } else if (inquiry_.higher.count() >= 2) {
    stand_by(Cause::fenced, now, out);
  }
}

void Proposer::on(const RefusedView& view, ServerId from, const Moment& now, Output& out) {
  const Refused& h = *view.header;
  backends_.hear(slot_of(from), h.flags, Incarnation{h.incarnation}, now.mono);
  note_epoch(Epoch{h.promised});
  if (Epoch{h.epoch} != epoch_) {
    return;  // of an epoch that we no longer hold
  }
  if (const auto* preparing = std::get_if<Preparing>(&role_)) {
    if (!preparing->raised) {
      stand_by(Cause::refused, now, out);  // a candidate never raises
    } else if (Epoch{h.promised} > epoch_) {
      stand_by(Cause::fenced, now, out);
    }
    return;
  }
  if (Epoch{h.promised} <= epoch_) {
    return;
  }
  if (std::holds_alternative<Starting>(role_)) {
    stand_by(Cause::refused, now, out);
  } else if (std::holds_alternative<Active>(role_) && !inquiry_.on) {
    confirming_ = false;
    inquire(kAskGiveUp, now);
  }
}

void Proposer::fence(Epoch won, const Moment& now, Output& out) {
  if (holds_epoch() && won > epoch_) {
    note_epoch(won);
    stand_by(Cause::fenced, now, out);
  }
}

/// `leap`: how far above the highest epoch that was heard of.
void Proposer::prepare(bool raised, uint64_t leap, const Moment& now) {
  before_ = std::max(before_, seen_);
  const uint64_t counter = std::max(counter_of(seen_), counter_of(epoch_)) + leap;
  epoch_ = make_epoch(counter, options_.self);
  seen_ = std::max(seen_, epoch_);
  Preparing preparing;
  preparing.give_up = now.mono + kPrepareGiveUp;
  preparing.again = now.mono;
  preparing.raised = raised;
  role_ = preparing;
  inquiry_.on = false;
}

void Proposer::on(const PromiseView& view, ServerId from, const Moment& now, Output& /*out*/) {
  const PromiseHeader& h = *view.header;
  const Slot slot = slot_of(from);
  backends_.hear(slot, h.flags, Incarnation{h.incarnation}, now.mono);
  stamp_.heard_clock(slot, WallTime{as_signed(h.clock_ms)}, now.wall, now.mono);
  auto* preparing = std::get_if<Preparing>(&role_);
  if (preparing == nullptr || Epoch{h.epoch} != epoch_ || Nonce{h.instance} != options_.instance) {
    return;
  }
  Promised& promised = preparing->promises[index(slot)];
  promised.here = true;
  promised.flags = h.flags;
  promised.admitted = h.admitted != 0;
  promised.incarnation = Incarnation{h.incarnation};
  promised.last_epoch = Epoch{h.last_epoch};
  promised.last = Seq{h.last};
  promised.l = h.last_l.get();
  promised.commit = Seq{h.commit};
  promised.cell = CellTime{as_signed(h.cell_ms)};
  promised.wall = WallTime{as_signed(h.wall_ms)};
  promised.members = read_members(h.members);
  promised.introduction.resize(view.introduction.size());
  std::copy(view.introduction.begin(), view.introduction.end(), promised.introduction.begin());
  try_choose(now);
}

void Proposer::try_choose(const Moment& now) {
  auto& preparing = std::get<Preparing>(role_);
  auto choice = choose(preparing.promises, left_out_);
  if (preparing.forced && (!choice || choice->alone)) {
    choice = choose_by_order(now);
  }
  if (!choice) {
    return;
  }
  SlotSet here;
  Seq best_commit;
  for (const Slot slot : kSlots) {
    if (preparing.promises[index(slot)].here) {
      here.add(slot);
      best_commit = std::max(best_commit, preparing.promises[index(slot)].commit);
    }
  }
  if (here.count() < kBackends) {
    // The third may hold a longer log, and then nothing needs to be copied: worth a moment.
    if (preparing.second_at.ns == 0) {
      preparing.second_at = now.mono;
    }
    if (now.mono - preparing.second_at < kThirdPromiseWait) {
      return;
    }
  }
  start(*choice, choice->last > best_commit ? distance(best_commit, choice->last) : 0, now);
}

size_t Proposer::write_genesis(const Promises& promises, MutBytes out) const {
  GenesisBody body{};
  body.cell = options_.cell.value;
  std::copy(options_.activation_id.begin(), options_.activation_id.end(), body.activation_id);
  std::array<Bytes, kBackends> introductions;
  for (const Slot slot : kSlots) {
    const Promised& promise = promises[index(slot)];
    body.incarnation[index(slot)] = promise.incarnation.value;
    introductions[index(slot)] = {promise.introduction.data(), promise.introduction.size()};
  }
  const Bytes issuers{options_.issuers.empty() ? nullptr : options_.issuers[0].data(),
                      options_.issuers.size() * kIssuerKeySize};
  return tercet::write_genesis(body, issuers, introductions, out);
}

void Proposer::set_members(const Choice& choice, const Promises& promises) {
  for (const Slot slot : kSlots) {
    const Member& named = choice.members.slots[index(slot)];
    const Incarnation member = choice.genesis   ? promises[index(slot)].incarnation
                               : named.vacant() ? kNobody
                                                : named.incarnation;
    backends_.member(slot, member, named.seq);
  }
}

/// The first entry of the epoch. Returns its size.
size_t Proposer::write_start(const Choice& choice, const Promises& promises, MutBytes out) const {
  if (choice.genesis) {
    const size_t size = write_genesis(promises, out);
    TERCET_CHECK(size != 0, "issuers' keys fit Genesis: the configuration bounds them");
    return size;
  }
  ForcedStartBody body{};
  body.start.last_seq = choice.last.value;
  body.start.last_l_low = choice.l.low;
  body.start.last_l_high = choice.l.high;
  body.start.source = static_cast<uint8_t>(choice.source);
  body.start.lb = static_cast<uint8_t>(options_.self);
  if (!choice.forced) {
    put(out, body.start);
    return sizeof(body.start);
  }
  body.start.form = static_cast<uint8_t>(StartForm::forced);
  body.start.forced_slot = static_cast<uint8_t>(index(choice.forced->slot));
  body.incarnation = choice.forced->incarnation.value;
  put(out, body);
  return sizeof(body);
}

void Proposer::start(const Choice& choice, uint64_t recovered, const Moment& now) {
  const bool raised = std::get<Preparing>(role_).raised;
  const Promises promises = std::get<Preparing>(role_).promises;
  const Seq first = next(choice.last);
  const Seq before = choice.last;
  window_.restart(first, choice.l);
  reads_.clear();
  sent_ = decided_ = answered_ = before;
  decided_s_ = 0;
  split_ = false;
  more_due_ = false;
  backends_.restart(before, now.mono);
  presence_seq_ = {};
  rounds_.restart();
  checkpoints_.restart();
  // Anchored after the promises came: the time they took is not made up for.
  stamp_.anchor(choice.cell, choice.wall, now.mono);
  decided_cell_ = choice.cell;
  decided_wall_ = choice.wall;

  set_members(choice, promises);
  uint8_t op[kOpMax];
  const size_t size = write_start(choice, promises, op);
  Starting starting;
  starting.first = first;
  starting.source = choice.source;
  starting.all_three = choice.all_three && !planted(Mutant::genesis_from_two_empty_promises);
  starting.progress_at = now.mono;
  starting.recovered = recovered;
  starting.raised = raised;
  starting.vacant = choice.members.vacant();
  starting.forced = choice.forced.has_value();
  role_ = starting;
  inquiry_.on = false;
  forced_.last = choice.last;
  const bool ordered =
      order(choice.genesis ? EntryKind::genesis : EntryKind::epoch_start, {op, size}, {}, now);
  TERCET_CHECK(ordered, "an empty window takes EpochStart");
}

void Proposer::stand_by(Cause cause, const Moment& now, Output& out) {
  changed();
  const bool held =
      holds_epoch() || (std::holds_alternative<Preparing>(role_) && std::get<Preparing>(role_).raised);
  ++failures_;
  const Duration span = std::min(kBackoffMin * (int64_t{1} << std::min(failures_, 5U)), kBackoffMax);
  backoff_until_ =
      now.mono + kBackoffMin + Duration{static_cast<int64_t>(now.dice % static_cast<uint64_t>(span.ns))};
  role_ = Standby{};
  inquiry_.on = false;
  confirming_ = false;
  reads_.clear();
  if (held) {
    out.roles.push_back({RoleChange::Kind::lost, epoch_, seen_, cause, 0});
  }
}

void Proposer::resign(Cause cause, const Moment& now, Output& out) { stand_by(cause, now, out); }

void Proposer::tick_takeover(const Moment& now, Output& out) {
  tick_force(now);
  if (std::holds_alternative<Preparing>(role_)) {
    try_choose(now);
  }
  if (auto* preparing = std::get_if<Preparing>(&role_)) {
    tick_preparing(*preparing, now, out);
  }
  const auto* starting = std::get_if<Starting>(&role_);
  if (starting != nullptr && now.mono - starting->progress_at > kStartNoProgress) {
    start_without_source(now, out);
  }
  if (inquiry_.on) {
    tick_inquiry(now, out);
  }
}

void Proposer::tick_preparing(Preparing& preparing, const Moment& now, Output& out) {
  if (now.mono >= preparing.give_up) {
    left_out_ = {};
    if (preparing.forced) {
      refuse_force(ForceVerdict::no_answer);
    }
    stand_by(Cause::no_progress, now, out);
    return;
  }
  if (now.mono < preparing.again) {
    return;
  }
  preparing.again = now.mono + kPrepareAgain;
  ServerSet silent;
  for (const Slot slot : kSlots) {
    if (!preparing.promises[index(slot)].here) {
      silent.add(server_of(slot));
    }
  }
  const MutBytes room = out.sends.open();
  if (silent.empty() || room.empty()) {
    return;
  }
  Prepare message{};
  message.type = static_cast<uint8_t>(CellMessage::prepare);
  message.epoch = epoch_.value;
  message.instance = options_.instance.value;
  put(room, message);
  out.sends.close(silent, sizeof(message));
}

/// The source does not give its log: a new epoch, which leaves that promise out.
void Proposer::start_without_source(const Moment& now, Output& out) {
  const Starting starting = std::get<Starting>(role_);
  left_out_ = {};
  if (!window_.at(starting.first).tally.has(starting.source)) {
    left_out_.add(starting.source);
  }
  cause_ = cause_ == Cause::forced ? Cause::forced : Cause::no_progress;
  out.roles.push_back({RoleChange::Kind::raising, epoch_, epoch_, cause_, 0});
  prepare(starting.raised, 1, now);  // the address, if it is ours, is not forgotten
}

void Proposer::tick_inquiry(const Moment& now, Output& out) {
  if (now.mono >= inquiry_.until) {
    end_inquiry(now, out);
    return;
  }
  if (now.mono < inquiry_.again) {
    return;
  }
  inquiry_.again = now.mono + kAskAgain;
  ServerSet silent;
  for (const Slot slot : kSlots) {
    if (!inquiry_.answered.has(slot)) {
      silent.add(server_of(slot));
    }
  }
  const MutBytes room = out.sends.open();
  if (silent.empty() || room.empty()) {
    return;
  }
  Ask ask{};
  ask.type = static_cast<uint8_t>(CellMessage::ask);
  ask.number = inquiry_.number;
  ask.instance = options_.instance.value;
  ask.stamp = as_unsigned(now.mono.ns);
  put(room, ask);
  out.sends.close(silent, sizeof(ask));
}

/// One member answers and knows of a vacant slot, and another backend is not (or not yet) one: an LB that let
/// it in by the operator's order has died half-way. One promise is enough behind such a log.
bool Proposer::half_way() const {
  const unsigned free = inquiry_.voters.bits() & inquiry_.vacant.bits() & ~inquiry_.heard.bits();
  return free != 0 && inquiry_.voters.count() == 1 && inquiry_.answered.count() > 1;
}

/// Not enough answers in time.
void Proposer::end_inquiry(const Moment& now, Output& out) {
  inquiry_.on = false;
  if (try_force(now, out)) {
    return;
  }
  if (std::holds_alternative<Asking>(role_)) {
    if (half_way()) {
      prepare(false, 1, now);
      return;
    }
    role_ = Standby{};
    backoff_until_ = now.mono + kBackoffMin;
  } else if (std::holds_alternative<Active>(role_)) {
    if (!inquiry_.higher.empty() && inquiry_.answered.count() >= 2) {
      stand_by(Cause::fenced, now, out);
    } else if (confirming_ || !inquiry_.higher.empty()) {
      // Go on asking. One backend that promised a higher epoch proves no winner, and if nobody won, this LB
      // is the one to say UNAVAILABLE (the epoch fences it, whatever it believes). A winner says so: fence().
      inquire(kAskGiveUp, now);
    }
  }
}

}  // namespace tercet::quorum
