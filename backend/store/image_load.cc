#include "backend/store/image_load.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace tercet::store {
namespace {

constexpr size_t kLoadBlock = 1U << 20U;
constexpr IoId kLoadReadId = 0x696D'6700'0000'0010;

class ImageBlocks {
 public:
  ImageBlocks(Disk& disk, FileId image) : disk_(disk), image_(image) {
    block_.reset(static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, kLoadBlock)));
    TERCET_CHECK(block_ != nullptr, "memory for an image's block");
  }
  /// [at, at + size), which begins at a sector. None: the disk failed. Shorter where the file ends.
  std::optional<Bytes> read(Offset at, size_t size) {
    const size_t whole = (size + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    disk_.read(image_, at, {block_.get(), whole}, kLoadReadId);
    IoDone done;
    while (disk_.reap({&done, 1}) == 0) {
      if (!disk_.wait()) {
        return std::nullopt;
      }
    }
    if (done.error != IoError::none) {
      return std::nullopt;
    }
    return Bytes{block_.get(), std::min<size_t>(done.bytes, size)};
  }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  Disk& disk_;
  FileId image_;
  std::unique_ptr<uint8_t[], Free> block_;
};

LoadedImage bad(Verdict verdict, FileId image, const char* what) {
  LoadedImage out;
  out.verdict = verdict;
  out.why = "checkpoint " + std::to_string(image & ~kImages) + ": " + what;
  return out;
}

}  // namespace

LoadedImage load_image(Disk& disk, FileId image, StoreId store, const std::function<bool(Bytes)>& book) {
  constexpr const char* kFailed = "the disk cannot read it";
  ImageBlocks reader(disk, image);
  uint8_t sector[kSectorBytes] = {};
  const auto head = reader.read(0, kSectorBytes);
  if (!head) {
    return bad(Verdict::unreadable, image, kFailed);
  }
  std::copy(head->begin(), head->end(), sector);
  LoadedImage out;
  const auto front = reader.read(kImageAt, sizeof(ImageBase));
  if (!front) {
    return bad(Verdict::unreadable, image, kFailed);
  }
  if (head->size() != kSectorBytes || front->size() != sizeof(ImageBase)) {
    return bad(Verdict::corrupt, image, "it is cut short");
  }
  std::memcpy(&out.base, front->data(), sizeof(ImageBase));
  if (is_of_another_version({sector, kSectorBytes})) {
    return bad(Verdict::unreadable, image, "it is of another version: use the programs that wrote it");
  }
  const auto header = open_image_header({sector, kSectorBytes}, out.base);
  if (!header) {
    return bad(Verdict::corrupt, image, "its header is damaged");
  }
  if (header->store != store) {
    return bad(Verdict::corrupt, image, "it belongs to another store");
  }
  out.header = *header;
  size_t skip = sizeof(ImageBase);
  for (uint64_t at = 0; at < header->bytes;) {
    const auto want = static_cast<size_t>(std::min<uint64_t>(kLoadBlock, header->bytes - at));
    const auto block = reader.read(kImageAt + at, want);
    if (!block) {
      return bad(Verdict::unreadable, image, kFailed);
    }
    if (block->size() != want) {
      return bad(Verdict::corrupt, image, "it is cut short");
    }
    if (!book(block->subspan(skip))) {
      return bad(Verdict::corrupt, image, "the book in it is damaged");
    }
    skip = 0;
    at += want;
  }
  return out;
}

}  // namespace tercet::store
