#include "license/lists.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "license/rules.h"
#include "wire/listing.h"
#include "wire/op.h"

namespace tercet::license {
namespace {

/// Rows behind a page's header, as many as fit.
class Page {
 public:
  Page(const State& state, OpKind kind, MutBytes out)
      : out_(out.first(kReadAnswerMax)), at_(sizeof(PageHeader)) {
    header_.kind = static_cast<uint8_t>(kind);
    header_.cell_ms = static_cast<uint64_t>(state.now_ms());
    header_.wall_ms = static_cast<uint64_t>(state.wall_ms());
  }
  /// Appends a row with its text; false when it does not fit any more.
  template <class Row>
  [[nodiscard]] bool add(Row& row, Bytes text) {
    const size_t size = sizeof row + text.size();
    if (at_ + size > out_.size()) {
      return false;
    }
    row.length = static_cast<uint16_t>(size);
    std::memcpy(&out_[at_], &row, sizeof row);
    if (!text.empty()) {
      std::memcpy(&out_[at_ + sizeof row], text.data(), text.size());
    }
    at_ += size;
    ++rows_;
    return true;
  }
  void next(uint64_t cursor) { header_.next = cursor; }
  void code(Code code) { header_.code = static_cast<uint8_t>(code); }
  size_t finish() {
    header_.rows = rows_;
    std::memcpy(out_.data(), &header_, sizeof header_);
    return at_;
  }

