#include "license/image_reader.h"

#include <algorithm>
#include <cstring>

#include "license/state.h"

namespace tercet::license {
namespace {

template <class T>
T read(Bytes body) {
  static_assert(std::is_trivially_copyable_v<T>);
  T out;
  std::memcpy(static_cast<void*>(&out), body.data(), sizeof out);  // record() compared the sizes
  return out;
}

/// What the tables rely on; that it is right, the hashes say.
bool lease_is_sound(const Lease& lease, uint32_t licenses) {
  size_t text = 0;
  for (const uint8_t size : lease.text_size) {
    text += size;
  }
  return lease.license < licenses && text <= kHolderTextMax;
}

}  // namespace

ImageReader::ImageReader(State& state) : state_(state) { state_.clear(); }

bool ImageReader::take(Bytes bytes) {
  if (*fault_ != '\0') {
    return false;
  }
  while (!bytes.empty()) {
    if (ended_) {
      return wrong("bytes behind its end");
    }
    // A record at a time, from where it lies if it is whole there.
    Bytes from = bytes;
    if (!part_.empty()) {
      const size_t size = part_.size() < sizeof(ImageRecord)
                              ? sizeof(ImageRecord)
                              : sizeof(ImageRecord) + read<ImageRecord>(part_).size;
      const size_t more = std::min(bytes.size(), size - part_.size());
      part_.insert(part_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(more));
      bytes = bytes.subspan(more);
      from = part_;
    }
    if (from.size() < sizeof(ImageRecord) ||
        from.size() < sizeof(ImageRecord) + read<ImageRecord>(from).size) {
      if (part_.empty()) {
        part_.assign(bytes.begin(), bytes.end());
        bytes = {};
      }
      if (part_.size() >= sizeof(ImageRecord) && read<ImageRecord>(part_).size > kImageBodyMax) {
        return wrong("a record of another size");
      }
      continue;
    }
    const auto head = read<ImageRecord>(from);
    const size_t size = sizeof head + head.size;
    if (!record(head, from.subspan(sizeof head, head.size))) {
      return false;
    }
    if (part_.empty()) {
      bytes = bytes.subspan(size);
    } else {
      part_.clear();
    }
  }
  return true;
}

bool ImageReader::record(const ImageRecord& record, Bytes body) {
  const auto kind = static_cast<ImageKind>(record.kind);
  if (record.reserved != 0 || image_body_size(kind) == 0 || body.size() != image_body_size(kind)) {
    return wrong("a record of another size");
  }
  if (headed_ == (kind == ImageKind::head) || ended_) {
    return wrong("a record out of its place");
  }
  if (kind == ImageKind::end) {
    return record.number == 0 ? end(body) : wrong("an end with a number");
  }
  hash_ = image_hash(hash_, record, body);
  switch (kind) {
    case ImageKind::head:
      return head(body);
    case ImageKind::cell:
      return cell(body);
    case ImageKind::license:
      return license(record.number, body);
    case ImageKind::usage:
      return usage(record.number, body);
    case ImageKind::lease:
      return lease(record.number, body);
    default:
      return tombstone(record.number, body);
  }
}

bool ImageReader::head(Bytes body) {
  const auto head = read<ImageHead>(body);
  if (std::memcmp(head.magic, kImageMagic, sizeof head.magic) != 0) {
    return wrong("no image of a book");
  }
  if (head.version != kImageVersion) {
    return wrong("of another version");
  }
  if (head.licenses > kLicensesMax || head.leases > state_.leases_.capacity() ||
      head.tombstones > state_.tombstones_.capacity() || head.usages > head.licenses + 1 || head.cells > 1) {
    return wrong("of a larger book");
  }
  if (!slot_bits_fit(head.absent)) {
    return wrong("slots that cannot be");
  }
  headed_ = true;
  standing_.sum = {head.sum_low, head.sum_high};
  standing_.cell_ms = static_cast<int64_t>(head.cell_ms.get());
  standing_.wall_ms = static_cast<int64_t>(head.wall_ms.get());
  standing_.forgotten_ms = static_cast<int64_t>(head.forgotten_ms.get());
  standing_.ended = head.ended;
  standing_.purged = head.purged;
  standing_.absent = head.absent;
  standing_.seq = head.seq;
  licenses_ = head.licenses;
  cells_left_ = head.cells;
  usages_left_ = head.usages;
  leases_left_ = head.leases;
  tombstones_left_ = head.tombstones;
  found_.resize(licenses_);
  placed_.resize(head.tombstones);
  state_.tombstones_.expect(head.tombstones);
  return true;
}

bool ImageReader::cell(Bytes body) {
  const auto cell = read<Cell>(body);
  const bool fits = cell.started == 1 && cell.issuers <= kIssuersMax &&
                    cell.virtual_serial_size <= sizeof cell.virtual_serial &&
                    cell.revoked_size <= kRevokedMax &&
                    std::ranges::all_of(cell.containers,
                                        [](const Container& c) { return c.serial_size <= sizeof c.serial; });
  if (cells_left_ == 0 || !fits) {
    return wrong("a cell that cannot be");
  }
  --cells_left_;
  state_.cell_ = cell;
  sum_ = plus(sum_, hash_of(cell));
  return true;
}

bool ImageReader::license(uint32_t index, Bytes body) {
  const auto license = read<License>(body);
  const bool fits =
      std::ranges::all_of(license.present, [](uint8_t p) { return p <= 1; }) && license.present_bits() != 0 &&
      license.withdrawn <= 1 &&
      std::ranges::all_of(license.terms, [](const Terms& t) { return t.name_size <= kNameMax; });
  if (index >= licenses_ || found_[index] || !fits) {
    return wrong("a license that cannot be");
  }
  found_[index] = license;
  sum_ = plus(sum_, hash_of(index, license));
  return true;
}

bool ImageReader::usage(uint32_t index, Bytes body) {
  if ((index >= licenses_ && index != kNoLicense) || usages_left_ == 0 || state_.usage_[index] != Usage{}) {
    return wrong("a use that cannot be");
  }
  --usages_left_;
  state_.usage_[index] = read<Usage>(body);
  sum_ = plus(sum_, hash_of(index, state_.usage_[index]));
  return true;
}

bool ImageReader::lease(uint32_t index, Bytes body) {
  const auto given = read<ImageLease>(body);
  LeaseImage image{};
  std::memcpy(reinterpret_cast<uint8_t*>(&image.lease), given.state, kLeaseStateSize);
  image.due_ms = given.due_ms;
  if (leases_left_ == 0 || index >= state_.leases_.capacity() || state_.leases_.has(index) ||
      !lease_is_sound(image.lease, licenses_) || given.units > kUsageMax) {
    return wrong("a lease that cannot be");
  }
  --leases_left_;
  state_.leases_.add(index, image);
  if (given.units != 0) {
    state_.leases_.set_units(index, given.units);
  }
  sum_ = plus(sum_, plus(hash_of(index, image), hash_of_units(index, given.units)));
  return true;
}

bool ImageReader::tombstone(uint32_t place, Bytes body) {
  if (place >= placed_.size() || placed_[place]) {
    return wrong("a tombstone that cannot be");
  }
  placed_[place] = true;
  --tombstones_left_;
  const auto tombstone = read<Tombstone>(body);
  state_.tombstones_.place(place, tombstone);
  sum_ = plus(sum_, hash_of(tombstone));
  return true;
}

bool ImageReader::end(Bytes body) {
  const auto end = read<ImageEnd>(body);
  const bool whole = cells_left_ == 0 && usages_left_ == 0 && leases_left_ == 0 && tombstones_left_ == 0 &&
                     std::ranges::all_of(found_, [](const auto& l) { return l.has_value(); });
  if (!whole || Hash128{end.hash_low, end.hash_high} != hash_ || sum_ != standing_.sum) {
    return wrong("damaged");
  }
  for (const auto& license : found_) {
    state_.leases_.set_over(state_.licenses_.size(), license->withdrawn != 0);
    state_.licenses_.add(*license);
  }
  state_.standing_ = standing_;
  ended_ = true;
  return true;
}

bool ImageReader::finish() {
  if (*fault_ == '\0' && !ended_) {
    wrong("cut off");
  }
  return *fault_ == '\0';
}

bool ImageReader::wrong(const char* why) {
  fault_ = why;
  state_.clear();
  return false;
}

}  // namespace tercet::license
