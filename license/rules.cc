#include "license/rules.h"

#include "base/mutant.h"

namespace tercet::license {

OpResult denial(Code code) {
  OpResult out{};
  out.code = static_cast<uint8_t>(code);
  return out;
}

Standpoint find(const State& state, const Handle& handle) {
  Standpoint at;
  at.lease = state.leases().find(handle);
  if (at.lease == kNone) {
    at.tombstone = state.tombstones().find(handle);
  }
  return at;
}

namespace {
void count(State& state, uint32_t license, Code code) {
  Usage usage = state.usage(license);
  usage.count(code);
  state.change_usage(license, usage);
}

/// A planted bug: of a handle that has no tombstone yet.
bool forgotten(const OpView& op) {
  return (op.kind == OpKind::checkout && planted(Mutant::denied_is_forgotten)) ||
         (op.kind == OpKind::release && planted(Mutant::released_first_is_forgotten));
}
}  // namespace

OpResult deny(State& state, const OpView& op, const Standpoint& at, const OpResult& answer,
              uint32_t license) {
  const auto code = static_cast<Code>(answer.code);
  if (at.lease != kNone) {
    return deny_held(state, op, at.lease, code);
  }
  count(state, license, code);
  return remember(state, op, at, answer);
}

OpResult remember(State& state, const OpView& op, const Standpoint& at, const OpResult& answer) {
  if (at.tombstone != kNone) {
    state.change_tombstone(at.tombstone, op.request, answer);
  } else if (!forgotten(op)) {
    state.bury(op.handle, op.request, answer);
  }
  return answer;
}

OpResult deny_held(State& state, const OpView& op, uint32_t lease, Code code, uint64_t features) {
  LeaseImage image = state.leases().image(lease);
  count(state, image.lease.license, code);
  const Seats s = seats(state, image.lease.license, state.licenses()[image.lease.license].shown());
  image.lease.last = {
      .features = features, .request = op.request, .lease_ms = 0, .in_use = s.in_use, .quantity = s.quantity};
  image.lease.last_code = static_cast<uint8_t>(code) & 0x3FU;
  image.lease.last_units = 0;
  image.lease.last_unlimited = s.left == UINT32_MAX ? 1 : 0;
  state.change_lease(lease, image);
  return last_answer(image.lease, state.licenses().tmr_id(image.lease.license));
}

Seats seats(const State& state, uint32_t license, const Terms& terms) {
  if (terms.quantity == 0) {
    return {state.leases().size_of(license), 0, UINT32_MAX};
  }
  const uint32_t in_use = state.leases().seated(license);
  return {in_use, terms.quantity, terms.quantity > in_use ? terms.quantity - in_use : 0};
}

void put_seats(OpResult& out, const Seats& seats) {
  out.in_use = seats.in_use;
  out.quantity = seats.quantity;
  out.seats_left = seats.left;
}

std::string_view station_of(const OpView& checkout) {
  const HolderText holder = holder_text(checkout);
  return holder.station.empty() ? holder.host : holder.station;
}

Code in_time(const State& state, uint32_t license, const Terms& terms) {
  if (const Code code = validity(terms, state.wall_ms()); code != Code::granted) {
    return code;
  }
  const uint64_t until = usage_until(state, license, terms);
  return until != 0 && static_cast<uint64_t>(state.wall_ms()) >= until ? Code::usage_period_over
                                                                       : Code::granted;
}

uint64_t usage_until(const State& state, uint32_t license, const Terms& terms) {
  const uint64_t started = state.usage(license).started_wall_ms;
  return terms.usage_period_ms == 0 || started == 0 ? 0 : started + terms.usage_period_ms;
}

uint64_t units_left(const State& state, uint32_t license, const Terms& terms) {
  const uint64_t used = state.usage(license).units_used;
  return terms.units > used ? terms.units - used : 0;
}

uint64_t reason(const State& state, uint32_t license, Code code) {
  const License& of = state.licenses()[license];
  switch (code) {
    case Code::only_one_constituent:
      return state.present_bits(license);
    case Code::expired:
      return of.shown().valid_until_ms;
    case Code::not_yet_valid:
      return of.shown().valid_from_ms;
    case Code::usage_period_over:
      return usage_until(state, license, of.shown());
    case Code::no_units_left:
      return units_left(state, license, of.shown());
    default:
      return 0;
  }
}

}  // namespace tercet::license
