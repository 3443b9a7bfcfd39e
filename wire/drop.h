#pragma once
// Why a datagram was dropped. On the polling path a drop is counted under its reason and forgotten: nothing
// is ever answered to a datagram that was not authenticated. Append new reasons before `count_`, with a name
// in the table.

#include <array>
#include <cstddef>
#include <cstdint>

namespace tercet {

enum class Drop : uint8_t {
  none,          ///< taken: nothing was dropped
  too_short,     ///< shorter than its format
  too_long,      ///< longer than we ever send
  version,       ///< outer version byte unknown
  kind,          ///< outer kind unknown
  reserved,      ///< a byte that must be zero is not
  cell,          ///< of another cell
  sender,        ///< sender impossible for this kind, or it claims to be us
  not_for_us,    ///< a kind that this process does not take in
  unknown_key,   ///< no key for that sender
  replay,        ///< counter seen before, or older than the replay window
  forged,        ///< authentication failed
  malformed,     ///< authenticated (or a header), but its fields contradict each other or leave their range
  unknown_type,  ///< authentic, but of a message type that this version does not know
  count_
};
inline constexpr size_t kDrops = static_cast<size_t>(Drop::count_);

inline constexpr auto kDropNames = std::to_array<const char*>({
    "none",
    "too_short",
    "too_long",
    "version",
    "kind",
    "reserved",
    "cell",
    "sender",
    "not_for_us",
    "unknown_key",
    "replay",
    "forged",
    "malformed",
    "unknown_type",
});
static_assert(kDropNames.size() == kDrops, "each drop reason has a name, in the enum's order");

constexpr const char* name_of(Drop drop) { return kDropNames[static_cast<size_t>(drop)]; }

}  // namespace tercet
