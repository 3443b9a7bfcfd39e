#include "client/listing.h"

#include <algorithm>
#include <cstring>

#include "wire/utf8.h"

namespace tercet::client {
namespace {

tl::unexpected<std::string> malformed(const char* what) {
  return tl::unexpected(std::string("the answer is malformed (") + what +
                        "): is the server of the same version?");
}

std::optional<WallTime> time_unless_zero(uint64_t ms) {
  return ms == 0 ? std::nullopt : std::optional<WallTime>(WallTime{static_cast<int64_t>(ms)});
}

/// Takes texts off the front, one by one; false once when they are longer than what is there.
class Texts {
 public:
  explicit Texts(Bytes rest) : rest_(rest) {}
  bool take(size_t size, std::string& out) {
    if (size > rest_.size()) {
      return false;
    }
    // What a holder called itself is shown on terminals and in JSON.
    out = cleaned(as_text(rest_.first(size)));
    rest_ = rest_.subspan(size);
    return true;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

/// The activation id as people write it. The cell sends its 16 hex digits, or 8 bytes padded with zeros.
std::string activation_text(const uint8_t (&raw)[16]) {
  const auto is_hex = [](uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  std::string digits;
  if (std::all_of(std::begin(raw), std::end(raw), is_hex)) {
    digits.assign(std::begin(raw), std::end(raw));
  } else {
    const bool short_form = std::all_of(raw + 8, std::end(raw), [](uint8_t c) { return c == 0; });
    digits = hex({raw, short_form ? 8U : 16U});
  }
  std::string out;
  for (size_t i = 0; i < digits.size(); i += 4) {
    out += (i == 0 ? "" : "-") + digits.substr(i, 4);
  }
  return out;
}

bool read_row(Bytes bytes, License& out) {
  LicenseRow row;
  std::memcpy(&row, bytes.data(), sizeof row);
  Texts texts(bytes.subspan(sizeof row));
  if (!texts.take(row.name_size, out.name) || !texts.empty()) {
    return false;
  }
  out.firm = row.firm;
  out.product = row.product;
  out.tmr_id = row.tmr_id;
  out.mode = static_cast<LicenseMode>(row.mode);
  out.quantity = row.quantity;
  out.in_use = row.in_use;
  out.features = row.features;
  for (unsigned i = 0; i < kBackends; ++i) {
    out.constituents[i] = ((row.constituents >> i) & 1U) != 0;
  }
  out.valid_from = time_unless_zero(row.valid_from_ms);
  out.valid_until = time_unless_zero(row.valid_until_ms);
  out.lease_ms = row.lease_ms;
  out.revision = row.revision;
  out.valid = row.valid != 0;
  out.withdrawn = row.withdrawn != 0;
  return true;
}

bool read_row(Bytes bytes, ContainerInfo& out) {
  ContainerRow row;
  std::memcpy(&row, bytes.data(), sizeof row);
  Texts texts(bytes.subspan(sizeof row));
  if (!texts.take(row.serial_size, out.serial) || !texts.empty() || row.slot > kBackends) {
    return false;
  }
  out.slot = row.slot;
  out.licenses = row.licenses;
  out.activation_id = activation_text(row.activation_id);
  return true;
}

bool read_row(Bytes bytes, Lease& out) {
  LeaseRow row;
  std::memcpy(&row, bytes.data(), sizeof row);
  Texts texts(bytes.subspan(sizeof row));
  if (!texts.take(row.user_size, out.user) || !texts.take(row.host_size, out.host) ||
      !texts.take(row.process_size, out.process) || !texts.take(row.version_size, out.version) ||
      !texts.take(row.station_size, out.station) || !texts.empty()) {
    return false;
  }
  out.handle_prefix = hex(row.handle_prefix);
  out.tmr_id = row.tmr_id;
  out.firm = row.firm;
  out.product = row.product;
  out.lease_ms = row.lease_ms;
  out.last_request = row.last_request;
  out.units = row.units;
  out.since = {static_cast<int64_t>(row.since_wall_ms.get())};
  out.end = {static_cast<int64_t>(row.end_wall_ms.get())};
  out.end_cell = {static_cast<int64_t>(row.end_cell_ms.get())};
  return true;
}

bool read_row(Bytes bytes, UsageInfo& out) {
  UsageRow row;
  std::memcpy(&row, bytes.data(), sizeof row);
  Bytes rest = bytes.subspan(sizeof row);
  if (rest.size() < row.denied * sizeof(DenialCount)) {
    return false;
  }
  for (unsigned i = 0; i < row.denied; ++i) {
    DenialCount denied;
    std::memcpy(&denied, rest.data(), sizeof denied);
    out.denied.emplace_back(static_cast<Code>(denied.code), denied.count.get());
    rest = rest.subspan(sizeof denied);
  }
  Texts texts(rest);
  if (!texts.take(row.name_size, out.name) || !texts.empty()) {
    return false;
  }
  out.firm = row.firm;
  out.product = row.product;
  out.tmr_id = row.tmr_id;
  out.mode = static_cast<LicenseMode>(row.mode);
  out.of_no_license = out.mode == LicenseMode::no_license;
  out.quantity = row.quantity;
  out.in_use = row.in_use;
  out.peak = row.peak;
  out.handles = row.handles;
  out.units = row.metered != 0 ? std::optional<uint64_t>(row.units.get()) : std::nullopt;
  out.units_used = row.units_used;
  out.usage_from = time_unless_zero(row.usage_from_ms);
  if (row.usage_from_ms != 0 && row.usage_period_ms != 0) {
    out.usage_until = time_unless_zero(row.usage_from_ms + row.usage_period_ms);
  }
  return true;
}

template <class WireRow, class Row>
tl::expected<Page<Row>, std::string> parse_page(OpKind kind, Bytes body) {
  PageHeader header;
  if (body.size() < sizeof header) {
    return malformed("cut off");
  }
  std::memcpy(&header, body.data(), sizeof header);
  if (header.kind != static_cast<uint8_t>(kind)) {
    return malformed("another listing");
  }
  Page<Row> page;
  page.code = static_cast<Code>(header.code);
  page.next = header.next;
  page.cell = {static_cast<int64_t>(header.cell_ms.get())};
  page.wall = {static_cast<int64_t>(header.wall_ms.get())};
  Bytes rest = body.subspan(sizeof header);
  for (unsigned i = 0; i < header.rows; ++i) {
    Le16 length;
    if (rest.size() < sizeof(WireRow)) {
      return malformed("a row is cut off");
    }
    std::memcpy(&length, rest.data(), sizeof length);
    Row row;
    if (length < sizeof(WireRow) || length > rest.size() || !read_row(rest.first(length), row)) {
      return malformed("a row's length");
    }
    page.rows.push_back(std::move(row));
    rest = rest.subspan(length);
  }
  if (!rest.empty()) {
    return malformed("bytes behind the last row");
  }
  return page;
}

}  // namespace

tl::expected<Page<License>, std::string> parse_licenses(OpKind kind, Bytes body) {
  return parse_page<LicenseRow, License>(kind, body);
}
tl::expected<Page<ContainerInfo>, std::string> parse_containers(OpKind kind, Bytes body) {
  return parse_page<ContainerRow, ContainerInfo>(kind, body);
}
tl::expected<Page<Lease>, std::string> parse_leases(OpKind kind, Bytes body) {
  return parse_page<LeaseRow, Lease>(kind, body);
}
tl::expected<Page<UsageInfo>, std::string> parse_usage(OpKind kind, Bytes body) {
  return parse_page<UsageRow, UsageInfo>(kind, body);
}

const char* name_of_mode(LicenseMode mode) {
  switch (mode) {
    case LicenseMode::user_limit:
      return "user-limit";
    case LicenseMode::no_user_limit:
      return "no-user-limit";
    case LicenseMode::station_share:
      return "station-share";
    case LicenseMode::exclusive:
      return "exclusive";
    case LicenseMode::no_license:
      break;
  }
  return "unknown";
}

std::string hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const uint8_t b : bytes) {
    out += kDigits[b >> 4U];
    out += kDigits[b & 0xFU];
  }
  return out;
}

std::string text_of(const Handle& handle) { return hex(handle.bytes); }

tl::expected<Handle, std::string> parse_handle(std::string_view text) {
  Handle handle;
  bool good = text.size() == 2 * handle.bytes.size();
  for (size_t i = 0; good && i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    good = digit >= 0;
    uint8_t& byte = handle.bytes[i / 2];
    byte = static_cast<uint8_t>((byte << 4U) | (digit & 0xF));
  }
  if (!good) {
    return tl::unexpected("\"" + std::string(text.substr(0, 64)) +
                          "\" is not a handle: give the 32 hex digits that checkout printed");
  }
  return handle;
}

}  // namespace tercet::client
