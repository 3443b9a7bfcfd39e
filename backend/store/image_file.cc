#include "backend/store/image_file.h"

#include <cstring>

#include "base/check.h"
#include "wire/fetch.h"

namespace tercet::store {
namespace {

constexpr uint8_t kImageFileMagic[7] = {'t', 'c', 't', 'i', 'm', 'g', 0};

struct SealedImageHeader {
  uint8_t magic[7];
  uint8_t version;
  WireHash base;  ///< of the ImageBase
  Le64 store;
  Le64 bytes;
  Le64 segment;
  Le64 batch;
  Le64 batch_seen;
  Le64 lsn;
  Le64 older;
  Le64 promised;
  Le64 promised_to;
  Le64 admitted_by;
  Le64 foreign;
  WireHash sum;  ///< of all before it
};
static_assert(sizeof(SealedImageHeader) == 128 && sizeof(SealedImageHeader) <= kSectorBytes);

Hash128 sum_of(const SealedImageHeader& sealed) {
  return hash128({reinterpret_cast<const uint8_t*>(&sealed), offsetof(SealedImageHeader, sum)});
}

}  // namespace

void seal_image_header(const ImageHeader& header, const ImageBase& base, MutBytes sector) {
  TERCET_CHECK(sector.size() == kSectorBytes, "an image's header is a sector");
  SealedImageHeader sealed{};
  std::memcpy(sealed.magic, kImageFileMagic, sizeof kImageFileMagic);
  sealed.version = kImageFileVersion;
  sealed.base = hash128(bytes_of(base));
  sealed.store = header.store;
  sealed.bytes = header.bytes;
  sealed.segment = header.start.segment;
  sealed.batch = header.start.batch;
  sealed.batch_seen = header.start.batch_seen;
  sealed.lsn = header.start.lsn;
  sealed.older = header.older;
  sealed.promised = header.promised;
  sealed.promised_to = header.promised_to;
  sealed.admitted_by = header.admitted_by;
  sealed.foreign = header.foreign ? 1 : 0;
  sealed.sum = sum_of(sealed);
  std::memset(sector.data(), 0, sector.size());
  std::memcpy(sector.data(), &sealed, sizeof sealed);
}

bool is_of_another_version(Bytes sector) {
  SealedImageHeader sealed;
  if (sector.size() != kSectorBytes) {
    return false;
  }
  std::memcpy(&sealed, sector.data(), sizeof sealed);
  return std::memcmp(sealed.magic, kImageFileMagic, sizeof kImageFileMagic) == 0 &&
         sealed.sum.get() == sum_of(sealed) && sealed.version != kImageFileVersion;
}

uint64_t image_bytes(Bytes sector) {
  SealedImageHeader sealed;
  if (sector.size() != kSectorBytes) {
    return 0;
  }
  std::memcpy(&sealed, sector.data(), sizeof sealed);
  return sealed.sum.get() == sum_of(sealed) ? sealed.bytes.get() : 0;
}

std::optional<ImageHeader> open_image_header(Bytes sector, const ImageBase& base) {
  SealedImageHeader sealed;
  if (sector.size() != kSectorBytes) {
    return std::nullopt;
  }
  std::memcpy(&sealed, sector.data(), sizeof sealed);
  if (std::memcmp(sealed.magic, kImageFileMagic, sizeof kImageFileMagic) != 0 ||
      sealed.version != kImageFileVersion || sealed.sum.get() != sum_of(sealed) ||
      sealed.base.get() != hash128(bytes_of(base)) || sealed.segment > UINT32_MAX ||
      sealed.bytes < sizeof(ImageBase) || sealed.bytes > kImageBytesMax) {
    return std::nullopt;
  }
  ImageHeader header;
  header.store = sealed.store;
  header.bytes = sealed.bytes;
  header.start.segment = static_cast<FileId>(sealed.segment);
  header.start.batch = sealed.batch;
  header.start.batch_seen = sealed.batch_seen;
  header.start.lsn = sealed.lsn;
  header.older = sealed.older;
  header.promised = sealed.promised;
  header.promised_to = sealed.promised_to;
  header.admitted_by = sealed.admitted_by;
  header.foreign = sealed.foreign != 0;
  return header;
}

}  // namespace tercet::store
