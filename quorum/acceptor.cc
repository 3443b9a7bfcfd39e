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

/// Not so much waits for the log already that more would only wait longer.
bool log_takes(const Records& append) {
  return append.records().size() < kAdoptAtOnce && append.bytes_total() < kAdoptBytesAtOnce;
}

}  // namespace

Acceptor::Acceptor(const Options& options)
    : options_(options), log_(options.log), held_(options.held), pull_(options.slot) {}

// ---- recovery

bool Acceptor::replay(RecordType type, Bytes payload) {
  if (type == RecordType::entry) {
    EntryView entry;
    if (parse_entry(payload, entry) != payload.size() || entry.seq.value == 0 ||
        entry.seq > tercet::next(log_.last()) || entry.seq <= commit_) {
      return false;
    }
    log_.cut(entry.seq);
    log_.append(entry, next_l(log_.l_at(previous(entry.seq)), entry), {});
    if (entry.epoch > promised_) {
      raise_promise(entry.epoch, {});
    }
    return true;
  }
  if (type == RecordType::promise) {
    const auto* promise = header_of<PromiseRecord>(payload);
    if (promise == nullptr) {
      return false;
    }
    if (Epoch{promise->epoch} > promised_) {
      raise_promise(Epoch{promise->epoch}, Nonce{promise->instance});
    }
    return true;
  }
  if (type == RecordType::commit) {
    const auto* commit = header_of<CommitRecord>(payload);
    if (commit == nullptr || Seq{commit->seq} > log_.last()) {
      return false;
    }
    commit_ = std::max(commit_, Seq{commit->seq});
    commit_s_ = commit->s.get();
    return true;
  }
  return false;
}

void Acceptor::recovered(Machine& machine) {
  rebuild(machine);
  durable_seq_ = log_.last();
  if (commit_.value != 0) {
    compare(commit_, commit_s_);
    machine.settle(commit_);
  }
}

// ---- messages

void Acceptor::step(ServerId from, const CellView& message, const Moment& now, Machine& machine,
                    Output& out) {
  std::visit([&](const auto& view) { on(view, from, now, machine, out); }, message);
}

bool Acceptor::names_us(const EntryView& genesis) const {
  Members table;
  note_members(table, genesis);
  return table.names(options_.slot, options_.incarnation);
}

/// A member takes entries; one that is blank takes a Genesis that names it, and nothing else.
bool Acceptor::may_take(const AcceptView& view) const {
  if (options_.amnesiac || stopped_) {
    return false;
  }
  if (member()) {
    return true;
  }
  AcceptWalk walk(view);
  AcceptEntry first;
  return log_.empty() && walk.next(first) && !first.is_read && first.entry.seq.value == 1 &&
         first.entry.kind == EntryKind::genesis && names_us(first.entry);
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
  if (!may_take(view) || !log_.matches(before, before_l)) {
    if (before.value != 0) {
      const std::optional<Slot> source = source_named_in(view);
      lack(before, before_l, epoch, from, source ? &*source : nullptr, now.mono);
    }
    return;
  }
  const bool new_epoch = epoch > promised_;
  Seq last = before;
  if (!take(view, from, last, machine, out)) {
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
    held_.vote(tercet::next(before), last, new_epoch);
  }
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
    if (log_.matches(proved, l)) {
      continue;
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
  if (promised_ == epoch && log_.last() == place && member() && !divergent_ && held_.takes_reads()) {
    hold_read(item, from, epoch, place, machine);
  } else {
    ++counters_.reads_late;
  }
}

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
  const Seq last = previous(Seq{h.next});
  const bool same_log = log_.matches(last, h.last_l.get());
  if (same_log) {
    note_commit(Seq{h.commit}, h.commit_s.get(), last, machine);
  } else if (last.value != 0) {
    lack(last, h.last_l.get(), epoch, from, nullptr, now.mono);
  }
  if ((h.flags & kQuiet) == 0 || !same_log || flags(machine) != told_flags_) {
    send_heard(from, false, 0, h.stamp, now, machine, out);
  }
}

