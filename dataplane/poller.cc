#include "dataplane/poller.h"

namespace tercet::dataplane {

void Poller::run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    const Moment now = clock_.now();
    const MonoTime again = loop_.poll(now);
    loop_.wait(earlier(again, now.mono + kTurn));
  }
  loop_.finish();
}

}  // namespace tercet::dataplane
