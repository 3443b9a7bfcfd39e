#pragma once
// An image of the book at one entry: a stream of records, as the checkpoint holds it and catching up carries
// it. Their order is free (what is about to change is written first): each says which object it is.
//
//   head | record, record, … | end           a record: 8 bytes of header, then a body of its kind's size
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   | kind          | reserved (0)  | size of the body              |
//   +---------------+---------------+-------------------------------+
//   | number: index of a lease, license, use; place of a tombstone  |
//   +---------------------------------------------------------------+
//   | body                                                          |
//
// A body is the object as the book's tables hold it (their structs have no padding, and the machines one byte
// order); the version names them all. The end has a hash over all that is before it, so that damage is found
// whatever it hits; the head the sum of the objects' hashes, which the book's digest is made of.

#include "base/endian.h"
#include "base/hash.h"
#include "license/lease.h"
#include "license/licenses.h"
#include "license/tombstones.h"
#include "license/usage.h"

namespace tercet::license {

enum class ImageKind : uint8_t {
  head = 1,
  cell = 2,
  license = 3,
  usage = 4,
  lease = 5,
  tombstone = 6,
  end = 7
};

struct ImageRecord {
  uint8_t kind;  ///< ImageKind
  uint8_t reserved;
  Le16 size;  ///< of the body
  Le32 number;
};
static_assert(sizeof(ImageRecord) == 8 && alignof(ImageRecord) == 1);

inline constexpr uint8_t kImageMagic[8] = {'t', 'c', 't', 'b', 'o', 'o', 'k', 0};
inline constexpr uint32_t kImageVersion = 3;

struct ImageHead {
  uint8_t magic[8];
  Le32 version;
  Le32 ended;  ///< Standing, field by field
  Le32 purged;
  Le64 cell_ms;
  Le64 wall_ms;
  Le64 forgotten_ms;
  Le64 seq;
  Le64 sum_low;
  Le64 sum_high;
  Le32 licenses;  ///< how many of each follow
  Le32 leases;
  Le32 tombstones;
  Le32 usages;  ///< those with any use
  Le32 cells;   ///< 1 after Genesis
  Le32 absent;
};
static_assert(sizeof(ImageHead) == 92 && alignof(ImageHead) == 1);

struct ImageLease {
  Le64 due_ms;
  Le64 units;
  uint8_t state[kLeaseStateSize];  ///< the front of Lease
};
static_assert(sizeof(ImageLease) == 16 + kLeaseStateSize && alignof(ImageLease) == 1);

struct ImageEnd {
  Le64 hash_low;
  Le64 hash_high;
};
static_assert(sizeof(ImageEnd) == 16 && alignof(ImageEnd) == 1);

/// 0: no kind.
constexpr size_t image_body_size(ImageKind kind) {
  switch (kind) {
    case ImageKind::head:
      return sizeof(ImageHead);
    case ImageKind::cell:
      return sizeof(Cell);
    case ImageKind::license:
      return sizeof(License);
    case ImageKind::usage:
      return sizeof(Usage);
    case ImageKind::lease:
      return sizeof(ImageLease);
    case ImageKind::tombstone:
      return sizeof(Tombstone);
    case ImageKind::end:
      return sizeof(ImageEnd);
  }
  return 0;
}
inline constexpr size_t kImageBodyMax = sizeof(Cell);
static_assert(sizeof(License) <= kImageBodyMax && kImageBodyMax <= UINT16_MAX);

inline Hash128 plus(const Hash128& a, const Hash128& b) { return {a.low + b.low, a.high + b.high}; }

/// The hash so far, and one record more.
inline Hash128 image_hash(const Hash128& before, const ImageRecord& record, Bytes body) {
  const Hash128 head = hash128({reinterpret_cast<const uint8_t*>(&record), sizeof record}, before.low);
  return hash128(body, head.low ^ before.high) ^ head;
}

}  // namespace tercet::license
