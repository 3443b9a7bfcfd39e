#pragma once
// ImageSender: Fetch → Chunks, from the newest image, a block of it in memory at a time. One read is in
// flight; who asks meanwhile asks again.
//
// Threads: the replica's. Nothing waits, nothing allocates.

#include <cstdlib>
#include <memory>

#include "backend/checkpoints.h"
#include "wire/outbox.h"

namespace tercet::backend {

/// Bytes of an image in one Chunk.
inline constexpr size_t kChunkBytes = 1344;
static_assert(sizeof(ChunkHeader) + kChunkBytes <= kCellPlainMax);

class ImageSender {
 public:
  ImageSender(Checkpoints& checkpoints, store::Disk& disk);

  void on(const FetchView& view, ServerId from, MonoTime now, Outbox& out);
  /// True if `done` was ours. What was waited for is sent by the next send().
  bool take(const store::IoDone& done);
  void send(Outbox& out);

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  struct Asked {
    ServerId by = ServerId::b1;
    Fetch fetch{};
  };
  [[nodiscard]] bool serves(Seq checkpoint, MonoTime now, store::FileId& image) const;
  bool answer(Outbox& out);
  void read_on();
  void refuse(const Asked& asked, Outbox& out);

  Checkpoints& checkpoints_;
  store::Disk& disk_;
  std::unique_ptr<uint8_t[], Free> block_;
  store::FileId image_ = 0;  ///< of the block
  Seq checkpoint_;
  uint64_t total_ = 0;  ///< bytes of that image; 0: its header is not read yet
  uint64_t at_ = 0;     ///< of the block, in the image
  size_t size_ = 0;
  bool reading_ = false;
  bool reading_head_ = false;
  Asked asked_;  ///< what of it is not answered yet
  bool asks_ = false;
  MonoTime served_at_;
};

}  // namespace tercet::backend
