#pragma once
// What the acceptor makes durable, as records of the backend's log (backend/store frames and checksums them).

#include "wire/cell_message.h"
#include "wire/entry.h"

namespace tercet {

enum class RecordType : uint8_t {
  entry = 1,     ///< EntryHeader + operation; entry n replaces n and all later ones
  promise = 2,   ///< PromiseRecord; behind all that was appended before it
  commit = 3,    ///< CommitRecord; written along with a batch, may be behind
  admitted = 4,  ///< AdmittedRecord: the Rejoin that names this disk is decided; from here on it votes
};

struct PromiseRecord {
  Le64 epoch;
  Le64 instance;
};
static_assert(sizeof(PromiseRecord) == 16);

struct CommitRecord {
  Le64 seq;
  WireHash s;  ///< S there as the LB's tally had it: replay compares its own
};
static_assert(sizeof(CommitRecord) == 24);

/// One record, so that it is never admitted without the promise: a disk that was admitted at promise 0 could
/// vote for a zombie's lower epoch.
struct AdmittedRecord {
  Le64 rejoin;  ///< seq of the Rejoin entry
  Le64 epoch;   ///< promised by it: that of the LB that admits, or its own if that is higher
};
static_assert(sizeof(AdmittedRecord) == 16);

inline constexpr size_t kRecordMax = sizeof(EntryHeader) + kOpMax;

/// A position in the backend's log: how many records were appended before and with it. Not reset by cuts.
using Lsn = Strong<struct LsnTag, uint64_t>;

}  // namespace tercet
