#pragma once
// Frames as bytes, for the tests, the fuzz test and the benchmark: written from the box drawings, not by our
// writers, and read by tshark without a complaint. Who is in them:
//
//     02:00:00:00:00:01  198.18.0.1      us; 198.18.0.100 is the virtual address
//     02:00:00:00:00:02  198.18.0.2      the peer, port 8220 at both ends
//     02:00:00:00:00:fe  198.18.0.254    the gateway
//                        203.0.113.7     a client behind it, port 40000

#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"

namespace tercet::dataplane::frames {

inline constexpr Mac kOurMac{2, 0, 0, 0, 0, 1};
inline constexpr Mac kPeerMac{2, 0, 0, 0, 0, 2};
inline constexpr Mac kGatewayMac{2, 0, 0, 0, 0, 0xFE};
inline constexpr Ipv4 kUs{198, 18, 0, 1};
inline constexpr Ipv4 kPeer{198, 18, 0, 2};
inline constexpr Ipv4 kVirtual{198, 18, 0, 100};
inline constexpr Ipv4 kGateway{198, 18, 0, 254};
inline constexpr Ipv4 kClient{203, 0, 113, 7};

/// "0a0b 0c" -> bytes; blanks do not count.
inline std::vector<uint8_t> bytes(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::vector<uint8_t> out;
  unsigned half = 0;
  bool odd = false;
  for (const char c : hex) {
    if (c != ' ') {
      if (odd) {
        out.push_back(static_cast<uint8_t>(half << 4U | digit(c)));
      }
      half = digit(c);
      odd = !odd;
    }
  }
  return out;
}

/// The peer asks who has our own address.
inline constexpr std::string_view kArpRequest =
    "ffff ffff ffff "                                // to
    "0200 0000 0002 "                                // from
    "0806 "                                          // type
    "0001 0800 0604 "                                // Ethernet, IPv4, sizes
    "0001 "                                          // operation
    "0200 0000 0002 c612 0002 "                      // sender
    "0000 0000 0000 c612 0001 "                      // target
    "0000 0000 0000 0000 0000 0000 0000 0000 0000";  // padding

/// The peer answers a question of ours.
inline constexpr std::string_view kArpReply =
    "0200 0000 0001 "                                // to
    "0200 0000 0002 "                                // from
    "0806 "                                          // type
    "0001 0800 0604 "                                // Ethernet, IPv4, sizes
    "0002 "                                          // operation
    "0200 0000 0002 c612 0002 "                      // sender
    "0200 0000 0001 c612 0001 "                      // target
    "0000 0000 0000 0000 0000 0000 0000 0000 0000";  // padding

/// A client beyond the gateway, to the virtual address; padded.
inline constexpr std::string_view kQuery =
    "0200 0000 0001 "                    // to
    "0200 0000 00fe "                    // from
    "0800 "                              // type
    "4500 "                              // version, header length, type of service
    "0021 "                              // total length
    "1234 0000 "                         // identification, flags and offset
    "4011 "                              // TTL, protocol
    "661a "                              // checksum
    "cb00 7107 c612 0064 "               // source, destination
    "9c40 2012 "                         // ports
    "000d "                              // length
    "2d29 "                              // checksum
    "7365 6174 3f "                      // payload
    "0000 0000 0000 0000 0000 0000 00";  // padding

/// The peer's server to ours: a connected lane.
inline constexpr std::string_view kVote =
    "0200 0000 0001 "                                // to
    "0200 0000 0002 "                                // from
    "0800 "                                          // type
    "4500 "                                          // version, header length, type of service
    "002e "                                          // total length
    "1234 0000 "                                     // identification, flags and offset
    "3f11 "                                          // TTL, protocol
    "dd63 "                                          // checksum
    "c612 0002 c612 0001 "                           // source, destination
    "201c 201c "                                     // ports
    "001a "                                          // length
    "a333 "                                          // checksum
    "766f 7465 206f 6620 7468 6520 7365 636f 6e64";  // payload

/// The query with a record-route option (RFC 791) of seven bytes and an end of list.
inline constexpr std::string_view kQueryOptions =
    "0200 0000 0001 "       // to
    "0200 0000 00fe "       // from
    "0800 "                 // type
    "4700 "                 // version, header length, type of service
    "0029 "                 // total length
    "1234 0000 "            // identification, flags and offset
    "4011 "                 // TTL, protocol
    "590b "                 // checksum
    "cb00 7107 c612 0064 "  // source, destination
    "0707 0400 0000 0000 "  // options
    "9c40 2012 "            // ports
    "000d "                 // length
    "2d29 "                 // checksum
    "7365 6174 3f "         // payload
    "0000 0000 00";         // padding

/// The query without a UDP checksum.
inline constexpr std::string_view kQueryUnsummed =
    "0200 0000 0001 "                    // to
    "0200 0000 00fe "                    // from
    "0800 "                              // type
    "4500 "                              // version, header length, type of service
    "0021 "                              // total length
    "1234 0000 "                         // identification, flags and offset
    "4011 "                              // TTL, protocol
    "661a "                              // checksum
    "cb00 7107 c612 0064 "               // source, destination
    "9c40 2012 "                         // ports
    "000d "                              // length
    "0000 "                              // checksum
    "7365 6174 3f "                      // payload
    "0000 0000 0000 0000 0000 0000 00";  // padding

/// The query in VLAN 7, priority 5.
inline constexpr std::string_view kQueryTagged =
    "0200 0000 0001 "          // to
    "0200 0000 00fe "          // from
    "8100 a007 "               // VLAN tag
    "0800 "                    // type
    "4500 "                    // version, header length, type of service
    "0021 "                    // total length
    "1234 0000 "               // identification, flags and offset
    "4011 "                    // TTL, protocol
    "661a "                    // checksum
    "cb00 7107 c612 0064 "     // source, destination
    "9c40 2012 "               // ports
    "000d "                    // length
    "2d29 "                    // checksum
    "7365 6174 3f "            // payload
    "0000 0000 0000 0000 00";  // padding

/// The first piece of a longer datagram.
inline constexpr std::string_view kFragment =
    "0200 0000 0001 "                    // to
    "0200 0000 00fe "                    // from
    "0800 "                              // type
    "4500 "                              // version, header length, type of service
    "0021 "                              // total length
    "1234 2000 "                         // identification, flags and offset
    "4011 "                              // TTL, protocol
    "461a "                              // checksum
    "cb00 7107 c612 0064 "               // source, destination
    "9c40 2012 "                         // ports
    "000d "                              // length
    "2d29 "                              // checksum
    "7365 6174 3f "                      // payload
    "0000 0000 0000 0000 0000 0000 00";  // padding

/// The peer pings our own address: 16 bytes of data.
inline constexpr std::string_view kPing =
    "0200 0000 0001 "                           // to
    "0200 0000 0002 "                           // from
    "0800 "                                     // type
    "4510 "                                     // version, header length, type of service
    "002c "                                     // total length
    "1234 0000 "                                // identification, flags and offset
    "4001 "                                     // TTL, protocol
    "dc65 "                                     // checksum
    "c612 0002 c612 0001 "                      // source, destination
    "0800 "                                     // type, code
    "7d7c "                                     // checksum
    "4242 0001 "                                // rest
    "0001 0203 0405 0607 0809 0a0b 0c0d 0e0f";  // data

/// What is answered to it.
inline constexpr std::string_view kPong =
    "0200 0000 0002 "                           // to
    "0200 0000 0001 "                           // from
    "0800 "                                     // type
    "4510 "                                     // version, header length, type of service
    "002c "                                     // total length
    "1234 4000 "                                // identification, flags and offset
    "4001 "                                     // TTL, protocol
    "9c65 "                                     // checksum
    "c612 0001 c612 0002 "                      // source, destination
    "0000 "                                     // type, code
    "857c "                                     // checksum
    "4242 0001 "                                // rest
    "0001 0203 0405 0607 0809 0a0b 0c0d 0e0f";  // data

/// The peer's kernel: no such port; quotes our datagram.
inline constexpr std::string_view kUnreachable =
    "0200 0000 0001 "       // to
    "0200 0000 0002 "       // from
    "0800 "                 // type
    "45c0 "                 // version, header length, type of service
    "003c "                 // total length
    "1234 0000 "            // identification, flags and offset
    "4001 "                 // TTL, protocol
    "dba5 "                 // checksum
    "c612 0002 c612 0001 "  // source, destination
    "0303 "                 // type, code
    "8942 "                 // checksum
    "0000 0000 "            // rest
    "4500 0020 0000 4000 4011 aea5 c612 0001 c612 0002 201c 201c 000c 5392 6c6f 7374";  // data

/// A VRRP advert of the other LB (not the stack's concern what it says).
inline constexpr std::string_view kAdvert =
    "0100 5e00 0012 "                 // to
    "0200 0000 0002 "                 // from
    "0800 "                           // type
    "45c0 "                           // version, header length, type of service
    "0020 "                           // total length
    "1234 0000 "                      // identification, flags and offset
    "ff70 "                           // TTL, protocol
    "0253 "                           // checksum
    "c612 0002 e000 0012 "            // source, destination
    "3107 6401 0064 fd78 c612 0064 "  // advert: VRRPv3, group 7, priority 100, one address, every second,
                                      // checksum, the address
    "0000 0000 0000 0000 0000 0000 0000";  // padding

inline constexpr std::string_view kAll[] = {kArpRequest,   kArpReply,      kQuery,       kVote,
                                            kQueryOptions, kQueryUnsummed, kQueryTagged, kFragment,
                                            kPing,         kPong,          kUnreachable, kAdvert};

}  // namespace tercet::dataplane::frames
