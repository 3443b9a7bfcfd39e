#pragma once
// Pace: so many bytes in so long, and then a pause until the next: for work that nobody waits for, beside
// work that somebody does. Pure: time comes in.

#include <cstddef>

#include "base/time.h"

namespace tercet::backend {

class Pace {
 public:
  struct Options {
    size_t bytes = 0;  ///< in one go …
    Duration each{};   ///< … and so long after it began comes the next
  };
  explicit Pace(const Options& options) : options_(options) {}

  /// When more may be done; in the past: now.
  [[nodiscard]] MonoTime again() const { return again_; }
  void did(size_t bytes, MonoTime now) {
    if (done_ == 0) {
      began_ = now;
    }
    done_ += bytes;
    if (done_ >= options_.bytes) {
      again_ = began_ + options_.each;
      done_ = 0;
    }
  }

 private:
  Options options_;
  size_t done_ = 0;  ///< of what goes in one go
  MonoTime began_;
  MonoTime again_;
};

}  // namespace tercet::backend
