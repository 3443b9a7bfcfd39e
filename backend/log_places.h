#pragma once
// Tests only: what lies where in a log's segments, so that it can be damaged there.

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/store/log_format.h"
#include "backend/store/memory_disk.h"

namespace tercet::backend {

/// Where one record begins and how long it is, in the batch's stream of payloads.
struct RecordPlace {
  store::FileId file = 0;
  uint32_t sector = 0;  ///< of the batch's first one
  size_t at = 0;
  size_t size = 0;
  /// Where byte `i` of it lies in the file.
  [[nodiscard]] store::Offset byte(size_t i) const {
    return store::Offset{sector + (at + i) / store::kPayloadBytes} * store::kSectorBytes +
           sizeof(store::SectorHeader) + (at + i) % store::kPayloadBytes;
  }
};

struct SectorPlace {
  store::FileId file = 0;
  uint32_t number = 0;
  [[nodiscard]] store::Offset at() const { return store::Offset{number} * store::kSectorBytes; }
};

/// Of the segments from `first` on.
struct LogPlaces {
  std::vector<SectorPlace> sealed;
  std::vector<SectorPlace> former;  ///< sealed too, but as part of the segment that this one was before
  std::vector<RecordPlace> records;

  LogPlaces(store::MemoryDisk& disk, store::FileId first) {
    for (store::FileId file = std::max(first, disk.files().first); file < disk.files().end; ++file) {
      std::vector<uint8_t> stream;
      for (uint32_t sector = 0; sector < disk.size(file) / store::kSectorBytes; ++sector) {
        uint8_t bytes[store::kSectorBytes];
        disk.peek(file, store::Offset{sector} * store::kSectorBytes, bytes);
        store::SectorHeader header;
        if (store::look_at_sector(bytes, header) != store::SectorKind::sealed) {
          continue;
        }
        if (header.segment != file) {
          former.push_back({file, sector});
          continue;
        }
        sealed.push_back({file, sector});
        stream.insert(stream.end(), bytes + sizeof(header), bytes + sizeof(header) + header.payload);
        if (header.index + 1 == header.count) {
          add_records(file, sector - header.index, stream);
          stream.clear();
        }
      }
    }
  }

 private:
  void add_records(store::FileId file, uint32_t sector, const std::vector<uint8_t>& stream) {
    for (size_t at = 0; at < stream.size();) {
      store::RecordHeader record;
      std::memcpy(&record, stream.data() + at, sizeof(record));
      const size_t size = sizeof(record) + record.length;
      records.push_back({file, sector, at, size});
      at += size;
    }
  }
};

/// One byte in each part of a sector's header, and its last one.
inline constexpr unsigned kSectorFields[] = {0,  8,  16, 24, 32, 36, 40,
                                             44, 47, 48, 50, 52, 54, store::kSectorBytes - 1};

}  // namespace tercet::backend
