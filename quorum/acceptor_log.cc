// The acceptor's log, and the book behind it: recovery, appends and cuts, what was pulled, commit, and the
// book built anew. The book stands at the log's end, but for the time that it is being built anew.

#include <algorithm>

#include "base/mutant.h"
#include "quorum/acceptor.h"
#include "quorum/chain.h"

namespace tercet::quorum {
namespace {

/// Not so much waits for the log already that more would only wait longer.
bool log_takes(const Records& append) {
  return append.records().size() < kAdoptAtOnce && append.bytes_total() < kAdoptBytesAtOnce;
}

}  // namespace

// ---- recovery

bool Acceptor::replay(RecordType type, Bytes payload) {
  if (type == RecordType::entry) {
    EntryView entry;
    if (parse_entry(payload, entry) != payload.size()) {
      return false;
    }
    if (entry.seq <= log_.base().seq && commit_ == log_.base().seq) {
      log_.cut(tercet::next(log_.base().seq));
      return true;  // older than the checkpoint, and what stood behind it then is none of its
    }
    if (entry.seq > tercet::next(log_.last()) || entry.seq <= kept_through()) {
      return false;
    }
    log_.cut(entry.seq);
    const bool as_member = member();
    log_.append(entry, next_l(log_.l_at(previous(entry.seq)), entry), {});
    note_forced(entry, as_member);
    note_named();
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
    if (Seq{commit->seq} >= commit_) {
      commit_ = Seq{commit->seq};
      commit_s_ = commit->s.get();
    }
    return true;
  }
  if (type == RecordType::admitted) {
    const auto* admitted = header_of<AdmittedRecord>(payload);
    if (admitted == nullptr || !named() || our_member().seq != Seq{admitted->rejoin}) {
      return false;  // it follows the Rejoin that it speaks of, which is decided and never cut
    }
    admitted_by_ = Seq{admitted->rejoin};
    pin(admitted_by_);
    was_member_ = true;
    if (Epoch{admitted->epoch} > promised_) {
      raise_promise(Epoch{admitted->epoch}, {});
    }
    return true;
  }
  return false;
}

/// Nothing is served yet: the book is built in one go.
void Acceptor::recovered(Machine& machine) {
  if (log_.base().seq.value == 0) {
    begin_anew(machine);
  }
  while (applied_ < log_.last()) {
    apply_next(machine);
  }
  durable_seq_ = log_.last();
  note_replaced();
  if (commit_.value != 0) {
    divergence_.told(commit_, commit_s_.low);
    divergence_.judge(log_, applied_);
    foreign_ = foreign_ && !(commit_ > log_.base().seq && log_.s_at(commit_).low == commit_s_.low);
  }
  if (log_.base().seq.value != 0) {
    divergence_.just_built();
  }
}

// ---- entries

void Acceptor::append(const EntryView& entry, const Hash128& l, Machine& machine, Output& out) {
  out.append.add_entry(entry);
  ++lsn_.value;
  const bool as_member = member();
  log_.append(entry, l, lsn_);
  counters_.forced += note_forced(entry, as_member) ? 1 : 0;
  note_named();
  if (entry.epoch > promised_ && (member() || !planted(Mutant::admitted_without_promise))) {
    raise_promise(entry.epoch, {});
  }
  if (applied_ == previous(entry.seq) && !lent_ && !reopen_) {
    apply_next(machine);
  }
}

void Acceptor::apply_next(Machine& machine) {
  const Seq seq = tercet::next(applied_);
  Result& result = held_.result(seq);
  result.clear();
  const EntryView entry = log_.entry(seq);
  machine.apply(entry, result);
  const Hash128 s_before = log_.s_at(applied_);
  log_.set_s(seq, next_s(s_before, log_.l_at(seq), {result.data(), result.size()}, machine.digest()));
  applied_ = seq;
  if (entry.kind == EntryKind::checkpoint) {
    note_checkpoint(entry, s_before, machine);
  } else if (entry.kind == EntryKind::usable) {
    note_usable(entry);
  }
}

void Acceptor::cut(Seq first, Machine& machine) {
  TERCET_CHECK(first > kept_through(), "I2: a decided entry is never cut");
  ++counters_.cuts;
  bool undone = true;
  for (; applied_ >= first && undone; applied_ = previous(applied_)) {
    undone = machine.undo();
  }
  if (usable_ && usable_->at >= first) {
    usable_.reset();
  }
  if (captured_ && captured_->checkpoint.base.seq >= first) {
    captured_.reset();
  }
  log_.cut(first);
  durable_seq_ = std::min(durable_seq_, previous(first));
  held_.cut(first);
  if (!undone) {
    begin_anew(machine);
  }
}

/// Back to an empty book; catch_up_book brings it to the log's end. Where the log begins behind a checkpoint
/// the book does too, and that is for the owner to read.
void Acceptor::begin_anew(Machine& machine) {
  ++counters_.rebuilds;
  captured_.reset();
  if (log_.base().seq.value != 0) {
    reopen_ = true;
    applied_ = std::min(applied_, log_.last());
    return;
  }
  machine.reset();
  applied_ = {};
}

/// A slice of what the book lacks of the log. False: there is more.
bool Acceptor::catch_up_book(MonoTime now, Machine& machine) {
  if (lent_ || reopen_) {
    return true;
  }
  if (applied_ == log_.last() && divergence_.rebuild_due(now)) {
    begin_anew(machine);
    if (planted(Mutant::rebuild_drops_the_log)) {
      log_.cut(Seq{1});
      durable_seq_ = {};
      commit_ = {};
    }
  }
  for (unsigned i = 0; i < kApplyAtOnce && applied_ < log_.last(); ++i) {
    apply_next(machine);
    machine.settle(std::min(applied_, commit_));
    divergence_.judge(log_, applied_);
  }
  return applied_ == log_.last();
}

// ---- what was pulled

/// Takes over what was pulled and may be, a slice in each poll: however much it is, the loop goes on turning.
/// A part is a log like any other (the beginning of the one that the LB chose): it may be promised on, and is
/// voted on only by an Accept that stands behind it. Between two slices an LB of a higher epoch ends the pull
/// when it is promised or named another log; one of the same epoch sends what is staged; one of an epoch in
/// between (a zombie's) may cut the log below the stage, which then follows on nothing.
void Acceptor::adopt(Machine& machine, Output& out) {
  if (lent_) {
    return;  // what the image makes useless is known by its place in the log: nothing is appended meanwhile
  }
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
  end_pull(machine, out);
}

/// One staged entry. False: the pull leads nowhere.
bool Acceptor::adopt(const EntryView& entry, Machine& machine, Output& out) {
  if (!log_.matches(previous(entry.seq), pull_.staged_behind())) {
    ++counters_.ignored;
    return false;  // the log was cut meanwhile
  }
  const Hash128 l = next_l(pull_.staged_behind(), entry);
  if (log_.matches(entry.seq, l)) {
    return true;  // came as an Accept while it waited in the stage
  }
  if (entry.seq <= kept_through() || log_.full(entry.op.size())) {
    ++counters_.ignored;
    return false;  // it contradicts what was decided meanwhile, or there is no room
  }
  if (entry.seq <= log_.last()) {
    cut(entry.seq, machine);
  }
  append(entry, l, machine, out);
  return true;
}

/// The log holds what the LB named: so it is that LB's up to there, and what it said of its commit is said of
/// ours. Under load one that waits for its Rejoin hears it only so: it takes no Accepts.
void Acceptor::end_pull(Machine& machine, Output& out) {
  const Pull::Target target = pull_.target();
  if (!pull_.reached(log_)) {
    return;
  }
  if (pull_.epoch() >= promised_) {
    note_commit(target.commit, target.commit_s, target.seq, machine);
    admit(pull_.epoch(), false, out);
  }
}

// ---- promise, commit, durability

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
    divergence_.told(sent, s.low);
    divergence_.judge(log_, applied_);
    // S is a chain: right here, it was right at the checkpoint.
    foreign_ = foreign_ && !(sent >= log_.base().seq && sent <= applied_ && log_.s_at(sent).low == s.low);
  }
  const Seq commit = std::min(sent, proved);
  if (commit > commit_) {
    commit_ = commit;
    commit_s_ = s;
    commit_dirty_ = sent <= proved;
    machine.settle(std::min(commit_, applied_));
  }
}

