#include "backend/store/sector_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tercet::store {
namespace {

constexpr uint32_t kWindowSectors = (1U << 20U) / kSectorBytes;
constexpr IoId kReadId = 0x7265'6164'0000'0001;

}  // namespace

uint32_t SectorReader::sectors(FileId segment) {
  if (size_ == 0 || sized_ != segment) {
    sized_ = segment;
    size_ = static_cast<uint32_t>(disk_.size(segment) / kSectorBytes);
  }
  return size_;
}

bool SectorReader::finish(IoDone& done) {
  while (disk_.reap({&done, 1}) == 0) {
    if (!disk_.wait()) {
      error_ = "the disk lost a request";
      return false;
    }
  }
  TERCET_CHECK(done.id == kReadId, "nobody else uses the disk during recovery");
  return true;
}

const uint8_t* SectorReader::view(FileId segment, uint32_t first, uint32_t count) {
  if (count_ != 0 && segment == segment_ && first >= first_ && first + count <= first_ + count_) {
    return window_.get() + size_t{first - first_} * kSectorBytes;
  }
  const uint32_t wanted = std::min(std::max(count, kWindowSectors), sectors(segment) - first);
  TERCET_CHECK(wanted >= count, "sectors within their segment");
  if (wanted > capacity_) {
    const size_t size = (size_t{wanted} * kSectorBytes + kIoAlignment - 1) / kIoAlignment * kIoAlignment;
    window_.reset(static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, size)));
    TERCET_CHECK(window_ != nullptr, "memory to read the log");
    capacity_ = wanted;
  }
  count_ = 0;
  const size_t bytes = size_t{wanted} * kSectorBytes;
  disk_.read(segment, Offset{first} * kSectorBytes, MutBytes{window_.get(), bytes}, kReadId);
  IoDone done;
  if (!finish(done)) {
    return nullptr;
  }
  if (done.error != IoError::none || done.bytes < bytes) {
    error_ = "reading " + segment_name(segment) + " at " + std::to_string(Offset{first} * kSectorBytes) +
             " failed: " + (done.os_error != 0 ? std::strerror(done.os_error) : "too short");
    return nullptr;
  }
  segment_ = segment;
  first_ = first;
  count_ = wanted;
  return window_.get();
}

bool SectorReader::sync() {
  disk_.sync(kReadId);
  IoDone done;
  if (!finish(done)) {
    return false;
  }
  if (done.error != IoError::none) {
    error_ = std::string("making the log durable failed: ") +
             (done.os_error != 0 ? std::strerror(done.os_error) : "the disk refused");
    return false;
  }
  return true;
}

}  // namespace tercet::store
