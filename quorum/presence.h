#pragma once
// Presence: whose constituents count (DESIGN §3). A pure decision of the LB that serves: from what it sees of
// the backends, and what two books hold for absent, follows the one entry that it orders next. What is book
// state is not told twice: nothing follows while the two agree.
//
//   its container is not the book's, as a backend that votes says │ absent at once
//   down for absent_after                                         │ absent
//   votes, and has its container                                  │ back
//   anything between                                              │ as it is

#include <array>
#include <optional>

#include "quorum/backends.h"
#include "wire/entry.h"

namespace tercet::quorum {

/// What an LB sees of one backend.
struct Sight {
  BackendState state = BackendState::down;
  ContainerState container = ContainerState::here;  ///< by its own word
  Duration silent;                                  ///< nothing was heard of it for so long
};

/// `absent`: bits of slots, as the book has them. Those that are back come first: no grant waits for them.
std::optional<ConstituentGoneBody> change_of_presence(const std::array<Sight, kBackends>& sights,
                                                      uint8_t absent, Duration absent_after);

}  // namespace tercet::quorum
