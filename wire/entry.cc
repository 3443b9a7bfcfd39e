#include "wire/entry.h"

#include "base/check.h"
#include "wire/cell_message.h"
#include "wire/ranges.h"

namespace tercet {
namespace {

bool plain(const EpochStartBody& body) {
  return body.form == static_cast<uint8_t>(StartForm::plain) && body.forced_slot == 0;
}

/// The operator names another than the one whose log goes on.
bool forced(Bytes op) {
  const auto* body = header_of<ForcedStartBody>(op);
  return body != nullptr && op.size() == sizeof(ForcedStartBody) &&
         body->start.form == static_cast<uint8_t>(StartForm::forced) && body->start.forced_slot < kBackends &&
         body->start.forced_slot != body->start.source && body->start.last_seq != 0 && body->incarnation != 0;
}

}  // namespace

bool body_fits(EntryKind kind, Bytes op) {
  if (op.size() > kOpMax) {
    return false;
  }
  switch (kind) {
    case EntryKind::op:
      return true;  // what it asks for is the book's to judge
    case EntryKind::tick:
      return op.empty();
    case EntryKind::genesis: {
      GenesisView genesis;
      return parse_genesis(op, genesis);
    }
    case EntryKind::epoch_start: {
      const auto* body = header_of<EpochStartBody>(op);
      return body != nullptr && seq_fits(body->last_seq) && body->source < kBackends && body->lb < 2 &&
             all_zero(body->reserved) && (op.size() == sizeof(EpochStartBody) ? plain(*body) : forced(op));
    }
    case EntryKind::rejoin: {
      const auto* body = header_of<RejoinBody>(op);
      return op.size() == sizeof(RejoinBody) && body->incarnation != 0 && body->slot < kBackends &&
             all_zero(body->reserved);
    }
    case EntryKind::constituent_gone: {
      const auto* body = header_of<ConstituentGoneBody>(op);
      return op.size() == sizeof(ConstituentGoneBody) && body->slot < kBackends && body->gone <= 1 &&
             all_zero(body->reserved);
    }
    case EntryKind::checkpoint: {
      const auto* body = header_of<CheckpointBody>(op);
      return op.size() == sizeof(CheckpointBody) && body->slot < kBackends && all_zero(body->reserved);
    }
    case EntryKind::usable: {
      const auto* body = header_of<UsableBody>(op);
      return op.size() == sizeof(UsableBody) && body->checkpoint != 0 && seq_fits(body->checkpoint);
    }
    default:
      return false;
  }
}

const ForcedStartBody* forced_start(Bytes op) {
  return forced(op) ? header_of<ForcedStartBody>(op) : nullptr;
}

bool parse_genesis(Bytes op, GenesisView& out) {
  out.body = header_of<GenesisBody>(op);
  if (out.body == nullptr) {
    return false;
  }
  Bytes rest = op.subspan(sizeof(GenesisBody));
  const size_t keys = out.body->issuers * kIssuerKeySize;
  if (rest.size() < keys) {
    return false;
  }
  out.issuers = rest.first(keys);
  rest = rest.subspan(keys);
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    const size_t size = out.body->introduction_size[slot];
    if (size > kIntroductionMax || size > rest.size()) {
      return false;
    }
    out.introductions[slot] = rest.first(size);
    rest = rest.subspan(size);
  }
  return rest.empty();
}

size_t write_genesis(GenesisBody body, Bytes issuers, const std::array<Bytes, kBackends>& introductions,
                     MutBytes out) {
  TERCET_CHECK(issuers.size() % kIssuerKeySize == 0 && issuers.size() <= kOpMax,
               "issuers' keys are whole and few");
  size_t size = sizeof(GenesisBody) + issuers.size();
  body.issuers = static_cast<uint8_t>(issuers.size() / kIssuerKeySize);
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    TERCET_CHECK(introductions[slot].size() <= kIntroductionMax, "an introduction fits Genesis");
    body.introduction_size[slot] = static_cast<uint8_t>(introductions[slot].size());
    size += introductions[slot].size();
  }
  if (size > kOpMax || size > out.size()) {
    return 0;
  }
  put(out, body);
  size_t used = sizeof(GenesisBody);
  used += put_bytes(out.subspan(used), issuers);
  for (const Bytes introduction : introductions) {
    used += put_bytes(out.subspan(used), introduction);
  }
  return used;
}

size_t parse_entry(Bytes bytes, EntryView& out) {
  const auto* header = header_of<EntryHeader>(bytes);
  if (header == nullptr || header->length > bytes.size() - sizeof(EntryHeader)) {
    return 0;
  }
  const auto kind = static_cast<EntryKind>(header->kind);
  const Bytes op = bytes.subspan(sizeof(EntryHeader), header->length);
  if (header->reserved != 0 || header->reserved2 != 0 || header->seq == 0 || !seq_fits(header->seq) ||
      !epoch_fits(header->epoch) || !time_fits(header->cell_ms) || !time_fits(header->wall_ms) ||
      !body_fits(kind, op)) {
    return 0;
  }
  out.seq = Seq{header->seq};
  out.epoch = Epoch{header->epoch};
  out.cell = CellTime{as_signed(header->cell_ms)};
  out.wall = WallTime{as_signed(header->wall_ms)};
  out.kind = kind;
  out.op = op;
  return entry_size(op.size());
}

size_t write_entry(const EntryView& entry, MutBytes out) {
  TERCET_CHECK(body_fits(entry.kind, entry.op), "an entry's operation has the form of its kind");
  if (out.size() < entry_size(entry.op.size())) {
    return 0;
  }
  EntryHeader header{};
  header.kind = static_cast<uint8_t>(entry.kind);
  header.length = static_cast<uint16_t>(entry.op.size());
  header.seq = entry.seq.value;
  header.epoch = entry.epoch.value;
  header.cell_ms = as_unsigned(entry.cell.ms);
  header.wall_ms = as_unsigned(entry.wall.ms);
  put(out, header);
  put_bytes(out.subspan(sizeof header), entry.op);
  return entry_size(entry.op.size());
}

}  // namespace tercet
