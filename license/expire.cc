// Ends of leases and of what is remembered. A lease is over at the first entry whose cell time has reached
// its end plus grace; an entry ends few, so that no entry is slow or large to undo.

#include "license/rules.h"

namespace tercet::license {
namespace {

bool is_due(const State& state, uint32_t lease) {
  return lease != kNone && state.leases().due_of(lease) <= static_cast<uint64_t>(state.now_ms());
}

void end(State& state, uint32_t index) {
  const Lease lease = state.leases()[index];
  state.end_lease(index, lease.last.request, last_answer(lease, state.licenses().tmr_id(lease.license)));
}

}  // namespace

unsigned expire(State& state, const OpView* op) {
  unsigned ended = 0;
  if (op != nullptr) {
    if (const uint32_t own = state.leases().find(op->handle); is_due(state, own)) {
      end(state, own);
      ++ended;
    }
    if (op->kind == OpKind::checkout) {
      const auto* body =
          reinterpret_cast<const CheckoutBody*>(op->body.data());  // parse_op checked the length
      const std::string_view station = station_of(*op);
      for (const auto& match : state.licenses().matching(body->firm, body->product, body->tmr_id)) {
        const Terms* terms = state.licenses().in_force(match.index);
        if (terms != nullptr && terms->is(LicenseMode::exclusive) && ended < kExpiriesPerEntry) {
          // However many others end before it: the station is busy no more. Of several, which an exclusive
          // license has none of its own, nothing tells one from the other.
          if (const uint32_t own = state.leases().alone_at(match.index, station); is_due(state, own)) {
            end(state, own);
            ++ended;
          }
        }
        while (ended < kExpiriesPerEntry && is_due(state, state.leases().earliest(match.index))) {
          end(state, state.leases().earliest(match.index));
          ++ended;
        }
      }
    }
  }
  while (ended < kExpiriesPerEntry && is_due(state, state.leases().earliest())) {
    end(state, state.leases().earliest());
    ++ended;
  }
  return ended;
}

void purge(State& state) {
  for (unsigned n = 0; n < kPurgesPerEntry && state.tombstones().size() > 0; ++n) {
    const auto made = static_cast<int64_t>(state.tombstones().oldest().made_ms);
    if (state.now_ms() < made + kReplayWindow.ms()) {
      break;
    }
    state.drop_oldest_tombstone();
  }
}

}  // namespace tercet::license
