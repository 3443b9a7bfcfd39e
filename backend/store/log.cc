#include "backend/store/log.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace tercet::store {
namespace {

// Ids of the log's requests; the upper half says "log" to an owner that shares the disk.
constexpr IoId kLogIds = 0x6C6F'6700'0000'0000;
constexpr IoId kWriteId = kLogIds + 1;
constexpr IoId kCreateId = kLogIds + 2;
constexpr IoId kSyncId = kLogIds + 3;
constexpr IoId kRemoveId = kLogIds + 4;

/// Starts of segments that are remembered. With checkpoints a log has a few; the bound is for one that has
/// none.
constexpr size_t kStartsMax = 1024;
/// Released segments that wait to become the next one: making one takes longer than filling half of one, at
/// most.
constexpr FileId kSparesMax = 1;

std::string reason(const IoDone& done) {
  if (done.os_error != 0) {
    return std::strerror(done.os_error);
  }
  return done.error == IoError::full ? "no space left" : "the disk refused";
}

/// As memcpy, without its call: records are short. In pieces of 16, the last of which may lie over the one
/// before.
[[gnu::always_inline]] inline void copy_few(uint8_t* to, Bytes bytes) {
  constexpr size_t kPiece = 16;
  const uint8_t* from = bytes.data();
  const size_t n = bytes.size();
  if (n < kPiece) {
    if (n != 0) {
      std::memcpy(to, from, n);
    }
    return;
  }
  for (size_t at = 0; at + kPiece < n; at += kPiece) {
    std::memcpy(to + at, from + at, kPiece);
  }
  std::memcpy(to + n - kPiece, from + n - kPiece, kPiece);
}

/// Copies across the borders of sectors.
template <class Batch>
void put(Batch& batch, Bytes bytes) {
  while (!bytes.empty()) {
    if (batch.room == 0) {
      ++batch.sector;
      batch.at += sizeof(SectorHeader);
      batch.room = kPayloadBytes;
    }
    const size_t n = std::min<size_t>(bytes.size(), batch.room);
    std::memcpy(batch.at, bytes.data(), n);
    batch.at += n;
    batch.room -= static_cast<uint32_t>(n);
    bytes = bytes.subspan(n);
  }
}

}  // namespace

Log::Log(Disk& disk, const Options& options, const LogEnd& end, std::vector<LogEnd> starts)
    : disk_(disk),
      options_(options),
      segment_(end.segment),
      sector_(end.sector),
      starts_(std::move(starts)),
      previous_(end.batch),
      number_(std::max(end.batch, end.batch_seen)),
      appended_(end.lsn),
      sent_(end.lsn),
      durable_(end.lsn) {
  TERCET_CHECK(options_.segment_bytes % kSectorBytes == 0 && options_.batch_bytes % kSectorBytes == 0,
               "segments and batches are whole sectors");
  TERCET_CHECK(options_.batch_bytes >= kSectorBytes && options_.batch_bytes <= options_.segment_bytes,
               "a batch fits a segment");
  batch_sectors_ = std::min(options_.batch_bytes / kSectorBytes, kSectorsPerBatchMax);
  starts_.reserve(kStartsMax);
  oldest_ = segment_;
  if (disk_.size(segment_) != 0) {
    ready_ = true;
    segment_sectors_ = sectors_of(segment_);
    // A crash may leave more than one segment ahead (the last batch, torn, stood in the next one already);
    // and one that was created under another configuration may be smaller than ours: a batch must fit it.
    segments_end_ = disk_.files().end;
    oldest_ = std::min(segment_, disk_.files().first);
    for (FileId file = oldest_; file < segments_end_; ++file) {
      if (disk_.size(file) != options_.segment_bytes) {
        recyclable_ = file + 1;
      }
    }
    for (FileId ahead = segment_ + 1; ahead < segments_end_; ++ahead) {
      batch_sectors_ = std::min(batch_sectors_, sectors_of(ahead));
    }
    if (segment_ + 1 < segments_end_) {
      next_ = Next::there;
      next_sectors_ = sectors_of(segment_ + 1);
    }
  } else {
    segment_sectors_ = options_.segment_bytes / kSectorBytes;
    disk_.create(segment_, options_.segment_bytes, kCreateId);
  }
  for (Batch& batch : batches_of_two_) {
    // Not cleared: pages that no batch ever reaches are never touched.
    batch.bytes.reset(static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, buffer_bytes())));
    TERCET_CHECK(batch.bytes != nullptr, "memory for two batches");
    clear(batch);
  }
  prepare_next_segment();
}

