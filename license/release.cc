// Release: frees the seat, whatever became of the license, and leaves a tombstone with the answer.

#include "license/rules.h"

namespace tercet::license {

OpResult release(State& state, const OpView& op, uint32_t index) {
  const uint32_t license = state.leases()[index].license;
  Seats s = seats(state, license, state.licenses()[license].shown());
  if (s.left == UINT32_MAX) {
    --s.in_use;
  } else if (state.leases().frees_seat(index)) {
    --s.in_use;
    s.left = s.quantity > s.in_use ? s.quantity - s.in_use : 0;
  }
  OpResult answer = denial(Code::granted);
  answer.tmr_id = state.licenses().tmr_id(license);
  put_seats(answer, s);
  state.end_lease(index, op.request, answer);
  return answer;
}

}  // namespace tercet::license
