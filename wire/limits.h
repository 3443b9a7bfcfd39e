#pragma once
// Sizes that the protocol fixes. Changing one is a new protocol version.

#include <cstddef>
#include <cstdint>

namespace tercet {

/// Outer header and tag of a sealed datagram (wire/datagram.h asserts it).
inline constexpr size_t kSealOverhead = 40 + 16;
/// A client's datagram, and whatever is ordered, fits 1,200 bytes of UDP payload: any path carries it (RFC
/// 9000 §14).
inline constexpr size_t kClientDatagramMax = 1200;
inline constexpr size_t kClientPlainMax = kClientDatagramMax - kSealOverhead;  // 1,144
/// Inside the cell: UDP payload of an IPv6 packet at MTU 1,500.
inline constexpr size_t kCellDatagramMax = 1452;
inline constexpr size_t kCellPlainMax = kCellDatagramMax - kSealOverhead;  // 1,396

/// Largest operation, with its header: a Query with one of them fits a client's datagram, an Accept with one
/// fits too.
inline constexpr size_t kOpMax = 1120;
/// Largest result of an ordered operation.
inline constexpr size_t kResultMax = 64;
/// Largest answer of a read (a page of a listing).
inline constexpr size_t kReadAnswerMax = 1088;
/// Text that a holder gives of itself (user, host, process, version, station), all together.
inline constexpr size_t kHolderTextMax = 96;
/// What a backend says of itself in a Promise, for Genesis: its container's serial and public key.
inline constexpr size_t kIntroductionMax = 64;

/// No seq is above this: sums of a seq and a count cannot wrap.
inline constexpr uint64_t kSeqMax = uint64_t{1} << 62;
/// No time on the wire is above this (the year 2116): any two of them differ by a Duration that fits 64 bits
/// of ns.
inline constexpr uint64_t kTimeMsMax = INT64_MAX / 2 / 1'000'000;

}  // namespace tercet
