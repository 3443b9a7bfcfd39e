#include "wire/op.h"

#include <algorithm>
#include <numeric>

#include "wire/cell_message.h"
#include "wire/ranges.h"
#include "wire/utf8.h"

namespace tercet {
namespace {

bool checkout_fits(Bytes body) {
  const auto* fields = header_of<CheckoutBody>(body);
  if (fields == nullptr || !all_zero(fields->reserved)) {
    return false;
  }
  std::string_view text = as_text(body.subspan(sizeof(CheckoutBody)));
  const uint8_t sizes[] = {fields->user_size, fields->host_size, fields->process_size, fields->version_size,
                           fields->station_size};
  const size_t named = std::accumulate(std::begin(sizes), std::end(sizes), size_t{0});
  if (named != text.size() || named > kHolderTextMax) {
    return false;
  }
  // Each by itself: they are shown apart, to people and in JSON, by everybody who lists leases.
  return std::ranges::all_of(sizes, [&text](uint8_t size) {
    const bool clean = is_clean_text(text.substr(0, size));
    text.remove_prefix(size);
    return clean;
  });
}

bool read_fits(Bytes body) {
  const auto* fields = header_of<ReadBody>(body);
  return body.size() == sizeof(ReadBody) && fields->all <= 1 && all_zero(fields->reserved);
}

/// Also false for a kind that is unknown.
bool body_fits(OpKind kind, Bytes body) {
  switch (kind) {
    case OpKind::checkout:
      return checkout_fits(body);
    case OpKind::renew:
      return body.size() == sizeof(RenewBody);
    case OpKind::release:
      return body.empty();
    case OpKind::consume:
      return body.size() == sizeof(ConsumeBody);
    case OpKind::import_constituent:
    case OpKind::import_notice:
      return !body.empty();
    case OpKind::read_licenses:
    case OpKind::read_containers:
    case OpKind::read_leases:
    case OpKind::read_lease:
    case OpKind::read_usage:
      return read_fits(body);
    case OpKind::status:
      return body.size() == sizeof(StatusBody);
  }
  return false;
}

}  // namespace

bool parse_op(Bytes bytes, OpView& out) {
  const auto* header = header_of<OpHeader>(bytes);
  if (header == nullptr) {
    return false;
  }
  const size_t length = header->length;
  if (length < sizeof(OpHeader) || length > kOpMax || length > bytes.size()) {
    return false;
  }
  const auto kind = static_cast<OpKind>(header->kind);
  const Bytes all = bytes.first(length);
  const Bytes body = all.subspan(sizeof(OpHeader));
  if (header->flags != 0 || !time_fits(header->sent_cell_ms) || !body_fits(kind, body)) {
    return false;
  }
  if (is_mutating(kind) && header->request == 0) {
    return false;
  }
  out.kind = kind;
  out.request = header->request;
  out.sent = CellTime{as_signed(header->sent_cell_ms)};
  std::memcpy(out.handle.bytes.data(), header->handle, sizeof header->handle);
  out.all = all;
  out.body = body;
  return true;
}

HolderText holder_text(const OpView& checkout) {
  const auto* fields = header_of<CheckoutBody>(checkout.body);
  std::string_view rest = as_text(checkout.body.subspan(sizeof(CheckoutBody)));
  const auto take = [&rest](size_t size) {
    const std::string_view text = rest.substr(0, size);
    rest.remove_prefix(text.size());
    return text;
  };
  HolderText out;
  out.user = take(fields->user_size);
  out.host = take(fields->host_size);
  out.process = take(fields->process_size);
  out.version = take(fields->version_size);
  out.station = take(fields->station_size);
  return out;
}

const char* name_of(Code code) {
  switch (code) {
    case Code::granted:
      return "GRANTED";
    case Code::no_such_license:
      return "NO_SUCH_LICENSE";
    case Code::only_one_constituent:
      return "ONLY_ONE_CONSTITUENT";
    case Code::no_free_seat:
      return "NO_FREE_SEAT";
    case Code::expired:
      return "EXPIRED";
    case Code::not_yet_valid:
      return "NOT_YET_VALID";
    case Code::usage_period_over:
      return "USAGE_PERIOD_OVER";
    case Code::feature_not_licensed:
      return "FEATURE_NOT_LICENSED";
    case Code::no_units_left:
      return "NO_UNITS_LEFT";
    case Code::station_busy:
      return "STATION_BUSY";
    case Code::unknown_handle:
      return "UNKNOWN_HANDLE";
    case Code::revoked:
      return "REVOKED";
    case Code::stale:
      return "STALE";
    case Code::bad_request:
      return "BAD_REQUEST";
    case Code::bad_signature:
      return "BAD_SIGNATURE";
    case Code::unknown_issuer:
      return "UNKNOWN_ISSUER";
    case Code::foreign_container:
      return "FOREIGN_CONTAINER";
    case Code::repeated:
      return "REPEATED";
    case Code::properties_differ:
      return "PROPERTIES_DIFFER";
    case Code::older_revision:
      return "OLDER_REVISION";
    case Code::malformed:
      return "MALFORMED";
    case Code::book_full:
      return "BOOK_FULL";
    case Code::unsupported_mode:
      return "UNSUPPORTED_MODE";
    case Code::container_revoked:
      return "CONTAINER_REVOKED";
    case Code::busy:
      return "BUSY";
    case Code::not_active:
      return "NOT_ACTIVE";
    case Code::unavailable:
      return "UNAVAILABLE";
  }
  return "UNKNOWN_CODE";
}

}  // namespace tercet
