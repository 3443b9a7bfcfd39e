#include "backend/image_sender.h"

#include <algorithm>
#include <cstring>

#include "quorum/limits.h"

namespace tercet::backend {
namespace {

constexpr size_t kSenderBlock = 256U << 10U;
/// Below what Checkpoints keeps an image that is being read for.
constexpr Duration kServedFor = seconds(8);
constexpr store::IoId kSenderReadId = 0x696D'6700'0000'0030;

}  // namespace

ImageSender::ImageSender(Checkpoints& checkpoints, store::Disk& disk)
    : checkpoints_(checkpoints), disk_(disk) {
  block_.reset(static_cast<uint8_t*>(std::aligned_alloc(store::kIoAlignment, kSenderBlock)));
  TERCET_CHECK(block_ != nullptr, "memory for a block of an image");
}

/// The newest image, or the one that is just being read: that one is kept as long as somebody asks for it.
bool ImageSender::serves(Seq checkpoint, MonoTime now, store::FileId& image) const {
  Seq newest;
  if (checkpoints_.newest(image, newest) && newest == checkpoint) {
    return true;
  }
  image = image_;
  return total_ != 0 && checkpoint_ == checkpoint && now - served_at_ < kServedFor;
}

void ImageSender::on(const FetchView& view, ServerId from, MonoTime now, Outbox& out) {
  if (!is_backend(from)) {
    return;
  }
  const Asked asked{from, *view.header};
  const Seq checkpoint{asked.fetch.checkpoint};
  store::FileId image{};
  if (!serves(checkpoint, now, image)) {
    refuse(asked, out);
    return;
  }
  checkpoints_.being_read(slot_of(from), checkpoint, now);
  served_at_ = now;
  if (image != image_) {
    if (reading_) {
      return;
    }
    image_ = image;
    checkpoint_ = checkpoint;
    total_ = 0;
    size_ = 0;
  }
  asked_ = asked;
  asked_.fetch.datagrams =
      static_cast<uint8_t>(std::min<unsigned>(asked.fetch.datagrams, quorum::kPullDatagrams));
  asks_ = true;
  send(out);
}

/// What is in the block; and the block that the rest is in is read.
void ImageSender::send(Outbox& out) {
  if (!asks_ || reading_) {
    return;
  }
  if (total_ != 0 && answer(out)) {
    asks_ = false;
    return;
  }
  read_on();
}

void ImageSender::read_on() {
  reading_ = true;
  reading_head_ = total_ == 0;
  at_ = reading_head_ ? 0 : asked_.fetch.offset / store::kSectorBytes * store::kSectorBytes;
  size_ = 0;
  disk_.read(image_, reading_head_ ? 0 : store::kImageAt + at_,
             {block_.get(), reading_head_ ? size_t{store::kSectorBytes} : kSenderBlock}, kSenderReadId);
}

/// False: the rest is not in the block.
bool ImageSender::answer(Outbox& out) {
  Fetch& fetch = asked_.fetch;
  for (; fetch.datagrams != 0 && fetch.offset < total_; --fetch.datagrams) {
    const uint64_t offset = fetch.offset;
    const auto want = static_cast<size_t>(std::min<uint64_t>(kChunkBytes, total_ - offset));
    if (offset < at_ || offset + want > at_ + size_) {
      return false;
    }
    const MutBytes room = out.open();
    if (room.empty()) {
      return true;  // asked for again
    }
    ChunkHeader header{};
    header.type = static_cast<uint8_t>(CellMessage::chunk);
    header.size = static_cast<uint16_t>(want);
    header.number = fetch.number;
    header.checkpoint = checkpoint_.value;
    header.offset = offset;
    header.total = total_;
    put(room, header);
    std::memcpy(room.data() + sizeof header, block_.get() + (offset - at_), want);
    out.close(asked_.by, sizeof header + want);
    fetch.offset = offset + want;
  }
  return true;
}

void ImageSender::refuse(const Asked& asked, Outbox& out) {
  const MutBytes room = out.open();
  if (room.empty()) {
    return;
  }
  ChunkHeader header{};
  header.type = static_cast<uint8_t>(CellMessage::chunk);
  header.number = asked.fetch.number;
  header.checkpoint = asked.fetch.checkpoint;
  put(room, header);
  out.close(asked.by, sizeof header);
}

bool ImageSender::take(const store::IoDone& done) {
  if (done.id != kSenderReadId) {
    return false;
  }
  reading_ = false;
  if (done.error != store::IoError::none) {
    asks_ = false;  // it asks elsewhere in time
    return true;
  }
  if (!reading_head_) {
    size_ = done.bytes;
    const uint64_t offset = asked_.fetch.offset;
    asks_ = asks_ && offset + std::min<uint64_t>(kChunkBytes, total_ - offset) <= at_ + size_;
    return true;
  }
  // How long it is: only the header says so, and it was checked when this image was made or loaded.
  total_ = store::image_bytes({block_.get(), store::kSectorBytes});
  asks_ = asks_ && total_ != 0;
  return true;
}

}  // namespace tercet::backend
