#pragma once
// Entries: ordered operations with their place and times, as Accept, Entries and the log carry them.
//
// In an Accept, where the header has the epoch, the first seq and the wall time that all its entries share:
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   | item kind     | entry kind    | length of the operation       |
//   +---------------+---------------+-------------------------------+
//   | cell time − the datagram's base, ms, signed                   |
//   +---------------------------------------------------------------+
// In Entries and the log, where each stands for itself:
//   +---------------+---------------+-------------------------------+
//   | entry kind    | 0             | length of the operation       |
//   +---------------+---------------+-------------------------------+
//   | 0                                                             |
//   +---------------------------------------------------------------+
//   | seq (8) | epoch (8) | cell time, ms (8) | wall time, ms (8)   |
//   +---------------------------------------------------------------+

#include <array>

#include "base/bytes.h"
#include "base/endian.h"
#include "base/time.h"
#include "wire/ids.h"
#include "wire/limits.h"

namespace tercet {

enum class EntryKind : uint8_t {
  op = 1,                ///< a client's operation (wire/op.h)
  tick = 2,              ///< time only
  genesis = 3,           ///< GenesisBody: the first entry of a cell, and its EpochStart
  epoch_start = 4,       ///< EpochStartBody
  rejoin = 5,            ///< RejoinBody: another incarnation is a slot's member from here on
  checkpoint = 6,        ///< CheckpointBody: one backend captures its book here
  constituent_gone = 7,  ///< ConstituentGoneBody: a slot's constituents are absent, or back
  level = 8,             ///< its place; later
  usable = 9,            ///< UsableBody: an image of an earlier checkpoint may be used
};
/// Entries of the protocol itself, that carry an epoch's right.
constexpr bool starts_epoch(EntryKind k) { return k == EntryKind::genesis || k == EntryKind::epoch_start; }

struct EntryView {
  Seq seq;
  Epoch epoch;
  CellTime cell;
  WallTime wall;
  EntryKind kind = EntryKind::op;
  Bytes op;  ///< borrowed
};

/// In an Accept, before its operation's bytes.
struct AcceptItem {
  uint8_t item;  ///< kItemEntry
  uint8_t kind;  ///< EntryKind
  Le16 length;
  Le32 cell_delta_ms;  ///< two's complement
};
static_assert(sizeof(AcceptItem) == 8);
/// A read between entries: evaluated after the entries before it, by the backends in `readers`.
struct ReadItem {
  uint8_t item;     ///< kItemRead
  uint8_t readers;  ///< bits of slots
  Le16 length;
  Le32 slot;          ///< the LB's read table: index
  Le32 generation;    ///< … and its use, so that a late answer is told apart
  uint8_t body_from;  ///< the slot that sends the whole answer; the others send its hash
  uint8_t reserved[3];
};
static_assert(sizeof(ReadItem) == 16);
inline constexpr uint8_t kItemEntry = 1;
inline constexpr uint8_t kItemRead = 2;

/// In Entries and in the log's records.
struct EntryHeader {
  uint8_t kind;
  uint8_t reserved;
  Le16 length;  ///< of the operation behind it
  Le32 reserved2;
  Le64 seq;
  Le64 epoch;
  Le64 cell_ms;
  Le64 wall_ms;
};
static_assert(sizeof(EntryHeader) == 40);

/// Genesis: the members, and what the book starts from.
struct GenesisBody {
  Le64 cell;
  Le64 incarnation[kBackends];
  uint8_t activation_id[16];
  uint8_t issuers;                       ///< how many issuers' keys (32 bytes each) follow
  uint8_t introduction_size[kBackends];  ///< then what each backend said of itself
};
static_assert(sizeof(GenesisBody) == 52);

inline constexpr size_t kIssuerKeySize = 32;
/// As many issuers fit a Genesis beside three introductions of any length.
inline constexpr size_t kGenesisIssuersMax =
    (kOpMax - sizeof(GenesisBody) - kBackends * kIntroductionMax) / kIssuerKeySize;
struct GenesisView {
  const GenesisBody* body = nullptr;
  Bytes issuers;  ///< kIssuerKeySize each
  std::array<Bytes, kBackends> introductions;
};
/// Reads a Genesis' operation; false unless all its parts are there and nothing else.
bool parse_genesis(Bytes op, GenesisView& out);
/// Writes one (body's `issuers` and `introduction_size` are set from what follows it). Returns the size, 0 if
/// it exceeds `out` or kOpMax.
size_t write_genesis(GenesisBody body, Bytes issuers, const std::array<Bytes, kBackends>& introductions,
                     MutBytes out);

enum class StartForm : uint8_t {
  plain = 0,   ///< EpochStartBody alone
  forced = 1,  ///< ForcedStartBody: by the operator's order
};

/// The log chosen at a takeover: what all must hold before this entry.
struct EpochStartBody {
  Le64 last_seq;
  Le64 last_l_low;
  Le64 last_l_high;
  uint8_t source;       ///< slot that has it
  uint8_t lb;           ///< ServerId of the LB that starts
  uint8_t form;         ///< StartForm
  uint8_t forced_slot;  ///< whom the operator's order names; plain: 0
  uint8_t reserved[4];
};
static_assert(sizeof(EpochStartBody) == 32);
/// An EpochStart by the operator's order (`tercet cell force-rejoin`): the log of one backend, `source`, goes
/// on. From here on `incarnation` is the member of `forced_slot`, and the third slot has none.
struct ForcedStartBody {
  EpochStartBody start;
  Le64 incarnation;
};
static_assert(sizeof(ForcedStartBody) == 40);
/// The forced form of an EpochStart, null if it is the plain one. `op` has passed body_fits.
const ForcedStartBody* forced_start(Bytes op);

/// A backend that lost its disk comes back: from this entry on `incarnation` is the member of `slot` and
/// `replaced` is none any more. It votes once the entry is decided by both others and it is admitted.
struct RejoinBody {
  Le64 incarnation;
  Le64 replaced;
  uint8_t slot;
  uint8_t reserved[7];
};
static_assert(sizeof(RejoinBody) == 24);

/// The constituents of a slot count for no license from this entry on (its container is gone, or its backend
/// has been down for long), or do again.
struct ConstituentGoneBody {
  uint8_t slot;
  uint8_t gone;  ///< 1; 0: back
  uint8_t reserved[6];
};
static_assert(sizeof(ConstituentGoneBody) == 8);

/// Changes nothing: the book as it is behind this entry is what `slot` captures. The others go on.
struct CheckpointBody {
  uint8_t slot;
  uint8_t reserved[7];
};
static_assert(sizeof(CheckpointBody) == 8);

/// What two votes had as the state at a checkpoint. Whoever captured something else does not use it, and
/// whoever got an image from a peer does not vote before it was measured by this.
struct UsableBody {
  Le64 checkpoint;  ///< its seq
  Le64 s;           ///< 64 bits of S there
};
static_assert(sizeof(UsableBody) == 16);

/// Whether `op` has the form of its kind: a tick has none, those with a body are as declared above, an
/// operation of a client is any bytes up to kOpMax. False for unknown kinds.
bool body_fits(EntryKind kind, Bytes op);

/// Reads one EntryHeader with its operation from the front of `bytes`; returns how many bytes it took, 0 if
/// malformed.
size_t parse_entry(Bytes bytes, EntryView& out);
/// Writes header and operation; returns the size, 0 if `out` is too small.
size_t write_entry(const EntryView& entry, MutBytes out);
/// Size that write_entry takes.
constexpr size_t entry_size(size_t op_size) { return sizeof(EntryHeader) + op_size; }

}  // namespace tercet
