#include "quorum/pull.h"

#include "quorum/chain.h"

namespace tercet::quorum {

void Pull::begin_at(Seq from, const LogView& log) {
  cursor_ = from;
  tail_ = log.l_at(previous(from));
  empty_stage();
  early_.clear();
  fed_by_.reset();
  ask_due_ = true;
}

void Pull::empty_stage() {
  stage_.clear();
  stage_adopted_ = 0;
  stage_l_ = tail_;
  adopt_through_ = {};
  complete_ = false;
}

void Pull::aim(const Target& target, Epoch epoch, ServerId lb, const Slot* source, const LogView& log,
               Seq commit, MonoTime now) {
  pace_.heard(target.commit, now);
  // Never ourselves, whoever named us: what we lack we do not have.
  const bool named = source != nullptr && *source != own_;
  if (active_ && epoch <= epoch_ && !(epoch == epoch_ && aims_anew_ && stage_.empty())) {
    if (epoch == epoch_ && named && preferred_ != *source) {
      preferred_ = *source;
      turn_ = 1;
      ask_due_ = true;
    }
    return;  // two backends promised the higher one: an LB of a lower one does not turn us back
  }
  active_ = true;
  answered_ = false;
  aims_anew_ = false;
  forget_images();
  target_ = target;
  epoch_ = epoch;
  lb_ = lb;
  preferred_ = named ? *source : kSlots[(index(own_) + 1) % kBackends];
  turn_ = source != nullptr ? 1 : 0;
  silent_ = 0;
  asked_at_ = now;
  // A gap: go on behind our last entry. Another L at a seq that we hold: from the first entry that is not
  // surely decided.
  from_commit_ = target.seq <= log.last();
  begin_at(from_commit_ ? tercet::next(commit) : tercet::next(log.last()), log);
}

void Pull::stop() {
  active_ = false;
  aims_anew_ = false;
  forget_images();
  empty_stage();
}

bool Pull::reached(const LogView& log) {
  if (active_ && (log.matches(target_.seq, target_.l) || target_.seq < log.base().seq)) {
    stop();
    choice_.succeeded();
    return true;
  }
  return false;
}

ServerId Pull::source() const {
  if (turn_ == 0) {
    return lb_;
  }
  if (turn_ == 1) {
    return server_of(preferred_);
  }
  for (const Slot slot : kSlots) {
    if (slot != own_ && slot != preferred_) {
      return server_of(slot);
    }
  }
  return lb_;
}

void Pull::next_source() {
  turn_ = (turn_ + 1) % 3;
  silent_ = 0;
  ask_due_ = true;
}

void Pull::take(ServerId from, const EntriesView& view, const LogView& log, Seq commit, MonoTime now) {
  const EntriesHeader& h = *view.header;
  if (!active_ || complete_ || h.number != number_ || from != source()) {
    return;
  }
  silent_ = 0;
  if (h.count == 0) {
    refused(from, h, log, now);
    asked_at_ = now;
    return;
  }
  if (awaited_ > 0 && --awaited_ == 0) {
    ask_due_ = true;
    answered_ = true;
  }
  if (Seq{h.first} > cursor_) {
    keep_early(view);
    return;
  }
  if (!take_next(from, view, log, commit)) {
    return;
  }
  for (const Early* next = take_early(); next != nullptr; next = take_early()) {
    if (!take_next(from, next->view(), log, commit)) {
      return;
    }
  }
  if (complete_) {
    ask_due_ = false;
  }
  asked_at_ = now;
}

/// This source does not have what comes next: its log ends before, or begins behind a checkpoint.
void Pull::refused(ServerId from, const EntriesHeader& h, const LogView& log, MonoTime now) {
  const Seq seq = previous(Seq{h.first});
  if (is_backend(from) && seq >= cursor_) {
    if (log.matches(seq, h.prev_l.get())) {
      begin_at(tercet::next(seq), log);  // ours up to there: decided entries are the same everywhere
      from_commit_ = true;
      return;
    }
    choice_.offered({from, seq, h.prev_l.get()});
  }
  next_source();
  if (++refusals_ < kBackends) {
    return;
  }
  image_ = choice_.best(now);
  ask_due_ = false;
  if (!image_) {
    // If none has one: their logs may begin behind what was named, so that none of them can tell.
    aims_anew_ = !choice_.any();
    forget_images();
  }
}

void Pull::forget_images() {
  refusals_ = 0;
  choice_.forget_offers();
  image_.reset();
}

void Pull::go_on(const LogView& log) {
  forget_images();
  choice_.succeeded();
  from_commit_ = false;
  if (active_) {
    begin_at(tercet::next(log.last()), log);
  }
}

void Pull::image_ended(const PeerImage& image, ImageEnd end, MonoTime now) {
  choice_.ended(image, end, now);
  forget_images();
  next_source();
  ask_due_ = false;  // in a while
}

/// Networks reorder: without this all but the first of a burst would be asked for again.
void Pull::keep_early(const EntriesView& view) {
  const size_t size = sizeof(EntriesHeader) + view.entries.size();
  if (early_.size() == kPullDatagrams || size > kCellPlainMax) {
    return;
  }
  Early& early = early_.emplace_back();
  early.first = Seq{view.header->first};
  early.size = size;
  std::memcpy(early.bytes.data(), view.header, sizeof(EntriesHeader));
  put_bytes({early.bytes.data() + sizeof(EntriesHeader), view.entries.size()}, view.entries);
}

/// The one that is next now; good until the next keep_early().
const Pull::Early* Pull::take_early() {
  for (Early& early : early_) {
    if (early.first == cursor_ && !complete_) {
      early.first = {};
      return &early;
    }
  }
  return nullptr;
}

/// False: it leads nowhere, or is an old one.
bool Pull::take_next(ServerId from, const EntriesView& view, const LogView& log, Seq commit) {
  const EntriesHeader& h = *view.header;
  if (Seq{h.first} != cursor_) {
    return false;
  }
  if (h.prev_l.get() != tail_) {
    // The first time it is our own tail that is another log's; or what another source gave was.
    const bool not_theirs = !from_commit_ || (fed_by_ && *fed_by_ != from);
    begin_at(tercet::next(commit), log);
    if (!not_theirs) {
      next_source();
    }
    from_commit_ = true;
    return false;
  }
  fed_by_ = from;
  EntriesWalk walk(view);
  EntryView entry;
  while (!complete_ && walk.next(entry)) {
    if (!stage(entry, Seq{h.commit}, log, commit)) {
      return false;
    }
  }
  return true;
}

/// The next entry of the log that is pulled. False: this source's answer leads nowhere.
bool Pull::stage(const EntryView& entry, Seq peers_commit, const LogView& log, Seq commit) {
  if (entry.seq != cursor_) {
    return false;
  }
  const Hash128 l = next_l(tail_, entry);
  const size_t size = entry_size(entry.op.size());
  const bool another_log = entry.seq == target_.seq && l != target_.l;  // than the one that the LB chose
  if (another_log || stage_.room() < size) {
    begin_at(tercet::next(commit), log);
    next_source();
    return false;
  }
  if (stage_.empty() && log.matches(entry.seq, l)) {
    stage_l_ = l;  // here already
  } else {
    uint8_t bytes[kRecordMax];
    write_entry(entry, {bytes, sizeof(bytes)});
    stage_.append(bytes, size);
  }
  tail_ = l;
  cursor_ = tercet::next(entry.seq);
  ++progress_;
  complete_ = entry.seq == target_.seq;
  if (!stage_.empty() && (complete_ || entry.seq <= peers_commit)) {
    adopt_through_ = entry.seq;
  }
  return true;
}

bool Pull::staged(EntryView& out) const {
  if (adopt_through_.value == 0) {
    return false;
  }
  const size_t size = parse_entry({stage_.data() + stage_adopted_, stage_.size() - stage_adopted_}, out);
  TERCET_CHECK(size != 0 && out.seq <= adopt_through_, "the stage holds what we wrote");
  return true;
}

void Pull::adopted(const LogView& log) {
  EntryView entry;
  if (!staged(entry)) {
    return;  // its epoch ended the pull
  }
  ++progress_;
  forget_images();  // those that were offered until now
  stage_l_ = log.l_at(entry.seq);
  stage_adopted_ += entry_size(entry.op.size());
  if (entry.seq < adopt_through_) {
    return;
  }
  const size_t left = stage_.size() - stage_adopted_;
  if (left != 0) {
    std::memmove(&stage_[0], stage_.data() + stage_adopted_, left);
  }
  stage_.resize_down(left);
  stage_adopted_ = 0;
  adopt_through_ = {};
}

bool Pull::ask(const LogView& log, MonoTime now, ServerId& to, Missing& ask, MonoTime& again) {
  if (!active_ || image_) {
    return false;
  }
  if (stage_.empty() && !from_commit_ && log.last() >= cursor_) {
    begin_at(tercet::next(log.last()), log);  // Accepts filled a part meanwhile
    silent_ = 0;
  }
  const bool silent = now - asked_at_ >= kPullAgain;
  if (!ask_due_ && !silent) {
    again = asked_at_ + kPullAgain;
    return false;
  }
  if (answered_) {
    answered_ = false;
    rests_until_ = pace_.answered(cursor_, now);
  }
  if (now < rests_until_) {
    again = rests_until_;
    return false;
  }
  if (silent && !ask_due_ && ++silent_ >= 2) {
    next_source();
  }
  ask_due_ = false;
  awaited_ = kPullDatagrams;
  early_.clear();
  asked_at_ = now;
  pace_.asked(cursor_, now);
  again = now + kPullAgain;
  to = source();
  ask = {};
  ask.type = static_cast<uint8_t>(CellMessage::missing);
  ask.datagrams = static_cast<uint8_t>(kPullDatagrams);
  ask.number = ++number_;
  ask.from = cursor_.value;
  ask.to = target_.seq < cursor_ ? cursor_.value : target_.seq.value;
  ask.to_l = target_.l;
  return true;
}

}  // namespace tercet::quorum
