#include "dataplane/turns.h"

#include <algorithm>

namespace tercet::dataplane {

void Turns::begin(MonoTime now, MonoTime slept_since) {
  counters_.polls.add();
  if (now - kLate > due_) {
    counters_.late_polls.add();
    counters_.latest_ns.set(std::max(counters_.latest_ns.get(), static_cast<uint64_t>((now - due_).ns)));
  }
  if (ran_) {
    const bool slept = slept_since > began_;
    const MonoTime worked_until = slept ? std::min(slept_since, now) : worked_ ? now : began_;
    const auto work = static_cast<uint64_t>(std::max<int64_t>((worked_until - began_).ns, 0));
    const auto idle = static_cast<uint64_t>(std::max<int64_t>((now - worked_until).ns, 0));
    counters_.busy_ns.add(work);
    counters_.idle_ns.add(idle);
    if (work > 0) {
      counters_.worked.note(work);
    }
    if (work > counters_.longest_ns.get()) {
      counters_.longest_ns.set(work);
    }
  }
  ran_ = true;
  worked_ = false;
  began_ = now;
}

void Turns::took(size_t count) {
  if (count == 0) {
    return;
  }
  worked_ = true;
  counters_.busy_polls.add();
  counters_.taken.add(count);
  if (count > counters_.taken_max.get()) {
    counters_.taken_max.set(count);
  }
}

}  // namespace tercet::dataplane
