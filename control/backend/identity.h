#pragma once
// Who this backend's disk is, as its file `identity` in the store's folder says (a meta file: checked,
// replaced as a whole). Read before the log, and together with what recovery found it decides whether this
// backend may vote.
//
//      0                   1                   2                   3
//      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   0 |  version = 2  |  slot (0..2)  |     flags     |  Reserved (0) |
//   4 |  boot id's length             |  aside                        |
//   8 |                      cell id (8 bytes)                        |
//  16 |                      store id (8 bytes)                       |
//  24 |                     incarnation (8 bytes)                     |
//  32 |    boot id of the kernel: 36 characters, padded with zeros    |
//     |                          to 40 bytes                          |
//     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// Version 1 had no `aside` (0 there) and fewer flags; it is read as well.
//
// A disk whose log was lost or cannot be trusted is given up as a whole (set_aside.h): its files move into a
// folder beside them, and a new identity, marked `lost`, begins an empty log there. Such a backend is
// *amnesiac* (DESIGN §2) until the other two have admitted it again.

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "base/endian.h"
#include "wire/ids.h"

namespace tercet::control {

struct Identity {
  CellId cell;
  Slot slot = Slot::one;
  uint64_t store = 0;  ///< the log's sectors carry it
  Incarnation incarnation;
  std::string boot_id;    ///< of the kernel under which it last ran; empty: unknown
  bool log_made = false;  ///< the log's first segment was there before any promise or vote
  bool clean = false;     ///< stopped by its own hand, all of it durable
  bool memory = false;    ///< last ran with durability = "memory"
  /// It follows a disk whose votes are not known, and its log does not say yet that it was admitted again.
  bool lost = false;
  /// In its last life it became clear that what it voted on may be gone.
  bool doubted = false;
  /// The files of the disk before it are on their way into the folder lost-N of this number; 0: none are.
  uint16_t aside = 0;
};

inline constexpr size_t kBootIdMax = 40;
struct IdentityRecord {
  uint8_t version = 2;
  uint8_t slot = 0;
  uint8_t flags = 0;
  uint8_t reserved = 0;
  Le16 boot_id_size;
  Le16 aside;
  Le64 cell;
  Le64 store;
  Le64 incarnation;
  char boot_id[kBootIdMax] = {};
};
static_assert(sizeof(IdentityRecord) == 72 && alignof(IdentityRecord) == 1);

std::string identity_path(const std::string& store_dir);
/// Random, and neither 0 nor all ones.
uint64_t draw_bits();
/// A new disk's: random store id and incarnation.
Identity draw_identity(CellId cell, Slot slot);
/// The error is one line.
tl::expected<void, std::string> write_identity(const std::string& store_dir, const Identity& identity);

/// What was found, before the log is read.
struct Found {
  enum class Kind : uint8_t {
    blank,     ///< a folder without log: a new disk
    known,     ///< `identity` is good
    untrusted  ///< `why`
  };
  Kind kind = Kind::blank;
  Identity identity;
  std::string why;  ///< one line
};
/// `segments`: whether there is any file of a log. The error ends the start, in one line with what to do: the
/// disk of another cell or slot, a file of another version, or one that cannot be read (nothing is known of
/// the disk then).
tl::expected<Found, std::string> find_identity(const std::string& store_dir, bool segments, CellId cell,
                                               Slot slot);

/// Why a disk with this identity must be taken for lost, whatever its log looks like: one line, empty if it
/// must not. It was doubted in its last life; or `memory` durability, no clean stop, and the machine has gone
/// down since.
std::string doubt(const Identity& identity, const std::string& boot_id);

}  // namespace tercet::control
