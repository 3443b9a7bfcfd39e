#pragma once
// The log on the disk. A store's directory holds segments `log-000000.tlog`, `log-000001.tlog`, …, each
// zero-written to its full size before it is used. A segment is an array of 512-byte sectors. A *batch* (what
// one disk write carries) is a run of sectors of one segment: it begins where the batch before it ended, or,
// when it does not fit there, at sector 0 of the next segment. Every sector says which batch it belongs to
// and is checked by itself:
//
//      0                   1                   2                   3
//      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   0 |          checksum: XXH3-64 of bytes 8..511 of the sector      |
//     |                                                               |
//   8 |          store: random id of this store, so that a segment    |
//     |          of another one is refused                            |
//  16 |          batch: its number, from 1, growing                   |
//     |                                                               |
//  24 |          first_lsn: the Lsn of the batch's first record       |
//     |                                                               |
//  32 |          segment_sectors: size of the segment, so that a      |
//     |          file that was shortened is seen                      |
//  36 |          segment: where this sector belongs, so that          |
//  40 |          sector:  a misdirected write is seen                 |
//  44 |      'T'      |      'L'      |      'G'      |  version = 1  |
//  48 |      index: place in the batch    |   count: sectors in it    |
//  52 |      payload: bytes used          |   follows                 |
//  56 |          payload, 456 bytes; zeros behind the used ones       |
//     |          …                                                    |
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// All integers little-endian. `follows` is batch - number of the batch before it: 1, except after a torn
// batch was cut: numbers are never used twice, so the next attempt takes a higher number and skips the one
// that was cut (recover.h says why).
//
// The payloads of a batch's sectors, one behind the other, are a stream of records; all sectors but the last
// are used fully, and no record crosses a batch:
//
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//     |     type      |                      length                   |  length bytes …
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// Type 0 is never written: zeros are no record. What the other types mean is their writer's business. Lsn 1
// is the first record that the store ever took; every record counts, also one that replaces an earlier entry.

#include <cstddef>
#include <cstdint>
#include <string>

#include "backend/store/disk.h"
#include "base/bytes.h"
#include "base/endian.h"

namespace tercet::store {

/// Counts the records that a store took, from 1; 0 = before the first. The store's own count, a plain number
/// on its disk: the acceptor's tercet::Lsn begins where the acceptor does.
using Lsn = uint64_t;
using StoreId = uint64_t;
using BatchNumber = uint64_t;

inline constexpr uint32_t kSectorBytes = 512;
inline constexpr uint8_t kFormatVersion = 1;
/// What a buffer handed to Disk begins at (a page: enough for every device's O_DIRECT).
inline constexpr size_t kIoAlignment = 4096;

struct SectorHeader {
  Le64 checksum;
  Le64 store;
  Le64 batch;
  Le64 first_lsn;
  Le32 segment_sectors;
  Le32 segment;
  Le32 sector;
  uint8_t magic[3] = {'T', 'L', 'G'};
  uint8_t version = kFormatVersion;
  Le16 index;
  Le16 count;
  Le16 payload;
  Le16 follows;
};
inline constexpr uint32_t kPayloadBytes = kSectorBytes - sizeof(SectorHeader);
static_assert(sizeof(SectorHeader) == 56 && alignof(SectorHeader) == 1);
static_assert(offsetof(SectorHeader, batch) == 16 && offsetof(SectorHeader, segment_sectors) == 32);
static_assert(offsetof(SectorHeader, sector) == 40 && offsetof(SectorHeader, magic) == 44);
static_assert(offsetof(SectorHeader, index) == 48 && offsetof(SectorHeader, follows) == 54);
static_assert(kPayloadBytes == 456 && kIoAlignment % kSectorBytes == 0);

/// `count` and `follows` have 16 bits.
inline constexpr uint32_t kSectorsPerBatchMax = 65535;
inline constexpr uint64_t kFollowsMax = 65535;

struct RecordHeader {
  uint8_t type = 0;
  Le32 length;
};
static_assert(sizeof(RecordHeader) == 5 && alignof(RecordHeader) == 1);

/// Writes header and checksum in front of the payload that stands in `sector` (512 bytes) already, zeros
/// behind it.
void seal_sector(uint8_t* sector, const SectorHeader& header);

enum class SectorKind : uint8_t {
  zero,     ///< as it was when the segment was created
  sealed,   ///< its checksum and its header are right (whether it belongs here is the caller's question)
  version,  ///< sealed by another version of this format
  damaged,  ///< anything else
};
/// Looks at 512 bytes from the disk. `header` is filled in for sealed and version.
SectorKind look_at_sector(const uint8_t* sector, SectorHeader& header);

/// "log-000007.tlog"
std::string segment_name(FileId segment);
/// "image-000007.timg"
std::string image_name(FileId image);
std::string file_name(FileId file);

}  // namespace tercet::store
