// Consume: the handle says how many units it has used in all, so that a repeat, or a copy that comes late,
// uses none twice. What is more than it said before is taken from the license's units, whole or not at all:
// when fewer are left, NO_UNITS_LEFT says how many, and nothing changes. The same total, or a lower one,
// changes nothing and is granted. Denied like a renew when its license no longer serves. It is no renewal.

#include "license/rules.h"

namespace tercet::license {

OpResult consume(State& state, const OpView& op, uint32_t index) {
  LeaseImage image = state.leases().image(index);
  Lease& lease = image.lease;
  const uint32_t license = lease.license;
  const Terms* terms = state.in_force(license);
  const Code serves = terms == nullptr ? Code::only_one_constituent : in_time(state, license, *terms);
  if (serves != Code::granted) {
    return deny_held(state, op, index, serves, reason(state, license, serves));
  }
  const auto* body = reinterpret_cast<const ConsumeBody*>(op.body.data());  // parse_op checked the length
  const uint64_t before = state.leases().units_of(index);
  const uint64_t left = units_left(state, license, *terms);
  const uint64_t more = body->total > before ? body->total - before : 0;
  if (terms->metered == 0 || more > left) {
    return deny_held(state, op, index, Code::no_units_left, left);
  }
  if (more != 0) {
    Usage usage = state.usage(license);
    usage.units_used += more;
    state.change_usage(license, usage);
    state.set_units(index, before + more);
    lease.metered = 1;
  }
  const Seats s = seats(state, license, *terms);
  lease.last = {.features = left - more,
                .request = op.request,
                .lease_ms = 0,
                .in_use = s.in_use,
                .quantity = s.quantity};
  lease.last_code = 0;  // granted
  lease.last_units = 1;
  lease.last_unlimited = s.left == UINT32_MAX ? 1 : 0;
  state.change_lease(index, image);
  return last_answer(lease, terms->tmr_id);
}

}  // namespace tercet::license
