#include "quorum/acceptor.h"

#include <algorithm>
#include <optional>

#include "base/mutant.h"
#include "quorum/chain.h"

namespace tercet::quorum {
namespace {

/// The backend whose log an EpochStart stands behind: who is to be asked for what we lack of it.
std::optional<Slot> source_named_in(const AcceptView& view) {
  AcceptWalk walk(view);
  AcceptEntry first;
  if (!walk.next(first) || first.is_read || first.entry.kind != EntryKind::epoch_start) {
    return {};
  }
  const auto* body = header_of<EpochStartBody>(first.entry.op);
  return body != nullptr && body->source < kBackends ? std::optional(static_cast<Slot>(body->source))
                                                     : std::nullopt;
}

bool is_forced(const EntryView& entry) {
  return entry.kind == EntryKind::epoch_start && forced_start(entry.op) != nullptr;
}

}  // namespace

Acceptor::Acceptor(const Options& options)
    : options_(options), log_(options.log), held_(options.held), pull_(options.slot) {}

void Acceptor::step(ServerId from, const CellView& message, const Moment& now, Machine& machine,
                    Output& out) {
  std::visit([&](const auto& view) { on(view, from, now, machine, out); }, message);
}

// ---- Accept

bool Acceptor::names_us(const EntryView& genesis) const {
  Members table;
  note_members(table, genesis);
  return table.names(options_.slot, options_.incarnation);
}

/// A member takes entries; one that is blank takes a Genesis that names it, and nothing else. Whoever waits
/// for a Rejoin pulls what is decided.
bool Acceptor::may_take(const AcceptView& view) const {
  if (stopped() || lost_ || reopen_ || lent_) {
    return false;
  }
  if (member()) {
    return true;
  }
  AcceptWalk walk(view);
  AcceptEntry first;
  return !options_.amnesiac && log_.empty() && walk.next(first) && !first.is_read &&
         first.entry.seq.value == 1 && first.entry.kind == EntryKind::genesis && names_us(first.entry);
}

void Acceptor::on(const AcceptView& view, ServerId from, const Moment& now, Machine& machine, Output& out) {
  const AcceptHeader& h = *view.header;
  const Epoch epoch{h.epoch};
  ++counters_.accepts;
  if (lb_of(epoch) != from) {
    ++counters_.ignored;
    return;
  }
  if (epoch < promised_) {
    refuse(CellMessage::accept, epoch, from, machine, out);
    return;
  }
  hear(epoch, Nonce{h.instance}, h.flags, h.heartbeat_us, now.mono);
  const Seq before = previous(Seq{h.first});
  const Hash128 before_l = h.prev_l.get();
  if (!may_take(view) || !continues_log(h)) {
    const bool nothing_lacks = lent_ && log_.matches(before, before_l);
    book_missed_ = book_missed_ || (nothing_lacks && before == log_.last());
    if (planted(Mutant::commit_of_another_log)) {
      note_commit(Seq{h.commit}, h.commit_s.get(), log_.last(), machine);
    }
    if (before.value != 0 && !nothing_lacks) {
      const std::optional<Slot> source = source_named_in(view);
      lack({before, before_l, Seq{h.commit}, h.commit_s.get()}, epoch, from, source ? &*source : nullptr,
           now.mono);
    }
    return;
  }
  const bool new_epoch = epoch > promised_;
  Seq last = before;
  if (!take(view, from, last, machine, out) || last < log_.base().seq) {
    return;
  }
  if (planted(Mutant::shorter_accept_cuts) && last < log_.last()) {
    cut(tercet::next(last), machine);
  }
  note_commit(Seq{h.commit}, h.commit_s.get(), last, machine);
  if (planted(Mutant::old_epoch_decided_by_copies) && last > before &&
      log_.entry(tercet::next(before)).kind == EntryKind::epoch_start) {
    commit_ =
        std::max(commit_, before);  // the bug of Raft's figure 8: copies of an old epoch taken as decided
  }
  if (last > before) {
    held_.vote(std::max(tercet::next(before), tercet::next(log_.base().seq)), last, new_epoch);
  }
}

/// It stands behind an entry of our log; or before our base, whose L it has to reach by itself.
bool Acceptor::continues_log(const AcceptHeader& header) const {
  const Seq before = previous(Seq{header.first});
  return before < log_.base().seq || log_.matches(before, header.prev_l.get());
}

/// Appends what our log lacks of the Accept's entries and evaluates its reads, in the stream's order.
/// `proved` stands at the seq before them, where our log is the LB's; afterwards at the last one. False: no
/// room.
bool Acceptor::take(const AcceptView& view, ServerId from, Seq& proved, Machine& machine, Output& out) {
  const Epoch epoch{view.header->epoch};
  Hash128 l = view.header->prev_l.get();
  AcceptWalk walk(view);
  AcceptEntry item;
  while (walk.next(item)) {
    if (item.is_read) {
      take_read(item, from, epoch, proved, machine);
      continue;
    }
    l = next_l(l, item.entry);
    proved = item.entry.seq;
    if (log_.matches(proved, l) || proved < log_.base().seq) {
      continue;
    }
    if (proved == log_.base().seq) {
      return false;  // another log, below what is decided here
    }
    // The operator's order took that place: the LB knows nothing of it, or it is the order that gives up what
    // we hold for decided. It may yet come to nothing: we are told when it has not.
    if (proved <= pinned_ || (proved <= commit_ && is_forced(item.entry))) {
      ++counters_.ignored;
      return false;
    }
    if (log_.full(item.entry.op.size())) {
      return false;
    }
    if (proved <= log_.last()) {
      cut(proved, machine);
    }
    append(item.entry, l, machine, out);
  }
  return true;
}

/// A read that may name us. The book must stand exactly at its place, in the LB's own log, under its epoch.
void Acceptor::take_read(const AcceptEntry& item, ServerId from, Epoch epoch, Seq place,
                         const Machine& machine) {
  if (((item.read->readers >> index(options_.slot)) & 1U) == 0) {
    return;
  }
  if (promised_ == epoch && log_.last() == place && applied_ == place && member() && !divergence_.on() &&
      measured() && !lent_ && !reopen_ && held_.takes_reads()) {
    hold_read(item, from, epoch, place, machine);
  } else {
    ++counters_.reads_late;
  }
}

void Acceptor::hold_read(const AcceptEntry& item, ServerId from, Epoch epoch, Seq place,
                         const Machine& machine) {
  uint8_t answer[kReadAnswerMax];
  const size_t size = machine.read(item.query, answer);
  AnswerHeader header{};
  header.type = static_cast<uint8_t>(CellMessage::answer);
  header.length = static_cast<uint16_t>(size);
  header.slot = item.read->slot;
  header.generation = item.read->generation;
  header.epoch = epoch.value;
  header.incarnation = options_.incarnation.value;
  header.place = place.value;
  header.place_l = log_.l_at(place);
  header.hash = hash128({answer, size});
  const bool whole = item.read->body_from == index(options_.slot);
  header.flags = whole ? kWhole : 0;
  held_.read(from, place, header, {answer, whole ? size : 0});
}

// ---- Keepalive, Prepare, Ask

void Acceptor::on(const KeepaliveView& view, ServerId from, const Moment& now, Machine& machine,
                  Output& out) {
  const Keepalive& h = *view.header;
  const Epoch epoch{h.epoch};
  if (lb_of(epoch) != from) {
    ++counters_.ignored;
    return;
  }
  if (epoch < promised_) {
    refuse(CellMessage::keepalive, epoch, from, machine, out);
    return;
  }
  hear(epoch, Nonce{h.instance}, h.flags, h.heartbeat_us, now.mono);
  // By name, and to a member: the LB may have heard last of the one before us.
  lost_ = lost_ || (Incarnation{h.lost} == options_.incarnation && member());
  const Seq last = previous(Seq{h.next});
  const bool same_log = log_.matches(last, h.last_l.get());
  if (same_log) {
    book_missed_ = book_missed_ || last == log_.last();
    note_commit(Seq{h.commit}, h.commit_s.get(), last, machine);
    admit(epoch, (h.flags & kAdmits) != 0, out);
  } else if (last.value != 0) {
    lack({last, h.last_l.get(), Seq{h.commit}, h.commit_s.get()}, epoch, from, nullptr, now.mono);
  }
  if ((h.flags & kQuiet) == 0 || !same_log || word(machine) != told_) {
    send_heard(from, false, 0, h.stamp, now, machine, out);
  }
}

/// An amnesiac promises nothing: it would count for nothing, and it has forgotten what it promised.
void Acceptor::on(const PrepareView& view, ServerId from, const Moment& now, Machine& machine, Output& out) {
  const Epoch epoch{view.header->epoch};
  const Nonce instance{view.header->instance};
  if (lb_of(epoch) != from) {
    ++counters_.ignored;
    return;
  }
  if (amnesiac() || stopped()) {
    return;
  }
  if (epoch < promised_ || (epoch == promised_ && instance != promised_to_)) {
    refuse(CellMessage::prepare, epoch, from, machine, out);
    return;
  }
  if (epoch > promised_) {
    raise_promise(epoch, instance);
    PromiseRecord record;
    record.epoch = epoch.value;
    record.instance = instance.value;
    out.append.add_promise(record);
    ++lsn_.value;
  }
  held_.promise(from, lsn_, promise_now(now, machine));
}

void Acceptor::on(const AskView& view, ServerId from, const Moment& now, Machine& machine, Output& out) {
  send_heard(from, true, view.header->number, view.header->stamp, now, machine, out);
}

// ---- Missing, Entries

void Acceptor::lack(const Pull::Target& target, Epoch epoch, ServerId lb, const Slot* source, MonoTime now) {
  if (!stopped() && !lost_ && !reopen_ && target.seq > log_.base().seq) {
    pull_.aim(target, epoch, lb, source, log_, kept_through(), now);
  }
}

void Acceptor::on(const MissingView& view, ServerId from, const Moment& now, Machine& /*machine*/,
                  Output& out) {
  const Missing& h = *view.header;
  Seq at{h.from};
  const bool have = log_.has(at) && member();
  // Only to whom an LB led to our log: by the operator's order a log may be given up that ours is the best
  // of.
  const bool image =
      !have && member() && measured() && at <= log_.base().seq && log_.matches(Seq{h.to}, h.to_l.get());
  if (have && is_backend(from)) {
    feeds(slot_of(from), previous(at), now.mono);
  }
  const Seq to = std::min(Seq{h.to}, log_.last());
  const unsigned datagrams = std::clamp<unsigned>(h.datagrams, 1, kPullDatagrams);
  for (unsigned i = 0; i < datagrams && (have ? at <= to : i == 0); ++i) {
    const MutBytes room = out.sends.open();
    if (room.empty()) {
      return;
    }
    EntriesHeader header{};
    header.type = static_cast<uint8_t>(CellMessage::entries);
    header.number = h.number;
    header.first = image ? tercet::next(image_).value : at.value;
    header.prev_l = have ? log_.l_at(previous(at)) : image ? log_.l_at(image_) : Hash128{};
    header.commit = commit_.value;
    EntriesWriter writer(room, header);
    while (have && at <= to && writer.add(log_.entry(at))) {
      at = tercet::next(at);
    }
    out.sends.close(from, writer.finish());
  }
}

void Acceptor::on(const EntriesView& view, ServerId from, const Moment& now, Machine& machine, Output& out) {
  if (stopped() || lost_) {
    return;
  }
  pull_.take(from, view, log_, kept_through(), now.mono);
  adopt(machine, out);
}

// ---- who holds the epoch

void Acceptor::hear(Epoch epoch, Nonce instance, uint8_t flags, uint32_t heartbeat_us, MonoTime now) {
  const bool fit = (flags & kFit) != 0 || planted(Mutant::heard_without_fit);
  if (!fit) {
    if (heard_.epoch == epoch && heard_.instance == instance) {
      heard_ = {};  // it says itself that it may be followed
    }
    return;
  }
  if (epoch == promised_ && promised_to_.value != 0 && instance != promised_to_) {
    return;  // another life of that LB: not the instance that was promised
  }
  const Duration three = std::min(microseconds(heartbeat_us) * kHeardHeartbeats, kHeardWindowMax);
  heard_ = {epoch, instance, now, std::max(three, kHeardWindowMin)};
}

void Acceptor::resigned(Epoch epoch) {
  if (heard_.epoch == epoch) {
    heard_ = {};
  }
}

bool Acceptor::heard(MonoTime now) const {
  return heard_.epoch.value != 0 && heard_.epoch >= promised_ && now - heard_.at <= heard_.window;
}

}  // namespace tercet::quorum
