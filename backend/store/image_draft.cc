#include "backend/store/image_draft.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/mutant.h"

namespace tercet::store {
namespace {

constexpr size_t kDraftBlock = 256U << 10U;
constexpr IoId kImageIds = 0x696D'6700'0000'0000;
constexpr IoId kDraftBeginId = kImageIds + 1;
constexpr IoId kDraftWriteId = kImageIds + 2;
constexpr IoId kDraftPublishId = kImageIds + 3;
constexpr IoId kDraftDropId = kImageIds + 4;

size_t draft_sectors(size_t bytes) { return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes; }

}  // namespace

ImageDraft::ImageDraft(Disk& disk) : disk_(disk) {
  for (auto& block : blocks_) {
    block.reset(static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, kDraftBlock)));
    TERCET_CHECK(block != nullptr, "memory for an image's blocks");
  }
}

void ImageDraft::begin(FileId image, uint64_t bytes, uint64_t leave) {
  TERCET_CHECK(!in_flight_ && bytes >= sizeof(ImageBase), "one draft at a time, with a base");
  image_ = image;
  bytes_ = bytes;
  appended_ = 0;
  sent_ = kImageAt;
  filled_ = 0;
  publish_ = false;
  phase_ = Phase::creating;
  in_flight_ = true;
  const uint64_t size = kImageAt + draft_sectors(bytes);
  needs_ = size + leave;
  disk_.begin(image, size, leave, kDraftBeginId);
}

size_t ImageDraft::room() const {
  return phase_ == Phase::writing ? std::min<uint64_t>(kDraftBlock - filled_, bytes_ - appended_) : 0;
}

void ImageDraft::append(Bytes bytes) {
  TERCET_CHECK(bytes.size() <= room(), "an image's draft takes what it has room for");
  if (bytes.empty()) {
    return;
  }
  std::memcpy(blocks_[filling_].get() + filled_, bytes.data(), bytes.size());
  filled_ += bytes.size();
  appended_ += bytes.size();
  send();
}

/// The block that is full, or the last one.
void ImageDraft::send() {
  if (in_flight_ || phase_ != Phase::writing || filled_ == 0 ||
      (filled_ < kDraftBlock && appended_ < bytes_)) {
    return;
  }
  uint8_t* block = blocks_[filling_].get();
  const size_t size = draft_sectors(filled_);
  std::memset(block + filled_, 0, size - filled_);
  in_flight_ = true;
  disk_.write(image_, sent_, {block, size}, kDraftWriteId, Durability::memory);
  sent_ += size;
  filled_ = 0;
  filling_ = 1 - filling_;
}

void ImageDraft::finish(ImageHeader header, const ImageBase& base) {
  TERCET_CHECK(written(), "an image is finished when all of it is written");
  header.bytes = bytes_;
  uint8_t* block = blocks_[filling_].get();
  seal_image_header(header, base, {block, kSectorBytes});
  phase_ = Phase::publishing;
  publish_ = true;
  in_flight_ = true;
  disk_.write(image_, 0, {block, kSectorBytes}, kDraftWriteId, Durability::memory);
  if (planted(Mutant::unfinished_image)) {
    publish_ = false;
    disk_.publish(image_, kDraftPublishId);
  }
}

void ImageDraft::drop() {
  dropped_ = dropped_ || (phase_ != Phase::idle && phase_ != Phase::done);
  phase_ = Phase::idle;
  if (!in_flight_) {
    give_back();
  }
}

void ImageDraft::give_back() {
  if (dropped_) {
    dropped_ = false;
    in_flight_ = true;
    disk_.drop(image_, kDraftDropId);
  }
}

bool ImageDraft::take(const IoDone& done) {
  if (done.id != kDraftBeginId && done.id != kDraftWriteId && done.id != kDraftPublishId &&
      done.id != kDraftDropId) {
    return false;
  }
  in_flight_ = false;
  if (phase_ == Phase::idle) {
    give_back();
    return true;
  }
  if (phase_ == Phase::creating) {
    room_wanted_ = done.error == IoError::full ? needs_ : 0;
  }
  if (done.error != IoError::none) {
    phase_ = Phase::failed;
    return true;
  }
  if (phase_ == Phase::creating) {
    phase_ = Phase::writing;
  } else if (phase_ == Phase::publishing && publish_) {
    publish_ = false;
    in_flight_ = true;
    disk_.publish(image_, kDraftPublishId);
  } else if (phase_ == Phase::publishing) {
    phase_ = Phase::done;
  }
  send();
  return true;
}

}  // namespace tercet::store
