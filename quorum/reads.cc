#include "quorum/reads.h"

#include <algorithm>

namespace tercet::quorum {

Reads::Reads(size_t capacity) : reads_(capacity), waiting_(capacity * 4), standing_(capacity * 4) {
  free_.reserve(capacity);
  clear();
}

void Reads::clear() {
  free_.clear();
  for (uint32_t i = 0; i < reads_.size(); ++i) {
    if (reads_[i].used) {
      reads_[i].used = false;
      ++reads_[i].generation;
    }
    free_.push_back(static_cast<uint32_t>(reads_.size()) - 1 - i);
  }
  used_ = 0;
  waiting_.clear();
  standing_.clear();
}

bool Reads::add(Bytes query, Tag tag) {
  if (free_.empty() || waiting_.full() || query.size() > decltype(Read::query)::capacity()) {
    return false;
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  Read& read = reads_[slot];
  read.used = true;
  read.placed = false;
  read.misses = 0;
  read.tag = tag;
  read.answered = {};
  read.has_body = false;
  read.query.resize(query.size());
  std::copy(query.begin(), query.end(), read.query.begin());
  ++used_;
  waiting_.push_back() = {slot, read.generation};
  return true;
}

Reads::Read* Reads::waiting(uint32_t& slot) {
  while (!waiting_.empty()) {
    if (current(waiting_.front())) {
      slot = waiting_.front().slot;
      return standing_.full() ? nullptr : &reads_[slot];
    }
    waiting_.pop_front();
  }
  return nullptr;
}

void Reads::placed(Seq place, SlotSet readers, MonoTime now) {
  const Queued queued = waiting_.front();
  waiting_.pop_front();
  standing_.push_back() = queued;
  Read& read = reads_[queued.slot];
  read.placed = true;
  read.place = place;
  read.readers = readers;
  read.asked_at = now;
  if (read.misses == 0) {
    read.first_at = now;
  }
  read.answered = {};
  read.has_body = false;
}

Reads::Read* Reads::oldest(uint32_t& slot) {
  while (!standing_.empty()) {
    if (current(standing_.front())) {
      slot = standing_.front().slot;
      return waiting_.full() ? nullptr : &reads_[slot];
    }
    standing_.pop_front();
  }
  return nullptr;
}

void Reads::miss() {
  const uint32_t slot = standing_.front().slot;
  standing_.pop_front();
  Read& read = reads_[slot];
  ++read.misses;
  ++read.generation;
  read.placed = false;
  waiting_.push_back() = {slot, read.generation};
}

Duration Reads::patience() const {
  return std::min(std::max(time_ + deviation_ * 4, kReadAgainMin) * (int64_t{1} << doubled_), kReadAgainMax);
}

void Reads::answered_after(Duration time) {
  const Duration error = time - time_;
  time_ = time_ + error / 8;
  const Duration size = error.ns < 0 ? Duration{-error.ns} : error;
  deviation_ = deviation_ + (size - deviation_) / 4;
  doubled_ = 0;
}

void Reads::were_late(MonoTime now) {
  constexpr unsigned kDoubledMax = 10;
  if (now < double_again_at_) {
    return;  // they were placed together with those that have been late already
  }
  doubled_ = std::min(doubled_ + 1, kDoubledMax);
  double_again_at_ = now + patience();
}

Reads::Read* Reads::any(uint32_t& slot) {
  Read* read = oldest(slot);
  return read != nullptr ? read : waiting(slot);
}

bool Reads::answer(Slot from, const AnswerView& view) {
  const AnswerHeader& h = *view.header;
  if (h.slot >= reads_.size()) {
    return false;
  }
  Read& read = reads_[h.slot];
  if (!read.used || !read.placed || read.generation != h.generation || Seq{h.place} != read.place ||
      !read.readers.has(from)) {
    return false;
  }
  read.answered.add(from);
  read.hashes[index(from)] = h.hash.get();
  if ((h.flags & kWhole) != 0 && hash128(view.body) == h.hash.get()) {
    read.has_body = true;
    read.body_hash = h.hash.get();
    read.body.resize(view.body.size());
    std::copy(view.body.begin(), view.body.end(), read.body.begin());
  }
  if (!read.has_body) {
    return false;
  }
  unsigned equal = 0;
  for (const Slot slot : kSlots) {
    equal += read.answered.has(slot) && read.hashes[index(slot)] == read.body_hash ? 1 : 0;
  }
  return equal >= 2;
}

void Reads::free(uint32_t slot) {
  Read& read = reads_[slot];
  read.used = false;
  ++read.generation;
  --used_;
  free_.push_back(slot);
}

}  // namespace tercet::quorum
