#include "backend/image_sender.h"

#include <algorithm>
#include <cstring>

#include "quorum/limits.h"

namespace tercet::backend {
namespace {

constexpr size_t kSenderBlock = 256U << 10U;
constexpr store::IoId kSenderReadId = 0x696D'6700'0000'0030;

}  // namespace

ImageSender::ImageSender(Checkpoints& checkpoints, store::Disk& disk)
    : checkpoints_(checkpoints), disk_(disk) {
  block_.reset(static_cast<uint8_t*>(std::aligned_alloc(store::kIoAlignment, kSenderBlock)));
  TERCET_CHECK(block_ != nullptr, "memory for a block of an image");
}

void ImageSender::on(const FetchView& view, ServerId from, MonoTime now, Outbox& out) {
  if (!is_backend(from)) {
    return;
  }
  const Asked asked{from, *view.header};
  store::FileId image{};
  Seq checkpoint;
  if (!checkpoints_.newest(image, checkpoint) || checkpoint != Seq{asked.fetch.checkpoint}) {
    refuse(asked, out);
    return;
  }
  checkpoints_.being_read(now);
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
  asks_ = true;
  send(out);
}

/// What is in the block; or the block that it is in is read.
void ImageSender::send(Outbox& out) {
  if (!asks_ || reading_) {
    return;
  }
  if (total_ != 0 && answer(asked_, out)) {
    asks_ = false;
    return;
  }
  reading_ = true;
  reading_head_ = total_ == 0;
  at_ = reading_head_ ? 0 : asked_.fetch.offset / store::kSectorBytes * store::kSectorBytes;
  size_ = 0;
  disk_.read(image_, reading_head_ ? 0 : store::kImageAt + at_,
             {block_.get(), reading_head_ ? size_t{store::kSectorBytes} : kSenderBlock}, kSenderReadId);
}

bool ImageSender::answer(const Asked& asked, Outbox& out) {
  uint64_t offset = asked.fetch.offset;
  if (offset >= total_) {
    return true;  // nothing is there
  }
  if (offset < at_ || offset >= at_ + size_) {
    return false;
  }
  const unsigned datagrams = std::min<unsigned>(asked.fetch.datagrams, quorum::kPullDatagrams);
  for (unsigned i = 0; i < datagrams && offset < total_; ++i) {
    const auto want = static_cast<size_t>(std::min<uint64_t>(kChunkBytes, total_ - offset));
    if (offset + want > at_ + size_) {
      return i != 0;  // the rest is asked for again, and then in the block
    }
    const MutBytes room = out.open();
    if (room.empty()) {
      return true;
    }
    ChunkHeader header{};
    header.type = static_cast<uint8_t>(CellMessage::chunk);
    header.size = static_cast<uint16_t>(want);
    header.number = asked.fetch.number;
    header.checkpoint = checkpoint_.value;
    header.offset = offset;
    header.total = total_;
    put(room, header);
    std::memcpy(room.data() + sizeof header, block_.get() + (offset - at_), want);
    out.close(asked.by, sizeof header + want);
    offset += want;
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
    asks_ = asks_ && size_ != 0;
    return true;
  }
  // How long it is: only the header says so, and it was checked when this image was made or loaded.
  total_ = store::image_bytes({block_.get(), store::kSectorBytes});
  asks_ = asks_ && total_ != 0;
  return true;
}

}  // namespace tercet::backend
