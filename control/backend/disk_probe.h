#pragma once
// Whether a store's folder takes writes again, after its log has stopped.

#include <cstdint>
#include <string>

namespace tercet::control {

/// Writes, reads back and removes a file of 1 MiB in `folder` the way a log does (synced, with O_DIRECT where
/// `direct`), and asks for `room` bytes of free space beside it. Empty if all of that can be had, else why
/// not, in a few words. Waits for the disk.
std::string probe_disk(const std::string& folder, uint64_t room, bool direct);

}  // namespace tercet::control
