#include "backend/store/log_format.h"

#include <cstdio>
#include <cstring>

#include "base/hash.h"

namespace tercet::store {
namespace {

uint64_t checksum_of(const uint8_t* sector) {
  return hash64({sector + sizeof(Le64), kSectorBytes - sizeof(Le64)});
}

bool all_zero(const uint8_t* sector) {
  static constexpr uint8_t kZeros[kSectorBytes] = {};
  return std::memcmp(sector, kZeros, kSectorBytes) == 0;
}

}  // namespace

void seal_sector(uint8_t* sector, const SectorHeader& header) {
  std::memcpy(sector, &header, sizeof(header));
  const size_t used = sizeof(header) + header.payload.get();
  if (used < kSectorBytes) {  // mostly it is full: no call then
    std::memset(sector + used, 0, kSectorBytes - used);
  }
  const Le64 checksum = checksum_of(sector);
  std::memcpy(sector, &checksum, sizeof(checksum));
}

SectorKind look_at_sector(const uint8_t* sector, SectorHeader& header) {
  std::memcpy(&header, sector, sizeof(header));
  static constexpr uint8_t kMagic[] = {'T', 'L', 'G'};
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return all_zero(sector) ? SectorKind::zero : SectorKind::damaged;
  }
  if (header.checksum != checksum_of(sector)) {
    return SectorKind::damaged;
  }
  if (header.version != kFormatVersion) {
    return SectorKind::version;
  }
  const bool sound = header.batch != 0 && header.follows != 0 && header.follows <= header.batch.get() &&
                     header.first_lsn != 0 && header.index < header.count.get() &&
                     header.index <= header.sector.get() && header.payload <= kPayloadBytes;
  return sound ? SectorKind::sealed : SectorKind::damaged;
}

std::string segment_name(FileId segment) {
  char name[32];
  std::snprintf(name, sizeof(name), "log-%06u.tlog", segment);
  return name;
}

std::string image_name(FileId image) {
  char name[32];
  std::snprintf(name, sizeof(name), "image-%06u.timg", image & ~kImages);
  return name;
}

std::string file_name(FileId file) { return is_image(file) ? image_name(file) : segment_name(file); }

}  // namespace tercet::store
