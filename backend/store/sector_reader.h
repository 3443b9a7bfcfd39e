#pragma once
// A window over the sectors of a store's segments, for recovery: reads ahead in big pieces, waits for the
// disk.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "backend/store/disk.h"
#include "backend/store/log_format.h"

namespace tercet::store {

class SectorReader {
 public:
  explicit SectorReader(Disk& disk) : disk_(disk) {}

  /// `count` sectors of `segment` from `first` on, valid until the next call; nullptr if they could not be
  /// read, see error(). They must lie within the segment.
  const uint8_t* view(FileId segment, uint32_t first, uint32_t count);
  /// Sectors in `segment`; 0 if it is not there.
  uint32_t sectors(FileId segment);
  /// Waits until all that can be read is durable too. False: see error().
  bool sync();
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  bool finish(IoDone& done);

  Disk& disk_;
  std::unique_ptr<uint8_t[], Free> window_;
  uint32_t capacity_ = 0;  ///< of the window, in sectors
  FileId segment_ = 0;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
  FileId sized_ = 0;
  uint32_t size_ = 0;  ///< of segment sized_, in sectors; 0 = not asked yet
  std::string error_;
};

}  // namespace tercet::store
