#include "wire/accept.h"

#include <algorithm>

#include "base/check.h"
#include "wire/ranges.h"

namespace tercet {
namespace {

constexpr uint8_t kSlotBits = (1U << kBackends) - 1;

/// Takes one item off the front of `rest`; false when it is malformed or nothing is left.
bool take_item(const AcceptHeader& header, Bytes& rest, AcceptEntry& out) {
  if (rest.empty()) {
    return false;
  }
  size_t size = 0;
  if (rest[0] == kItemEntry) {
    const auto* item = header_of<AcceptItem>(rest);
    if (item == nullptr || item->length > rest.size() - sizeof(AcceptItem)) {
      return false;
    }
    const auto kind = static_cast<EntryKind>(item->kind);
    const Bytes op = rest.subspan(sizeof(AcceptItem), item->length);
    const int64_t cell = as_signed(header.cell_ms) + static_cast<int32_t>(item->cell_delta_ms.get());
    if (!body_fits(kind, op) || cell < 0 || !time_fits(as_unsigned(cell))) {
      return false;
    }
    out.is_read = false;
    out.entry.epoch = Epoch{header.epoch};
    out.entry.cell = CellTime{cell};
    out.entry.wall = WallTime{as_signed(header.wall_ms)};
    out.entry.kind = kind;
    out.entry.op = op;
    size = sizeof(AcceptItem) + op.size();
  } else if (rest[0] == kItemRead) {
    const auto* item = header_of<ReadItem>(rest);
    if (item == nullptr || item->length > rest.size() - sizeof(ReadItem)) {
      return false;
    }
    if (item->length == 0 || item->length > kOpMax || !only_bits(item->readers, kSlotBits) ||
        item->body_from >= kBackends || ((item->readers >> item->body_from) & 1U) == 0 ||
        !all_zero(item->reserved)) {
      return false;
    }
    out.is_read = true;
    out.read = item;
    out.query = rest.subspan(sizeof(ReadItem), item->length);
    size = sizeof(ReadItem) + out.query.size();
  } else {
    return false;
  }
  rest = rest.subspan(size);
  return true;
}

}  // namespace

bool AcceptWalk::next(AcceptEntry& out) {
  if (!take_item(*view_.header, rest_, out)) {
    return false;
  }
  if (!out.is_read) {
    out.entry.seq = Seq{next_++};
  }
  return true;
}

Drop parse_accept(Bytes plain, AcceptView& out) {
  const AcceptHeader* header = nullptr;
  if (const Drop drop = take_header(plain, CellMessage::accept, header); drop != Drop::none) {
    return drop;
  }
  if (!only_bits(header->flags, kFit)) {
    return Drop::reserved;
  }
  if (!epoch_fits(header->epoch) || header->first == 0 || !seq_fits(header->first) ||
      !seq_fits(header->commit) || !time_fits(header->cell_ms) || !time_fits(header->wall_ms) ||
      header->items == 0) {
    return Drop::malformed;
  }
  Bytes rest = plain.subspan(sizeof(AcceptHeader));
  out = {header, rest};
  AcceptEntry item;
  for (unsigned i = 0; i < header->items; ++i) {
    if (!take_item(*header, rest, item)) {
      return Drop::malformed;
    }
  }
  return rest.empty() ? Drop::none : Drop::malformed;
}

Drop parse_keepalive(Bytes plain, KeepaliveView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::keepalive, out.header); drop != Drop::none) {
    return drop;
  }
  const Keepalive& k = *out.header;
  if (!only_bits(k.flags, kFit | kQuiet | kAdmits) || k.reserved != 0) {
    return Drop::reserved;
  }
  const bool fits = epoch_fits(k.epoch) && k.next >= 1 && seq_fits(k.next) && seq_fits(k.commit);
  return fits ? Drop::none : Drop::malformed;
}

AcceptWriter::AcceptWriter(MutBytes out, const AcceptHeader& header)
    : out_(out.first(std::min(out.size(), kCellPlainMax))), used_(sizeof(AcceptHeader)), next_(header.first) {
  TERCET_CHECK(out_.size() >= sizeof(AcceptHeader), "an Accept's header fits");
  AcceptHeader mine = header;
  mine.type = static_cast<uint8_t>(CellMessage::accept);
  put(out_, mine);
}

bool AcceptWriter::add(const EntryView& entry) {
  const AcceptHeader& header = *header_of<AcceptHeader>(out_);
  TERCET_CHECK(entry.epoch.value == header.epoch, "all entries of an Accept are of its epoch");
  TERCET_CHECK(entry.seq.value == next_, "entries of an Accept follow each other");
  TERCET_CHECK(body_fits(entry.kind, entry.op), "an entry's operation has the form of its kind");
  const int64_t delta = entry.cell.ms - as_signed(header.cell_ms);
  if (!has_room(sizeof(AcceptItem) + entry.op.size()) || delta < INT32_MIN || delta > INT32_MAX ||
      entry.wall.ms != as_signed(header.wall_ms)) {
    return false;
  }
  AcceptItem item{};
  item.item = kItemEntry;
  item.kind = static_cast<uint8_t>(entry.kind);
  item.length = static_cast<uint16_t>(entry.op.size());
  item.cell_delta_ms = static_cast<uint32_t>(static_cast<int32_t>(delta));
  put(out_.subspan(used_), item);
  used_ += sizeof item;
  used_ += put_bytes(out_.subspan(used_), entry.op);
  ++items_;
  ++next_;
  return true;
}

bool AcceptWriter::add(ReadItem item, Bytes query) {
  TERCET_CHECK(!query.empty() && query.size() <= kOpMax, "a read is an operation");
  if (!has_room(sizeof(ReadItem) + query.size())) {
    return false;
  }
  item.item = kItemRead;
  item.length = static_cast<uint16_t>(query.size());
  put(out_.subspan(used_), item);
  used_ += sizeof item;
  used_ += put_bytes(out_.subspan(used_), query);
  ++items_;
  return true;
}

size_t AcceptWriter::finish() {
  if (items_ == 0) {
    return 0;
  }
  AcceptHeader header = *header_of<AcceptHeader>(out_);
  header.items = items_;
  put(out_, header);
  return used_;
}

}  // namespace tercet