void Acceptor::on(const PrepareView& view, ServerId from, const Moment& now, Machine& machine, Output& out) {
  const Epoch epoch{view.header->epoch};
  const Nonce instance{view.header->instance};
  if (lb_of(epoch) != from) {
    ++counters_.ignored;
    return;
  }
  if (options_.amnesiac || stopped_) {
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

void Acceptor::on(const MissingView& view, ServerId from, const Moment& /*now*/, Machine& /*machine*/,
                  Output& out) {
  const Missing& h = *view.header;
  Seq at{h.from};
  const bool have = log_.has(at) && !options_.amnesiac;
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
    header.first = at.value;
    header.prev_l = have ? log_.l_at(previous(at)) : Hash128{};
    header.commit = commit_.value;
    EntriesWriter writer(room, header);
    while (have && at <= to && writer.add(log_.entry(at))) {
      at = tercet::next(at);
    }
    out.sends.close(from, writer.finish());
  }
}

void Acceptor::on(const EntriesView& view, ServerId from, const Moment& now, Machine& machine, Output& out) {
  if (stopped_) {
    return;
  }
  pull_.take(from, view, log_, commit_, now.mono);
  adopt(machine, out);
}

/// Takes over what was pulled and may be, a slice in each poll: however much it is, the loop goes on turning.
/// A part is a log like any other (the beginning of the one that the LB chose): it may be promised on, and is
/// voted on only by an Accept that stands behind it. Between two slices an LB of a higher epoch ends the pull
/// when it is promised or named another log; one of the same epoch sends what is staged; one of an epoch in
/// between (a zombie's) may cut the log below the stage, which then follows on nothing.
void Acceptor::adopt(Machine& machine, Output& out) {
  EntryView entry;
  while (adopted_.entries < kAdoptAtOnce && adopted_.bytes < kAdoptBytesAtOnce && log_takes(out.append) &&
         pull_.staged(entry)) {
    ++adopted_.entries;
    adopted_.bytes += entry_size(entry.op.size());
    if (!adopt(entry, machine, out)) {
      pull_.stop();
      return;
    }
    pull_.adopted(log_);
  }
}

/// One staged entry. False: the pull leads nowhere.
bool Acceptor::adopt(const EntryView& entry, Machine& machine, Output& out) {
  if (!member() && !(entry.seq.value == 1 && entry.kind == EntryKind::genesis && names_us(entry))) {
    strange_ = pull_.epoch();
    unnamed_ = true;
    return false;  // no member by that log: Rejoin is the way in
  }
  if (!log_.matches(previous(entry.seq), pull_.staged_behind())) {
    ++counters_.ignored;
    return false;  // the log was cut meanwhile
  }
  const Hash128 l = next_l(pull_.staged_behind(), entry);
  if (log_.matches(entry.seq, l)) {
    return true;  // came as an Accept while it waited in the stage
  }
  if (entry.seq <= commit_ || log_.full(entry.op.size())) {
    ++counters_.ignored;
    return false;  // it contradicts what was decided meanwhile, or there is no room
  }
  if (entry.seq <= log_.last()) {
    cut(entry.seq, machine);
  }
  append(entry, l, machine, out);
  return true;
}

// ---- the log

void Acceptor::append(const EntryView& entry, const Hash128& l, Machine& machine, Output& out) {
  out.append.add_entry(entry);
  ++lsn_.value;
  log_.append(entry, l, lsn_);
  if (entry.epoch > promised_) {
    raise_promise(entry.epoch, {});
  }
  apply(entry, l, machine);
}

void Acceptor::apply(const EntryView& entry, const Hash128& l, Machine& machine) {
  Result& result = held_.result(entry.seq);
  result.clear();
  machine.apply(entry, result);
  log_.set_s(entry.seq,
             next_s(log_.s_at(previous(entry.seq)), l, {result.data(), result.size()}, machine.digest()));
}

void Acceptor::cut(Seq first, Machine& machine) {
  TERCET_CHECK(first > commit_, "I2: a decided entry is never cut");
  ++counters_.cuts;
  bool undone = true;
  for (Seq at = log_.last(); at >= first && undone; at = previous(at)) {
    undone = machine.undo();
  }
  log_.cut(first);
  durable_seq_ = std::min(durable_seq_, previous(first));
  held_.cut(first);
  if (!undone) {
    rebuild(machine);
  }
}

void Acceptor::rebuild(Machine& machine) {
  ++counters_.rebuilds;
  machine.reset();
  for (Seq at{1}; at <= log_.last(); at = tercet::next(at)) {
    apply(log_.entry(at), log_.l_at(at), machine);
    machine.settle(std::min(at, commit_));
  }
}

void Acceptor::raise_promise(Epoch epoch, Nonce instance) {
  TERCET_CHECK(epoch > promised_, "a promise only rises");
  promised_ = epoch;
  promised_to_ = instance;
  held_.forget();  // from here on no vote or answer for an older epoch leaves
  if (pull_.active() && pull_.epoch() < epoch) {
    pull_.stop();
  }
}

void Acceptor::note_commit(Seq sent, const Hash128& s, Seq proved, Machine& machine) {
  // S is compared only where this very message proved that our log is the LB's.
  if (sent.value != 0 && sent <= proved) {
    compare(sent, s);
  }
  const Seq commit = std::min(sent, proved);
  if (commit > commit_) {
    commit_ = commit;
    commit_s_ = s;
    commit_dirty_ = sent <= proved;
    machine.settle(commit_);
  }
}

void Acceptor::compare(Seq seq, const Hash128& s) {
  if (log_.has(seq)) {
    divergent_ = log_.s_at(seq).low != s.low;  // an LB knows 64 bits of S, from the votes
  }
}

void Acceptor::lack(Seq seq, const Hash128& l, Epoch epoch, ServerId lb, const Slot* source, MonoTime now) {
  if (options_.amnesiac || stopped_ || (!member() && (!log_.empty() || epoch <= strange_))) {
    return;
  }
  pull_.aim({seq, l}, epoch, lb, source, log_, commit_, now);
}

// ---- what may leave

void Acceptor::durable(Lsn lsn) {
  TERCET_CHECK(lsn >= durable_lsn_ && lsn <= lsn_, "durability only grows, up to what was handed out");
  durable_lsn_ = lsn;
  while (durable_seq_ < log_.last() && log_.lsn_at(tercet::next(durable_seq_)) <= durable_lsn_) {
    durable_seq_ = tercet::next(durable_seq_);
  }
}

MonoTime Acceptor::tick(const Moment& now, Machine& machine, Output& out) {
  if (commit_dirty_ && !out.append.empty() && commit_ <= log_.last()) {
    // Written along with what is appended anyway: a commit is never worth a write of its own.
    CommitRecord record;
    record.seq = commit_.value;
    record.s = commit_s_;
    out.append.add_commit(record);
    ++lsn_.value;
    commit_dirty_ = false;
  }
  pull_.reached(log_);
  const bool log_had_room = log_takes(out.append);
  adopt(machine, out);
  adopted_ = {};
  const Held::Durable durable{durable_lsn_, durable_seq_};
  held_.send_promise(durable, {options_.introduction.data(), options_.introduction.size()}, out.sends);
  if (member()) {
    held_.send_votes(durable, {flags(machine), promised_, options_.incarnation, now.wall}, holder(), log_,
                     out.sends);
  }
  held_.send_answers(durable, out.sends);
  EntryView more;
  const bool adopting = pull_.staged(more);
  // With more to adopt: at once, or, when the disk has not taken what there is, as soon as it has.
  MonoTime again = adopting && log_had_room ? now.mono : MonoTime::never();
  ServerId to{};
  Missing ask;
  if (!adopting && pull_.ask(log_, now.mono, to, ask, again)) {
    if (const MutBytes room = out.sends.open(); !room.empty()) {
      put(room, ask);
      out.sends.close(to, sizeof(ask));
    }
  }
  return again;
}

ServerId Acceptor::holder() const { return lb_of(promised_); }

uint8_t Acceptor::flags(const Machine& machine) const {
  unsigned flags = 0;
  flags |= divergent_ ? kDivergent : 0U;
  flags |= log_.empty() ? kBlank : 0U;
  flags |= amnesiac() ? kAmnesiac : 0U;
  flags |= stopped_ ? kStopped : 0U;
  flags |= member() ? kMember : 0U;
  flags |= pull_.active() ? kCatchingUp : 0U;
  flags |= machine.leases_live() ? kLeasesLive : 0U;
  flags |= machine.more_due() ? kMoreDue : 0U;
  return static_cast<uint8_t>(flags);
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

PromiseHeader Acceptor::promise_now(const Moment& now, const Machine& machine) const {
  PromiseHeader header{};
  header.type = static_cast<uint8_t>(CellMessage::promise);
  header.flags = flags(machine);
  header.admitted = member() ? 1 : 0;
  header.introduction = static_cast<uint8_t>(options_.introduction.size());
  header.epoch = promised_.value;
  header.instance = promised_to_.value;
  header.incarnation = options_.incarnation.value;
  header.last_epoch = log_.epoch_at(log_.last()).value;
  header.last = log_.last().value;
  header.last_l = log_.l_at(log_.last());
  header.commit = commit_.value;
  if (!log_.empty()) {
    const EntryView last = log_.entry(log_.last());
    header.cell_ms = as_unsigned(last.cell.ms);
    header.wall_ms = as_unsigned(last.wall.ms);
  }
  header.clock_ms = as_unsigned(now.wall.ms);
  write_members(log_.members(), header.members);
  return header;
}

void Acceptor::refuse(CellMessage of, Epoch epoch, ServerId to, const Machine& machine, Output& out) {
  ++counters_.refused;
  const MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  Refused refused{};
  refused.type = static_cast<uint8_t>(CellMessage::refused);
  refused.flags = flags(machine);
  refused.of = static_cast<uint8_t>(of);
  refused.epoch = epoch.value;
  refused.promised = promised_.value;
  refused.incarnation = options_.incarnation.value;
  put(room, refused);
  out.sends.close(to, sizeof(refused));
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

void Acceptor::send_heard(ServerId to, bool asked, uint32_t number, uint64_t stamp, const Moment& now,
                          const Machine& machine, Output& out) {
  const MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  Heard reply{};
  reply.type = static_cast<uint8_t>(CellMessage::heard);
  reply.flags = flags(machine);
  if (!asked) {
    told_flags_ = reply.flags;
  }
  reply.heard = heard(now.mono) ? 1 : 0;
  reply.asked = asked ? 1 : 0;
  reply.number = number;
  reply.stamp = stamp;
  reply.promised = promised_.value;
  reply.incarnation = options_.incarnation.value;
  reply.last = log_.last().value;
  reply.durable = durable_seq_.value;
  reply.durable_l = log_.l_at(durable_seq_);
  reply.commit = commit_.value;
  reply.commit_s = log_.s_at(commit_);
  reply.progress = pull_.progress();
  reply.wall_ms = as_unsigned(now.wall.ms);
  reply.load = static_cast<uint32_t>(held_.reads());
  put(room, reply);
  out.sends.close(to, sizeof(reply));
}

}  // namespace tercet::quorum
