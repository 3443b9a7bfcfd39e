// The proposer at work: orders operations, tallies ballots, delivers outcomes (DESIGN §2 "Normal case",
// "Reads").

#include <algorithm>

#include "quorum/proposer.h"

namespace tercet::quorum {

// ---- what comes in

Admit Proposer::propose(Bytes op, Tag tag, const Moment& now) {
  if (!gate_ || gate_->at != now.mono) {
    gate_ = look(now.mono);
  }
  if (gate_->admit != Admit::taken) {
    return gate_->admit;
  }
  const bool room = window_.next() <= gate_->through;
  return room && order(EntryKind::op, op, tag, now) ? Admit::taken : Admit::busy;
}

Proposer::Gate Proposer::look(MonoTime now) const {
  Gate gate{now, Admit::taken, Seq{UINT64_MAX}};
  if (!holds_epoch()) {
    gate.admit = without_epoch();
    return gate;
  }
  const SlotSet voters = standing(now).voters;
  if (active() && (voters.count() < 2 || split_)) {
    gate.admit = Admit::unavailable;
    return gate;
  }
  for (const Slot slot : kSlots) {
    // A voter that falls far behind slows the LB down: what it lacks must stay in the window.
    if (voters.has(slot)) {
      const Seq held{backends_[slot].acked.value + options_.history - options_.window};
      gate.through = std::min(gate.through, held);
    }
  }
  return gate;
}

/// One that outbids a stray Prepare keeps its address and serves again in a moment: nobody else does
/// meanwhile. (One that is Starting takes queries in.)
Admit Proposer::without_epoch() const {
  const auto* preparing = std::get_if<Preparing>(&role_);
  return preparing != nullptr && preparing->raised ? Admit::busy : Admit::not_active;
}

Admit Proposer::greets(MonoTime now) const {
  if (active()) {
    return serving(now) ? Admit::taken : Admit::unavailable;
  }
  return holds_epoch() ? Admit::busy : without_epoch();
}

Admit Proposer::read(Bytes query, Tag tag) {
  if (!holds_epoch()) {
    return without_epoch();
  }
  return reads_.add(query, tag) ? Admit::taken : Admit::busy;
}

bool Proposer::order(EntryKind kind, Bytes op, Tag tag, const Moment& now) {
  if (window_.room() == 0) {
    return false;
  }
  const Stamp::Times times = stamp_.next(now, decided_cell_);
  const EntryView entry{window_.next(), epoch_, times.cell, times.wall, kind, op};
  const Seq before = last_ordered();
  if (!window_.push(entry, tag)) {
    return false;
  }
  for (const Slot slot : kSlots) {
    if (backends_[slot].acked >= before) {
      backends_[slot].progress_at = now.mono;  // it had nothing to do: its time to answer begins now
    }
  }
  ordered_at_ = now.mono;
  return true;
}

void Proposer::order_ticks(const Moment& now) {
  if (!active() || split_ || voters(now.mono) < 2) {
    return;
  }
  const bool idle = leases_live_ && now.mono - ordered_at_ >= kTickEvery;
  const bool due = more_due_ && undecided() == 0;
  if (idle || due) {
    more_due_ = false;
    order(EntryKind::tick, {}, {}, now);
  }
}

/// A backend that lost its disk is named again, by the two others: while its Rejoin is undecided nobody
/// else's votes count, so both must have it.
void Proposer::order_rejoins(const Moment& now) {
  if (!active() || split_) {
    return;
  }
  for (const Slot slot : kSlots) {
    const Backend& b = backends_[slot];
    SlotSet others = kAllSlots;
    others.remove(slot);
    const bool others_vote = (standing(now.mono).voters.bits() & others.bits()) == others.bits();
    if (!b.asks_rejoin || b.incarnation == backends_.member(slot) || !others_vote ||
        now.mono - b.heard_at > backends_.down_after(slot)) {
      continue;
    }
    RejoinBody body{};
    body.incarnation = b.incarnation.value;
    body.replaced = backends_.member(slot) == kNobody ? 0 : backends_.member(slot).value;
    body.slot = static_cast<uint8_t>(index(slot));
    if (order(EntryKind::rejoin, bytes_of(body), {}, now)) {
      backends_.member(slot, b.incarnation, last_ordered());
      changed();
    }
  }
}

/// What the book of `slot` holds for absent, as it stands behind `seq` or later: known when that is behind
/// all that we ordered of it.
void Proposer::note_absent(Slot slot, Seq seq, uint8_t absent) {
  if (backends_.counts(slot) && seq >= std::max(presence_seq_, first_of_epoch())) {
    backends_[slot].absent = absent;
  }
}

/// Constituents that are gone, or back, are ordered so, one slot after the other: the next when two books
/// have the last one.
void Proposer::order_presence(const Moment& now) {
  const auto* role = std::get_if<Active>(&role_);
  if (role == nullptr || split_ || now.mono < presence_look_) {
    return;
  }
  presence_look_ = now.mono + kPresenceLook;
  const std::optional<uint8_t> absent = absent_by_two();
  if (!absent || decided_ < presence_seq_ || voters(now.mono) < 2) {
    return;
  }
  std::array<Sight, kBackends> sights;
  for (const Slot slot : kSlots) {
    const Backend& b = backends_[slot];
    sights[index(slot)] = {backend_state(slot, now.mono), b.container,
                           now.mono - std::max(b.heard_at, role->since)};
  }
  const auto change = change_of_presence(sights, *absent, options_.absent_after);
  if (change && order(EntryKind::constituent_gone, bytes_of(*change), {}, now)) {
    presence_seq_ = last_ordered();
    for (const Slot slot : kSlots) {
      backends_[slot].absent.reset();
    }
  }
}

void Proposer::order_checkpoints(const Moment& now) {
  if (!active() || split_) {
    return;
  }
  if (const auto body = checkpoints_.usable()) {
    if (order(EntryKind::usable, bytes_of(*body), {}, now)) {
      checkpoints_.told();
    }
    return;
  }
  bool awaited = false;
  for (const BackendState state : standing(now.mono).states) {
    awaited = awaited || state == BackendState::catching_up || state == BackendState::amnesiac;
  }
  if (const auto slot = checkpoints_.due(backends_, standing(now.mono).voters, awaited, decided_, now.mono)) {
    CheckpointBody body{};
    body.slot = static_cast<uint8_t>(index(*slot));
    const Seq seq = window_.next();
    if (order(EntryKind::checkpoint, bytes_of(body), {}, now)) {
      checkpoints_.ordered(*slot, seq, now.mono);
    }
  }
}

std::optional<uint8_t> Proposer::absent_by_two() const {
  for (const Slot slot : kSlots) {
    for (const Slot other : kSlots) {
      const auto& told = backends_[slot].absent;
      if (slot < other && told && told == backends_[other].absent && backends_.counts(slot) &&
          backends_.counts(other)) {
        return told;
      }
    }
  }
  return std::nullopt;
}

// ---- votes

void Proposer::on(const VoteView& view, ServerId from, const Moment& now, Output& out) {
  const VoteHeader& h = *view.header;
  const Slot slot = slot_of(from);
  backends_.hear(slot, h.flags, Incarnation{h.incarnation}, now.mono);
  stamp_.heard_clock(slot, WallTime{as_signed(h.wall_ms)}, now.wall, now.mono);
  if (!holds_epoch() || Epoch{h.epoch} != epoch_) {
    return;
  }
  Backend& b = backends_[slot];
  b.load = h.load;
  const Seq first{h.first};
  const Seq last{h.first + h.count - 1};
  if (h.count == 0 || first < first_of_epoch() || last >= window_.next() || last < window_.oldest() ||
      window_.l_at(last) != h.last_l.get()) {
    return;  // of another log than ours: it counts for nothing
  }
  const bool counts = backends_.counts(slot);
  if (!counts && !b.outvoted && !backends_.divergent(slot)) {
    return;  // amnesiac by its own word, or another incarnation than the member
  }
  b.durable = std::max(b.durable, Seq{std::min<uint64_t>(h.durable, last_ordered().value)});
  if (counts) {
    b.container = static_cast<ContainerState>(h.container);
    note_absent(slot, last, h.absent);
    leases_live_ = (h.flags & kLeasesLive) != 0;
    more_due_ = (h.flags & kMoreDue) != 0;
  }
  Window::Entry& newest = window_.at(last);
  if (newest.sent_at.ns != 0 && !newest.tally.has(slot)) {
    backends_.measure(slot, now.mono - newest.sent_at);
  }
  VoteWalk walk(view);
  Ballot ballot;
  while (walk.next(ballot)) {
    if (window_.has(ballot.seq)) {
      Tally& tally = window_.at(ballot.seq).tally;
      tally.add(slot, ballot.s, ballot.result);
      if (tally.contradicted()) {
        outvote(ballot.seq, now);
      }
    }
  }
  note_acked(slot, Seq{h.durable}, now);
  note_decided(first, last);
  advance(now, out);
}

/// It has voted for all up to `acked`, or needs not any more.
void Proposer::note_acked(Slot slot, Seq durable, const Moment& now) {
  Backend& b = backends_[slot];
  const Seq acked_before = b.acked;
  if (b.acked < answered_ && durable >= answered_) {
    b.acked = answered_;
  }
  while (window_.has(next(b.acked)) && window_.at(next(b.acked)).tally.has(slot)) {
    b.acked = next(b.acked);
  }
  if (b.acked > acked_before) {
    b.acked_at = now.mono;
    b.progress_at = now.mono;
    b.resends = 0;
    b.resend_at = now.mono + backends_.resend_after(slot);
    if (auto* starting = std::get_if<Starting>(&role_)) {
      starting->progress_at = now.mono;
    }
  }
}

/// S is a chain: where two ballots agree, all before it is decided too.
void Proposer::note_decided(Seq first, Seq last) {
  const Seq decided_before = decided_;
  const SlotSet counted = backends_.counted();
  for (Seq seq = std::max(first, next(decided_)); seq <= last; seq = next(seq)) {
    const Tally::Finding finding = window_.at(seq).tally.find(counted);
    if (finding.verdict == Tally::Verdict::decided) {
      decided_ = seq;
      decided_s_ = finding.s;
      checkpoints_.decided(seq, finding.s);
    }
  }
  checkpoints_.passed(decided_);
  if (decided_ > decided_before) {
    decided_cell_ = window_.at(decided_).cell;
    decided_wall_ = window_.at(decided_).wall;
  }
}

/// All three are compared, also one that is outvoted or divergent by its own word: it is named once, when it
/// first differs from what those that count decided.
void Proposer::outvote(Seq seq, const Moment& now) {
  const Tally& tally = window_.at(seq).tally;
  for (const Slot other : kSlots) {
    Backend& b = backends_[other];
    SlotSet compared = backends_.counted();
    compared.add(other);
    if (!b.outvoted && tally.find(compared).outvoted.has(other)) {
      b.outvoted = true;
      if (outvoted_.full()) {
        std::copy(outvoted_.begin() + 1, outvoted_.end(), outvoted_.begin());
        outvoted_.pop_back();
      }
      outvoted_.push_back({now.wall, other, seq});
    }
  }
}

/// EpochStart decided: from now on the LB serves.
void Proposer::advance(const Moment& now, Output& out) {
  const auto* starting = std::get_if<Starting>(&role_);
  if (starting == nullptr || decided_ < starting->first) {
    return;
  }
  const Seq first = starting->first;
  if (starting->all_three && window_.at(first).tally.find(kAllSlots).agree.count() < kBackends) {
    return;
  }
  const uint64_t recovered = starting->recovered;
  role_ = Active{first, now.mono};
  left_out_ = {};
  failures_ = 0;
  ordered_at_ = now.mono;
  out.roles.push_back({RoleChange::Kind::won, before_, epoch_, cause_, recovered});
  before_ = epoch_;
}

// ---- what goes out to clients

void Proposer::deliver(const Moment& now, Output& out) {
  if (!active()) {
    return;
  }
  const SlotSet counted = standing(now.mono).counted;
  while (answered_ < decided_ && !out.outcomes.full()) {
    const Seq seq = next(answered_);
    const Window::Entry& entry = window_.at(seq);
    if (!entry.tag.none()) {
      const Result* result = entry.tally.answer(counted);
      if (result == nullptr) {
        break;  // decided by a later state; a missing or damaged copy is asked for again by the resends
      }
      out.outcomes.push_back(
          {Outcome::Kind::decided, false, entry.tag, seq, {result->data(), result->size()}});
    }
    answered_ = seq;
  }
  window_.answered(answered_);
}

/// Two ballots that differ, and no third voter: nobody is marked, and nothing can be decided.
void Proposer::note_split(MonoTime now) {
  split_ = false;
  const Seq seq = next(decided_);
  if (!window_.has(seq)) {
    return;
  }
  const Tally& tally = window_.at(seq).tally;
  if (!tally.find(standing(now).counted).split) {
    return;
  }
  const SlotSet voters = standing(now).voters;
  split_ = true;
  for (const Slot slot : kSlots) {
    if (!tally.has(slot) && voters.has(slot)) {
      split_ = false;  // the third will tell
    }
  }
}

void Proposer::on(const AnswerView& view, ServerId from, const Moment& now, Output& out) {
  const AnswerHeader& h = *view.header;
  const Slot slot = slot_of(from);
  const Seq place{h.place};
  if (!active() || Epoch{h.epoch} != epoch_ || out.outcomes.full() || !backends_.counts(slot) ||
      backends_[slot].incarnation != Incarnation{h.incarnation}) {
    return;
  }
  backends_[slot].heard_at = now.mono;
  backends_[slot].load = h.load;
  if (place < first_of_epoch() || place >= window_.next() || next(place) < window_.oldest() ||
      window_.l_at(place) != h.place_l.get()) {
    return;
  }
  if (reads_.answer(slot, view)) {
    const Reads::Read& read = reads_.at(h.slot);
    out.outcomes.push_back(
        {Outcome::Kind::decided, true, read.tag, place, {read.body.data(), read.body.size()}});
    reads_.answered_after(now.mono - read.asked_at);
    reads_.free(h.slot);
  }
}

void Proposer::judge_reads(const Moment& now, Output& out) {
  uint32_t slot = 0;
  if (active() && (voters(now.mono) < 2 || split_)) {
    while (!out.outcomes.full()) {
      const Reads::Read* read = reads_.any(slot);
      if (read == nullptr) {
        return;
      }
      out.outcomes.push_back({Outcome::Kind::unavailable, true, read->tag, read->place, {}});
      reads_.free(slot);
    }
    return;
  }
  const Duration patience = reads_.patience();
  bool late = false;
  for (const Reads::Read* read = reads_.oldest(slot);
       read != nullptr && now.mono - read->asked_at >= patience; read = reads_.oldest(slot)) {
    ++read_misses_;
    late = true;
    if (now.mono - read->first_at >= kReadGiveUp && !out.outcomes.full()) {
      out.outcomes.push_back({Outcome::Kind::unavailable, true, read->tag, read->place, {}});
      reads_.free(slot);
    } else {
      reads_.miss();
    }
  }
  if (late) {
    reads_.were_late(now.mono);
  }
}

}  // namespace tercet::quorum