Log::~Log() {
  while (in_flight_ && disk_.wait()) {
    flush_wanted_ = false;
    reap();
  }
}

uint32_t Log::sectors_of(FileId segment) { return static_cast<uint32_t>(disk_.size(segment) / kSectorBytes); }

/// Whole pages.
size_t Log::buffer_bytes() const {
  return (size_t{batch_sectors_} * kSectorBytes + kIoAlignment - 1) / kIoAlignment * kIoAlignment;
}

std::array<MutBytes, 2> Log::buffers() {
  const auto whole = [this](Batch& batch) { return MutBytes{batch.bytes.get(), buffer_bytes()}; };
  return {whole(batches_of_two_[0]), whole(batches_of_two_[1])};
}

uint32_t Log::record_bytes_max() const {
  return batch_sectors_ * kPayloadBytes - static_cast<uint32_t>(sizeof(RecordHeader));
}

void Log::clear(Batch& batch) {
  batch.at = batch.bytes.get() + sizeof(SectorHeader);
  batch.room = kPayloadBytes;
  batch.sector = 0;
  batch.must_sync = false;
}

Lsn Log::append(uint8_t type, Bytes head, Bytes body, Sync sync) {
  TERCET_CHECK(type != 0, "record type 0 means nothing there");
  const size_t length = head.size() + body.size();
  const size_t needed = sizeof(RecordHeader) + length;
  Batch& batch = *gathering_;
  const bool crosses = needed > batch.room;
  if (!taking_ || (crosses && (needed > batch.room + kPayloadBytes || batch.sector + 1 == batch_sectors_))) {
    return append_in_pieces(type, head, body, sync);
  }
  // Nearly always. In one piece, over the next sector's header if it does not fit this one: what lies there
  // is moved behind it.
  uint8_t* to = batch.at;
  const RecordHeader header{.type = type, .length = Le32(static_cast<uint32_t>(length))};
  std::memcpy(to, &header, sizeof(header));
  copy_few(to + sizeof(header), head);
  copy_few(to + sizeof(header) + head.size(), body);
  batch.must_sync = batch.must_sync || sync == Sync::always;
  if (!crosses) {
    batch.at = to + needed;
    batch.room -= static_cast<uint32_t>(needed);
  } else {
    uint8_t* next = to + batch.room;
    const size_t over = needed - batch.room;
    std::memmove(next + sizeof(SectorHeader), next, over);
    ++batch.sector;
    batch.at = next + sizeof(SectorHeader) + over;
    batch.room = kPayloadBytes - static_cast<uint32_t>(over);
  }
  return ++appended_;
}

Lsn Log::append_in_pieces(uint8_t type, Bytes head, Bytes body, Sync sync) {
  const size_t length = head.size() + body.size();
  TERCET_CHECK(length <= record_bytes_max(), "a record fits a batch");
  if (!taking_) {
    return kNotTaken;
  }
  const size_t needed = sizeof(RecordHeader) + length;
  if (left(*gathering_) < needed) {
    flush();
    if (left(*gathering_) < needed) {
      return kNotTaken;
    }
  }
  const RecordHeader header{.type = type, .length = Le32(static_cast<uint32_t>(length))};
  for (const Bytes bytes : {bytes_of(header), head, body}) {
    put(*gathering_, bytes);
  }
  gathering_->must_sync = gathering_->must_sync || sync == Sync::always;
  return ++appended_;
}

