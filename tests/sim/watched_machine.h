#pragma once
// The book as the simulator's backends drive it: after every entry the checkers look at what it granted.

#include <bit>

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
    const bool checkout =
        entry.kind == EntryKind::op && parse_op(entry.op, op) && op.kind == OpKind::checkout;
    const bool held = checkout && book().state().leases().find(op.handle) != license::kNone;
    BookMachine::apply(entry, result);
    if (!checkout || held) {
      return;
    }
    const license::State& state = book().state();
    if (const uint32_t lease = state.leases().find(op.handle); lease != license::kNone) {
      const uint32_t license = state.leases()[lease].license;
      checkers_.seated(entry.seq, std::popcount(state.present_bits(license)));
    }
  }

 private:
  Checkers& checkers_;
};

}  // namespace tercet::sim
