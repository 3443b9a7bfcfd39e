#pragma once
// A small durable file beside the log: what a backend must know of itself before it reads its log (ids of
// store, cell, slot, incarnation; boot id and clean-stop flag). Its content is its owner's; here it is one
// checked piece, replaced as a whole:
//
//      0                   1                   2                   3
//      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   0 |      'T'      |      'M'      |      'F'      |  version = 1  |
//   4 |                            length                             |
//   8 |          checksum: XXH3-64 of bytes 0..7 and the content      |
//     |                                                               |
//  16 |          content …                                            |
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// Start-up and shutdown only: these calls wait for the disk.

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/bytes.h"
#include "base/endian.h"

namespace tercet::store {

struct MetaHeader {
  uint8_t magic[3] = {'T', 'M', 'F'};
  uint8_t version = 1;
  Le32 length;
  Le64 checksum;
};
static_assert(sizeof(MetaHeader) == 16 && alignof(MetaHeader) == 1);

/// More is refused: this is no place for data.
inline constexpr size_t kMetaBytesMax = 4096;

struct MetaError {
  enum class Kind : uint8_t {
    absent,      ///< there is no such file
    damaged,     ///< it is not what was written
    unreadable,  ///< the system refused
  };
  Kind kind = Kind::absent;
  std::string text;  ///< one line
};

/// The content of `path` as write_meta left it.
tl::expected<std::vector<uint8_t>, MetaError> read_meta(const std::string& path);

/// Replaces `path` durably, by way of `path`.new: after a crash the old or the new content is there, whole.
/// The error is one line; the old content stands then (or, if only the directory could not be synced,
/// either).
tl::expected<void, std::string> write_meta(const std::string& path, Bytes content);

/// The id of this boot of the kernel, 36 characters: as long as it is the same, what was written to the page
/// cache is there. Empty if the system does not tell; then nothing can be concluded.
std::string read_boot_id();

}  // namespace tercet::store