/// Of the batch's payload.
size_t Log::left(const Batch& batch) const {
  return size_t{batch_sectors_ - batch.sector - 1} * kPayloadBytes + batch.room;
}

void Log::flush() {
  flush_wanted_ = !gathering_->empty();
  send_batch();
}

void Log::send_batch() {
  if (!flush_wanted_ || in_flight_ || !ready_ || state_ != LogState::ok) {
    return;
  }
  Batch& batch = *gathering_;
  const uint32_t count = batch.sector + 1;
  if (!find_room(count)) {
    return;
  }
  if (number_ + 1 - previous_ > kFollowsMax) {
    stop(IoError::failed, "log: too many batches in a row were torn");
    return;
  }
  ++number_;
  if (sector_ == 0) {
    note_start();
  }
  SectorHeader header;
  header.store = options_.store;
  header.batch = number_;
  header.first_lsn = sent_ + 1;
  header.follows = static_cast<uint16_t>(number_ - previous_);
  header.segment_sectors = segment_sectors_;
  header.segment = segment_;
  header.count = static_cast<uint16_t>(count);
  for (uint32_t i = 0; i < count; ++i) {
    header.sector = sector_ + i;
    header.index = static_cast<uint16_t>(i);
    header.payload = static_cast<uint16_t>(i + 1 < count ? kPayloadBytes : kPayloadBytes - batch.room);
    seal_sector(batch.bytes.get() + size_t{i} * kSectorBytes, header);
  }
  const Durability durability = batch.must_sync ? Durability::fsync : options_.durability;
  const size_t size = size_t{count} * kSectorBytes;
  disk_.write(segment_, Offset{sector_} * kSectorBytes, Bytes{batch.bytes.get(), size}, kWriteId, durability);
  in_flight_ = true;
  in_flight_syncs_ = durability == Durability::fsync;
  flush_wanted_ = false;
  sent_ = appended_;
  sector_ += count;
  ++batches_;
  sectors_ += count;

  gathering_ = gathering_ == &batches_of_two_[0] ? &batches_of_two_[1] : &batches_of_two_[0];
  clear(*gathering_);
  prepare_next_segment();
}

bool Log::find_room(uint32_t sectors) {
  if (sector_ + sectors <= segment_sectors_) {
    return true;
  }
  if (next_ == Next::refused && retried_) {
    stop(next_error_, text_);
    return false;
  }
  if (next_ == Next::refused) {
    retried_ = true;  // it was refused half a segment ago: the disk may have room now
    next_ = Next::none;
  }
  if (next_ != Next::there) {
    prepare_next_segment();
    return false;
  }
  ++segment_;
  sector_ = 0;
  segment_sectors_ = next_sectors_;
  next_ = Next::none;
  if (segment_ + 1 < segments_end_) {
    next_ = Next::there;
    next_sectors_ = sectors_of(segment_ + 1);
  }
  return true;
}

void Log::prepare_next_segment() {
  // Half a segment ahead: early enough at any rate at which zero-writing is faster than logging, and a store
  // that writes little keeps one segment.
  if (next_ != Next::none || !ready_ ||
      (sector_ < segment_sectors_ / 2 && sector_ + batch_sectors_ <= segment_sectors_)) {
    return;
  }
  next_ = Next::creating;
  next_sectors_ = options_.segment_bytes / kSectorBytes;
  if (has_spare()) {
    disk_.recycle(oldest_++, segment_ + 1, kCreateId);
  } else {
    disk_.create(segment_ + 1, options_.segment_bytes, kCreateId);
  }
}

/// The batch that is just leaving is the first one of its segment.
void Log::note_start() {
  if (starts_.size() == kStartsMax) {
    starts_.erase(starts_.begin() + 1);  // a reader that wanted to begin there begins a segment earlier
  }
  starts_.push_back({.segment = segment_, .batch = previous_, .batch_seen = number_ - 1, .lsn = sent_});
}

