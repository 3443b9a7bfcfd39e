#include "wire/listing.h"

#include <algorithm>

#include "wire/cell_message.h"
#include "wire/op.h"
#include "wire/ranges.h"

namespace tercet {
namespace {

/// Takes a row and the text behind it off the front of `rest`.
template <class Row>
bool take_row(Bytes& rest, const Row*& row, std::string_view& text) {
  row = header_of<Row>(rest);
  if (row == nullptr || row->length < sizeof(Row) || row->length > rest.size()) {
    return false;
  }
  text = as_text(rest.subspan(sizeof(Row), row->length - sizeof(Row)));
  rest = rest.subspan(row->length);
  return true;
}

template <class Item, class Next>
bool whole(Bytes rest, unsigned rows, Next next_item) {
  Item item;
  for (unsigned i = 0; i < rows; ++i) {
    if (!next_item(rest, item)) {
      return false;
    }
  }
  return rest.empty();
}

}  // namespace

bool next_license(Bytes& rest, LicenseItem& out) {
  return take_row(rest, out.row, out.name) && out.row->name_size == out.name.size() && out.row->valid <= 1 &&
         only_bits(out.row->constituents, (1U << kBackends) - 1) && out.row->withdrawn <= 1 &&
         out.row->reserved == 0;
}

bool next_container(Bytes& rest, ContainerItem& out) {
  return take_row(rest, out.row, out.serial) && out.row->serial_size == out.serial.size() &&
         out.row->slot <= kBackends;
}

bool next_lease(Bytes& rest, LeaseItem& out) {
  std::string_view text;
  if (!take_row(rest, out.row, text)) {
    return false;
  }
  const LeaseRow& row = *out.row;
  const size_t named =
      size_t{row.user_size} + row.host_size + row.process_size + row.version_size + row.station_size;
  if (named != text.size() || row.reserved != 0 || !time_fits(row.since_wall_ms) ||
      !time_fits(row.end_wall_ms) || !time_fits(row.end_cell_ms)) {
    return false;
  }
  const auto take = [&text](size_t size) {
    const std::string_view part = text.substr(0, size);
    text.remove_prefix(part.size());
    return part;
  };
  out.holder.user = take(row.user_size);
  out.holder.host = take(row.host_size);
  out.holder.process = take(row.process_size);
  out.holder.version = take(row.version_size);
  out.holder.station = take(row.station_size);
  return true;
}

bool next_usage(Bytes& rest, UsageItem& out) {
  std::string_view behind;
  if (!take_row(rest, out.row, behind)) {
    return false;
  }
  const UsageRow& row = *out.row;
  const size_t denials = size_t{row.denied} * sizeof(DenialCount);
  if (denials + row.name_size != behind.size() || row.metered > 1 || !all_zero(row.reserved) ||
      !time_fits(row.usage_from_ms)) {
    return false;
  }
  // Of alignment 1, so whatever stands there can be looked at where it is.
  out.denied = {reinterpret_cast<const DenialCount*>(behind.data()), row.denied};
  out.name = behind.substr(denials);
  return std::ranges::all_of(out.denied, [](const DenialCount& d) { return all_zero(d.reserved); });
}

bool parse_page(Bytes answer, PageView& out) {
  out.header = header_of<PageHeader>(answer);
  if (out.header == nullptr || out.header->reserved != 0 || !time_fits(out.header->cell_ms) ||
      !time_fits(out.header->wall_ms)) {
    return false;
  }
  out.rows = answer.subspan(sizeof(PageHeader));
  switch (static_cast<OpKind>(out.header->kind)) {
    case OpKind::read_licenses:
      return whole<LicenseItem>(out.rows, out.header->rows, next_license);
    case OpKind::read_containers:
      return whole<ContainerItem>(out.rows, out.header->rows, next_container);
    case OpKind::read_leases:
    case OpKind::read_lease:
      return whole<LeaseItem>(out.rows, out.header->rows, next_lease);
    case OpKind::read_usage:
      return whole<UsageItem>(out.rows, out.header->rows, next_usage);
    default:
      return false;
  }
}

}  // namespace tercet
