#include "wire/seal/peer_sessions.h"

#include <algorithm>

namespace tercet::seal {

PeerSessions::Entry* PeerSessions::find(const SessionId& session) {
  for (Entry& entry : entries_) {
    if (entry.used != 0 && entry.session == session) {
      return &entry;
    }
  }
  return nullptr;
}

bool PeerSessions::may_be_new(const SessionId& session, uint64_t counter) const {
  return counter != 0 && std::ranges::none_of(retired_, [&](const Retired& r) {
           return r.session == session && r.newest >= counter;
         });
}

PeerSessions::Entry& PeerSessions::admit(const SessionId& session, const PreparedKey& key) {
  Entry& victim = *std::ranges::min_element(entries_, {}, &Entry::used);
  if (victim.used != 0) {
    retire(victim);
  }
  uint64_t seen = 0;
  for (const Retired& r : retired_) {
    if (r.session == session) {
      seen = std::max(seen, r.newest);
    }
  }
  victim.session = session;
  victim.key = key;
  victim.used = ++clock_;
  victim.window = ReplayWindow{};
  if (seen != 0) {
    victim.window.reset_above(seen);
  }
  return victim;
}

void PeerSessions::accept(Entry& entry, uint64_t counter) {
  entry.window.accept(counter);
  entry.used = ++clock_;
}

void PeerSessions::retire(const Entry& entry) {
  for (Retired& r : retired_) {
    if (r.newest != 0 && r.session == entry.session) {
      r.newest = std::max(r.newest, entry.window.newest());
      return;
    }
  }
  retired_[next_retired_] = {entry.session, entry.window.newest()};
  next_retired_ = (next_retired_ + 1) % kRetired;
}

PeerSessions::~PeerSessions() { wipe(&entries_, sizeof entries_); }

}  // namespace tercet::seal