LogEnd Log::start_for(Lsn lsn) const {
  if (starts_.empty() && sector_ == 0) {
    return {.segment = segment_, .batch = previous_, .batch_seen = number_, .lsn = sent_};
  }
  const auto behind = std::ranges::upper_bound(starts_, lsn, {}, &LogEnd::lsn);
  return behind == starts_.begin() ? LogEnd{} : *(behind - 1);
}

uint64_t Log::room_ahead() const {
  constexpr unsigned kAhead = 2;
  const unsigned there = (next_ == Next::there ? 1U : 0U) + (has_spare() ? 1U : 0U);
  return uint64_t{kAhead - there} * options_.segment_bytes;
}

void Log::release(FileId first) {
  released_ = std::max(released_, std::min(first, segment_));
  std::erase_if(starts_, [this](const LogEnd& start) { return start.segment < released_; });
  remove_spares();
}

void Log::remove_spares() {
  const bool odd = oldest_ < recyclable_;
  if (removing_ || state_ == LogState::failed || oldest_ + (odd ? 0 : kSparesMax) >= released_) {
    return;
  }
  removing_ = true;
  disk_.remove(oldest_++, kRemoveId);
}

Lsn Log::reap() {
  IoDone done[8];
  while (const size_t n = disk_.reap(done)) {
    for (size_t i = 0; i < n; ++i) {
      take(done[i]);
    }
    if (n < std::size(done)) {
      break;
    }
  }
  return durable_;
}

bool Log::take(const IoDone& done) {
  switch (done.id) {
    case kWriteId:
      written(done);
      break;
    case kCreateId:
      created(done);
      break;
    case kRemoveId:
      removing_ = false;  // one that could not be removed takes space, and is found again by the next life
      remove_spares();
      break;
    case kSyncId:
      if (done.error != IoError::none) {
        unsure_ = options_.durability == Durability::memory;
        stop(done.error, "log: the last sync failed: " + reason(done));
      } else {
        closing_ = Closing::closed;
      }
      break;
    default:
      return false;
  }
  send_batch();
  go_on_closing();
  return true;
}

void Log::written(const IoDone& done) {
  in_flight_ = false;
  if (done.error != IoError::none && !planted(Mutant::failed_write_counts)) {
    // A write to the page cache that is refused leaves what is there; one that syncs may have lost it.
    unsure_ = options_.durability == Durability::memory && in_flight_syncs_;
    stop(done.error, "log: writing batch " + std::to_string(number_) + " to " + segment_name(segment_) +
                         " failed: " + reason(done));
    return;
  }
  previous_ = number_;
  durable_ = sent_;
}

void Log::created(const IoDone& done) {
  if (done.error == IoError::none) {
    if (ready_) {
      next_ = Next::there;
      retried_ = false;
      if (state_ == LogState::ok) {
        text_.clear();
      }
    } else {
      ready_ = true;
      prepare_next_segment();
    }
    return;
  }
  const FileId refused = ready_ ? segment_ + 1 : segment_;
  std::string text = "log: creating " + segment_name(refused) + " failed: " + reason(done);
  if (!ready_) {
    stop(done.error, std::move(text));
    return;
  }
  // What the present segment still holds can be used; the text warns meanwhile.
  next_ = Next::refused;
  next_error_ = done.error;
  text_ = std::move(text);
}

void Log::stop(IoError error, std::string text) {
  if (state_ != LogState::ok) {
    return;
  }
  state_ = error == IoError::full ? LogState::full : LogState::failed;
  taking_ = false;
  text_ = std::move(text);
}

void Log::close() {
  if (closing_ != Closing::no) {
    return;
  }
  flush();
  closing_ = Closing::draining;
  taking_ = false;
  go_on_closing();
}

void Log::go_on_closing() {
  if (closing_ == Closing::draining && !in_flight_ && !flush_wanted_ && state_ == LogState::ok) {
    closing_ = Closing::syncing;
    disk_.sync(kSyncId);
  }
}

}  // namespace tercet::store
