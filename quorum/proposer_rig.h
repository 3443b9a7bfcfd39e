#pragma once
// For the proposer's tests: names for the small cell's hosts, and what is lost between them.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "quorum/proposer.h"
#include "quorum/testing.h"

namespace tercet::quorum {

using testing::Bench;
using testing::kLives;
using testing::message_of;
using testing::only;
using testing::prepare_of;
using testing::SmallCell;

using Flight = SmallCell::Flight;
using Role = RoleChange::Kind;

inline constexpr ServerId LB1 = ServerId::lb1;
inline constexpr ServerId LB2 = ServerId::lb2;

inline bool touches(const Flight& flight, ServerId server) {
  return flight.from == server || flight.to == server;
}
inline std::function<bool(const Flight&)> cut_off(std::vector<ServerId> servers) {
  return [servers](const Flight& flight) {
    for (const ServerId server : servers) {
      if (touches(flight, server)) {
        return true;
      }
    }
    return false;
  };
}
inline const auto kNothingLost = [](const Flight&) { return false; };

}  // namespace tercet::quorum
