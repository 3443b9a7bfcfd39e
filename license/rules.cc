#include "license/rules.h"

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

OpResult deny(State& state, const OpView& op, const Standpoint& at, const OpResult& answer) {
  if (at.lease != kNone) {
    return deny_held(state, op, at.lease, static_cast<Code>(answer.code));
  }
  if (at.tombstone != kNone) {
    state.change_tombstone(at.tombstone, op.request, answer);
  } else {
    state.bury(op.handle, op.request, answer);
  }
  return answer;
}

OpResult deny_held(State& state, const OpView& op, uint32_t lease, Code code, uint64_t features) {
  LeaseImage image = state.leases().image(lease);
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

uint64_t reason(const State& state, uint32_t license, Code code) {
  const License& of = state.licenses()[license];
  switch (code) {
    case Code::only_one_constituent:
      return of.present_bits();
    case Code::expired:
      return of.shown().valid_until_ms;
    case Code::not_yet_valid:
      return of.shown().valid_from_ms;
    default:
      return 0;
  }
}

}  // namespace tercet::license
