// Looking over the servers' shoulders: what each says and decides goes to the checkers.

#include <algorithm>

#include "tests/sim/world.h"

namespace tercet::sim {

void World::watch_outgoing(unsigned slot, Bytes plain) {
  Backend& b = backends_[slot];
  CellView view;
  if (parse_cell(plain, view) != Drop::none) {
    checkers_.fail("b" + std::to_string(slot + 1) + " sends what the wire refuses");
    return;
  }
  if (b.trap && plain[0] == static_cast<uint8_t>(*b.trap)) {
    b.trap.reset();
    b.sprung = true;
  }
  if (const auto* vote = std::get_if<VoteView>(&view)) {
    const Seq last{vote->header->first + vote->header->count - 1};
    if (last >= b.voted || !b.opening.acceptor->log().matches(b.voted, b.voted_l)) {
      b.voted = last;
      b.voted_l = vote->header->last_l.get();
    }
    if (static_cast<int>(slot) == options_.damaging_slot && random_.chance(0.2)) {
      // Memory that goes bad between hashing and sending: the state is right, the result is not.
      auto* bytes = const_cast<uint8_t*>(vote->results.data());
      if (vote->results.size() > sizeof(VoteResult) + 1) {
        bytes[sizeof(VoteResult)] ^= 1;
      }
    }
  } else if (const auto* promise = std::get_if<PromiseView>(&view)) {
    b.promised = std::max(b.promised, Epoch{promise->header->epoch});
  }
}

void World::check_lb(unsigned lb) {
  Lb& node = lbs_[lb];
  const quorum::Proposer& proposer = node.service->proposer();
  if (!proposer.active()) {
    return;
  }
  if (proposer.epoch() < forced_) {
    if (proposer.commit() >= forced_at_) {
      checkers_.decided_in_vain();  // of votes of those that were given up
    }
    return;
  }
  if (node.epoch != proposer.epoch()) {
    node.epoch = proposer.epoch();
    node.checked = {};
  }
  for (const auto& entry : proposer.decided_since(node.checked)) {
    checkers_.decided(lb == 0 ? "lb1" : "lb2", entry.seq, entry.l, entry.cell, now_);
  }
  node.checked = proposer.commit();
}

/// The survivor has taken the operator's order: from here on that is the cell.
void World::check_forced(unsigned slot) {
  const quorum::LogView& log = backends_[slot].opening.acceptor->log();
  if (backends_[slot].opening.acceptor->counters().forced == 0) {
    return;
  }
  for (Seq seq = log.last(); log.has(seq) && log.epoch_at(seq) > forced_; seq = previous(seq)) {
    const EntryView entry = log.entry(seq);
    if (entry.kind != EntryKind::epoch_start || forced_start(entry.op) == nullptr) {
      continue;
    }
    trace("b%u goes on by the operator's order, at seq %lu", slot + 1, static_cast<unsigned long>(seq.value));
    forced_ = entry.epoch;
    forced_at_ = seq;
    checkers_.forced(previous(seq));
    for (unsigned other = 0; other < kBackends; ++other) {
      backends_[other].given_up =
          backends_[other].given_up ||
          (other != slot && backends_[other].incarnation != Incarnation{forced_start(entry.op)->incarnation});
    }
    return;
  }
}

void World::check_backend(unsigned slot) {
  Backend& b = backends_[slot];
  if (b.given_up) {
    return;
  }
  const quorum::LogView& log = b.opening.acceptor->log();
  static constexpr const char* kNames[] = {"b1", "b2", "b3"};
  if (b.opening.acceptor->commit() < b.knew) {
    checkers_.fail("I2: " + std::string(kNames[slot]) + " forgot that seq " + std::to_string(b.knew.value) +
                   " is decided");
    return;
  }
  b.knew = b.opening.acceptor->commit();
  if (b.book_wrong) {
    // It learns that its state is wrong when an LB tells it the right one, and is looked at when it has built
    // its book anew.
    const Seq commit = b.opening.acceptor->commit();
    if (b.book_mends_at.ns != 0 || b.opening.acceptor->applied() < commit ||
        commit < std::min(b.wrong_to, log.last()) || !checkers_.agrees(commit, log.s_at(commit).low)) {
      return;
    }
    b.book_wrong = false;
  }
  b.checked = std::max(b.checked, log.base().seq);
  while (b.checked < b.opening.acceptor->commit() && !b.opening.acceptor->divergent() &&
         next(b.checked) <= b.opening.acceptor->applied()) {
    b.checked = next(b.checked);
    const EntryView entry = log.entry(b.checked);
    checkers_.decided(kNames[slot], b.checked, log.l_at(b.checked), entry.cell, now_);
    if (static_cast<int>(slot) != options_.lying_slot) {
      checkers_.state(kNames[slot], b.checked, log.l_at(b.checked), log.s_at(b.checked).low);
    }
  }
}

void World::tell_standing() {
  for (unsigned lb = 0; lb < 2; ++lb) {
    if (lbs_[lb].service != nullptr) {
      const quorum::Proposer& p = lbs_[lb].service->proposer();
      trace("lb%u: role %u%s, epoch %lu, seen %lu, commit %lu, undecided or unanswered %lu", lb + 1,
            static_cast<unsigned>(p.role()), p.serving(moment(static_cast<Host>(lb)).mono) ? ", serving" : "",
            static_cast<unsigned long>(p.epoch().value), static_cast<unsigned long>(p.highest_seen().value),
            static_cast<unsigned long>(p.commit().value), static_cast<unsigned long>(p.undecided()));
    }
  }
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    if (!backend_up(slot)) {
      trace("b%u: down", slot + 1);
      continue;
    }
    const quorum::Acceptor& a = *backends_[slot].opening.acceptor;
    const quorum::LogView& log = a.log();
    trace("b%u: %s, promised %lu, log %lu to %lu of epoch %lu, commit %lu, durable %lu, book at %lu%s%s",
          slot + 1, backends_[slot].replica->view().state, static_cast<unsigned long>(a.promised().value),
          static_cast<unsigned long>(log.base().seq.value), static_cast<unsigned long>(log.last().value),
          static_cast<unsigned long>(log.epoch_at(log.last()).value),
          static_cast<unsigned long>(a.commit().value), static_cast<unsigned long>(a.durable_seq().value),
          static_cast<unsigned long>(a.applied().value), a.member() ? ", member" : "",
          backends_[slot].whole ? ", whole" : "");
  }
}

