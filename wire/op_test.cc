#include "wire/op.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "wire/cell_message.h"

namespace tercet {
namespace {

std::vector<uint8_t> op_of(OpKind kind, Bytes body, uint32_t request = 1) {
  OpHeader header{};
  header.kind = static_cast<uint8_t>(kind);
  header.length = static_cast<uint16_t>(sizeof header + body.size());
  header.request = request;
  header.sent_cell_ms = 1000U;
  header.handle[15] = 9;
  std::vector<uint8_t> out(sizeof header + body.size());
  put(out, header);
  put_bytes(MutBytes(out).subspan(sizeof header), body);
  return out;
}
bool parses(Bytes bytes) {
  OpView op;
  return parse_op(bytes, op);
}
template <class Body>
std::vector<uint8_t> with_text(Body body, std::string_view text) {
  std::vector<uint8_t> out(sizeof body + text.size());
  put(out, body);
  put_bytes(MutBytes(out).subspan(sizeof body), as_bytes(text));
  return out;
}
bool checkout_parses(const CheckoutBody& body, std::string_view text) {
  return parses(op_of(OpKind::checkout, with_text(body, text)));
}

TEST(Op, CheckoutAndItsTexts) {
  CheckoutBody body{};
  body.user_size = 3;
  body.host_size = 2;
  body.version_size = 1;
  body.station_size = 4;
  const auto bytes = op_of(OpKind::checkout, with_text(body, "adawsvdesk"));
  OpView op;
  ASSERT_TRUE(parse_op(bytes, op));
  EXPECT_EQ(op.kind, OpKind::checkout);
  EXPECT_EQ(op.request, 1U);
  EXPECT_EQ(op.sent, CellTime{1000});
  EXPECT_EQ(op.handle.bytes[15], 9);
  EXPECT_EQ(op.all.size(), bytes.size());
  const HolderText text = holder_text(op);
  EXPECT_EQ(text.user, "ada");
  EXPECT_EQ(text.host, "ws");
  EXPECT_EQ(text.process, "");
  EXPECT_EQ(text.version, "v");
  EXPECT_EQ(text.station, "desk");
}

TEST(Op, CheckoutIsRefusedUnlessItsTextsAreAllThere) {
  CheckoutBody body{};
  EXPECT_TRUE(checkout_parses(body, ""));
  EXPECT_FALSE(checkout_parses(body, "x"));
  body.user_size = 2;
  EXPECT_FALSE(checkout_parses(body, "x"));
  EXPECT_TRUE(checkout_parses(body, "xy"));
  EXPECT_TRUE(checkout_parses(body, "\xC3\xA9"));
  EXPECT_FALSE(checkout_parses(body, "\xFF\xFE"));  // every list of leases would be no JSON
  EXPECT_FALSE(checkout_parses(body, "\xC2\x9B"));  // a terminal's CSI
  EXPECT_FALSE(checkout_parses(body, "x\x7F"));
  EXPECT_FALSE(checkout_parses(body, std::string_view("x\0", 2)));
  EXPECT_FALSE(checkout_parses(body, "x\n"));
  EXPECT_FALSE(checkout_parses(body, "\x1By"));
  body.user_size = 1;
  body.host_size = 1;
  EXPECT_TRUE(checkout_parses(body, "xy"));
  EXPECT_FALSE(checkout_parses(body, "\xC3\xA9"));  // half a character each
  body.reserved[2] = 1;
  EXPECT_FALSE(checkout_parses(body, "xy"));
}

TEST(Op, CheckoutTextsHaveALimitTogether) {
  CheckoutBody body{};
  body.user_size = 48;
  body.station_size = 48;
  EXPECT_TRUE(checkout_parses(body, std::string(96, 'x')));
  body.host_size = 1;
  EXPECT_FALSE(checkout_parses(body, std::string(97, 'x')));
  EXPECT_EQ(kCheckoutMax, 160U);
}

TEST(Op, LengthsOfBodies) {
  const auto body = [](size_t n) { return std::vector<uint8_t>(n); };
  for (size_t n = 0; n < 80; ++n) {
    EXPECT_EQ(parses(op_of(OpKind::renew, body(n))), n == 4) << n;
    EXPECT_EQ(parses(op_of(OpKind::release, body(n))), n == 0) << n;
    EXPECT_EQ(parses(op_of(OpKind::read_licenses, body(n))), n == 32) << n;
    EXPECT_EQ(parses(op_of(OpKind::read_containers, body(n))), n == 32) << n;
    EXPECT_EQ(parses(op_of(OpKind::read_leases, body(n))), n == 32) << n;
    EXPECT_EQ(parses(op_of(OpKind::read_lease, body(n))), n == 32) << n;
    EXPECT_EQ(parses(op_of(OpKind::status, body(n))), n == 8) << n;
    EXPECT_EQ(parses(op_of(OpKind::import_constituent, body(n))), n != 0) << n;
    EXPECT_EQ(parses(op_of(OpKind::consume, body(n))), n == 8) << n;
    EXPECT_EQ(parses(op_of(OpKind::read_usage, body(n))), n == 32) << n;
  }
  EXPECT_TRUE(parses(op_of(OpKind::import_constituent, body(kOpMax - sizeof(OpHeader)))));
  EXPECT_FALSE(parses(op_of(OpKind::import_constituent, body(kOpMax - sizeof(OpHeader) + 1))));
}

TEST(Op, UnknownKindsAreRefused) {
  const std::vector<uint8_t> body(32);
  for (unsigned kind = 0; kind < 256; ++kind) {
    const bool takes_32 = kind == 1 || kind == 5 || kind == 6 || (kind >= 64 && kind <= 68);
    EXPECT_EQ(parses(op_of(static_cast<OpKind>(kind), body)), takes_32) << kind;
  }
}

TEST(Op, HeaderFields) {
  const auto release = op_of(OpKind::release, {});
  const auto with = [&](auto change) {
    auto bytes = release;
    change(*reinterpret_cast<OpHeader*>(bytes.data()));
    return parses(bytes);
  };
  EXPECT_TRUE(with([](OpHeader&) {}));
  EXPECT_FALSE(with([](OpHeader& h) { h.flags = 1; }));
  EXPECT_FALSE(with([](OpHeader& h) { h.request = 0; }));
  EXPECT_FALSE(with([](OpHeader& h) { h.length = 31; }));
  EXPECT_FALSE(with([](OpHeader& h) { h.length = 0; }));
  EXPECT_FALSE(with([](OpHeader& h) { h.length = 33; }));
  EXPECT_TRUE(with([](OpHeader& h) { h.sent_cell_ms = kTimeMsMax; }));
  EXPECT_FALSE(with([](OpHeader& h) { h.sent_cell_ms = kTimeMsMax + 1; }));
  EXPECT_FALSE(with([](OpHeader& h) { h.sent_cell_ms = UINT64_MAX; }));
  for (size_t size = 0; size < release.size(); ++size) {
    EXPECT_FALSE(parses(Bytes(release).first(size))) << size;
  }
  EXPECT_TRUE(parses(op_of(OpKind::status, std::vector<uint8_t>(8), 0)));  // numbers are for handles
}

TEST(Op, ReadFields) {
  ReadBody body{};
  body.all = 1;
  EXPECT_TRUE(parses(op_of(OpKind::read_licenses, bytes_of(body))));
  body.all = 2;
  EXPECT_FALSE(parses(op_of(OpKind::read_licenses, bytes_of(body))));
  body.all = 0;
  body.reserved[6] = 1;
  EXPECT_FALSE(parses(op_of(OpKind::read_licenses, bytes_of(body))));
}

TEST(Op, BytesBehindItAreNotLookedAt) {
  auto bytes = op_of(OpKind::release, {});
  bytes.push_back(0xEE);
  OpView op;
  ASSERT_TRUE(parse_op(bytes, op));
  EXPECT_EQ(op.all.size(), sizeof(OpHeader));
}

TEST(Op, EveryCodeHasAnUpperCaseNameOfItsOwn) {
  std::set<std::string> seen;
  unsigned unknown = 0;
  for (unsigned n = 0; n < 256; ++n) {
    const std::string name = name_of(static_cast<Code>(n));
    EXPECT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), std::string::npos) << name;
    if (name == "UNKNOWN_CODE") {
      ++unknown;
    } else {
      EXPECT_TRUE(seen.insert(name).second) << name;
    }
  }
  EXPECT_GE(seen.size(), 26U);
  EXPECT_EQ(unknown + seen.size(), 256U);
  EXPECT_STREQ(name_of(Code::no_free_seat), "NO_FREE_SEAT");
}

}  // namespace
}  // namespace tercet
