#pragma once
// The outer datagram: what is readable on the wire before anything is opened. Little-endian. The whole header
// is authenticated (it is the AEAD's associated data), nothing behind it is readable without the key.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  Version (1)  |     Kind      |    Sender     | Reserved (0)  |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |        Access id (clients' datagrams; 0 between servers)      |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                            Cell id                            |
//   |                                                               |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |       Counter: the AEAD's nonce, never repeated per key;      |
//   |                  from 1; a resignation's epoch                |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                                                               |
//   |              Sender's session: 128 random bits,               |
//   |                 drawn at start and after fork                 |
//   |                                                               |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                      Ciphertext (0 bytes or more)             |
//   ~                                                               ~
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                   Authentication tag (16 bytes)               |
//   ~                                                               ~
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

#include <cstddef>
#include <cstring>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/endian.h"
#include "wire/drop.h"
#include "wire/ids.h"
#include "wire/limits.h"

namespace tercet {

/// Which access key a client holds. 0 = none (between servers).
using AccessId = Strong<struct AccessIdTag, uint32_t>;

enum class DatagramKind : uint8_t {
  client_to_lb = 1,
  lb_to_client = 2,
  server_to_server = 3,
  resignation = 4,  ///< sealed in advance by an LB, sent by its guard when it died (DESIGN §5)
};

inline constexpr uint8_t kDatagramVersion = 1;
inline constexpr uint8_t kSenderClient = 0xFF;  ///< else a ServerId

struct DatagramHeader {
  uint8_t version = kDatagramVersion;
  uint8_t kind = 0;
  uint8_t sender = 0;
  uint8_t reserved = 0;
  Le32 access_id;
  Le64 cell_id;
  Le64 counter;
  uint8_t session[16] = {};

  [[nodiscard]] SessionId session_id() const {
    SessionId id;
    std::memcpy(id.bytes.data(), session, sizeof session);
    return id;
  }
};
static_assert(sizeof(DatagramHeader) == 40 && alignof(DatagramHeader) == 1);
static_assert(offsetof(DatagramHeader, access_id) == 4);
static_assert(offsetof(DatagramHeader, cell_id) == 8);
static_assert(offsetof(DatagramHeader, counter) == 16);
static_assert(offsetof(DatagramHeader, session) == 24);

inline constexpr size_t kHeaderSize = sizeof(DatagramHeader);
inline constexpr size_t kTagSize = 16;
static_assert(kSealOverhead == kHeaderSize + kTagSize, "what sealing adds to a plaintext");
/// Largest datagram that Tercet sends: fits an IPv6 packet at MTU 1,500 (1,500 - 40 - 8).
inline constexpr size_t kSealedMax = kCellDatagramMax;
/// Most plaintext in one datagram.
inline constexpr size_t kPlainMax = kSealedMax - kSealOverhead;
static_assert(kPlainMax == kCellPlainMax);

/// A datagram whose header holds together; nothing of it is authentic yet. Views into the datagram's own
/// bytes.
struct DatagramView {
  const DatagramHeader* header = nullptr;
  MutBytes sealed;  ///< ciphertext and tag
  [[nodiscard]] DatagramKind kind() const { return static_cast<DatagramKind>(header->kind); }
};

/// Checks everything that needs no key, the length first. Never reads past `bytes`; changes nothing.
inline tl::expected<DatagramView, Drop> parse_datagram(MutBytes bytes, CellId our_cell) {
  if (bytes.size() < kSealOverhead) {
    return tl::unexpected(Drop::too_short);
  }
  if (bytes.size() > kCellDatagramMax) {
    return tl::unexpected(Drop::too_long);
  }
  const auto* header = reinterpret_cast<const DatagramHeader*>(bytes.data());  // alignment 1, plain bytes
  if (header->version != kDatagramVersion) {
    return tl::unexpected(Drop::version);
  }
  if (header->reserved != 0) {
    return tl::unexpected(Drop::reserved);
  }
  if (header->cell_id != our_cell.value) {
    return tl::unexpected(Drop::cell);
  }
  const bool from_lb = header->sender < 2;
  bool sender_fits = false;
  bool of_client = false;
  switch (static_cast<DatagramKind>(header->kind)) {
    case DatagramKind::client_to_lb:
      sender_fits = header->sender == kSenderClient;
      of_client = true;
      break;
    case DatagramKind::lb_to_client:
      sender_fits = from_lb;
      of_client = true;
      break;
    case DatagramKind::server_to_server:
      sender_fits = header->sender < kServers;
      break;
    case DatagramKind::resignation:
      sender_fits = from_lb;
      break;
    default:
      return tl::unexpected(Drop::kind);
  }
  if (!sender_fits) {
    return tl::unexpected(Drop::sender);
  }
  if ((header->access_id != 0) != of_client || header->counter == 0) {
    return tl::unexpected(Drop::malformed);
  }
  return DatagramView{header, bytes.subspan(kHeaderSize)};
}

}  // namespace tercet
