// Ends of leases and of what is remembered. A lease is over at the first entry whose cell time has reached
// its end plus grace, or when its license was withdrawn (those go first); an entry ends few, so that no entry
// is slow or large to undo.
//
// Entries come many at once, and a million leases may end at one moment: so what an operation need not end
// for its own sake it ends only if few were ended in the same millisecond of cell time. The rest waits for
// the next millisecond, or for a Tick, which an LB with nothing else to order sends as long as more is due.
// (64 in each millisecond take a tenth of a backend's time.) The same holds for tombstones.

#include <algorithm>

#include "license/rules.h"

namespace tercet::license {
namespace {

bool is_due(const State& state, uint32_t lease) {
  return lease != kNone && state.leases().is_over(lease, static_cast<uint64_t>(state.now_ms()));
}

/// What one entry ends.
class Ends {
 public:
  Ends(State& state, unsigned spare) : state_(state), spare_(spare) {}

  /// Ends `lease` if it is over and the entry has not ended too many.
  bool end_if_due(uint32_t lease) {
    if (ended_ == kExpiriesPerEntry || !is_due(state_, lease)) {
      return false;
    }
    const Lease over = state_.leases()[lease];
    state_.end_lease(lease, over.last.request, last_answer(over, state_.licenses().tmr_id(over.license)),
                     state_.withdrawn(over.license));
    ++ended_;
    return true;
  }
  /// There is time for ends that nobody waits for.
  [[nodiscard]] bool spare() const { return ended_ < spare_; }
  [[nodiscard]] unsigned ended() const { return ended_; }

 private:
  State& state_;
  unsigned spare_;
  unsigned ended_ = 0;
};

/// So that a checkout is not denied for what is over: its own station's lease of an exclusive license, and as
/// many leases of a license as make a seat free.
void end_for(const State& state, const OpView& checkout, Ends& ends) {
  const auto* body =
      reinterpret_cast<const CheckoutBody*>(checkout.body.data());  // parse_op checked the length
  const std::string_view station = station_of(checkout);
  for (const auto& match : state.licenses().matching(body->firm, body->product, body->tmr_id)) {
    const uint32_t license = match.index;
    const Terms* terms = state.in_force(license);
    if (terms != nullptr && terms->is(LicenseMode::exclusive)) {
      // Of several at one station, which an exclusive license has none of its own, nothing tells one from the
      // other.
      ends.end_if_due(state.leases().alone_at(license, station));
    }
    const auto full = [&] { return terms != nullptr && seats(state, license, *terms).left == 0; };
    while ((ends.spare() || full()) && ends.end_if_due(state.leases().earliest(license))) {
    }
  }
}

}  // namespace

unsigned expire(State& state, const OpView* op) {
  const unsigned before = state.ended_in_ms();
  Ends ends(state, op == nullptr ? kExpiriesPerEntry : kExpiriesPerMs - std::min(before, kExpiriesPerMs));
  if (op != nullptr) {
    ends.end_if_due(state.leases().find(op->handle));
    if (op->kind == OpKind::checkout) {
      end_for(state, *op, ends);
    }
  }
  while (ends.spare() && ends.end_if_due(state.leases().earliest())) {
  }
  if (op != nullptr) {
    state.note_work(ends.ended(), 0);
  }
  return ends.ended();
}

void purge(State& state, bool operation) {
  const unsigned before = state.purged_in_ms();
  const unsigned most =
      operation ? std::max(kPurgesAlways, kPurgesPerMs - std::min(before, kPurgesPerMs)) : kPurgesPerEntry;
  unsigned purged = 0;
  for (; purged < most && state.tombstones().size() > 0; ++purged) {
    const auto made = static_cast<int64_t>(state.tombstones().oldest().made_ms);
    if (state.now_ms() < made + kReplayWindow.ms()) {
      break;
    }
    state.drop_oldest_tombstone();
  }
  if (operation) {
    state.note_work(0, purged);
  }
}

}  // namespace tercet::license
