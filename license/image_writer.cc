#include "license/image_writer.h"

#include <bit>
#include <cstring>

#include "license/state.h"

namespace tercet::license {
namespace {

constexpr size_t kWords = 64;

template <class T>
Bytes raw(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

void set_bit(Zeroed<uint64_t>& set, uint32_t i) { set[i / kWords] |= uint64_t{1} << i % kWords; }
size_t words_for(size_t bits) { return (bits + kWords - 1) / kWords; }

}  // namespace

ImageWriter::ImageWriter(const BookOptions& options, size_t room)
    : slots_(std::bit_ceil(options.tombstones_max)),
      leases_(words_for(options.leases_max)),
      tombstones_(words_for(slots_)),
      licenses_(words_for(kLicensesMax)),
      usages_(words_for(kLicensesMax + 1)),
      room_(room) {
  TERCET_CHECK(room >= 1U << 16U, "image: room for the head and more");
}

ImageWriter::~ImageWriter() { stop(); }

void ImageWriter::begin(State& state) {
  stop();
  state_ = &state;
  phase_ = Phase::running;
  standing_ = state.standing();
  sum_ = hash_ = {};
  used_ = 0;
  written_ = 0;
  next_lease_ = next_tombstone_ = 0;
  first_slot_ = state.tombstones().first_slot();
  state.leases().used(leases_);
  std::memset(&tombstones_[0], 0, tombstones_.size() * sizeof(uint64_t));
  for (uint32_t n = 0; n < state.tombstones().size();) {  // a word at a time where it is whole
    const uint32_t slot = (first_slot_ + n) % slots_;
    const uint32_t left = state.tombstones().size() - n;
    if (slot % kWords == 0 && left >= kWords && slot + kWords <= slots_) {
      tombstones_[slot / kWords] = UINT64_MAX;
      n += kWords;
    } else {
      set_bit(tombstones_, slot);
      ++n;
    }
  }
  std::memset(&licenses_[0], 0, licenses_.size() * sizeof(uint64_t));
  std::memset(&usages_[0], 0, usages_.size() * sizeof(uint64_t));
  uint32_t usages = 0;
  const auto note_usage = [&](uint32_t index) {
    if (state.usage(index) != Usage{}) {
      set_bit(usages_, index);
      ++usages;
    }
  };
  for (uint32_t i = 0; i < state.licenses().size(); ++i) {
    set_bit(licenses_, i);
    note_usage(i);
  }
  note_usage(kNoLicense);
  ImageHead head{};
  std::memcpy(head.magic, kImageMagic, sizeof head.magic);
  head.version = kImageVersion;
  head.ended = standing_.ended;
  head.purged = standing_.purged;
  head.absent = standing_.absent;
  head.cell_ms = static_cast<uint64_t>(standing_.cell_ms);
  head.wall_ms = static_cast<uint64_t>(standing_.wall_ms);
  head.forgotten_ms = static_cast<uint64_t>(standing_.forgotten_ms);
  head.seq = standing_.seq;
  head.sum_low = standing_.sum.low;
  head.sum_high = standing_.sum.high;
  head.licenses = state.licenses().size();
  head.leases = state.leases().size();
  head.tombstones = state.tombstones().size();
  head.usages = usages;
  head.cells = state.cell().started != 0 ? 1U : 0U;
  objects_ = uint64_t{head.licenses} + head.leases + head.tombstones + head.usages + head.cells;
  const auto size_of = [](uint32_t count, ImageKind kind) {
    return count * uint64_t{sizeof(ImageRecord) + image_body_size(kind)};
  };
  bytes_ = size_of(1, ImageKind::head) + size_of(head.cells, ImageKind::cell) +
           size_of(head.licenses, ImageKind::license) + size_of(head.usages, ImageKind::usage) +
           size_of(head.leases, ImageKind::lease) + size_of(head.tombstones, ImageKind::tombstone) +
           size_of(1, ImageKind::end);
  record(ImageKind::head, 0, raw(head));
  state.attach(this);
  if (head.cells != 0) {
    sum_ = plus(sum_, hash_of(state.cell()));
    record(ImageKind::cell, 0, raw(state.cell()));
    ++written_;
  }
  finish_if_whole();
}

size_t ImageWriter::slice(size_t objects) {
  size_t n = 0;
  for (; n < objects && phase_ == Phase::running && fits(); ++n) {
    if (const uint32_t i = next(licenses_, 0); i != kNone) {
      write_license(i);
    } else if (const uint32_t use = next(usages_, 0); use != kNone) {
      write_usage(use);
    } else if (next_lease_ = next(leases_, next_lease_); next_lease_ != kNone) {
      write_lease(next_lease_);
    } else {
      next_tombstone_ = next(tombstones_, next_tombstone_);
      TERCET_CHECK(next_tombstone_ != kNone, "image: what is not written is pending");
      write_tombstone(next_tombstone_);
    }
  }
  return n;
}

uint32_t ImageWriter::next(const Zeroed<uint64_t>& set, uint32_t from) {
  for (size_t word = from / kWords; word < set.size(); ++word) {
    uint64_t bits = set[word];
    if (word == from / kWords) {
      bits &= UINT64_MAX << from % kWords;
    }
    if (bits != 0) {
      return static_cast<uint32_t>(word * kWords + static_cast<unsigned>(std::countr_zero(bits)));
    }
  }
  return kNone;
}

void ImageWriter::write_lease(uint32_t index) {
  const LeaseImage image = state_->leases().image(index);
  // Its line is cold, and most have used none.
  const uint64_t units = image.lease.metered != 0 ? state_->leases().units_of(index) : 0;
  ImageLease body;
  body.due_ms = image.due_ms;
  body.units = units;
  std::memcpy(body.state, &image.lease, kLeaseStateSize);
  object(ImageKind::lease, index, raw(body), plus(hash_of(index, image), hash_of_units(index, units)),
         leases_, index);
}

void ImageWriter::write_tombstone(uint32_t slot) {
  const Tombstone& tombstone = state_->tombstones()[slot];
  object(ImageKind::tombstone, (slot - first_slot_) & (slots_ - 1), raw(tombstone), hash_of(tombstone),
         tombstones_, slot);
}

void ImageWriter::write_license(uint32_t index) {
  const License& license = state_->licenses()[index];
  object(ImageKind::license, index, raw(license), hash_of(index, license), licenses_, index);
}

void ImageWriter::write_usage(uint32_t license) {
  const Usage& usage = state_->usage(license);
  object(ImageKind::usage, license, raw(usage), hash_of(license, usage), usages_, license);
}

void ImageWriter::object(ImageKind kind, uint32_t number, Bytes body, const Hash128& hash,
                         Zeroed<uint64_t>& set, uint32_t bit) {
  if (!fits()) {
    fail(Phase::overrun);
    return;
  }
  set[bit / kWords] &= ~(uint64_t{1} << bit % kWords);
  sum_ = plus(sum_, hash);
  record(kind, number, body);
  ++written_;
  finish_if_whole();
}

void ImageWriter::record(ImageKind kind, uint32_t number, Bytes body) {
  ImageRecord head{};
  head.kind = static_cast<uint8_t>(kind);
  head.size = static_cast<uint16_t>(body.size());
  head.number = number;
  hash_ = image_hash(hash_, head, body);
  std::memcpy(&room_[used_], &head, sizeof head);
  std::memcpy(&room_[used_ + sizeof head], body.data(), body.size());
  used_ += sizeof head + body.size();
}

bool ImageWriter::fits() const {
  constexpr size_t kMost = sizeof(ImageRecord) + kImageBodyMax + sizeof(ImageRecord) + sizeof(ImageEnd);
  return room_.size() - used_ >= kMost;
}

void ImageWriter::finish_if_whole() {
  if (written_ != objects_) {
    return;
  }
  if (sum_ != standing_.sum) {
    fail(Phase::damaged);
    return;
  }
  ImageEnd end;
  end.hash_low = hash_.low;
  end.hash_high = hash_.high;
  record(ImageKind::end, 0, raw(end));
  phase_ = Phase::complete;
  state_->attach(nullptr);
}

void ImageWriter::before_undo(uint64_t seq) {
  if (phase_ == Phase::running && seq <= standing_.seq) {
    fail(Phase::undone);
  }
}

void ImageWriter::fail(Phase phase) {
  stop();
  phase_ = phase;
}

void ImageWriter::stop() {
  if (phase_ == Phase::running) {
    state_->attach(nullptr);
  }
  phase_ = Phase::idle;
  used_ = 0;
}

}  // namespace tercet::license
