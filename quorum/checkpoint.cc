#include "quorum/checkpoint.h"

#include "base/hash.h"
#include "quorum/chain.h"
#include "wire/ranges.h"

namespace tercet::quorum {

bool Checkpoint::fits(const Hash128& digest) const {
  return next_s(s_before, base.l, {result.data(), result.size()}, digest) == base.s;
}

ImageBase write_base(const Checkpoint& checkpoint) {
  const LogView::Base& base = checkpoint.base;
  ImageBase out{};
  out.seq = base.seq.value;
  out.epoch = base.epoch.value;
  out.cell_ms = as_unsigned(base.cell.ms);
  out.wall_ms = as_unsigned(base.wall.ms);
  out.l = base.l;
  out.s = base.s;
  out.s_before = checkpoint.s_before;
  put_bytes(out.result, {checkpoint.result.data(), checkpoint.result.size()});
  out.result_size = static_cast<uint8_t>(checkpoint.result.size());
  write_members(base.members, out.members);
  out.sum = sum_of(out);
  return out;
}

Hash128 sum_of(const ImageBase& base) { return hash128(bytes_of(base).first(offsetof(ImageBase, sum))); }

std::optional<Checkpoint> read_base(const ImageBase& base) {
  if (base.sum.get() != sum_of(base) || base.seq == 0 || !seq_fits(base.seq) || !epoch_fits(base.epoch) ||
      !time_fits(base.cell_ms) || !time_fits(base.wall_ms) || base.result_size > kResultMax ||
      !all_zero(base.reserved)) {
    return std::nullopt;
  }
  Checkpoint out;
  out.base.seq = Seq{base.seq};
  out.base.epoch = Epoch{base.epoch};
  out.base.cell = CellTime{as_signed(base.cell_ms)};
  out.base.wall = WallTime{as_signed(base.wall_ms)};
  out.base.l = base.l.get();
  out.base.s = base.s.get();
  out.base.members = read_members(base.members);
  out.s_before = base.s_before.get();
  out.result.resize(base.result_size);
  std::memcpy(out.result.data(), base.result, base.result_size);
  return out;
}

}  // namespace tercet::quorum
