#pragma once
// Recovery: what the disk holds -> the records, where the log goes on, and a verdict.
//
// The question at every start is what a bad end of the log means. A batch that was never durable was never
// voted on, and must be cut; one that was durable was perhaps voted on, and losing it silently loses grants:
// that backend has to say that it cannot be trusted (amnesiac). The rule (the idea of "Protocol-Aware
// Recovery", FAST '18, without its second copy): one batch is in flight at a time, and a sector is written as
// a whole or not at all. So whatever a crash interrupted,
//
//   torn      the last batch lacks sectors, and every sector that lacks still holds its *former content
//   intact*: the zeros it
//             was created with, or a whole sector of an earlier batch number. Only then the batch may be cut.
//   corrupt   anything else: a sector that is neither; a gap before a later batch; a batch that is whole but
//   nonsense.
//
// Corner cases, each decided towards "corrupt", since a torn batch that is called corrupt costs a rebuild,
// and a durable one that is called torn costs a seat:
//  - A flipped bit in the last batch: the sector is then neither whole nor former: corrupt, though the batch
//  may have been
//    torn as well.
//  - A sector torn *inside* its 512 bytes: disks do not do that (their sector is checked and written as one),
//  so it counts as
//    damage. Drives with 4096-byte physical sectors rewrite neighbours when a 512-byte sector is written; one
//    that tears those at a power loss damages sectors that were durable, and this shows as corrupt, never as
//    torn.
//  - A damaged sector in space that is free: it may have been the last batch, so corrupt.
//  - A segment that is shorter than it was made: its sectors say how long it was, so corrupt.
//  - A batch none of whose sectors arrived: nothing shows it, the log is clean; it was not durable.
//  - A durable batch whose sectors all read as their former content again (a disk that lied about the write):
//  cannot be
//    told from one that was never written. The load balancer can: it knows what the backend voted on.
//
// A second crash. The next batch is written over the torn one, from the same place (or at the start of the
// next segment, when it does not fit there any more). It takes a number above every one seen, and `follows`
// names the last good batch, so that:
//  - a sector that stays behind from the torn batch is never taken for part of the new one (no mixture,
//  though both began
//    at the same place), and is a whole sector of an earlier number, that is, former content: if the new
//    batch is torn too, it is recognised as torn again, and again;
//  - if the new batch is shorter and becomes durable, what stands behind it has a lower number: free space;
//  - a batch after which another one was durable can never be mistaken for a cut one: that other one's
//  `follows` names it.
// And what recovery has once seen whole is made durable (Disk::sync) before it is counted: after a kill it
// may stand in the disk's cache only, and a power loss after we have voted on it would take it away.
//
// The file is read as the disk has it (O_DIRECT), not as the page cache remembers it after a failed sync.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/store/disk.h"
#include "backend/store/log.h"
#include "backend/store/log_format.h"
#include "base/bytes.h"

namespace tercet::store {

enum class Verdict : uint8_t {
  clean,
  torn,        ///< the batch that a crash interrupted was cut; nothing that was durable is lost
  corrupt,     ///< something that may have been durable is lost: this backend does not know what it voted on
  unreadable,  ///< nothing is said about the log: the disk failed, or these are not this store's files
};
const char* name_of(Verdict verdict);

struct RecoverOptions {
  StoreId store = 0;
  /// A store that is only being made: no segment need be there, and none may hold a record.
  bool fresh = false;
  /// Where the log begins: segment, and batches and Lsn that stood before it (Log::start_for, kept with a
  /// checkpoint; sector is 0).
  LogEnd start = {};
};

struct Recovered {
  Verdict verdict = Verdict::clean;
  LogEnd end;                  ///< for Log; of use only if clean or torn
  std::vector<LogEnd> starts;  ///< for Log: of each segment that holds records, what stood before it
  BatchNumber torn_batch = 0;  ///< the one cut
  uint64_t batches = 0;
  uint64_t records = 0;
  std::string why;  ///< torn, corrupt, unreadable: one line
};

/// One record; the bytes are valid during the call. False: the reader cannot make sense of it (the log is
/// then corrupt).
using Visitor = std::function<bool(Lsn lsn, uint8_t type, Bytes bytes)>;

/// Reads the whole log, in order, waiting for the disk (start-up only). Records are handed over as their
/// batches are found whole; if the verdict is corrupt or unreadable in the end, whatever the visitor built
/// from them is to be thrown away.
Recovered recover(Disk& disk, const RecoverOptions& options, const Visitor& visitor);

}  // namespace tercet::store
