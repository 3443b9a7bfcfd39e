#include "dataplane/real_clock.h"

#include <sys/random.h>

#include <ctime>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

int64_t nanoseconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
uint64_t next(uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

RealClock::RealClock() : state_(0) {
  read_wall({nanoseconds_of(CLOCK_MONOTONIC_RAW)});
  TERCET_CHECK(getrandom(&state_, sizeof state_, 0) == ssize_t{sizeof state_},
               "the kernel gives random bits");
}

Moment RealClock::now() {
  const MonoTime mono{nanoseconds_of(CLOCK_MONOTONIC_RAW)};
  if (mono - wall_read_ >= kWallFor) {
    read_wall(mono);
  }
  return {.mono = mono, .wall = wall_, .dice = next(state_)};
}

void RealClock::read_wall(MonoTime mono) {
  wall_ = {nanoseconds_of(CLOCK_REALTIME) / 1'000'000};
  wall_read_ = mono;
}

}  // namespace tercet::dataplane
