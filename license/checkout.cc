// Checkout: of the licenses that match, the lowest TMR-ID with a free seat serves. What a seat is, the
// license's mode says (of the terms in force when it is granted; who has one keeps it as it is):
//
//   user-limit     each handle takes one
//   no-user-limit  there are as many as are asked for
//   station-share  a station takes one, for all its handles; a station that has one needs no free one
//   exclusive      a station takes one, for one handle; a station that has one is busy
//
// A station is the checkout's station text, or its host where that is empty; a checkout with neither cannot
// be served by a license that counts stations (BAD_REQUEST). Each license counts for itself.
//
// When none serves, the denial is that of the license that came furthest on the way to a seat, since that is
// the one worth knowing about:
//
//   NO_SUCH_LICENSE < REVOKED < ONLY_ONE_CONSTITUENT < EXPIRED < NOT_YET_VALID < USAGE_PERIOD_OVER
//   < FEATURE_NOT_LICENSED < NO_UNITS_LEFT < BAD_REQUEST < STATION_BUSY < NO_FREE_SEAT
//
// and its numbers are: NO_FREE_SEAT the seats, summed over the licenses that were full, and the TMR-ID if it
// was only one; the others those of the lowest such license: its TMR-ID, its seats, and in `features` what
// OpResult says: the bits that are missing, its valid until or from, its constituents. The denial is counted
// for that license, too: for the lowest of several. A wish for a lease
// outside a license's shortest and longest is moved into them.

#include <algorithm>
#include <bit>
#include <cstring>

#include "license/rules.h"

