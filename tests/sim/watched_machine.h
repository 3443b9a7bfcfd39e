#pragma once
// The book as the simulator's backends drive it: after every entry the checkers look at what it granted. Two
// things: that it could be granted at all, and that only the first entry of a handle seats it. Whatever
// became of a handle since (released, run out, denied, released before it came), a late copy of its checkout
// seats nobody (DESIGN §2 "Idempotence"). An entry that is taken back never was; what was before an image
// that the book was loaded from is not known.

#include <array>
#include <bit>
#include <set>
#include <utility>
#include <vector>

#include "backend/book_machine.h"
#include "tests/sim/checkers.h"
#include "wire/op.h"

namespace tercet::sim {

class WatchedMachine final : public backend::BookMachine {
 public:
  WatchedMachine(const backend::BookMachineOptions& options, license::Checks checks, Checkers& checkers)
      : BookMachine(options, std::move(checks)), checkers_(checkers) {}

  void apply(const EntryView& entry, quorum::Result& result) override {
    OpView op;
    const bool asked = entry.kind == EntryKind::op && parse_op(entry.op, op);
    const bool checkout = asked && op.kind == OpKind::checkout;
    const bool first = asked && named_.insert(op.handle.bytes).second;
    if (first) {
      order_.emplace_back(entry.seq, op.handle.bytes);
    }
    const bool held = checkout && book().state().leases().find(op.handle) != license::kNone;
    BookMachine::apply(entry, result);
    if (!checkout || held) {
      return;
    }
    const license::State& state = book().state();
    if (const uint32_t lease = state.leases().find(op.handle); lease != license::kNone) {
      const uint32_t license = state.leases()[lease].license;
      checkers_.seated(entry.seq, std::popcount(state.present_bits(license)), first);
    }
  }
  bool undo() override {
    const bool undone = BookMachine::undo();
    for (; !order_.empty() && order_.back().first > book().applied(); order_.pop_back()) {
      named_.erase(order_.back().second);
    }
    return undone;
  }
  void reset() override {
    BookMachine::reset();
    forget();
  }
  void begin_load() override {
    BookMachine::begin_load();
    forget();
  }

 private:
  using HandleBytes = std::array<uint8_t, 16>;
  void forget() {
    named_.clear();
    order_.clear();
  }

  Checkers& checkers_;
  std::set<HandleBytes> named_;                     ///< handles that an entry was about
  std::vector<std::pair<Seq, HandleBytes>> order_;  ///< … and which was the first
};

}  // namespace tercet::sim