void Acceptor::durable(Lsn lsn) {
  TERCET_CHECK(lsn >= durable_lsn_ && lsn <= lsn_, "durability only grows, up to what was handed out");
  durable_lsn_ = lsn;
  while (durable_seq_ < log_.last() && log_.lsn_at(tercet::next(durable_seq_)) <= durable_lsn_) {
    durable_seq_ = tercet::next(durable_seq_);
  }
}

MonoTime Acceptor::ask_for_more(bool log_had_room, MonoTime now, Output& out) {
  EntryView more;
  const bool adopting = pull_.staged(more);
  // With more to adopt: at once, or, when the disk has not taken what there is, as soon as it has.
  MonoTime again = adopting && log_had_room ? now : MonoTime::never();
  ServerId to{};
  Missing ask;
  if (!adopting && pull_.ask(log_, now, to, ask, again)) {
    if (const MutBytes room = out.sends.open(); !room.empty()) {
      put(room, ask);
      out.sends.close(to, sizeof(ask));
    }
  }
  return again;
}

MonoTime Acceptor::tick(const Moment& now, Machine& machine, Output& out) {
  const bool log_had_room = log_takes(out.append);
  adopt(machine, out);
  adopted_ = {};
  const bool book_is_there = catch_up_book(now.mono, machine);
  const Held::Durable durable{durable_lsn_, std::min(durable_seq_, applied_)};
  held_.send_promise(durable, introduction(), out.sends);
  if (member() && measured() && !reopen_) {
    const Word own = word(machine);
    held_.send_votes(durable,
                     {own.flags, promised_, options_.incarnation, now.wall, own.container, own.absent},
                     holder(), log_, out.sends);
  }
  held_.send_answers(durable, out.sends);
  const MonoTime again = earlier(ask_for_more(log_had_room, now.mono, out), divergence_.next_rebuild());
  return book_is_there ? later(again, now.mono) : now.mono;
}

}  // namespace tercet::quorum
