#include "failover/vrrp_packet.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tercet::failover {

namespace {

/// One's complement sum (RFC 1071) of 16-bit big-endian words; an odd last byte is padded with zero.
uint32_t sum_of(Bytes bytes, uint32_t sum = 0) {
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i]) << 8U | bytes[i + 1];
  }
  if (bytes.size() % 2 != 0) {
    sum += static_cast<uint32_t>(bytes.back()) << 8U;
  }
  return sum;
}

uint16_t fold(uint32_t sum) {
  while ((sum >> 16U) != 0) {
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<uint16_t>(sum);
}

/// RFC 793's pseudo-header: both addresses, the protocol, the length.
uint32_t pseudo_sum(const Address& source, const Address& destination, size_t length) {
  const Bytes from = Bytes(source).subspan(12);
  const Bytes to = Bytes(destination).subspan(12);
  return sum_of(to, sum_of(from)) + kVrrpProtocol + static_cast<uint32_t>(length);
}

}  // namespace

bool is_v4(const Address& address) {
  constexpr Address kMapped = v4_address(0, 0, 0, 0);
  return std::equal(address.begin(), address.begin() + 12, kMapped.begin());
}

VrrpBytes write_advert(const VrrpAdvert& advert) {
  TERCET_CHECK(!advert.addresses.empty(), "an advert names at least one address");
  TERCET_CHECK(advert.interval_cs >= 1 && advert.interval_cs <= kIntervalCsMax,
               "advert interval fits 12 bits");
  VrrpHeader header{};
  header.version_type = kVersionType;
  header.vrid = advert.vrid;
  header.priority = advert.priority;
  header.count = static_cast<uint8_t>(advert.addresses.size());
  header.interval = advert.interval_cs;
  header.checksum = 0;
  VrrpBytes out;
  out.resize(sizeof header + 4 * advert.addresses.size());
  std::memcpy(out.data(), &header, sizeof header);
  uint8_t* at = out.data() + sizeof header;
  for (const Address& address : advert.addresses) {
    TERCET_CHECK(is_v4(address), "an IPv4 advert names IPv4 addresses");
    std::memcpy(at, address.data() + 12, 4);
    at += 4;
  }
  return out;
}

void fill_checksum(MutBytes packet, const Address& source, const Address& destination) {
  TERCET_CHECK(packet.size() >= sizeof(VrrpHeader), "a VRRP packet has a header");
  VrrpHeader header{};
  std::memcpy(&header, packet.data(), sizeof header);
  header.checksum = 0;
  std::memcpy(packet.data(), &header, sizeof header);
  const auto sum = fold(sum_of(packet, pseudo_sum(source, destination, packet.size())));
  header.checksum = static_cast<uint16_t>(~sum);
  std::memcpy(packet.data(), &header, sizeof header);
}

const char* name_of(VrrpDrop drop) {
  switch (drop) {
    case VrrpDrop::none:
      return "none";
    case VrrpDrop::too_short:
      return "too_short";
    case VrrpDrop::bad_ttl:
      return "bad_ttl";
    case VrrpDrop::bad_version:
      return "bad_version";
    case VrrpDrop::bad_type:
      return "bad_type";
    case VrrpDrop::zero_count:
      return "zero_count";
    case VrrpDrop::bad_length:
      return "bad_length";
    case VrrpDrop::bad_checksum:
      return "bad_checksum";
    case VrrpDrop::zero_interval:
      return "zero_interval";
    case VrrpDrop::other_vrid:
      return "other_vrid";
    case VrrpDrop::count_:
      break;
  }
  return "unknown";
}

VrrpDrop parse_advert(Bytes packet, const VrrpArrival& arrival, uint8_t vrid, VrrpView& out) {
  if (packet.size() < sizeof(VrrpHeader)) {
    return VrrpDrop::too_short;
  }
  VrrpHeader header{};
  std::memcpy(&header, packet.data(), sizeof header);
  if (arrival.ttl != kVrrpTtl) {
    return VrrpDrop::bad_ttl;
  }
  if ((header.version_type >> 4U) != (kVersionType >> 4U)) {
    return VrrpDrop::bad_version;
  }
  if ((header.version_type & 0x0FU) != (kVersionType & 0x0FU)) {
    return VrrpDrop::bad_type;
  }
  if (header.count == 0) {
    return VrrpDrop::zero_count;
  }
  if (packet.size() != sizeof header + size_t{4} * header.count) {
    return VrrpDrop::bad_length;
  }
  // Summed with its checksum in place, a good packet gives all ones.
  const uint32_t sum = sum_of(packet);
  if (fold(sum + pseudo_sum(arrival.source, arrival.destination, packet.size())) == 0xFFFF) {
    out.checksum = Checksum::pseudo_header;
  } else if (fold(sum) == 0xFFFF) {
    out.checksum = Checksum::plain;
  } else {
    return VrrpDrop::bad_checksum;
  }
  const auto interval_cs = static_cast<uint16_t>(header.interval.get() & kIntervalCsMax);
  if (interval_cs == 0) {
    return VrrpDrop::zero_interval;
  }
  if (header.vrid != vrid) {
    return VrrpDrop::other_vrid;
  }
  out.priority = header.priority;
  out.interval = milliseconds(int64_t{10} * interval_cs);
  out.addresses = packet.subspan(sizeof header);
  return VrrpDrop::none;
}

}  // namespace tercet::failover
