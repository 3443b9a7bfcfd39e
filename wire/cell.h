#pragma once
// Between the servers, in plain (sealed by wire/seal). Every message begins with its CellMessage byte; each
// is declared once here or in the file named, little-endian, alignment 1. parse_cell checks lengths and
// ranges and hands out views.
//
//   LB → backend   Accept Prepare Ask Keepalive
//   backend → LB   Vote Answer Promise Refused Heard Missing
//   who has them → backend   Entries (on Missing), Chunk (on Fetch)
//   backend → backend        Fetch
//   LB ↔ LB        Heartbeat

#include <variant>

#include "wire/accept.h"
#include "wire/drop.h"
#include "wire/fetch.h"
#include "wire/heartbeat.h"
#include "wire/prepare.h"
#include "wire/vote.h"

namespace tercet {

using CellView =
    std::variant<AcceptView, PrepareView, AskView, KeepaliveView, VoteView, AnswerView, PromiseView,
                 RefusedView, HeardView, MissingView, EntriesView, HeartbeatView, FetchView, ChunkView>;

/// Reads one message. Views borrow `plain`. On a drop `out` is unspecified.
Drop parse_cell(Bytes plain, CellView& out);

}  // namespace tercet
