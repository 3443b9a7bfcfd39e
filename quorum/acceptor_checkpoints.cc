// Checkpoints (DESIGN §2): a book captured at an entry of the log, which the log may begin behind. It is used
// when two votes had the same state there, as the decided `usable` entry says: a damaged book is never
// written down, and never taken over.

#include "base/mutant.h"
#include "quorum/acceptor.h"
#include "quorum/chain.h"

namespace tercet::quorum {

void Acceptor::restore(const Kept& kept) {
  log_.restart(kept.checkpoint.base);
  image_ = commit_ = durable_seq_ = applied_ = kept.checkpoint.base.seq;
  commit_s_ = kept.checkpoint.base.s;
  promised_ = kept.promised;
  promised_to_ = kept.promised_to;
  admitted_by_ = kept.admitted_by;
  was_member_ = named() && (!our_member().rejoined() || admitted_by_ == our_member().seq);
  foreign_ = kept.foreign;
}

Acceptor::Kept Acceptor::kept(const Checkpoint& checkpoint, bool foreign) const {
  return {checkpoint, promised_, promised_to_, admitted_by_, foreign};
}

/// The machine stands behind `entry`.
void Acceptor::note_checkpoint(const EntryView& entry, const Hash128& s_before, Machine& machine) {
  const auto* body = header_of<CheckpointBody>(entry.op);
  const Lsn lsn = log_.lsn_at(entry.seq);
  if (body == nullptr || body->slot != index(options_.slot) || lsn.value == 0 || divergent() || !measured() ||
      capture_usable()) {
    return;  // another's; of an earlier life; or the one before is just being published
  }
  captured_ = {{{entry.seq, entry.epoch, log_.l_at(entry.seq), log_.s_at(entry.seq), entry.cell, entry.wall,
                 log_.members_at(entry.seq)},
                s_before,
                held_.result(entry.seq)},
               lsn};
  machine.capture();
}

void Acceptor::note_usable(const EntryView& entry) {
  if (const auto* body = header_of<UsableBody>(entry.op)) {
    usable_ = {entry.seq, Seq{body->checkpoint}, body->s};
    measure();
  }
}

/// Whether a book that a peer gave is the right one. What `usable` says an LB saw, so it is true whatever
/// becomes of that entry. A wrong book is of no use, and there is no way back from it but as another
/// incarnation: the log that it came with is whole, but what would be voted on it is not.
void Acceptor::measure() {
  if (!foreign_ || !usable_ || usable_->checkpoint != log_.base().seq) {
    return;
  }
  if (usable_->s == log_.base().s.low || planted(Mutant::unmeasured_image)) {
    foreign_ = false;
  } else {
    lost_ = true;
  }
}

bool Acceptor::capture_usable() const {
  if (!captured_ || !usable_) {
    return false;
  }
  const LogView::Base& base = captured_->checkpoint.base;
  return usable_->checkpoint == base.seq && durable_seq_ >= usable_->at && !divergent() &&
         log_.matches(base.seq, base.l) && (usable_->s == base.s.low || planted(Mutant::unmeasured_image));
}

/// Up to where the log in memory may be given up. Were a peer's next entries taken away each time, it would
/// have to begin with another image each time, and might never have done: so they stay while it asks, up to a
/// bound, beyond which another image is the shorter way.
Seq Acceptor::may_go(Seq checkpoint, MonoTime now) const {
  Seq through{checkpoint.value - std::min(checkpoint.value, options_.keep_behind)};
  for (const Fed& fed : fed_) {
    if (fed.at.ns != 0 && now - fed.at < kFedFor && fed.behind < through &&
        distance(fed.behind, checkpoint) <= options_.keep_for_fed) {
      through = fed.behind;
    }
  }
  return through;
}

void Acceptor::begin_behind_capture(MonoTime now) {
  const Seq seq = captured_->checkpoint.base.seq;
  image_ = seq;
  commit_ = std::max(commit_, seq);  // two votes had it
  log_.drop_through(may_go(seq, now));
  captured_.reset();
}

// ---- an image from a peer

void Acceptor::lend_book() {
  lent_ = true;
  book_missed_ = false;
  applied_ = log_.base().seq;
  captured_.reset();
}

bool Acceptor::book_missed() const {
  EntryView more;
  return lent_ && (book_missed_ || pull_.staged(more));
}

bool Acceptor::may_begin_behind(const Checkpoint& checkpoint) const {
  const LogView::Base& base = checkpoint.base;
  if (log_.matches(base.seq, base.l)) {
    return true;
  }
  // Behind that nothing of ours is decided; and a Rejoin that is not names nobody.
  const Seq kept = kept_through();
  return base.seq > kept && newest(log_.members_at(kept), base.members) == base.members;
}

void Acceptor::begin_behind(const Checkpoint& checkpoint) {
  const LogView::Base& base = checkpoint.base;
  ++counters_.rebuilds;
  lent_ = false;
  image_ = base.seq;
  foreign_ = true;
  applied_ = base.seq;
  if (log_.matches(base.seq, base.l)) {
    log_.set_s(base.seq, base.s);
    log_.drop_through(base.seq);
  } else {
    log_.restart(base);
    durable_seq_ = base.seq;
  }
  durable_seq_ = std::max(durable_seq_, base.seq);  // as the image is
  held_.forget();                                   // what was owed before it can be asked for again
  commit_ = std::max(commit_, base.seq);
  usable_.reset();
  pull_.go_on(log_);
}

void Acceptor::forget_book(Machine& machine) {
  lent_ = false;
  begin_anew(machine);
}

}  // namespace tercet::quorum
