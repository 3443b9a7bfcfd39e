#pragma once
// One lease: a record of 176 bytes, and how its last answer and its place in the digest follow from it.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/hash.h"
#include "license/limits.h"
#include "license/packed.h"
#include "wire/op.h"

namespace tercet::license {

/// What is kept of the last answer on a handle besides the lease's own fields.
struct LastAnswer {
  uint64_t features;
  uint32_t request;   ///< the handle's last
  uint32_t lease_ms;  ///< 0 when it granted no lease: a denial, a consume
  uint32_t in_use;
  uint32_t quantity;
};

struct Lease {
  Handle handle;
  LastAnswer last;
  uint32_t lease_ms;            ///< as granted at checkout
  uint16_t license : 12;        ///< index
  uint16_t seated : 1;          ///< takes a seat of its own (user-limit)
  uint16_t stationed : 1;       ///< shares the seat of its station (station-share, exclusive)
  uint16_t metered : 1;         ///< has used units: Leases::units_of()
  uint16_t last_unlimited : 1;  ///< the last answer said "seats without number"
  uint8_t last_code : 6;        ///< Code
  uint8_t last_units : 1;       ///< the last answer's `features` are units that are left
  uint8_t reserved : 1;
  uint8_t text_size[5];       ///< user, host, process, version, station …
  Packed<6> end_ms;           ///< cell time
  Packed<6> end_wall_ms;      ///< for people
  Packed<6> since_wall_ms;    ///< wall time of its checkout
  char text[kHolderTextMax];  ///< … back to back; zero behind them
  // Where it stands in the tables; no part of the book's state.
  Packed<3> station_up;        ///< stations.h
  Packed<3> station_down;      ///< stations.h
  uint32_t place : 24;         ///< in its license's heap
  uint32_t heads_station : 1;  ///< stations.h
  uint32_t unused : 7;
};
static_assert(sizeof(Lease) == 176 && std::is_trivially_copyable_v<Lease>);
static_assert(kLicensesMax <= 1U << 12U && kLeasesEver <= 1U << 24U);
inline constexpr size_t kLeaseStateSize = offsetof(Lease, station_up);
static_assert(kLeaseStateSize == offsetof(Lease, text) + kHolderTextMax,
              "all of it is hashed, and no padding");

/// A lease by value, as undo records and tests keep it.
struct LeaseImage {
  Lease lease;
  uint64_t due_ms;  ///< cell time at which it is over: end plus grace
};

/// The station that a lease counts for: what its holder called its station, or else its host.
std::string_view station_of(const Lease& lease);

/// The answer that `lease` keeps, as it was first sent.
OpResult last_answer(const Lease& lease, uint32_t tmr_id);

/// Hash of one lease for the book's digest, and of the units that it used: none, nothing.
Hash128 hash_of(uint32_t index, const LeaseImage& image);
Hash128 hash_of_units(uint32_t index, uint64_t units);

}  // namespace tercet::license
