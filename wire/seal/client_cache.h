#pragma once
// Prepared keys of the clients that an LB lately heard. A client is in one of two sets of four (Azar et al.,
// "Balanced allocations", 1999): where each had one set alone, clients that come in turn lost their places to
// each other in every set that was one too full, which at 38 % of the room were 7 % of them, at 76 % 36 %;
// with two it is next to none. The tags of a set are side by side in two cache lines. 2,080 B a client: two
// keys of 1 KiB and a tag, whatever the AEAD and its provider. A client enters only with a datagram that
// proved authentic. No replay window here: a client's requests are numbered, and a
// repeat only repeats the answer.
//
// A client's *place* is where it was found last. It travels with the query to the reply (ClientRef), so that
// a query is searched for once. It is a hint, compared before it is used: others may have taken the place
// since.

#include <array>
#include <cstdint>

#include "base/huge_vector.h"
#include "base/prefetch.h"
#include "wire/datagram.h"
#include "wire/seal/aead.h"

namespace tercet::seal {

class ClientCache {
 public:
  static constexpr unsigned kWays = 4;
  /// A client's two keys: its queries', and the replies' (made with the first reply).
  struct Keys {
    PreparedKey query;
    PreparedKey reply;
  };
  static_assert(sizeof(Keys) == 2048);

  struct alignas(32) Tag {  // never across two cache lines
    SessionId session;
    AccessId access;  ///< 0: empty
    uint32_t used = 0;
    bool query_ready = false;
    bool reply_ready = false;
  };
  struct Entry {
    Tag* tag = nullptr;  ///< nullptr: not held
    Keys* keys = nullptr;
  };

  /// Room for `entries` clients, rounded up to a power of two ≥ 4; 0: none. `salt` keeps clients from
  /// choosing their set.
  ClientCache(size_t entries, uint64_t salt);
  ~ClientCache();
  ClientCache(const ClientCache&) = delete;
  ClientCache& operator=(const ClientCache&) = delete;

  [[nodiscard]] Entry find(AccessId access, const SessionId& session);
  /// The same, looking at `place` first, which may be any number.
  [[nodiscard]] Entry find(AccessId access, const SessionId& session, uint32_t place) {
    if (place < keys_.size()) {
      const Entry entry = at(place);
      if (entry.tag->access == access && entry.tag->session == session) [[likely]] {
        return entry;
      }
    }
    return find(access, session);
  }
  [[nodiscard]] uint32_t place_of(const Entry& entry) const {
    return static_cast<uint32_t>(entry.keys - keys_.data());
  }
  /// Takes a client in, with neither key ready, in place of the one of its sets that was silent longest.
  Entry admit(AccessId access, const SessionId& session);
  void touch(const Entry& entry) { entry.tag->used = ++clock_; }
  /// Starts loading the client's sets, for a find() that comes soon.
  void prefetch_set(AccessId access, const SessionId& session) const {
    if (sets_.empty()) {
      return;
    }
    for (const size_t place : sets_of(access, session)) {
      const auto* set = reinterpret_cast<const uint8_t*>(&sets_[place]);
      prefetch(set);
      prefetch(set + 64);
    }
  }
  /// Starts loading the tag at `place`. Returns the keys there, whoever's they are, to prefetch what is
  /// wanted of them; null: there is no such place.
  [[nodiscard]] const Keys* prefetch_tag(uint32_t place) const {
    if (place >= keys_.size()) {
      return nullptr;
    }
    prefetch(&sets_[place / kWays].tags[place % kWays]);
    return &keys_[place];
  }
  /// Forgets the replies' keys: our own session changed.
  void forget_replies();
  [[nodiscard]] size_t capacity() const { return keys_.size(); }

 private:
  struct alignas(64) Set {
    std::array<Tag, kWays> tags;
  };
  static_assert(sizeof(Set) == 128);
  [[nodiscard]] Entry at(size_t place) { return {&sets_[place / kWays].tags[place % kWays], &keys_[place]}; }
  /// Two places, the same one only where there is but one set.
  [[nodiscard]] std::array<size_t, 2> sets_of(AccessId access, const SessionId& session) const;

  HugeVector<Set> sets_;
  HugeVector<Keys> keys_;
  uint64_t salt_;
  uint32_t clock_ = 0;
};

}  // namespace tercet::seal
