#include "license/leases.h"

#include <cstring>

namespace tercet::license {

Leases::Leases(const BookOptions& options)
    : slab_(options.leases_max),
      used_(options.leases_max),
      by_handle_(options.leases_max, options.hash_seed),
      chunks_(options.leases_max, kLicensesMax),
      stations_(options),
      heaps_(kLicensesMax),
      seated_(kLicensesMax),
      over_(kLicensesMax),
      units_(options.leases_max) {
  TERCET_CHECK(options.leases_max > 0 && options.leases_max < kLeasesEver, "book: leases_max");
}

uint32_t Leases::find(const Handle& handle) const {
  return by_handle_.find(handle, [&](uint32_t index) { return slab_[index].handle == handle; });
}

uint64_t Leases::due_of(uint32_t index) const {
  const Lease& lease = slab_[index];
  return heaps_[lease.license].at(chunks_, lease.place).due_ms;
}

LeaseImage Leases::image(uint32_t index) const { return {slab_[index], due_of(index)}; }

void Leases::add(uint32_t index, const LeaseImage& image) {
  used_.take(index);
  slab_[index] = image.lease;
  by_handle_.insert(image.lease.handle, index);
  const uint32_t license = image.lease.license;
  const bool new_station = image.lease.stationed != 0 && stations_.add(slab_, index);
  seated_[license] += image.lease.seated != 0 || new_station ? 1 : 0;
  heaps_[license].push(chunks_, Due{image.due_ms, index, 0},
                       [&](uint32_t lease, uint32_t place) { put_place(lease, place); });
  order_fix(license);
}

void Leases::remove(uint32_t index) {
  const Lease& lease = slab_[index];
  const uint32_t license = lease.license;
  by_handle_.erase(lease.handle, index);
  const bool last_of_station = lease.stationed != 0 && stations_.remove(slab_, index);
  seated_[license] -= lease.seated != 0 || last_of_station ? 1 : 0;
  heaps_[license].remove(chunks_, lease.place,
                         [&](uint32_t moved, uint32_t place) { put_place(moved, place); });
  used_.give(index);
  order_fix(license);
}

void Leases::change(uint32_t index, const LeaseImage& image) {
  // Its state only: where it stands in the tables stays.
  std::memcpy(reinterpret_cast<uint8_t*>(&slab_[index]), &image.lease, kLeaseStateSize);
  if (due_of(index) != image.due_ms) {
    const uint32_t license = image.lease.license;
    heaps_[license].change(chunks_, slab_[index].place, image.due_ms,
                           [&](uint32_t lease, uint32_t place) { put_place(lease, place); });
    order_fix(license);
  }
}

void Leases::clear() {
  slab_.clear();
  used_.clear();
  by_handle_.clear();
  chunks_.clear();
  heaps_.clear();
  seated_.clear();
  over_.clear();
  stations_.clear();
  units_.clear();
  order_place_.fill(0);
  order_size_ = 0;
}

void Leases::prefault(uint32_t leases) {
  slab_.prefault(leases);
  by_handle_.prefault();
}

void Leases::set_over(uint32_t license, bool over) {
  over_[license] = over ? 1 : 0;
  order_fix(license);
}

bool Leases::before(uint32_t a, uint32_t b) const {
  if (over_[a] != over_[b]) {
    return over_[a] != 0;
  }
  return heaps_[a].at(chunks_, 0) < heaps_[b].at(chunks_, 0);
}

void Leases::order_put(uint32_t place, uint32_t license) {
  order_[place] = static_cast<uint16_t>(license);
  order_place_[license] = static_cast<uint16_t>(place + 1);
}

void Leases::order_settle(uint32_t place, uint32_t license) {
  while (place > 0 && before(license, order_[(place - 1) / 2])) {
    order_put(place, order_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  while (true) {
    uint32_t child = place * 2 + 1;
    if (child >= order_size_) {
      break;
    }
    if (child + 1 < order_size_ && before(order_[child + 1], order_[child])) {
      ++child;
    }
    if (!before(order_[child], license)) {
      break;
    }
    order_put(place, order_[child]);
    place = child;
  }
  order_put(place, license);
}

void Leases::order_fix(uint32_t license) {
  const uint32_t place = order_place_[license];
  if (size_of(license) != 0) {
    order_settle(place == 0 ? order_size_++ : place - 1, license);
  } else if (place != 0) {
    order_place_[license] = 0;
    const uint32_t last = order_[--order_size_];
    if (last != license) {
      order_settle(place - 1, last);
    }
  }
}

}  // namespace tercet::license
