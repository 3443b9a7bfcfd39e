#include "dataplane/net/neighbours.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

constexpr size_t index_of(auto value) { return static_cast<size_t>(value); }

}  // namespace

Neighbours::Neighbours(size_t capacity) {
  // Twice the room, so that few sets overflow before the table is as full as was asked for.
  const size_t places = std::bit_ceil(std::max<size_t>(capacity, 256) * 2);
  entries_.resize(places);
  set_mask_ = static_cast<uint32_t>(places / kWays - 1);
}

uint32_t Neighbours::set_of(const Ipv4& address) const {
  // Fibonacci hashing: neighbouring addresses, the usual case, spread over all sets.
  const uint64_t mixed = uint64_t{number(address)} * 0x9E3779B97F4A7C15ULL;
  return (static_cast<uint32_t>(mixed >> 32U) & set_mask_) * static_cast<uint32_t>(kWays);
}

uint32_t Neighbours::place_of(const Ipv4& address) const {
  const uint32_t set = set_of(address);
  for (uint32_t place = set; place < set + kWays; ++place) {
    if (entries_[place].state != State::absent && same(entries_[place].address, address)) {
      return place;
    }
  }
  return kNil;
}

uint32_t Neighbours::make(const Ipv4& address, bool needed) {
  // What an entry is worth. One that we need may push out any that is not in use; one that we were told of,
  // only its like.
  const auto worth = [](const Entry& entry) {
    switch (entry.state) {
      case State::absent:
        return 0;
      case State::stale:
        return entry.kept ? 5 : 1;
      case State::asking:
        return entry.kept ? 5 : 2;
      case State::fresh:
      case State::checking:
        break;
    }
    return entry.kept ? 5 : entry.used ? 4 : 3;
  };
  const uint32_t set = set_of(address);
  uint32_t best = set;
  for (uint32_t place = set + 1; place < set + kWays; ++place) {
    const int a = worth(entries_[place]);
    const int b = worth(entries_[best]);
    // Of equals the one that is due first: heard of longest ago.
    if (a < b || (a == b && entries_[place].due < entries_[best].due)) {
      best = place;
    }
  }
  if (worth(entries_[best]) > (needed ? 3 : 1)) {
    ++refused_;
    return kNil;
  }
  if (entries_[best].state != State::absent) {
    remove(best);
  }
  Entry& entry = entries_[best];
  entry = Entry{};
  entry.address = address;
  ++size_;
  return best;
}

Neighbours::Look Neighbours::find(const Ipv4& address, NeighbourHint& hint, MonoTime now, Mac& mac) {
  uint32_t place = place_of(address);
  if (place == kNil) {
    place = make(address, true);
    if (place == kNil) {
      return Look::asking;
    }
    entries_[place].used = true;
    enter(place, State::asking, Queue::now, now);
  }
  hint.place = place;
  Entry& entry = entries_[place];
  entry.used = true;
  if (entry.state == State::asking) {
    return Look::asking;
  }
  if (entry.state == State::stale) {
    entry.tries = 0;
    enter(place, State::checking, Queue::now, now);
  }
  mac = entry.mac;
  return Look::ready;
}

Neighbours::Heard Neighbours::heard(const Ipv4& address, const Mac& mac, bool answer, bool add,
                                    MonoTime now) {
  Heard out;
  uint32_t place = place_of(address);
  if (place == kNil) {
    place = add ? make(address, false) : kNil;
    if (place != kNil) {
      entries_[place].mac = mac;
      enter(place, State::stale, Queue::idle, now);
      out.known = out.learned = true;
    }
    return out;
  }
  Entry& entry = entries_[place];
  const bool asked = entry.state == State::asking;
  out.known = true;
  out.learned = asked;
  out.moved = !asked && !same(entry.mac, mac);
  out.kept = entry.kept;
  out.was = entry.mac;
  entry.mac = mac;
  if (asked || (answer && entry.state == State::checking)) {
    // RFC 826 makes no difference between an answer and a question as proof of a MAC, nor do we for one that
    // has none.
    resolutions_ += asked ? 1 : 0;
    entry.used = false;
    entry.tries = 0;
    enter(place, State::fresh, Queue::fresh, now);
  } else if (out.moved) {
    // Believed at once: this is how an address fails over. But somebody only said so, so it is checked when
    // needed.
    entry.tries = 0;
    if (entry.used || entry.kept) {
      enter(place, State::checking, Queue::now, now);
    } else {
      enter(place, State::stale, Queue::idle, now);
    }
  } else if (entry.state == State::stale || (answer && entry.state == State::fresh)) {
    enter(place, entry.state, entry.queue, now);  // from now on again
  }
  return out;
}

