#pragma once
// Times as types, without <chrono>: the pure folders may hold and compare times, never read a clock.

#include <compare>
#include <cstdint>

namespace tercet {

/// A span of time, signed, in nanoseconds.
struct Duration {
  int64_t ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration d) const { return {ns + d.ns}; }
  constexpr Duration operator-(Duration d) const { return {ns - d.ns}; }
  constexpr Duration operator*(int64_t k) const { return {ns * k}; }
  constexpr Duration operator/(int64_t k) const { return {ns / k}; }
  [[nodiscard]] constexpr int64_t ms() const { return ns / 1'000'000; }
  [[nodiscard]] constexpr int64_t us() const { return ns / 1'000; }
};
constexpr Duration nanoseconds(int64_t n) { return {n}; }
constexpr Duration microseconds(int64_t n) { return {n * 1'000}; }
constexpr Duration milliseconds(int64_t n) { return {n * 1'000'000}; }
constexpr Duration seconds(int64_t n) { return {n * 1'000'000'000}; }

/// A reading of this machine's CLOCK_MONOTONIC_RAW, in nanoseconds. Means nothing on another machine.
struct MonoTime {
  int64_t ns = 0;
  constexpr auto operator<=>(const MonoTime&) const = default;
  constexpr MonoTime operator+(Duration d) const { return {ns + d.ns}; }
  constexpr MonoTime operator-(Duration d) const { return {ns - d.ns}; }
  constexpr Duration operator-(MonoTime t) const { return {ns - t.ns}; }
  static constexpr MonoTime never() { return {INT64_MAX}; }
};

/// Milliseconds since 1970 by a wall clock, or by the log's median of wall clocks.
struct WallTime {
  int64_t ms = 0;
  constexpr auto operator<=>(const WallTime&) const = default;
  constexpr WallTime operator+(Duration d) const { return {ms + d.ms()}; }
  constexpr Duration operator-(WallTime t) const { return milliseconds(ms - t.ms); }
};

/// The cell's own time: milliseconds that advance with the active LB's monotonic clock and never go back (I8).
struct CellTime {
  int64_t ms = 0;
  constexpr auto operator<=>(const CellTime&) const = default;
  constexpr CellTime operator+(Duration d) const { return {ms + d.ms()}; }
  constexpr CellTime operator-(Duration d) const { return {ms - d.ms()}; }
  constexpr Duration operator-(CellTime t) const { return milliseconds(ms - t.ms); }
};

/// What a polling loop reads once per poll and hands to every step: no step reads a clock or draws randomness itself.
struct Moment {
  MonoTime mono;
  WallTime wall;
  uint64_t dice = 0;  ///< fresh random bits, for back-off and nonces
};

constexpr MonoTime earlier(MonoTime a, MonoTime b) { return a < b ? a : b; }
constexpr MonoTime later(MonoTime a, MonoTime b) { return a < b ? b : a; }

}  // namespace tercet
