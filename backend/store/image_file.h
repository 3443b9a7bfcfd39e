#pragma once
// An image on the disk: a header of one sector, then, from kImageAt on, what the header counts: an ImageBase
// (wire/image.h) and the book. The header is written last and the file appears as a whole (Disk::publish), so
// a crash leaves the image of before. It says where a reader of the log begins.
//
//      0    512               4096                       4096 + bytes
//      | header | zeros        | ImageBase | the book … | zeros up to a sector
//
// All integers little-endian.

#include <optional>

#include "backend/store/log.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "wire/image.h"

namespace tercet::store {

inline constexpr Offset kImageAt = 4096;
/// Rises with that of the book in it, too (backend/opening.cc holds them together).
inline constexpr uint8_t kImageFileVersion = 3;

struct ImageHeader {
  StoreId store = 0;
  uint64_t bytes = 0;     ///< behind kImageAt
  LogEnd start;           ///< where a reader of the log begins (Log::start_for) …
  Lsn older = 0;          ///< … and records up to this one say nothing new
  uint64_t promised = 0;  ///< epoch …
  uint64_t promised_to = 0;
  uint64_t admitted_by = 0;  ///< seq of the Rejoin; 0: none was needed
  bool foreign = false;      ///< it came from a peer
};

/// Fills one sector. `base`: the image's first bytes, which the header vouches for.
void seal_image_header(const ImageHeader& header, const ImageBase& base, MutBytes sector);
/// None: damaged, of another version, or of another base.
std::optional<ImageHeader> open_image_header(Bytes sector, const ImageBase& base);

/// A whole header, but of a version that we do not know: nothing may be said of what follows.
bool is_of_another_version(Bytes sector);
/// What a sealed header says of `bytes`; 0: it is no header.
uint64_t image_bytes(Bytes sector);

}  // namespace tercet::store
