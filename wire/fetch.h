#pragma once
// Catching up: Missing (a backend asks an LB or a peer) and Entries (the answer, one datagram; several may
// come); where a peer's log begins behind a checkpoint, Fetch and Chunk, which carry its image.

#include "wire/cell_message.h"
#include "wire/drop.h"
#include "wire/entry.h"

namespace tercet {

struct Missing {
  uint8_t type;
  uint8_t datagrams;  ///< at most so many Entries in answer: the receiver sets the pace
  Le16 reserved;
  Le32 number;  ///< comes back
  Le64 from;
  Le64 to;        ///< ≥ from
  WireHash to_l;  ///< L there, as the LB named it
};
static_assert(sizeof(Missing) == 40);

struct EntriesHeader {
  uint8_t type;
  uint8_t reserved;
  Le16 count;  ///< 0: "I do not have them" …
  Le32 number;
  Le64 first;  ///< … and, of a backend, if above what was asked for: "I have an image of first − 1, and my
               ///< log is the one that was named"
  WireHash prev_l;  ///< L(first − 1)
  Le64 commit;      ///< of the sender: entries up to there are decided
};
static_assert(sizeof(EntriesHeader) == 40);

/// "Send me the image of that checkpoint, from there on."
struct Fetch {
  uint8_t type;
  uint8_t datagrams;  ///< at most so many Chunks in answer: the receiver sets the pace
  Le16 reserved;
  Le32 number;      ///< comes back
  Le64 checkpoint;  ///< seq
  Le64 offset;      ///< in the image
};
static_assert(sizeof(Fetch) == 24);

/// A piece of an image: an ImageBase (wire/image.h), then the book. Its bytes follow the header.
struct ChunkHeader {
  uint8_t type;
  uint8_t reserved;
  Le16 size;  ///< 0: "I do not have that image"
  Le32 number;
  Le64 checkpoint;
  Le64 offset;
  Le64 total;  ///< bytes of the image
};
static_assert(sizeof(ChunkHeader) == 32);
/// No image is larger than this (a terabyte): sums of an offset and a size cannot wrap.
inline constexpr uint64_t kImageBytesMax = uint64_t{1} << 40U;

struct MissingView {
  const Missing* header = nullptr;
};
struct EntriesView {
  const EntriesHeader* header = nullptr;
  Bytes entries;
};
struct FetchView {
  const Fetch* header = nullptr;
};
struct ChunkView {
  const ChunkHeader* header = nullptr;
  Bytes bytes;
};
class EntriesWalk {
 public:
  explicit EntriesWalk(const EntriesView& view) : rest_(view.entries) {}
  bool next(EntryView& out);

 private:
  Bytes rest_;
};

Drop parse_missing(Bytes plain, MissingView& out);
Drop parse_entries(Bytes plain, EntriesView& out);
Drop parse_fetch(Bytes plain, FetchView& out);
Drop parse_chunk(Bytes plain, ChunkView& out);

class EntriesWriter {
 public:
  /// `type` and `count` of the header are set here.
  EntriesWriter(MutBytes out, const EntriesHeader& header);
  /// Entries come in the order of their seqs, from `first`. False when it does not fit.
  bool add(const EntryView& entry);
  [[nodiscard]] uint16_t count() const { return count_; }
  size_t finish();

 private:
  MutBytes out_;
  size_t used_;
  uint16_t count_ = 0;
};

}  // namespace tercet
