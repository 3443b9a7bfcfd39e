#pragma once
// The numbers that name things, each a type of its own.

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/strong.h"

namespace tercet {

using FirmCode = Strong<struct FirmCodeTag, uint32_t>;
using ProductCode = Strong<struct ProductCodeTag, uint32_t>;
using TmrId = Strong<struct TmrIdTag, uint32_t>;
using CellId = Strong<struct CellIdTag, uint64_t>;
/// An LB's right to order: a counter, with the LB's id (1 or 2) in the lowest two bits. 0 = no epoch yet.
using Epoch = Strong<struct EpochTag, uint64_t>;
/// Place in the cell's single log, from 1. 0 = before the first entry.
using Seq = Strong<struct SeqTag, uint64_t>;
/// The random id of a backend's present disk. 0 = none.
using Incarnation = Strong<struct IncarnationTag, uint64_t>;
/// The random id of an LB process's life, drawn at start: tells two lives apart that draw the same epoch.
using Nonce = Strong<struct NonceTag, uint64_t>;

constexpr Seq next(Seq s) { return Seq{s.value + 1}; }
constexpr Seq previous(Seq s) { return Seq{s.value - 1}; }
constexpr uint64_t distance(Seq from, Seq to) { return to.value - from.value; }

/// The client-chosen random id of one grant; whoever knows all 16 bytes is its holder.
struct Handle {
  Bytes16 bytes{};
  constexpr auto operator<=>(const Handle&) const = default;
  constexpr bool operator==(const Handle& o) const { return same(bytes, o.bytes); }
};
/// A process's random id, drawn at start and after fork; part of every key derivation.
struct SessionId {
  Bytes16 bytes{};
  constexpr auto operator<=>(const SessionId&) const = default;
  constexpr bool operator==(const SessionId& o) const { return same(bytes, o.bytes); }
};

/// One of the five servers: lb1, lb2, b1, b2, b3 = 0..4. Its place in arrays and masks.
enum class ServerId : uint8_t { lb1 = 0, lb2 = 1, b1 = 2, b2 = 3, b3 = 4 };
inline constexpr unsigned kServers = 5;
inline constexpr unsigned kBackends = 3;
/// A backend's fixed place: 0, 1, 2 in code and on the wire; people see slots 1, 2, 3.
enum class Slot : uint8_t { one = 0, two = 1, three = 2 };
inline constexpr std::array<Slot, kBackends> kSlots{Slot::one, Slot::two, Slot::three};
/// Slots as bits: bit s is slot s + 1.
constexpr bool slot_bits_fit(uint32_t bits) { return bits < 1U << kBackends; }

constexpr unsigned index(ServerId id) { return static_cast<unsigned>(id); }
constexpr unsigned index(Slot slot) { return static_cast<unsigned>(slot); }
constexpr bool is_lb(ServerId id) { return index(id) < 2; }
constexpr bool is_backend(ServerId id) { return !is_lb(id); }
constexpr ServerId server_of(Slot slot) { return static_cast<ServerId>(index(slot) + 2); }
constexpr Slot slot_of(ServerId backend) { return static_cast<Slot>(index(backend) - 2); }
constexpr ServerId other_lb(ServerId lb) { return lb == ServerId::lb1 ? ServerId::lb2 : ServerId::lb1; }
const char* name_of(ServerId id);

/// An LB's `counter`-th right to order: equal counters of two LBs differ, and a higher counter is above both.
constexpr Epoch make_epoch(uint64_t counter, ServerId lb) { return Epoch{counter << 2U | (index(lb) + 1)}; }
constexpr uint64_t counter_of(Epoch epoch) { return epoch.value >> 2U; }
/// Only of a valid epoch.
constexpr ServerId lb_of(Epoch epoch) { return static_cast<ServerId>((epoch.value & 3U) - 1); }
/// Names LB 1 or 2. Epoch 0 ("none yet") does not.
constexpr bool is_valid(Epoch epoch) { return (epoch.value & 3U) == 1 || (epoch.value & 3U) == 2; }

/// A set of servers as a bit mask.
class ServerSet {
 public:
  constexpr ServerSet() = default;
  constexpr explicit ServerSet(ServerId id) : bits_(static_cast<uint8_t>(1U << index(id))) {}
  static constexpr ServerSet from_bits(uint8_t bits) {
    ServerSet s;
    s.bits_ = bits & 0x1FU;
    return s;
  }
  [[nodiscard]] constexpr bool has(ServerId id) const { return ((bits_ >> index(id)) & 1U) != 0; }
  constexpr void add(ServerId id) { bits_ = static_cast<uint8_t>(bits_ | (1U << index(id))); }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr uint8_t bits() const { return bits_; }
  constexpr bool operator==(const ServerSet&) const = default;

 private:
  uint8_t bits_ = 0;
};
inline constexpr ServerSet kAllBackends = ServerSet::from_bits(0b11100);

}  // namespace tercet