void World::expect_service() {
  if (!checkers_.sound()) {
    return;
  }
  unsigned active = 0;
  unsigned absent = 0;
  for (const Lb& lb : lbs_) {
    const quorum::Proposer& proposer = lb.service->proposer();
    active += proposer.active() ? 1 : 0;
    absent |= proposer.active() ? proposer.absent_by_two().value_or(7) : 0U;
  }
  if (active != 1) {
    checkers_.fail("liveness: " + std::to_string(active) + " active LBs after all faults ended");
    return;
  }
  for (unsigned i = 0; i < clients_.size(); ++i) {
    if (now_ - clients_[i]->answered_at() > seconds(2)) {
      checkers_.fail("liveness: client " + std::to_string(i) + " is not served after all faults ended");
      return;
    }
  }
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    if (static_cast<int>(slot) == options_.lying_slot) {
      continue;
    }
    if (static_cast<int>(slot) != options_.damaging_slot && (absent >> slot & 1U) != 0) {
      checkers_.fail("liveness: the constituents of b" + std::to_string(slot + 1) +
                     " are absent after all faults ended");
      return;
    }
    if (!backend_up(slot)) {
      checkers_.fail("liveness: b" + std::to_string(slot + 1) + " is down after all faults ended");
      return;
    }
    const quorum::Acceptor& acceptor = *backends_[slot].opening.acceptor;
    const uint64_t newest = checkers_.decided_entries();
    if (!acceptor.member() || acceptor.divergent() || acceptor.commit().value + 200 < newest) {
      checkers_.fail("liveness: b" + std::to_string(slot + 1) +
                     " does not take part after all faults ended (commit " +
                     std::to_string(acceptor.commit().value) + " of " + std::to_string(newest) + ")");
      return;
    }
  }
}

}  // namespace tercet::sim
