#pragma once
// What the polling thread shows of itself: plain values, published now and then for status and metrics. And
// the status document that the control thread makes of it and that the polling thread serves to clients, page
// by page.

#include <array>
#include <optional>

#include "quorum/proposer.h"
#include "wire/heartbeat.h"

namespace tercet::dataplane {

struct SteerCounters {
  uint64_t queries = 0;  ///< operations taken from clients' datagrams
  uint64_t hellos = 0;
  uint64_t replies = 0;  ///< answers written
  uint64_t repeats_answered = 0;
  uint64_t repeats_dropped = 0;  ///< in flight already
  uint64_t busy = 0;
  uint64_t unavailable = 0;
  uint64_t not_active = 0;
  uint64_t reads = 0;
  uint64_t decided = 0;         ///< ordered operations answered
  uint64_t drop_malformed = 0;  ///< authentic, but not a message that we know
  uint64_t drop_no_room = 0;    ///< an answer found the outbox full: the client asks again
  uint64_t heartbeats_sent = 0;
  uint64_t heartbeats_heard = 0;
  uint64_t stalls = 0;
  uint64_t claims = 0;
};

struct BackendView {
  quorum::BackendState state = quorum::BackendState::down;
  Incarnation incarnation;
  Seq seq;                         ///< durable on our log, as last told
  Seq pulled_to;                   ///< durable on its own, which may be on the way to ours
  std::optional<uint64_t> digest;  ///< S at `digest_seq`
  Duration rtt;
  ContainerState container = ContainerState::here;         ///< by its own word
  bool absent = false;                                     ///< its constituents are, as two books say
  StopReason stop = StopReason::none;                      ///< why it is in state stopped, by its own word
  bool heard = false;                                      ///< ever, by this LB; then …
  Duration heard_ago;                                      ///< … so long ago …
  quorum::BackendState told = quorum::BackendState::down;  ///< … it said that it was in this state
  quorum::Said said;  ///< what it last said of itself, for the operator's order
};

struct View {
  bool known = false;
  ServerId self = ServerId::lb1;
  LbRole role = LbRole::standby;
  Epoch epoch;
  Epoch highest_seen;
  Seq commit;
  Seq last;
  bool serving = false;
  bool split = false;
  size_t undecided = 0;
  size_t in_flight = 0;
  Seq digest_seq;  ///< newest that all that vote had reached
  std::array<BackendView, kBackends> backends;
  LbRole peer_role = LbRole::standby;
  bool peer_heard = false;
  Epoch peer_epoch;
  Seq peer_commit;
  bool peer_serving = false;  ///< it said that two backends vote
  Duration clocks_apart;
  FixedVector<quorum::OutvotedEvent, 16> outvoted;
  SteerCounters counters;
  quorum::Proposer::Forced forced;  ///< the operator's last order, and what became of it
  uint32_t forced_token = 0;        ///< of that order's Command
  uint64_t forced_starts = 0;
  CellTime decided_cell;
  uint64_t resends = 0;
  uint64_t read_misses = 0;
};

/// Status as a JSON text; bounded, so that it can be served from one buffer.
struct StatusDocument {
  uint32_t version = 0;
  uint32_t size = 0;
  std::array<char, 24 << 10> text{};
};

}  // namespace tercet::dataplane
