#include "backend/checkpoints.h"

#include <algorithm>

namespace tercet::backend {
namespace {

/// About a fifth of a millisecond's work.
constexpr size_t kObjectsAtOnce = 128;
/// 64 MB/s: a million leases in three seconds. As fast as it goes they took half a second of the thread, and
/// clients' p99 at 1,000 queries a second was 40 and 44 ms instead of 7 and 15 (two cores and one disk for
/// five servers). What the book writes itself, before it changes, never waits.
constexpr Pace::Options kImagePace{.bytes = 256U << 10U, .each = milliseconds(4)};
constexpr store::IoId kImageRemoveId = 0x696D'6700'0000'0020;

}  // namespace

Checkpoints::Checkpoints(quorum::Acceptor& acceptor, BookMachine& machine, store::Log& log, store::Disk& disk,
                         store::StoreId store, store::Lsn log_before, store::Lsn older)
    : acceptor_(acceptor),
      machine_(machine),
      log_(log),
      disk_(disk),
      store_(store),
      log_before_(log_before),
      draft_(disk),
      pace_(kImagePace),
      older_(older) {
  const std::vector<store::FileId> images = disk.images();
  if (!images.empty()) {
    oldest_ = images.front() & ~store::kImages;
    number_ = last_number_ = images.back() & ~store::kImages;
    newest_ = acceptor.log().base().seq;
  }
}

bool Checkpoints::newest(store::FileId& image, Seq& seq) const {
  image = store::image_file(number_);
  seq = newest_;
  return number_ != 0;
}

MonoTime Checkpoints::poll(MonoTime now) {
  using Phase = store::ImageDraft::Phase;
  if (lent_) {
    return MonoTime::never();
  }
  if (writing_.value == 0) {
    if (acceptor_.captured() && !draft_.busy()) {
      start();
    }
    return writing_.value != 0 ? now : MonoTime::never();
  }
  if (draft_.phase() == Phase::publishing) {
    return MonoTime::never();  // whatever became of what is captured: it is on its way
  }
  if (draft_.phase() == Phase::done) {
    publish_done(now);
    return MonoTime::never();
  }
  const auto& captured = acceptor_.captured();
  if (captured && captured->checkpoint.base.seq != writing_) {
    abandon();  // a newer one has taken its place
    return now;
  }
  if (!captured || draft_.phase() == Phase::failed || log_.wants_room()) {
    give_up();
    return MonoTime::never();
  }
  const MonoTime again = write_slice(now);
  if (writing_.value != 0 && draft_.written() && acceptor_.capture_usable()) {
    finish();
  }
  return again;
}

void Checkpoints::start() {
  const quorum::Checkpoint& checkpoint = acceptor_.captured()->checkpoint;
  writing_ = checkpoint.base.seq;
  base_ = quorum::write_base(checkpoint);
  taken_ = 0;
  base_written_ = false;
  begin_draft(sizeof(ImageBase) + machine_.image().bytes());
}

/// The base goes first, then what the book has ready.
MonoTime Checkpoints::write_slice(MonoTime now) {
  using Phase = license::ImageWriter::Phase;
  license::ImageWriter& image = machine_.image();
  if (image.phase() != Phase::running && image.phase() != Phase::complete) {
    give_up();
    return MonoTime::never();
  }
  if (draft_.phase() != store::ImageDraft::Phase::writing) {
    return MonoTime::never();
  }
  if (!base_written_) {
    draft_.append(bytes_of(base_));
    base_written_ = true;
  }
  if (taken_ == image.written().size() && image.phase() == Phase::running) {
    image.taken();
    taken_ = 0;
    if (now < pace_.again()) {
      return pace_.again();
    }
    image.slice(kObjectsAtOnce);
    pace_.did(image.written().size(), now);
  }
  const Bytes ready = image.written().subspan(taken_);
  const size_t n = std::min(ready.size(), draft_.room());
  draft_.append(ready.first(n));
  taken_ += n;
  const bool more = draft_.room() != 0 && (image.phase() == Phase::running || n < ready.size());
  return more ? now : MonoTime::never();
}

store::ImageHeader Checkpoints::header(const quorum::Acceptor::Kept& kept, store::Lsn older) const {
  store::ImageHeader header;
  header.store = store_;
  header.start = log_.start_for(older);
  header.older = older;
  header.promised = kept.promised.value;
  header.promised_to = kept.promised_to.value;
  header.admitted_by = kept.admitted_by.value;
  header.foreign = kept.foreign;
  return header;
}

void Checkpoints::finish() {
  const auto& captured = *acceptor_.captured();
  next_ = header(acceptor_.kept(captured.checkpoint, false), log_before_ + captured.lsn.value);
  draft_.finish(next_, quorum::write_base(captured.checkpoint));
}

void Checkpoints::publish_done(MonoTime now) {
  const Seq seq = writing_;
  const auto& captured = acceptor_.captured();
  if (!captured || captured->checkpoint.base.seq != seq) {
    abandon();  // it is there, and a start will begin behind it; nothing else rests on it
    return;
  }
  counters_.bytes = sizeof(ImageBase) + machine_.image().bytes();
  acceptor_.begin_behind_capture(now);
  machine_.image().stop();
  writing_ = {};
  begins_at(next_, seq);
}

void Checkpoints::begins_at(const store::ImageHeader& header, Seq seq) {
  number_ = draft_.image() & ~store::kImages;
  draft_.drop();
  ++counters_.written;
  oldest_ = oldest_ == 0 ? number_ : oldest_;
  newest_ = seq;
  older_ = header.older;
  log_.release(header.start.segment);
}

void Checkpoints::abandon() {
  ++counters_.given_up;
  draft_.drop();
  writing_ = {};
}

void Checkpoints::give_up() {
  abandon();
  machine_.image().stop();
  acceptor_.give_up_capture();
}

bool Checkpoints::lend() {
  if (!lent_ && writing_.value != 0 && !draft_.busy() && draft_.phase() != store::ImageDraft::Phase::done) {
    give_up();
  }
  lent_ = lent_ || (writing_.value == 0 && !draft_.busy());
  return lent_;
}

bool Checkpoints::log_is_settled() const {
  return !log_.failed() && log_.durable() == log_.appended() &&
         log_.appended() == log_before_ + acceptor_.taken().value;
}

/// Where our log goes on behind it, what is in it stays; else all that was written so far is of a log that
/// ends before.
void Checkpoints::finish_peers(const quorum::Checkpoint& checkpoint) {
  const bool goes_on = acceptor_.log().matches(checkpoint.base.seq, checkpoint.base.l);
  next_ = header(acceptor_.kept(checkpoint, true), goes_on ? older_ : log_.appended());
  draft_.finish(next_, quorum::write_base(checkpoint));
}

void Checkpoints::installed(const quorum::Checkpoint& checkpoint) {
  lent_ = false;
  begins_at(next_, checkpoint.base.seq);
}

bool Checkpoints::take(const store::IoDone& done) {
  if (done.id == kImageRemoveId) {
    removing_ = false;
    return true;
  }
  return draft_.take(done);
}

/// Images before the newest one, one after the other.
void Checkpoints::clean_up(MonoTime now) {
  if (removing_ || number_ == 0 || oldest_ >= number_ ||
      (read_at_.ns != 0 && now - read_at_ < quorum::kFedFor)) {
    return;
  }
  removing_ = true;
  disk_.remove(store::image_file(oldest_++), kImageRemoveId);
}

}  // namespace tercet::backend
