#pragma once
// Neighbours: which MAC has an address of this link, learned by ARP (RFC 826), asked for when it is needed,
// and asked again, by unicast, before it is too old to be believed (RFC 1122 §2.3.2.1; the states are those
// of RFC 4861 §7.3.2, so that neighbour discovery can have the same table).
//
//     absent ──needed──► asking ──heard──► fresh ──kFresh──► (used since?) ─yes─► checking ──answered──►
//     fresh
//                          │ kTries            ▲                  no ▼                │ kTries
//                          ▼                   └─answered─ checking ◄─used─ stale      ▼
//                        absent                                      │ kIdle         asking
//                                                                    ▼
//                                                                  absent
//
// A stale or checked neighbour is still used. One of kept() is asked for as long as it does not answer.
//
// Bounded: sets of eight, found by a hash of the address; a set that is full gives up the entry that matters
// least, never one that is in use for one that somebody merely told us about: who floods the link with ARP
// cannot push out whom we talk to. What is due next stands at the head of one of four queues, each with one
// delay for all, so that nothing is ever searched for.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"

namespace tercet::dataplane {

// Chosen by us, near what Linux does (gc_stale_time 60 s, base_reachable_time 15 to 45 s, 3 probes, 1 s
// apart).
inline constexpr Duration kNeighbourFresh = seconds(20);  ///< then a used one is checked
inline constexpr Duration kNeighbourRetry = seconds(1);   ///< between two questions for the same one
inline constexpr Duration kNeighbourIdle = seconds(300);  ///< a stale one that nobody used is forgotten
inline constexpr uint8_t kNeighbourTries = 3;

/// Where a neighbour stood when it was last looked for: a look without a search. Never wrong, at most of no
/// use.
struct NeighbourHint {
  uint32_t place = 0;
};

class Neighbours {
 public:
  /// Room for at least `capacity` (rounded up: twice as many places, in sets of eight).
  explicit Neighbours(size_t capacity);

  /// The MAC of a neighbour that is fresh and still where it stood, until the next call; nothing changes but
  /// that it counts as used. A few ns; nullptr: ask find().
  const Mac* ready(const Ipv4& address, NeighbourHint hint) {
    Entry& entry = entries_[hint.place];
    if (!same(entry.address, address) || entry.state != State::fresh) {
      return nullptr;
    }
    entry.used = true;
    return &entry.mac;
  }
  enum class Look : uint8_t { ready, asking };
  /// The MAC of a neighbour that is to be sent to. Absent: an entry is made, and the question is due now. (If
  /// its set is full of such that are in use, there is none: counted in refused().) The caller sees to it
  /// that `address` is on the link and none of ours.
  Look find(const Ipv4& address, NeighbourHint& hint, MonoTime now, Mac& mac);

  struct Heard {
    bool known = false;    ///< it is in the table now
    bool learned = false;  ///< it became known
    bool moved = false;    ///< it came to have another MAC
    bool kept = false;     ///< … and is one of kept(): whom we cannot do without
    Mac was{};             ///< `moved`: the MAC before
  };
  /// An ARP packet said that `mac` has `address`. `answer`: it was sent to us, as answers are. `add`: made
  /// known even if it was absent (RFC 826: we are the target).
  Heard heard(const Ipv4& address, const Mac& mac, bool answer, bool add, MonoTime now);
  /// Never given up for another, and kept fresh whether used or not: the next hops of connected lanes,
  /// gateways. Asked for at once.
  void keep(const Ipv4& address, MonoTime now);
  /// It is an address of ours now.
  void forget(const Ipv4& address);

  struct Question {
    bool any = false;
    Ipv4 address{};
    Mac to{};  ///< the neighbour's own (it is checked), or broadcast
  };
  /// Takes the next question that is due; what became too old on the way is forgotten.
  Question next_question(MonoTime now);
  /// When next_question() has something to do: a question, or one that becomes too old.
  [[nodiscard]] MonoTime due() const { return due_; }

  [[nodiscard]] uint64_t resolutions() const { return resolutions_; }
  [[nodiscard]] uint64_t unanswered() const { return unanswered_; }
  [[nodiscard]] uint64_t refused() const { return refused_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t places() const { return entries_.size(); }
  /// The MAC of `address`, if it is known; looks only (tests, status).
  [[nodiscard]] bool known(const Ipv4& address, Mac& mac) const;

 private:
  enum class State : uint8_t { absent, asking, fresh, checking, stale };
  enum class Queue : uint8_t { none, now, retry, fresh, idle, count_ };
  static constexpr size_t kWays = 8;
  static constexpr uint32_t kNil = UINT32_MAX;

  struct Entry {
    Ipv4 address{};
    Mac mac{};
    State state = State::absent;
    Queue queue = Queue::none;
    uint8_t tries = 0;
    bool used = false;  ///< sent to since it was last fresh
    bool kept = false;
    uint32_t previous = kNil;
    uint32_t next = kNil;
    MonoTime due;
  };
  struct List {
    uint32_t first = kNil;
    uint32_t last = kNil;
  };

  [[nodiscard]] uint32_t set_of(const Ipv4& address) const;
  [[nodiscard]] uint32_t place_of(const Ipv4& address) const;
  uint32_t make(const Ipv4& address, bool needed);
  void enter(uint32_t place, State state, Queue queue, MonoTime now);
  void remove(uint32_t place);
  void unlink(uint32_t place);
  void link(uint32_t place, Queue queue, MonoTime due);
  void look_at_heads();

  std::vector<Entry> entries_;
  std::array<List, static_cast<size_t>(Queue::count_)> lists_{};
  MonoTime due_ = MonoTime::never();
  uint32_t set_mask_ = 0;
  size_t size_ = 0;
  uint64_t resolutions_ = 0;
  uint64_t unanswered_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace tercet::dataplane
