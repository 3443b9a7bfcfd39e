#pragma once
// Mark: what a completion of the ring belongs to. A submission carries it as its user data.

#include <cstdint>

#include "wire/endpoint.h"

namespace tercet::dataplane {

/// Packed into the 64 bits of user data.
struct Mark {
  enum class Kind : uint8_t {
    receive,     ///< `lane`
    bell,        ///< watched descriptor number `index`
    send,        ///< run number `index` of a bank, first try
    send_again,  ///< the same after an ICMP error had eaten the first try
    one,         ///< datagram number `index` of a bank's order: a run that had to be taken apart
    file,        ///< write number `index` of RingFiles
  };
  Kind kind = Kind::receive;
  Lane lane = 0;
  uint8_t bank = 0;
  uint16_t count = 0;  ///< datagrams
  uint16_t index = 0;
  uint32_t generation = 0;  ///< of the bank: tells whether its buffers still hold that burst (16 bits)

  [[nodiscard]] uint64_t pack() const {
    return static_cast<uint64_t>(kind) | (uint64_t{lane} << 4U) | (uint64_t{bank} << 12U) |
           (uint64_t{count} << 16U) | (uint64_t{index} << 32U) | (uint64_t{generation & 0xFFFFU} << 48U);
  }
  static Mark unpack(uint64_t v) {
    return {static_cast<Kind>(v & 0xFU),
            static_cast<Lane>((v >> 4U) & 0xFFU),
            static_cast<uint8_t>((v >> 12U) & 0xFU),
            static_cast<uint16_t>((v >> 16U) & 0xFFFFU),
            static_cast<uint16_t>((v >> 32U) & 0xFFFFU),
            static_cast<uint32_t>(v >> 48U)};
  }
};

}  // namespace tercet::dataplane
