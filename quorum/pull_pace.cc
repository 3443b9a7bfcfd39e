#include "quorum/pull_pace.h"

#include <algorithm>

#include "quorum/limits.h"

namespace tercet::quorum {

void PullPace::heard(Seq commit, MonoTime now) {
  const Duration since = now - heard_at_;
  if (since < kPullPaceSpan) {
    return;
  }
  // What was heard long ago says nothing of now, nor does an LB that does not know its commit yet.
  const bool known = since < kPullPaceSpan * 5 && commit >= heard_;
  decided_ = known ? distance(heard_, commit) : 0;
  within_ = known ? since : Duration{};
  heard_ = commit;
  heard_at_ = now;
}

void PullPace::asked(Seq from, MonoTime now) {
  from_ = from;
  asked_at_ = earlier(due_, now);
  due_ = MonoTime::never();
}

MonoTime PullPace::answered(Seq next, MonoTime now) {
  due_ = now + rest(next, now);
  return due_;
}

Duration PullPace::rest(Seq next, MonoTime now) const {
  if (decided_ == 0 || now - heard_at_ >= kPullPaceSpan * 5 || next <= from_) {
    return {};
  }
  const Duration work = now - asked_at_;
  const double cells = static_cast<double>(within_.ns) / static_cast<double>(decided_);  // ns an entry
  const double enough = static_cast<double>(distance(from_, next)) * cells / kPullFaster;
  const Duration left = Duration{static_cast<int64_t>(std::min(enough, 1e9))} - work;
  return std::clamp(left, Duration{}, std::min(work * kPullRests, kPullRestMax));
}

}  // namespace tercet::quorum
