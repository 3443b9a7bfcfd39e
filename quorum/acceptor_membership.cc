// Who may vote (DESIGN §2 "First start, lost disks, wrong backends"): a backend that its own log names, and
// if a Rejoin named it, only once that is decided and its admission is durable.

#include <algorithm>

#include "base/mutant.h"
#include "quorum/acceptor.h"

namespace tercet::quorum {

bool Acceptor::member() const {
  if (lost_ || !named()) {
    return false;
  }
  const Member& ours = our_member();
  return !ours.rejoined() || planted(Mutant::not_admitted_counts) ||
         (admitted_by_ == ours.seq && admitted_lsn_ <= durable_lsn_);
}

/// The entry that names us is decided: a Rejoin as an LB of `epoch` says of a log that is ours (until we are
/// a member only the two others vote, so both have it); a forced EpochStart when the survivor has it durable.
/// With the admission comes a promise of that epoch: without one a zombie of a lower epoch, whose promises
/// the disk before us gave, could decide with our vote.
void Acceptor::admit(Epoch epoch, bool survivor_has_it, Output& out) {
  note_replaced();
  const Member& ours = our_member();
  if (stopped() || lost_ || !named() || !ours.rejoined() || admitted_by_ == ours.seq ||
      (commit_ < ours.seq && !survivor_has_it)) {
    return;
  }
  if (epoch > promised_ && !planted(Mutant::admitted_without_promise)) {
    raise_promise(epoch, {});
  }
  AdmittedRecord record;
  record.rejoin = ours.seq.value;
  record.epoch = promised_.value;
  out.append.add_admitted(record);
  ++lsn_.value;
  admitted_by_ = ours.seq;
  admitted_lsn_ = lsn_;
  pin(ours.seq);
  was_member_ = true;
}

/// An EpochStart by the operator's order. The survivor takes it as decided by that order, without a second
/// vote; the one that it names once it is admitted. False: it is none.
bool Acceptor::note_forced(const EntryView& entry, bool as_member) {
  const ForcedStartBody* body = entry.kind == EntryKind::epoch_start ? forced_start(entry.op) : nullptr;
  if (body == nullptr) {
    return false;
  }
  if (as_member && body->start.source == index(options_.slot)) {
    pin(entry.seq);
  }
  return true;
}

void Acceptor::pin(Seq seq) {
  if (log_.has(seq) && log_.entry(seq).kind == EntryKind::epoch_start) {
    pinned_ = std::max(pinned_, seq);
  }
}

/// A Genesis makes a member of whom it names; a Rejoin does not yet, and may be cut.
void Acceptor::note_named() { was_member_ = was_member_ || (named() && !our_member().rejoined()); }

/// Another incarnation has our place, and that is decided: ours never comes back.
void Acceptor::note_replaced() {
  if (was_member_ && !named() && our_member().rejoined() && our_member().seq <= commit_) {
    lost_ = true;
  }
}

void Acceptor::introduce(Bytes introduction) {
  TERCET_CHECK(introduction.size() <= kIntroductionMax, "an introduction fits Genesis");
  options_.introduction.clear();
  options_.introduction.resize(introduction.size());
  std::ranges::copy(introduction, options_.introduction.begin());
}

/// Never one that was a member once: what it promised then could count again.
bool Acceptor::newcomer() const { return !stopped() && !lost_ && !was_member_; }

bool Acceptor::asks_rejoin() const { return newcomer() && !named(); }

}  // namespace tercet::quorum
