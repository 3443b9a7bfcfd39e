#include "control/lb/lb_reads.h"

#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "wire/listing.h"
#include "wire/query.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

using nlohmann::json;

constexpr int kTriesMax = 10;
constexpr int kTryMs = 100;

json time_or_null(uint64_t ms) {
  return ms == 0 ? json() : json(to_rfc3339(WallTime{static_cast<int64_t>(ms)}));
}

const char* name_of_mode(uint8_t mode) {
  switch (static_cast<LicenseMode>(mode)) {
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

std::string hex(const uint8_t (&bytes)[4]) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

json row_of(const LicenseItem& item) {
  const LicenseRow& row = *item.row;
  json constituents = json::array();
  for (unsigned i = 0; i < kBackends; ++i) {
    constituents.push_back(((row.constituents >> i) & 1U) != 0);
  }
  return {{"firm_code", row.firm.get()},    {"product_code", row.product.get()},
          {"tmr_id", row.tmr_id.get()},     {"name", item.name},
          {"mode", name_of_mode(row.mode)}, {"quantity", row.quantity.get()},
          {"in_use", row.in_use.get()},     {"constituents", std::move(constituents)},
          {"valid", row.valid != 0},        {"valid_until", time_or_null(row.valid_until_ms)},
          {"withdrawn", row.withdrawn != 0}};
}

json row_of(const LeaseItem& item) {
  const LeaseRow& row = *item.row;
  return {{"handle_prefix", hex(row.handle_prefix)},
          {"tmr_id", row.tmr_id.get()},
          {"firm_code", row.firm.get()},
          {"product_code", row.product.get()},
          {"station", item.holder.station},
          {"user", item.holder.user},
          {"host", item.holder.host},
          {"since", time_or_null(row.since_wall_ms)},
          {"lease_end", time_or_null(row.end_wall_ms)}};
}

json denied_of(const UsageItem& item) {
  json denied = json::object();
  for (const DenialCount& d : item.denied) {
    denied[name_of(static_cast<Code>(d.code))] = d.count.get();
  }
  return denied;
}

json row_of(const UsageItem& item) {
  const UsageRow& row = *item.row;
  const bool metered = row.metered != 0;
  const uint64_t left = row.units > row.units_used ? row.units - row.units_used : 0;
  const uint64_t until =
      row.usage_from_ms != 0 && row.usage_period_ms != 0 ? row.usage_from_ms + row.usage_period_ms : 0;
  return {{"firm_code", row.firm.get()},
          {"product_code", row.product.get()},
          {"tmr_id", row.tmr_id.get()},
          {"name", item.name},
          {"mode", name_of_mode(row.mode)},
          {"quantity", row.quantity.get()},
          {"in_use", row.in_use.get()},
          {"peak", row.peak.get()},
          {"handles", row.handles.get()},
          {"units", metered ? json(row.units.get()) : json()},
          {"units_used", metered ? json(row.units_used.get()) : json()},
          {"units_left", metered ? json(left) : json()},
          {"usage_from", time_or_null(row.usage_from_ms)},
          {"usage_until", time_or_null(until)},
          {"denied", denied_of(item)}};
}

template <class Item>
void add_rows(Bytes rest, bool (*next)(Bytes&, Item&), json& list) {
  Item item;
  while (next(rest, item)) {
    list.push_back(row_of(item));
  }
}

/// What no license is to blame for stands beside the licenses.
void add_usage(Bytes rest, json& list, json& beside) {
  UsageItem item;
  while (next_usage(rest, item)) {
    if (static_cast<LicenseMode>(item.row->mode) == LicenseMode::no_license) {
      beside["no_license"]["denied"] = denied_of(item);
    } else {
      list.push_back(row_of(item));
    }
  }
}

}  // namespace

LbReads::LbReads(const seal::ServerKeys& lb, std::unique_ptr<QueryChannel> channel)
    : keyring_(seal::client_keys(lb, kAdminAccess)), channel_(std::move(channel)) {}

tl::expected<Bytes, std::string> LbReads::ask(OpKind kind, uint64_t cursor) {
  struct {
    OpHeader header{};
    ReadBody body{};
  } op;
  static_assert(sizeof op == sizeof(OpHeader) + sizeof(ReadBody));
  op.header.kind = static_cast<uint8_t>(kind);
  op.header.length = static_cast<uint16_t>(sizeof op);
  op.header.request = ++number_;
  op.body.cursor = cursor;
  op.body.all = 1;
  QueryWriter writer(MutBytes(out_).subspan(kHeaderSize, kClientPlainMax));
  if (!writer.add({reinterpret_cast<const uint8_t*>(&op), sizeof op})) {
    return tl::unexpected(std::string("a read of one page fits a query"));
  }
  const size_t plain = writer.finish();
  std::string last = "no answer";
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const size_t size = keyring_.seal_query(Bytes(out_).subspan(kHeaderSize, plain), out_);
    channel_->send(Bytes(out_).first(size));
    // Sealing is in place: the plaintext is written anew for the next try.
    while (const size_t got = channel_->receive(in_, kTryMs)) {
      const auto opened = keyring_.open_reply(MutBytes(in_).first(got));
      Bytes answers;
      ReplyView reply;
      if (!opened || parse_reply(opened->plain, answers) != Drop::none) {
        continue;
      }
      while (next_reply(answers, reply)) {
        if (reply.kind != kind || reply.request != number_) {
          continue;
        }
        if (reply.code == Code::granted) {
          return reply.body;
        }
        if (reply.code == Code::not_active || reply.code == Code::unavailable) {
          return tl::unexpected(std::string(name_of(reply.code)));
        }
        last = name_of(reply.code);
      }
    }
    QueryWriter again(MutBytes(out_).subspan(kHeaderSize, kClientPlainMax));
    if (again.add({reinterpret_cast<const uint8_t*>(&op), sizeof op})) {
      again.finish();
    }
  }
  return tl::unexpected(last);
}

tl::expected<std::string, std::string> LbReads::list(OpKind kind) {
  const std::lock_guard lock(mutex_);
  json rows = json::array();
  json document = json::object();
  if (kind == OpKind::read_usage) {
    document["no_license"]["denied"] = json::object();
  }
  uint64_t cursor = 0;
  do {
    const auto answer = ask(kind, cursor);
    if (!answer) {
      return tl::unexpected(answer.error());
    }
    PageView page;
    if (!parse_page(*answer, page) || page.header->kind != static_cast<uint8_t>(kind)) {
      return tl::unexpected(std::string("the answer is malformed"));
    }
    if (kind == OpKind::read_licenses) {
      add_rows<LicenseItem>(page.rows, next_license, rows);
    } else if (kind == OpKind::read_usage) {
      add_usage(page.rows, rows, document);
    } else {
      add_rows<LeaseItem>(page.rows, next_lease, rows);
    }
    const uint64_t next = page.header->next;
    if (next != 0 && next <= cursor) {
      return tl::unexpected(std::string("the answer is malformed"));
    }
    cursor = next;
  } while (cursor != 0);
  const char* name = kind == OpKind::read_licenses ? "licenses"
                     : kind == OpKind::read_usage  ? "usage"
                                                   : "leases";
  document[name] = std::move(rows);
  // One holder's text must not take the whole list away, whatever it is.
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace tercet::control
