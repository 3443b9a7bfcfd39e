#pragma once
// Capture files: classic pcap with nanoseconds, every packet a UDP datagram with the IP header that it had
// between its ends, and no link layer under it (LINKTYPE_RAW: each packet's first half byte is its version).
// The format: draft-ietf-opsawg-pcap; all integers little-endian here, which the magic tells readers.
//
//    file:    magic 0xA1B23C4D | major 2 | minor 4 | 0 | 0 | longest packet | link type
//    record:  seconds | nanoseconds | bytes that follow | bytes that the packet had
//             IPv4 or IPv6 header | UDP header | datagram
//
// An engine without a kernel under it has no such packet to show, and a kernel engine only the datagram: the
// headers are made anew from addresses and ports, which are true, as are lengths and checksums. TTL and the
// rest are what a host sends.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/endian.h"
#include "wire/endpoint.h"

namespace tercet::dataplane {

inline constexpr uint32_t kPcapNanoseconds = 0xA1B23C4D;
inline constexpr uint32_t kLinkTypeRaw = 101;

struct PcapFileHeader {
  Le32 magic;
  Le16 major;
  Le16 minor;
  Le32 zone;      ///< 0
  Le32 accuracy;  ///< 0
  Le32 longest;   ///< no record has more bytes
  Le32 link_type;
};
static_assert(sizeof(PcapFileHeader) == 24 && alignof(PcapFileHeader) == 1);
static_assert(offsetof(PcapFileHeader, link_type) == 20);

struct PcapRecordHeader {
  Le32 seconds;
  Le32 nanoseconds;
  Le32 captured;
  Le32 original;
};
static_assert(sizeof(PcapRecordHeader) == 16 && alignof(PcapRecordHeader) == 1);

/// RFC 8200 §3. Only what a capture needs; neighbour discovery and the rest come with IPv6 on DPDK.
struct Ipv6Header {
  Be32 version_class_flow;  ///< 6 in the highest four bits
  Be16 payload_length;
  uint8_t next_header = 0;
  uint8_t hop_limit = 64;
  std::array<uint8_t, 16> source{};
  std::array<uint8_t, 16> destination{};
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

struct PcapDatagram {
  int64_t wall_ns = 0;  ///< since 1970
  Endpoint from;
  Endpoint to;
  Bytes payload;  ///< borrowed
};

/// Longest packet in a file of ours: far above any datagram of Tercet's.
inline constexpr size_t kPcapPacketMax = 65'535;
/// What write_pcap_datagram() adds to the payload, at most.
inline constexpr size_t kPcapOverheadMax = sizeof(PcapRecordHeader) + sizeof(Ipv6Header) + 8;

PcapFileHeader pcap_file_header();
/// Whether a file that begins so is one of ours: these times, this link type.
bool is_pcap_of_datagrams(const PcapFileHeader& header);

/// Writes one record. IPv4 if both ends are. Returns its size, 0 if it does not fit.
size_t write_pcap_datagram(const PcapDatagram& datagram, MutBytes out);

enum class PcapStep : uint8_t { datagram, more, broken };
/// Reads the record at the front of `bytes`. `more`: it is not whole yet. `broken`: that is no record of
/// ours, and where the next one begins is not known. `size`: of the whole record. Checksums are not looked
/// at.
PcapStep parse_pcap_datagram(Bytes bytes, PcapDatagram& out, size_t& size);

}  // namespace tercet::dataplane