namespace tercet::license {
namespace {

/// How far a license comes; the order is the precedence above.
enum class Stage : uint8_t {
  no_such,
  withdrawn,
  one_constituent,
  over,
  not_yet,
  used_up,  ///< its usage period is over
  no_feature,
  no_units,
  no_station,
  busy,
  full,
  served
};

struct Tried {
  Stage stage = Stage::no_such;
  OpResult answer = denial(Code::no_such_license);
  uint32_t license = kNoLicense;  ///< index
};

void saturate_add(Le32& sum, uint32_t more) {
  const uint64_t wide = uint64_t{sum} + more;
  sum = static_cast<uint32_t>(std::min<uint64_t>(wide, UINT32_MAX));
}

Stage stage_of(const State& state, uint32_t license, const Terms* terms, uint64_t features,
               std::string_view station) {
  if (terms == nullptr) {
    return state.withdrawn(license) ? Stage::withdrawn : Stage::one_constituent;
  }
  switch (in_time(state, license, *terms)) {
    case Code::granted:
      break;
    case Code::expired:
      return Stage::over;
    case Code::not_yet_valid:
      return Stage::not_yet;
    default:
      return Stage::used_up;
  }
  if ((features & ~terms->features) != 0) {
    return Stage::no_feature;
  }
  if (terms->metered != 0 && units_left(state, license, *terms) == 0) {
    return Stage::no_units;
  }
  if (terms->by_station() && station.empty()) {
    return Stage::no_station;
  }
  if (terms->by_station() && state.leases().has_station(license, station)) {
    return terms->is(LicenseMode::exclusive) ? Stage::busy : Stage::served;
  }
  return seats(state, license, *terms).left == 0 ? Stage::full : Stage::served;
}

/// Keeps the furthest denial; several full licenses count together.
void note(const State& state, Tried& best, Stage stage, const Licenses::Match& match, const Terms* terms,
          uint64_t features) {
  if (stage < best.stage || (stage == best.stage && stage != Stage::full)) {
    return;
  }
  if (stage == Stage::full && best.stage == Stage::full) {
    const Seats s = seats(state, match.index, *terms);
    saturate_add(best.answer.in_use, s.in_use);
    saturate_add(best.answer.quantity, s.quantity);
    best.answer.tmr_id = 0;
    return;
  }
  static constexpr Code kCodes[] = {
      Code::no_such_license, Code::revoked,           Code::only_one_constituent, Code::expired,
      Code::not_yet_valid,   Code::usage_period_over, Code::feature_not_licensed, Code::no_units_left,
      Code::bad_request,     Code::station_busy,      Code::no_free_seat};
  static_assert(std::size(kCodes) == static_cast<size_t>(Stage::served));
  best.stage = stage;
  best.license = match.index;
  const Code code = kCodes[static_cast<size_t>(stage)];
  best.answer = denial(code);
  best.answer.tmr_id = match.tmr_id;
  put_seats(best.answer, seats(state, match.index, state.licenses()[match.index].shown()));
  best.answer.features =
      stage == Stage::no_feature ? features & ~terms->features : reason(state, match.index, code);
}

/// What a grant makes of the license's use: its usage period begins with the first.
void note_use(State& state, uint32_t license, const Terms& terms, uint32_t in_use) {
  const Usage& before = state.usage(license);
  const bool begins = terms.usage_period_ms != 0 && before.started_wall_ms == 0;
  if (!begins && in_use <= before.peak) {
    return;
  }
  Usage usage = before;
  usage.peak = std::max(usage.peak, in_use);
  usage.started_wall_ms = begins ? static_cast<uint64_t>(state.wall_ms()) : usage.started_wall_ms;
  state.change_usage(license, usage);
}

OpResult grant(State& state, const OpView& op, uint32_t license, const Terms& terms,
               std::string_view station) {
  const auto* body = reinterpret_cast<const CheckoutBody*>(op.body.data());  // parse_op checked the length
  const uint32_t wish = body->lease_ms == 0 ? terms.lease_ms : body->lease_ms.get();
  const uint32_t lease_ms = std::clamp(wish, terms.lease_min_ms, terms.lease_max_ms);
  const Seats before = seats(state, license, terms);
  const bool shared = terms.by_station() && state.leases().has_station(license, station);
  TERCET_CHECK(std::popcount(state.present_bits(license)) >= 2 || planted(Mutant::grant_with_one_constituent),
               "I7: a grant with fewer than two constituents present");
  TERCET_CHECK(terms.quantity == 0 || shared || before.in_use < terms.quantity,
               "I3: a grant raises seats above the quantity");

  LeaseImage image{};
  Lease& lease = image.lease;
  lease.handle = op.handle;
  const uint64_t end_ms = static_cast<uint64_t>(state.now_ms()) + lease_ms;
  lease.end_ms = end_ms;
  lease.end_wall_ms = static_cast<uint64_t>(state.wall_ms()) + lease_ms;
  lease.since_wall_ms = static_cast<uint64_t>(state.wall_ms());
  lease.last = {.features = terms.features,
                .request = op.request,
                .lease_ms = lease_ms,
                .in_use = before.in_use + (shared ? 0 : 1),
                .quantity = terms.quantity};
  lease.lease_ms = lease_ms;
  lease.license = static_cast<uint16_t>(license & 0xFFFU);
  lease.seated = terms.is(LicenseMode::user_limit) ? 1 : 0;
  lease.stationed = terms.by_station() ? 1 : 0;
  lease.last_unlimited = terms.quantity == 0 ? 1 : 0;
  const uint8_t sizes[5] = {body->user_size, body->host_size, body->process_size, body->version_size,
                            body->station_size};
  std::memcpy(lease.text_size, sizes, sizeof sizes);
  const Bytes text = op.body.subspan(sizeof(CheckoutBody));
  TERCET_CHECK(text.size() <= sizeof lease.text, "parse_op bounds the holder's text");
  if (!text.empty()) {
    std::memcpy(lease.text, text.data(), text.size());
  }
  image.due_ms = end_ms + static_cast<uint64_t>(grace_of(milliseconds(lease_ms)).ms());
  state.add_lease(image);
  note_use(state, license, terms, lease.last.in_use);
  return last_answer(lease, terms.tmr_id);
}

}  // namespace

OpResult checkout(State& state, const OpView& op) {
  const auto* body = reinterpret_cast<const CheckoutBody*>(op.body.data());  // parse_op checked the length
  const std::string_view station = station_of(op);
  Tried best;
  for (const Licenses::Match& match : state.licenses().matching(body->firm, body->product, body->tmr_id)) {
    const Terms* terms = state.in_force(match.index);
    const Stage stage = stage_of(state, match.index, terms, body->features, station);
    if (stage != Stage::served) {
      note(state, best, stage, match, terms, body->features);
      continue;
    }
    if (state.leases().full()) {
      best.answer = denial(Code::book_full);
      best.answer.tmr_id = match.tmr_id;
      best.license = match.index;
      break;
    }
    return grant(state, op, match.index, *terms, station);
  }
  return deny(state, op, Standpoint{}, best.answer, best.license);
}

}  // namespace tercet::license
