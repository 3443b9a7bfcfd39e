#include "tests/sim/checkers.h"

#include <cstdio>

namespace tercet::sim {

void Checkers::decided(const char* who, Seq seq, const Hash128& l, CellTime cell, MonoTime when) {
  auto [at, fresh] = decided_.try_emplace(seq.value, Decided{l, cell, when, std::nullopt});
  if (!fresh) {
    if (at->second.l != l) {
      fail("I1/I2: " + std::string(who) + " holds another entry decided at seq " + std::to_string(seq.value));
    }
    return;
  }
  if (at != decided_.begin()) {
    const auto before = std::prev(at);
    const int64_t step = cell.ms - before->second.cell.ms;
    if (before->first + 1 == seq.value && (step < 0 || step > 1000)) {
      fail("I8: cell time steps by " + std::to_string(step) + " ms at seq " + std::to_string(seq.value));
    }
    // A step of a second may follow a pause, and another one a takeover by an LB that slept as well; not one
    // after the other until the pause is made up for.
    auto earlier = before;
    for (unsigned i = 0; i < 6 && earlier != decided_.begin(); ++i) {
      earlier = std::prev(earlier);
    }
    const Duration passed = when - earlier->second.at;
    const int64_t made_up = cell.ms - earlier->second.cell.ms - passed.ms();
    if (earlier->first + 7 == seq.value && passed < milliseconds(500) && made_up > 2300) {
      fail("I8: cell time gained " + std::to_string(made_up) + " ms within seven entries at seq " +
           std::to_string(seq.value));
    }
  }
}

void Checkers::forced(Seq last) {
  const auto lost = decided_.upper_bound(last.value);
  seats_known_ = seats_known_ && lost == decided_.end();
  decided_.erase(lost, decided_.end());
}

void Checkers::state(const char* who, Seq seq, const Hash128& l, uint64_t s) {
  const auto at = decided_.find(seq.value);
  if (at == decided_.end() || at->second.l != l) {
    return;
  }
  if (!at->second.s) {
    at->second.s = s;
  } else if (*at->second.s != s) {
    fail("I5: " + std::string(who) + " has another state at seq " + std::to_string(seq.value));
  }
}

bool Checkers::agrees(Seq seq, uint64_t s) const {
  const auto at = decided_.find(seq.value);
  return at != decided_.end() && at->second.s == s;
}

void Checkers::seated(Seq seq, int present, bool first) {
  if (present < 2) {
    fail("I7: a grant with " + std::to_string(present) + " constituent(s) present at seq " +
         std::to_string(seq.value));
  }
  if (!first) {
    fail("a late copy of a checkout seated its handle, which was done with, at seq " +
         std::to_string(seq.value));
  }
}

void Checkers::granted(const Handle& handle, uint32_t license, MonoTime from, MonoTime until) {
  Held& held = held_[handle.bytes];
  if (held.until.ns == 0) {
    held.from = from;
  }
  held.license = license;
  held.until = later(held.until, until);
  count_seats(license, from);
}

void Checkers::count_seats(uint32_t license, MonoTime at) {
  unsigned seats = 0;
  for (auto it = held_.begin(); it != held_.end();) {
    if (it->second.until <= at - seconds(5)) {
      it = held_.erase(it);
      continue;
    }
    seats += it->second.license == license && it->second.from <= at && it->second.until > at ? 1U : 0U;
    ++it;
  }
  if (seats_known_ && seats > quantity_[license]) {
    fail("I3: " + std::to_string(seats) + " clients hold one of " + std::to_string(quantity_[license]) +
         " seats");
  }
}

void Checkers::gave_back(const Handle& handle, MonoTime at) {
  const auto it = held_.find(handle.bytes);
  if (it != held_.end() && it->second.until > at) {
    it->second.until = at;
  }
}

void Checkers::lost_seat(const Handle& /*handle*/, const char* code) {
  if (!seats_known_) {
    return;
  }
  fail(std::string("I4: a seat that its client holds was denied as ") + code);
}

void Checkers::answered(const Handle& handle, uint32_t request, const std::vector<uint8_t>& result) {
  const auto [at, fresh] = answers_.try_emplace({handle.bytes, request}, result);
  if (seats_known_ && !fresh && at->second != result) {
    fail("a request was answered twice, differently: request " + std::to_string(request));
  }
}

}  // namespace tercet::sim
