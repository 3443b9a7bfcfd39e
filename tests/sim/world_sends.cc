// What leaves a host: to whom it goes, and the traps that stand at that door.

#include "tests/sim/world.h"

namespace tercet::sim {

/// This LB's trap is armed, and this is an Accept with entries.
bool World::last_word(unsigned lb, Bytes plain) const {
  CellView view;
  if (!lbs_[lb].trapped || plain[0] != static_cast<uint8_t>(CellMessage::accept) ||
      parse_cell(plain, view) != Drop::none) {
    return false;
  }
  AcceptWalk walk(std::get<AcceptView>(view));
  AcceptEntry item;
  return walk.next(item) && !item.is_read;
}

/// Its Prepares reach one backend now, and the two others when they have forgotten who holds the epoch.
void World::hold_prepares(unsigned lb) {
  lbs_[lb].prepare_trapped = false;
  const auto slot = static_cast<unsigned>(random_.below(kBackends));
  trace("b%u alone gets lb%u's Prepare", slot + 1, lb + 1);
  backends_[slot].trap = CellMessage::promise;
  backends_[slot].trap_wipes = true;
  for (unsigned other = 0; other < kBackends; ++other) {
    lbs_[lb].no_prepare_before[other] =
        other == slot ? now_ : now_ + random_.between(milliseconds(130), milliseconds(295));
  }
}

bool World::held_back(Host from, Host to, Bytes plain) const {
  return from < 2 && to >= 2 && plain[0] == static_cast<uint8_t>(CellMessage::prepare) &&
         now_ < lbs_[from].no_prepare_before[to - 2U];
}

void World::route(Host from, const Outbox& out) {
  for (const Outbox::Parcel& parcel : out.parcels()) {
    const Bytes bytes = out.bytes(parcel);
    if (from < 2 && !parcel.servers.empty() && last_word(from, bytes)) {
      const auto to = static_cast<Host>(2 + random_.below(kBackends));
      if (parcel.servers.has(static_cast<ServerId>(to)) && !held_back(from, to, bytes)) {
        network_.send(now_, from, to, bytes.data(), bytes.size());
      }
      trapped_lbs_.push_back(from);
      crash_lb(from);
      return;
    }
    if (parcel.servers.empty()) {
      if (!lbs_[from].clients_cut) {
        network_.send(now_, from, static_cast<Host>(parcel.client.endpoint.port), bytes.data(), bytes.size());
      }
      continue;
    }
    if (from < 2 && lbs_[from].prepare_trapped && bytes[0] == static_cast<uint8_t>(CellMessage::prepare)) {
      hold_prepares(from);
    }
    for (Host to = 0; to < kServers; ++to) {
      if (parcel.servers.has(static_cast<ServerId>(to)) && !held_back(from, to, bytes)) {
        network_.send(now_, from, to, bytes.data(), bytes.size());
      }
    }
  }
}

/// Clients turn to `lb`. Another one that has the address hears its VRRP advert on the clients' network,
/// where the path between the LBs may be cut: it asks whether its own epoch stands, and announces the address
/// anew.
void World::announce(unsigned lb) {
  for (unsigned& believed : believes_) {
    believed = lb;
  }
  Lb& other = lbs_[1 - lb];
  if (other.owns && !other.clients_cut && !lbs_[lb].clients_cut) {
    other.service->command(
        {dataplane::Command::Kind::confirm, ++other.token, other.service->proposer().epoch(), {}},
        moment(static_cast<Host>(1 - lb)));
    wake(static_cast<Host>(1 - lb), now_);
  }
}

}  // namespace tercet::sim
