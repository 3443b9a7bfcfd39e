#include "quorum/presence.h"

namespace tercet::quorum {
namespace {

bool is_back(const Sight& sight) {
  return sight.state == BackendState::voting && sight.container == ContainerState::here;
}

bool is_gone(const Sight& sight, Duration absent_after) {
  switch (sight.state) {
    case BackendState::down:
      return sight.silent >= absent_after;
    case BackendState::voting:
      return sight.container != ContainerState::here;
    default:
      // Whoever votes with a book that stands still knows no newer container; but that it has none, it knows.
      return sight.container == ContainerState::gone;
  }
}

}  // namespace

std::optional<ConstituentGoneBody> change_of_presence(const std::array<Sight, kBackends>& sights,
                                                      uint8_t absent, Duration absent_after) {
  const auto is_absent = [absent](unsigned slot) { return (absent >> slot & 1U) != 0; };
  for (uint8_t slot = 0; slot < kBackends; ++slot) {
    if (is_absent(slot) && is_back(sights[slot])) {
      return ConstituentGoneBody{.slot = slot, .gone = 0, .reserved = {}};
    }
  }
  for (uint8_t slot = 0; slot < kBackends; ++slot) {
    if (!is_absent(slot) && is_gone(sights[slot], absent_after)) {
      return ConstituentGoneBody{.slot = slot, .gone = 1, .reserved = {}};
    }
  }
  return std::nullopt;
}

}  // namespace tercet::quorum
