#include "backend/image_fetch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/mutant.h"

namespace tercet::backend {
namespace {

constexpr unsigned kWindow = quorum::kPullDatagrams;
static_assert(kWindow == 32, "a bit each");
constexpr size_t kWindowBytes = kWindow * kChunkBytes;
/// At most so often: 43 kB a millisecond is a third of what a gigabit carries.
constexpr Duration kPace = milliseconds(1);
constexpr Duration kAskAgain = quorum::kPullAgain;
constexpr Duration kGiveUp = seconds(5);
/// How often a disk that had no room for an image is asked again.
constexpr Duration kRoomAgain = seconds(2);

}  // namespace

ImageFetch::ImageFetch(quorum::Acceptor& acceptor, quorum::Machine& machine, Checkpoints& checkpoints)
    : acceptor_(acceptor), machine_(machine), checkpoints_(checkpoints), window_(kWindowBytes) {}

/// Nothing is under way. True: now something is.
bool ImageFetch::take_up(MonoTime now) {
  const auto& wanted = acceptor_.image_wanted();
  waits_for_room_ = waits_for_room_ && wanted;
  if (has_book_ && acceptor_.book_missed()) {
    give_book_back(now);
    return false;
  }
  if (phase_ == Phase::resting && checkpoints_.log_wants_room()) {
    drop();
  }
  if (!wanted || now < begin_at_) {
    return false;
  }
  if (phase_ == Phase::resting && wanted->same(source_)) {
    ++counters_.resumed;
    resumed_ = true;
    ask_of(*wanted, now);
    return true;
  }
  if (phase_ == Phase::resting) {
    drop();
  }
  if (!checkpoints_.lend()) {
    return false;
  }
  begin();
  ask_of(*wanted, now);
  return true;
}

void ImageFetch::begin() {
  ++counters_.begun;
  total_ = at_ = 0;
  here_ = 0;
  drafted_ = 0;
  resumed_ = false;
  checkpoint_.reset();
}

ImageFetch::Transfer ImageFetch::transfer() const {
  return phase_ == Phase::idle ? Transfer{} : Transfer{source_.from, source_.seq, at_, total_};
}

void ImageFetch::ask_of(const quorum::PeerImage& image, MonoTime now) {
  phase_ = Phase::fetching;
  source_ = image;
  source_from_ = at_;
  heard_at_ = ask_at_ = now;
  asked_at_ = {};
}

void ImageFetch::drop() {
  phase_ = Phase::idle;
  checkpoints_.draft().drop();
  checkpoints_.give_back();
}

/// What is here is kept, if there is anything.
void ImageFetch::rest(quorum::ImageEnd end, MonoTime now) {
  last_failed_ = transfer();
  counters_.failed += end == quorum::ImageEnd::broken_off ? 0 : 1;
  if (at_ != 0) {
    phase_ = Phase::resting;
  } else {
    drop();
  }
  acceptor_.image_ended(source_, end, now);
}

void ImageFetch::fail(quorum::ImageEnd end, MonoTime now) {
  last_failed_ = transfer();
  ++counters_.failed;
  drop();
  acceptor_.image_ended(source_, end, now);
}

/// What came is none. Of two sources, or two tries, either may have given what does not fit.
void ImageFetch::no_book(MonoTime now) {
  fail(resumed_ ? quorum::ImageEnd::unclear : quorum::ImageEnd::wrong, now);
}

/// It is needed, and no image.
void ImageFetch::give_book_back(MonoTime now) {
  drop();
  has_book_ = false;
  acceptor_.forget_book(machine_);
  acceptor_.image_ended(source_, quorum::ImageEnd::unclear, now);
}

void ImageFetch::on(const ChunkView& view, ServerId from, MonoTime now) {
  const ChunkHeader& h = *view.header;
  if (!waits_for_source() || from != source_.from || h.number != number_ ||
      Seq{h.checkpoint} != source_.seq) {
    return;
  }
  if (h.size == 0) {
    rest(quorum::ImageEnd::not_there, now);
    return;
  }
  if (total_ == 0 ? h.total < sizeof(ImageBase) : h.total != total_) {
    no_book(now);
    return;
  }
  if (total_ == 0) {
    total_ = h.total;
    checkpoints_.begin_draft(total_);
  }
  const uint64_t into = h.offset - at_;
  if (h.offset < at_ || into >= kWindowBytes || into % kChunkBytes != 0 ||
      view.bytes.size() != std::min<uint64_t>(kChunkBytes, total_ - h.offset)) {
    return;
  }
  const uint32_t bit = 1U << (into / kChunkBytes);
  if ((here_ & bit) == 0) {
    std::memcpy(window_.data() + into, view.bytes.data(), view.bytes.size());
    here_ |= bit;
    heard_at_ = now;
  }
}

/// Nothing was begun, and the source is as good as any.
void ImageFetch::wait_for_room(MonoTime now) {
  drop();
  begin_at_ = now + kRoomAgain;
  waits_for_room_ = true;
}

bool ImageFetch::waits_for_source() const {
  return phase_ == Phase::fetching && !window_is_here() && (total_ == 0 || at_ != total_);
}

size_t ImageFetch::window_size() const {
  return static_cast<size_t>(std::min<uint64_t>(kWindowBytes, total_ - at_));
}

bool ImageFetch::window_is_here() const {
  const size_t pieces = (window_size() + kChunkBytes - 1) / kChunkBytes;
  return pieces != 0 && std::popcount(here_) == static_cast<int>(pieces);
}

/// All of the window has come: it goes to the draft, as that has room, and then into the book.
void ImageFetch::use_window(MonoTime now) {
  if (!window_is_here()) {
    return;
  }
  const size_t size = window_size();
  for (size_t n = 1; n != 0 && drafted_ < size; drafted_ += n) {
    n = std::min(checkpoints_.draft().room(), size - drafted_);
    checkpoints_.draft().append({window_.data() + drafted_, n});
  }
  if (drafted_ < size) {
    return;
  }
  if (!use({window_.data(), size})) {
    no_book(now);
    return;
  }
  at_ += size;
  here_ = 0;
  drafted_ = 0;
  counters_.bytes += size;
  heard_at_ = now;  // the disk may have kept us for long
  ask_at_ = later(now, asked_at_ + kPace);
}

bool ImageFetch::use(Bytes bytes) {
  if (at_ == 0) {
    checkpoint_ = quorum::read_base(*header_of<ImageBase>(bytes));
    if (!checkpoint_ || checkpoint_->base.seq != source_.seq || checkpoint_->base.l != source_.l ||
        !acceptor_.may_begin_behind(*checkpoint_)) {
      return false;
    }
    acceptor_.lend_book();
    machine_.begin_load();
    has_book_ = true;
    bytes = bytes.subspan(sizeof(ImageBase));
  }
  return machine_.load(bytes);
}

/// The book is whole, and the one that its S speaks of. Whether two votes had the same S the log will tell.
bool ImageFetch::finish() {
  if (!machine_.end_load() || (!checkpoint_->fits(machine_.digest()) && !planted(Mutant::unmeasured_image)) ||
      !acceptor_.may_begin_behind(*checkpoint_)) {
    return false;
  }
  phase_ = Phase::publishing;
  checkpoints_.finish_peers(*checkpoint_);
  return true;
}

void ImageFetch::ask(MonoTime now, Outbox& out) {
  const MutBytes room = out.open();
  if (room.empty()) {
    return;
  }
  Fetch fetch{};
  fetch.type = static_cast<uint8_t>(CellMessage::fetch);
  fetch.datagrams = kWindow;
  fetch.number = ++number_;
  fetch.checkpoint = source_.seq.value;
  // From the first piece that is missing.
  fetch.offset = at_ + static_cast<unsigned>(std::countr_one(here_)) * kChunkBytes;
  put(room, fetch);
  out.close(source_.from, sizeof fetch);
  asked_at_ = now;
}

MonoTime ImageFetch::poll(MonoTime now, Outbox& out) {
  using Draft = store::ImageDraft::Phase;
  if ((phase_ == Phase::idle || phase_ == Phase::resting) && !take_up(now)) {
    return acceptor_.image_wanted() ? later(begin_at_, now + kAskAgain) : MonoTime::never();
  }
  store::ImageDraft& draft = checkpoints_.draft();
  waits_for_room_ = waits_for_room_ && draft.phase() != Draft::writing;
  if (draft.phase() == Draft::failed && draft.room_wanted() != 0 && !checkpoints_.log_failed()) {
    wait_for_room(now);
    return begin_at_;
  }
  if (draft.phase() == Draft::failed || checkpoints_.log_failed()) {
    fail(quorum::ImageEnd::unclear, now);
    return now + kAskAgain;
  }
  if (waits_for_source() && now - heard_at_ >= kGiveUp) {
    rest(at_ != source_from_ ? quorum::ImageEnd::broken_off : quorum::ImageEnd::not_there, now);
    return now + kAskAgain;
  }
  if (phase_ == Phase::publishing) {
    if (draft.phase() == Draft::done) {
      ++counters_.installed;
      last_failed_ = {};
      phase_ = Phase::idle;
      has_book_ = false;
      acceptor_.begin_behind(*checkpoint_);
      checkpoints_.installed(*checkpoint_);
      return now;
    }
    return MonoTime::never();
  }
  use_window(now);
  if (phase_ == Phase::fetching && total_ != 0 && at_ == total_) {
    if (draft.written() && checkpoints_.log_is_settled() && !finish()) {
      no_book(now);
    }
    return now + kAskAgain;
  }
  if (phase_ != Phase::fetching) {
    return now + kAskAgain;
  }
  if (window_is_here()) {
    return MonoTime::never();  // the disk is not done with what came before
  }
  const bool due = here_ == 0 && asked_at_ < ask_at_ ? now >= ask_at_ : now - asked_at_ >= kAskAgain;
  if (due) {
    ask(now, out);
  }
  return here_ == 0 && asked_at_ < ask_at_ ? ask_at_ : asked_at_ + kAskAgain;
}

}  // namespace tercet::backend
