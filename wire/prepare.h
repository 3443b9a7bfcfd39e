#pragma once
// Takeover: Ask and Heard (also the answer to Keepalive), Prepare, Promise, Refused.

#include "wire/cell_message.h"
#include "wire/drop.h"
#include "wire/limits.h"
#include "wire/vote.h"

namespace tercet {

/// "Have you heard the holder of your epoch?" Also: "what have you promised?"
struct Ask {
  uint8_t type;
  uint8_t reserved[3];
  Le32 number;  ///< comes back in Heard
  Le64 instance;
  Le64 stamp;  ///< the LB's clock, comes back
};
static_assert(sizeof(Ask) == 24);

struct Heard {
  uint8_t type;
  uint8_t flags;  ///< as in Vote
  uint8_t heard;  ///< 1: an Accept or Keepalive of that epoch and instance, that said fit, within three
                  ///< heartbeats
  uint8_t asked;  ///< 1: answers an Ask, 0: a Keepalive
  Le32 number;
  Le64 stamp;
  Le64 promised;  ///< epoch
  Le64 incarnation;
  Le64 last;     ///< last seq in its log …
  Le64 durable;  ///< … and the last durable one
  WireHash durable_l;
  Le64 commit;        ///< decided, and its book stands there or behind …
  WireHash commit_s;  ///< … its own S there
  Le64 progress;      ///< while it pulls entries: how many it has pulled since it started
  Le64 wall_ms;
  Le32 load;
  uint8_t traits;     ///< kAsksRejoin, kVacant, kNewcomer
  uint8_t container;  ///< ContainerState
  uint8_t absent;     ///< slots whose constituents are absent in its book, behind `commit` at least
  uint8_t stop;       ///< StopReason, if its flags say kStopped
  Le64 base;          ///< its log begins behind this seq: 0, or its newest checkpoint
  Le64 decided;       ///< all of its log up to here is, as it knows, wherever its book stands
};
static_assert(sizeof(Heard) == 128);
/// A new incarnation that was never a member: an LB that serves orders its Rejoin.
inline constexpr uint8_t kAsksRejoin = 1;
/// It never was a member: nothing that it promised counts. One that a Rejoin names which is not decided says
/// so without asking for another.
inline constexpr uint8_t kNewcomer = 4;
/// A member whose own log says that a slot is vacant: an operator's order left two members.
inline constexpr uint8_t kVacant = 2;

/// Why a backend's log takes nothing more.
enum class StopReason : uint8_t {
  none = 0,
  disk_full = 1,
  io_error = 2,  ///< a write or a sync failed
};

struct Prepare {
  uint8_t type;
  uint8_t reserved[7];
  Le64 epoch;
  Le64 instance;
};
static_assert(sizeof(Prepare) == 24);

/// One slot of the members table at the end of a log.
struct WireMember {
  Le64 incarnation;  ///< 0: none named yet or, with an epoch and a seq, none any more
  Le64 epoch;        ///< of the entry that named it …
  Le64 seq;          ///< … and its place
};
static_assert(sizeof(WireMember) == 24);

struct PromiseHeader {
  uint8_t type;
  uint8_t flags;         ///< as in Vote
  uint8_t admitted;      ///< 1: named by Genesis, or by a Rejoin whose admission is durable
  uint8_t introduction;  ///< bytes that follow (≤ kIntroductionMax), for Genesis
  Le32 reserved;
  Le64 epoch;
  Le64 instance;
  Le64 incarnation;
  Le64 last_epoch;  ///< epoch of the last entry
  Le64 last;        ///< last seq; 0: empty log
  WireHash last_l;
  Le64 commit;
  Le64 cell_ms;  ///< times of the last entry
  Le64 wall_ms;
  Le64 clock_ms;  ///< the backend's own wall clock now
  WireMember members[kBackends];
};
static_assert(sizeof(PromiseHeader) == 168);

struct Refused {
  uint8_t type;
  uint8_t flags;  ///< as in Vote
  uint8_t of;     ///< CellMessage that was refused
  uint8_t reserved[5];
  Le64 epoch;     ///< of the refused message
  Le64 promised;  ///< the higher one
  Le64 incarnation;
};
static_assert(sizeof(Refused) == 32);

struct AskView {
  const Ask* header = nullptr;
};
struct HeardView {
  const Heard* header = nullptr;
};
struct PrepareView {
  const Prepare* header = nullptr;
};
struct PromiseView {
  const PromiseHeader* header = nullptr;
  Bytes introduction;
};
struct RefusedView {
  const Refused* header = nullptr;
};

Drop parse_ask(Bytes plain, AskView& out);
Drop parse_heard(Bytes plain, HeardView& out);
Drop parse_prepare(Bytes plain, PrepareView& out);
Drop parse_promise(Bytes plain, PromiseView& out);
Drop parse_refused(Bytes plain, RefusedView& out);
/// Writes a Promise with what the backend says of itself. Type and `introduction` of the header are set here.
/// 0 if `out` is too small.
size_t write_promise(PromiseHeader header, Bytes introduction, MutBytes out);

}  // namespace tercet
