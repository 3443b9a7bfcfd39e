#pragma once
// Clock: where a polling or control thread gets its Moment from, once a turn. RealClock on a machine; a
// simulator has its own time.

#include "base/time.h"

namespace tercet::dataplane {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  virtual Moment now() = 0;
};

}  // namespace tercet::dataplane