 private:
  PageHeader header_{};
  MutBytes out_;
  size_t at_;
  uint16_t rows_ = 0;
};

bool is_valid(const State& state, uint32_t license) {
  const Terms* terms = state.in_force(license);
  return terms != nullptr && in_time(state, license, *terms) == Code::granted;
}

void list_licenses(const State& state, const ReadBody& read, Page& page) {
  const uint64_t count = state.licenses().size();
  for (uint64_t i = read.cursor; i < count; ++i) {
    const auto index = static_cast<uint32_t>(i);
    const bool valid = is_valid(state, index);
    if (!valid && read.all == 0) {
      continue;
    }
    const License& license = state.licenses()[index];
    const Terms& terms = license.shown();
    LicenseRow row{};
    row.mode = terms.mode;
    row.constituents = state.present_bits(index);
    row.firm = terms.firm;
    row.product = terms.product;
    row.tmr_id = terms.tmr_id;
    row.quantity = terms.quantity;
    row.in_use = seats(state, index, terms).in_use;
    row.features = terms.features;
    row.valid_from_ms = terms.valid_from_ms;
    row.valid_until_ms = terms.valid_until_ms;
    row.lease_ms = terms.lease_ms;
    row.revision = terms.revision;
    row.valid = valid ? 1 : 0;
    row.withdrawn = state.withdrawn(index) ? 1 : 0;
    row.name_size = terms.name_size;
    if (!page.add(row, as_bytes({terms.name, terms.name_size}))) {
      page.next(i);
      return;
    }
  }
}

void list_containers(const State& state, const ReadBody& read, Page& page) {
  const Cell& cell = state.cell();
  if (cell.started == 0 || read.cursor != 0) {
    return;  // all four rows fit the first page
  }
  uint32_t valid = 0;
  uint32_t held[kBackends] = {};
  for (uint32_t i = 0; i < state.licenses().size(); ++i) {
    valid += is_valid(state, i) ? 1 : 0;
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      held[slot] += state.present_bits(i) >> slot & 1U;
    }
  }
  const auto add = [&](unsigned slot, uint32_t licenses, std::string_view serial) {
    ContainerRow row{};
    row.slot = static_cast<uint8_t>(slot);
    row.serial_size = static_cast<uint8_t>(serial.size());
    row.licenses = licenses;
    std::memcpy(row.activation_id, cell.activation_id, sizeof row.activation_id);
    const bool fits = page.add(row, as_bytes(serial));
    TERCET_CHECK(fits, "four containers fit a page");
  };
  static_assert(sizeof(PageHeader) + (kBackends + 1) * (sizeof(ContainerRow) + 31) <= kReadAnswerMax);
  add(0, valid, {cell.virtual_serial, cell.virtual_serial_size});
  for (unsigned slot = 0; slot < kBackends && read.all != 0; ++slot) {
    const Container& container = cell.containers[slot];
    if (container.serial_size != 0) {
      add(slot + 1, held[slot], {container.serial, container.serial_size});
    }
  }
}

bool add_lease(const State& state, uint32_t index, bool to_its_holder, Page& page) {
  const Lease& lease = state.leases()[index];
  const Terms& terms = state.licenses()[lease.license].shown();
  LeaseRow row{};
  std::memcpy(row.handle_prefix, lease.handle.bytes.data(), sizeof row.handle_prefix);
  row.user_size = lease.text_size[0];
  row.host_size = lease.text_size[1];
  row.process_size = lease.text_size[2];
  row.version_size = lease.text_size[3];
  row.station_size = lease.text_size[4];
  row.tmr_id = terms.tmr_id;
  row.firm = terms.firm;
  row.product = terms.product;
  row.lease_ms = lease.lease_ms;
  row.last_request = to_its_holder ? lease.last.request : 0;
  row.units = to_its_holder ? state.leases().units_of(index) : 0;
  row.since_wall_ms = lease.since_wall_ms.get();
  row.end_wall_ms = lease.end_wall_ms.get();
  row.end_cell_ms = lease.end_ms.get();
  size_t text = 0;
  for (const uint8_t size : lease.text_size) {
    text += size;
  }
  return page.add(row, as_bytes({lease.text, text}));
}

void list_leases(const State& state, const ReadBody& read, Page& page) {
  for (uint32_t i = state.leases().next_used(read.cursor); i != kNone; i = state.leases().next_used(i + 1)) {
    if (!add_lease(state, i, false, page)) {
      page.next(i);
      return;
    }
  }
}

void list_usage(const State& state, const ReadBody& read, Page& page) {
  const uint64_t count = state.licenses().size();
  for (uint64_t i = read.cursor; i <= count; ++i) {
    const bool licensed = i < count;
    const auto index = licensed ? static_cast<uint32_t>(i) : kNoLicense;
    const Usage& usage = state.usage(index);
    std::array<uint8_t, kCounted.size() * sizeof(DenialCount) + kNameMax> behind;
    size_t size = 0;
    UsageRow row{};
    for (size_t reason = 0; reason < kCounted.size(); ++reason) {
      if (usage.denied[reason] != 0) {
        DenialCount denied{};
        denied.code = static_cast<uint8_t>(kCounted[reason]);
        denied.count = usage.denied[reason];
        std::memcpy(&behind[size], &denied, sizeof denied);
        size += sizeof denied;
        ++row.denied;
      }
    }
    if (licensed) {
      const Terms& terms = state.licenses()[index].shown();
      row.mode = terms.mode;
      row.firm = terms.firm;
      row.product = terms.product;
      row.tmr_id = terms.tmr_id;
      row.quantity = terms.quantity;
      row.in_use = seats(state, index, terms).in_use;
      row.peak = usage.peak;
      row.handles = state.leases().size_of(index);
      row.units = terms.units;
      row.units_used = usage.units_used;
      row.usage_period_ms = terms.usage_period_ms;
      row.usage_from_ms = usage.started_wall_ms;
      row.metered = terms.metered;
      row.name_size = terms.name_size;
      std::memcpy(&behind[size], terms.name, terms.name_size);
      size += terms.name_size;
    }
    if ((licensed || row.denied != 0) && !page.add(row, Bytes(behind).first(size))) {
      page.next(i);
      return;
    }
  }
}

void show_lease(const State& state, const ReadBody& read, Page& page) {
  Handle handle;
  std::memcpy(handle.bytes.data(), read.handle, sizeof read.handle);
  const uint32_t index = state.leases().find(handle);
  if (index == kNone) {
    const uint32_t tombstone = state.tombstones().find(handle);
    const bool revoked = tombstone != kNone && state.tombstones()[tombstone].revoked != 0;
    page.code(revoked ? Code::revoked : Code::unknown_handle);
    return;
  }
  const bool fits = add_lease(state, index, true, page);
  TERCET_CHECK(fits, "one lease fits a page");
}

}  // namespace

size_t write_page(const State& state, Bytes query, MutBytes out) {
  TERCET_CHECK(out.size() >= kReadAnswerMax, "read: room for a page");
  OpView op;
  const bool good = parse_op(query, op) && is_read(op.kind);
  Page page(state, good ? op.kind : OpKind::read_licenses, out);
  if (!good) {
    page.code(Code::bad_request);
    return page.finish();
  }
  const auto& read = *reinterpret_cast<const ReadBody*>(op.body.data());  // parse_op checked the length
  switch (op.kind) {
    case OpKind::read_licenses:
      list_licenses(state, read, page);
      break;
    case OpKind::read_containers:
      list_containers(state, read, page);
      break;
    case OpKind::read_leases:
      list_leases(state, read, page);
      break;
    case OpKind::read_usage:
      list_usage(state, read, page);
      break;
    default:
      show_lease(state, read, page);
      break;
  }
  return page.finish();
}

}  // namespace tercet::license
