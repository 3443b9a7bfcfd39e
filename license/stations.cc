#include "license/stations.h"

#include "base/check.h"
#include "base/hash.h"

namespace tercet::license {

size_t Stations::bucket_of(uint32_t license, std::string_view station) const {
  return hash64(as_bytes(station), seed_ + license) & (buckets_.size() - 1);
}

uint32_t Stations::find(const Zeroed<Lease>& slab, size_t bucket, uint32_t license,
                        std::string_view station) const {
  for (uint64_t at = buckets_[bucket]; at != 0; at = slab[at - 1].station_up) {
    const Lease& head = slab[at - 1];
    if (head.license == license && station_of(head) == station) {
      return static_cast<uint32_t>(at - 1);
    }
  }
  return kNone;
}

uint32_t Stations::find(const Zeroed<Lease>& slab, uint32_t license, std::string_view station) const {
  return find(slab, bucket_of(license, station), license, station);
}

bool Stations::add(Zeroed<Lease>& slab, uint32_t index) {
  Lease& lease = slab[index];
  const uint32_t license = lease.license;
  const size_t bucket = bucket_of(license, station_of(lease));
  const uint32_t found = find(slab, bucket, license, station_of(lease));
  lease.heads_station = found == kNone ? 1 : 0;
  if (found == kNone) {
    lease.station_up = buckets_[bucket];
    lease.station_down = 0;
    buckets_[bucket] = index + 1;
    return true;
  }
  Lease& head = slab[found];
  lease.station_up = found + 1;
  lease.station_down = head.station_down.get();
  if (head.station_down != 0) {
    slab[head.station_down - 1].station_up = index + 1;
  }
  head.station_down = index + 1;
  return false;
}

bool Stations::remove(Zeroed<Lease>& slab, uint32_t index) {
  const Lease& lease = slab[index];
  const uint64_t up = lease.station_up;
  const uint64_t down = lease.station_down;
  if (lease.heads_station == 0) {
    slab[up - 1].station_down = down;
    if (down != 0) {
      slab[down - 1].station_up = up;
    }
    return false;
  }
  // The next of its station heads it from now on, in the same place of the chain; without one the chain
  // closes.
  const uint64_t heir = down != 0 ? down : up;
  if (down != 0) {
    slab[down - 1].heads_station = 1;
    slab[down - 1].station_up = up;
  }
  const size_t bucket = bucket_of(lease.license, station_of(lease));
  uint64_t at = buckets_[bucket];
  if (at == index + 1) {
    buckets_[bucket] = static_cast<uint32_t>(heir);
    return down == 0;
  }
  while (true) {
    TERCET_CHECK(at != 0, "stations: a head stands in its bucket's chain");
    Lease& before = slab[at - 1];
    if (before.station_up == index + 1) {
      before.station_up = heir;
      return down == 0;
    }
    at = before.station_up;
  }
}

}  // namespace tercet::license
