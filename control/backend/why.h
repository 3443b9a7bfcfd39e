#pragma once
// Why a backend does not vote, one line for people: `"why"` in its /v1/status, and its log.

#include <string>

#include "backend/replica.h"

namespace tercet::control {

/// What the replica's view does not tell.
struct WhyFacts {
  std::string stopped = {};  ///< in state stopped: what failed, and how
  std::string no_room = {};  ///< while it waits for room: where, and how much
  std::string lost = {};     ///< why this life began with an empty log; empty: its disk was new
};
/// Empty: it votes.
std::string why_not_voting(const backend::ReplicaView& view, const WhyFacts& facts);

}  // namespace tercet::control
