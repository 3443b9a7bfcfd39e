#include "license/lease.h"

namespace tercet::license {

std::string_view station_of(const Lease& lease) {
  const uint8_t* size = lease.text_size;
  const size_t in_front = size_t{size[0]} + size[1] + size[2] + size[3];
  return size[4] != 0 ? std::string_view(lease.text + in_front, size[4])
                      : std::string_view(lease.text + size[0], size[1]);
}

OpResult last_answer(const Lease& lease, uint32_t tmr_id) {
  const LastAnswer& last = lease.last;
  OpResult out{};
  out.code = lease.last_code;
  out.flags = lease.last_units != 0 ? kUnitsLeft : 0;
  out.tmr_id = tmr_id;
  out.lease_ms = last.lease_ms;
  out.in_use = last.in_use;
  out.quantity = last.quantity;
  out.seats_left = lease.last_unlimited != 0     ? UINT32_MAX
                   : last.quantity > last.in_use ? last.quantity - last.in_use
                                                 : 0;
  out.features = last.features;
  out.lease_end_cell_ms = lease.end_ms.get();
  out.lease_end_wall_ms = lease.end_wall_ms.get();
  return out;
}

Hash128 hash_of(uint32_t index, const LeaseImage& image) {
  const uint64_t seed = image.due_ms * 0x9E3779B97F4A7C15U + index;
  return hash128({reinterpret_cast<const uint8_t*>(&image.lease), kLeaseStateSize}, seed);
}

Hash128 hash_of_units(uint32_t index, uint64_t units) {
  if (units == 0) {
    return {};
  }
  return hash128({reinterpret_cast<const uint8_t*>(&units), sizeof units}, 0x756e6974ULL << 32U | index);
}

}  // namespace tercet::license
