#pragma once
// For tests: a book that is driven in cell time, one entry a call.

#include <gtest/gtest.h>

#include <string>

#include "license/plain_constituent.h"
#include "wire/listing.h"

namespace tercet::license {

inline Handle handle_of(uint64_t n) {
  Handle h;
  const uint64_t mixed = n * 0x9E3779B97F4A7C15U;
  std::memcpy(h.bytes.data(), &mixed, sizeof mixed);
  std::memcpy(h.bytes.data() + 8, &n, sizeof n);
  return h;
}

struct Ask {
  uint32_t firm = 10;
  uint32_t product = 20;
  uint32_t tmr_id = 0;
  uint32_t lease_ms = 0;
  uint64_t features = 0;
  std::string user = {};
  std::string host = {};
  std::string station = {};
};

class BookFixture : public ::testing::Test {
 protected:
  static constexpr int64_t kStart = 1'000'000;
  static constexpr int64_t kWall = 1'700'000'000'000;

  explicit BookFixture(const BookOptions& options = {.leases_max = 1'000, .tombstones_max = 1'000})
      : book_(plain_checks(), options) {}

  Result apply_raw(EntryKind kind, Bytes op) {
    Result result;
    EntryView entry;
    entry.seq = next(book_.applied());
    entry.epoch = make_epoch(1, ServerId::lb1);
    entry.cell = CellTime{now_};
    entry.wall = WallTime{wall_};
    entry.kind = kind;
    entry.op = op;
    book_.apply(entry, result);
    return result;
  }
  OpResult apply_op(Bytes op) {
    const Result result = apply_raw(EntryKind::op, op);
    EXPECT_EQ(result.size(), sizeof(OpResult));
    OpResult out{};
    std::memcpy(&out, result.data(), sizeof out);
    return out;
  }
  uint32_t tick() {
    const Result result = apply_raw(EntryKind::tick, {});
    EXPECT_EQ(result.size(), sizeof(EntryResult));
    EntryResult out{};
    std::memcpy(&out, result.data(), sizeof out);
    return out.expired;
  }
  Code gone(unsigned slot, bool is_gone = true) {
    const ConstituentGoneBody body{static_cast<uint8_t>(slot), static_cast<uint8_t>(is_gone ? 1 : 0), {}};
    const Result result = apply_raw(EntryKind::constituent_gone, bytes_of(body));
    return static_cast<Code>(result[offsetof(EntryResult, code)]);
  }
  void pass(int64_t ms) { now_ += ms, wall_ += ms; }

  static Buffer checkout_op(uint64_t handle, uint32_t request, int64_t sent, const Ask& ask) {
    CheckoutBody body{};
    body.firm = ask.firm;
    body.product = ask.product;
    body.tmr_id = ask.tmr_id;
    body.lease_ms = ask.lease_ms;
    body.features = ask.features;
    body.user_size = static_cast<uint8_t>(ask.user.size());
    body.host_size = static_cast<uint8_t>(ask.host.size());
    body.station_size = static_cast<uint8_t>(ask.station.size());
    const std::string text = ask.user + ask.host + ask.station;
    Buffer bytes(sizeof body);
    std::memcpy(bytes.data(), &body, sizeof body);
    bytes.insert(bytes.end(), text.begin(), text.end());
    return make_op(OpKind::checkout, handle_of(handle), request, sent, bytes);
  }
  static Buffer renew_op(uint64_t handle, uint32_t request, int64_t sent, uint32_t lease_ms) {
    RenewBody body{};
    body.lease_ms = lease_ms;
    return make_op(OpKind::renew, handle_of(handle), request, sent, bytes_of(body));
  }
  OpResult checkout(uint64_t handle, const Ask& ask = {}, uint32_t request = 1) {
    return apply_op(checkout_op(handle, request, now_, ask));
  }
  OpResult renew(uint64_t handle, uint32_t request, uint32_t lease_ms = 0) {
    return apply_op(renew_op(handle, request, now_, lease_ms));
  }
  OpResult release(uint64_t handle, uint32_t request) {
    return apply_op(make_op(OpKind::release, handle_of(handle), request, now_, {}));
  }
  void genesis() {
    const Result result = apply_raw(EntryKind::genesis, make_genesis());
    ASSERT_EQ(result[offsetof(EntryResult, code)], 0);
  }
  static PlainConstituent constituent(unsigned slot, uint32_t quantity, uint32_t tmr_id = 1) {
    PlainConstituent p;
    p.issuer = 0xA1;
    std::memset(p.container_key, static_cast<int>(0x11 * (slot + 1)), sizeof p.container_key);
    p.firm = 10;
    p.product = 20;
    p.tmr_id = tmr_id;
    p.quantity = quantity;
    p.features = 0xF;
    if (quantity == 0) {
      p.mode = static_cast<uint8_t>(LicenseMode::no_user_limit);
    }
    return p;
  }
  OpResult import(const PlainConstituent& p) {
    return apply_op(
        make_op(OpKind::import_constituent, handle_of(1'000'000 + imports_++), 1, now_, bytes_of(p)));
  }
  /// Imports all three constituents; `change` edits each.
  template <class Change>
  void license(uint32_t quantity, uint32_t tmr_id, Change change) {
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      PlainConstituent p = constituent(slot, quantity, tmr_id);
      change(p);
      ASSERT_EQ(code(import(p)), Code::granted);
    }
  }
  void license(uint32_t quantity, uint32_t tmr_id = 1) {
    license(quantity, tmr_id, [](PlainConstituent&) {});
  }
  static Code code(const OpResult& r) { return static_cast<Code>(r.code); }

  Buffer read(OpKind kind, uint64_t cursor = 0, bool all = false, uint64_t handle = 0) const {
    ReadBody body{};
    body.cursor = cursor;
    body.all = all ? 1 : 0;
    std::memcpy(body.handle, handle_of(handle).bytes.data(), sizeof body.handle);
    Buffer out(kReadAnswerMax);
    out.resize(book_.read(make_op(kind, Handle{}, 0, 0, bytes_of(body)), out));
    return out;
  }

  Book book_;
  int64_t now_ = kStart;
  int64_t wall_ = kWall;
  uint64_t imports_ = 0;
};

/// Reads a page whole; fails the test when it is malformed.
inline PageView page_of(const Buffer& bytes) {
  PageView page;
  EXPECT_LE(bytes.size(), kReadAnswerMax);
  EXPECT_TRUE(parse_page(bytes, page));
  return page;
}

}  // namespace tercet::license