void Neighbours::keep(const Ipv4& address, MonoTime now) {
  uint32_t place = place_of(address);
  if (place == kNil) {
    place = make(address, true);
    if (place == kNil) {
      return;  // a set full of kept ones: it is looked up like any other
    }
    enter(place, State::asking, Queue::now, now);
  }
  entries_[place].kept = true;
}

void Neighbours::forget(const Ipv4& address) {
  const uint32_t place = place_of(address);
  if (place != kNil) {
    remove(place);
  }
}

Neighbours::Question Neighbours::next_question(MonoTime now) {
  while (due_ <= now) {
    uint32_t place = kNil;
    for (const List& list : lists_) {
      if (list.first != kNil && (place == kNil || entries_[list.first].due < entries_[place].due)) {
        place = list.first;
      }
    }
    Entry& entry = entries_[place];
    switch (entry.state) {
      case State::fresh:
        if (!entry.used && !entry.kept) {
          enter(place, State::stale, Queue::idle, now);
          continue;
        }
        entry.tries = 0;
        entry.state = State::checking;
        break;
      case State::checking:
        if (entry.tries >= kNeighbourTries) {
          // It does not answer there: whoever has the address now is asked for, and not sent to meanwhile.
          entry.state = State::asking;
          entry.tries = 0;
        }
        break;
      case State::asking:
        if (entry.tries >= kNeighbourTries) {
          if (!entry.kept) {
            ++unanswered_;
            remove(place);
            continue;
          }
          unanswered_ += entry.tries == kNeighbourTries ? 1 : 0;  // once, however long it goes on
        }
        break;
      case State::stale:
        remove(place);
        continue;
      case State::absent:
        TERCET_CHECK(false, "an absent neighbour stands in no queue");
    }
    entry.tries = static_cast<uint8_t>(std::min<int>(entry.tries + 1, kNeighbourTries + 1));
    const Question question{true, entry.address, entry.state == State::checking ? entry.mac : kBroadcast};
    enter(place, entry.state, Queue::retry, now);
    return question;
  }
  return {};
}

bool Neighbours::known(const Ipv4& address, Mac& mac) const {
  const uint32_t place = place_of(address);
  if (place == kNil || entries_[place].state == State::asking) {
    return false;
  }
  mac = entries_[place].mac;
  return true;
}

void Neighbours::enter(uint32_t place, State state, Queue queue, MonoTime now) {
  constexpr std::array<Duration, index_of(Queue::count_)> kDelays{Duration{}, Duration{}, kNeighbourRetry,
                                                                  kNeighbourFresh, kNeighbourIdle};
  unlink(place);
  entries_[place].state = state;
  link(place, queue, now + kDelays[index_of(queue)]);
  look_at_heads();
}

void Neighbours::remove(uint32_t place) {
  unlink(place);
  entries_[place].state = State::absent;
  entries_[place].kept = false;
  --size_;
  look_at_heads();
}

void Neighbours::unlink(uint32_t place) {
  Entry& entry = entries_[place];
  if (entry.queue == Queue::none) {
    return;
  }
  List& list = lists_[index_of(entry.queue)];
  (entry.previous == kNil ? list.first : entries_[entry.previous].next) = entry.next;
  (entry.next == kNil ? list.last : entries_[entry.next].previous) = entry.previous;
  entry.previous = entry.next = kNil;
  entry.queue = Queue::none;
}

void Neighbours::link(uint32_t place, Queue queue, MonoTime due) {
  // At the end: all in a queue wait equally long, so it stays in order of time as long as time does not go
  // back.
  Entry& entry = entries_[place];
  List& list = lists_[index_of(queue)];
  entry.queue = queue;
  entry.due = due;
  entry.previous = list.last;
  entry.next = kNil;
  (list.last == kNil ? list.first : entries_[list.last].next) = place;
  list.last = place;
}

void Neighbours::look_at_heads() {
  due_ = MonoTime::never();
  for (const List& list : lists_) {
    if (list.first != kNil) {
      due_ = earlier(due_, entries_[list.first].due);
    }
  }
}

}  // namespace tercet::dataplane
