// Renew: the lease goes on from the entry's cell time, never to an earlier end than it had. Denied, and the
// lease runs on to its end, when its license no longer serves: ONLY_ONE_CONSTITUENT, EXPIRED, NOT_YET_VALID,
// USAGE_PERIOD_OVER. Units do not matter: who has used the last one may still hold the seat.

#include <algorithm>

#include "license/rules.h"

namespace tercet::license {

OpResult renew(State& state, const OpView& op, uint32_t index) {
  LeaseImage image = state.leases().image(index);
  Lease& lease = image.lease;
  const Terms* terms = state.in_force(lease.license);
  if (terms == nullptr) {
    return deny_held(state, op, index, Code::only_one_constituent,
                     reason(state, lease.license, Code::only_one_constituent));
  }
  if (const Code valid = in_time(state, lease.license, *terms); valid != Code::granted) {
    return deny_held(state, op, index, valid, reason(state, lease.license, valid));
  }
  const auto* body = reinterpret_cast<const RenewBody*>(op.body.data());  // parse_op checked the length
  const uint32_t wish = body->lease_ms == 0 ? lease.lease_ms : body->lease_ms.get();
  const uint32_t lease_ms = std::clamp(wish, terms->lease_min_ms, terms->lease_max_ms);
  const uint64_t end = static_cast<uint64_t>(state.now_ms()) + lease_ms;
  const uint64_t due = end + static_cast<uint64_t>(grace_of(milliseconds(lease_ms)).ms());
  // A client counts from the first transmission of each request, so every end that was ever told must hold.
  lease.end_ms = std::max(lease.end_ms.get(), end);
  lease.end_wall_ms = std::max(lease.end_wall_ms.get(), static_cast<uint64_t>(state.wall_ms()) + lease_ms);
  image.due_ms = std::max(image.due_ms, due);

  const Seats s = seats(state, lease.license, *terms);
  lease.last = {.features = terms->features,
                .request = op.request,
                .lease_ms = lease_ms,
                .in_use = s.in_use,
                .quantity = s.quantity};
  lease.last_code = 0;  // granted
  lease.last_units = 0;
  lease.last_unlimited = s.left == UINT32_MAX ? 1 : 0;
  state.change_lease(index, image);
  return last_answer(lease, terms->tmr_id);
}

}  // namespace tercet::license
