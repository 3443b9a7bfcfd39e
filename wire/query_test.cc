#include "wire/query.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"
#include "wire/cell_message.h"
#include "wire/listing.h"

namespace tercet {
namespace {

std::vector<OpView> ops_of(const std::vector<uint8_t>& bytes) {
  QueryView view;
  EXPECT_EQ(parse_query(bytes, view), Drop::none);
  std::vector<OpView> ops;
  OpView op;
  for (QueryWalk walk(view); walk.next(op);) {
    ops.push_back(op);
  }
  return ops;
}

TEST(Hello, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("hello");
  Drop drop = Drop::none;
  const Hello* hello = parse_hello(bytes, drop);
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->nonce, 0xCAFEF00DU);
  Hello mine{};
  mine.type = static_cast<uint8_t>(ClientMessage::hello);
  mine.version = kQueryVersion;
  mine.nonce = 0xCAFEF00DU;
  EXPECT_TRUE(golden::same(bytes_of(mine), bytes));
  mine.version = 2;
  EXPECT_EQ(parse_hello(bytes_of(mine), drop), nullptr);
  EXPECT_EQ(drop, Drop::version);
  mine.version = kQueryVersion;
  mine.reserved = 1;
  EXPECT_EQ(parse_hello(bytes_of(mine), drop), nullptr);
  EXPECT_EQ(drop, Drop::reserved);
}

TEST(HelloAck, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("hello_ack");
  Drop drop = Drop::none;
  ASSERT_NE(parse_hello_ack(bytes, drop), nullptr);
  HelloAck ack{};
  ack.type = static_cast<uint8_t>(ClientMessage::hello_ack);
  ack.queries_max = kQueriesMax;
  ack.nonce = 0xCAFEF00DU;
  ack.cell_ms = golden::kCellMs;
  ack.wall_ms = golden::kWallMs;
  ack.lease_min_ms = 1000;
  ack.lease_max_ms = 86'400'000;
  ack.replay_window_ms = 120'000;
  EXPECT_TRUE(golden::same(bytes_of(ack), bytes));
  ack.cell_ms = UINT64_MAX;
  EXPECT_EQ(parse_hello_ack(bytes_of(ack), drop), nullptr);
  EXPECT_EQ(drop, Drop::malformed);
}

TEST(Query, ReadsGoldenAndWritesIt) {
  for (const char* name : {"query_seats", "query_use", "query_reads", "query_import"}) {
    const auto bytes = golden::load(name);
    std::vector<uint8_t> out(kCellPlainMax);
    QueryWriter writer(out);
    for (const OpView& op : ops_of(bytes)) {
      EXPECT_TRUE(writer.add(op.all));
    }
    out.resize(writer.finish());
    EXPECT_TRUE(golden::same(out, bytes)) << name;
  }
}

TEST(Query, FieldsOfSeats) {
  const auto bytes = golden::load("query_seats");
  const auto ops = ops_of(bytes);
  ASSERT_EQ(ops.size(), 3U);
  EXPECT_EQ(ops[0].kind, OpKind::checkout);
  const auto* body = header_of<CheckoutBody>(ops[0].body);
  EXPECT_EQ(body->firm, 6000010U);
  EXPECT_EQ(body->product, 13U);
  EXPECT_EQ(body->lease_ms, 60'000U);
  EXPECT_EQ(body->features, 0x8000000000000003U);
  const HolderText text = holder_text(ops[0]);
  EXPECT_EQ(text.user, "ada");
  EXPECT_EQ(text.host, "ws-17");
  EXPECT_EQ(text.process, "solver");
  EXPECT_EQ(text.version, "4.2");
  EXPECT_EQ(text.station, "st");
  EXPECT_EQ(ops[1].kind, OpKind::renew);
  EXPECT_EQ(header_of<RenewBody>(ops[1].body)->lease_ms, 30'000U);
  EXPECT_EQ(ops[2].kind, OpKind::release);
  EXPECT_EQ(ops[2].request, 3U);
  EXPECT_EQ(ops[2].handle.bytes[0], 0x40);
  EXPECT_EQ(ops[0].handle, ops[2].handle);
}

TEST(Query, FieldsOfUse) {
  const auto bytes = golden::load("query_use");
  const auto ops = ops_of(bytes);
  ASSERT_EQ(ops.size(), 2U);
  EXPECT_EQ(ops[0].kind, OpKind::consume);
  EXPECT_EQ(header_of<ConsumeBody>(ops[0].body)->total, 0x0002334455667788U);
  EXPECT_LE(ops[0].all.size(), 48U);
  EXPECT_EQ(ops[1].kind, OpKind::read_usage);
  EXPECT_EQ(header_of<ReadBody>(ops[1].body)->cursor, 7U);
}

TEST(Query, FieldsOfReads) {
  const auto bytes = golden::load("query_reads");
  const auto ops = ops_of(bytes);
  ASSERT_EQ(ops.size(), 5U);
  EXPECT_EQ(header_of<ReadBody>(ops[0].body)->all, 1);
  EXPECT_EQ(header_of<ReadBody>(ops[2].body)->cursor, 0x99U);
  EXPECT_EQ(header_of<ReadBody>(ops[3].body)->handle[15], 0x4F);
  EXPECT_EQ(header_of<StatusBody>(ops[4].body)->offset, 1024U);
}

TEST(Query, RefusesWrongCounts) {
  const auto golden_bytes = golden::load("query_seats");
  for (unsigned count = 0; count < 256; ++count) {
    auto bytes = golden_bytes;
    bytes[1] = static_cast<uint8_t>(count);
    QueryView view;
    EXPECT_EQ(parse_query(bytes, view), count == 3 ? Drop::none : Drop::malformed) << count;
  }
}

TEST(Query, WriterStopsAtItsLimits) {
  const auto seats = golden::load("query_seats");
  const OpView release = ops_of(seats)[2];
  std::vector<uint8_t> out(kCellPlainMax);
  QueryWriter writer(out);
  EXPECT_EQ(writer.finish(), 0U);
  for (size_t i = 0; i < kQueriesMax; ++i) {
    EXPECT_TRUE(writer.add(release.all));
  }
  EXPECT_FALSE(writer.add(release.all));
  QueryView view;
  EXPECT_EQ(parse_query(Bytes(out).first(writer.finish()), view), Drop::none);
  EXPECT_EQ(view.count, kQueriesMax);

  const std::vector<uint8_t> large(kOpMax);
  QueryWriter one(out);
  EXPECT_TRUE(one.add(large));
  EXPECT_FALSE(one.add(release.all));  // a client's datagram is smaller than the cell's
  EXPECT_LE(one.finish(), kClientPlainMax);
}

TEST(Reply, ReadsGoldenAndWritesIt) {
  for (const char* name : {"reply", "reply_page"}) {
    const auto bytes = golden::load(name);
    Bytes rest;
    ASSERT_EQ(parse_reply(bytes, rest), Drop::none) << name;
    std::vector<uint8_t> out(kCellPlainMax);
    ReplyWriter writer(out);
    for (ReplyView answer; next_reply(rest, answer);) {
      EXPECT_TRUE(writer.add(answer));
    }
    out.resize(writer.finish());
    EXPECT_TRUE(golden::same(out, bytes)) << name;
  }
}

TEST(Reply, Fields) {
  const auto bytes = golden::load("reply");
  Bytes rest;
  ASSERT_EQ(parse_reply(bytes, rest), Drop::none);
  ReplyView a;
  ASSERT_TRUE(next_reply(rest, a));
  EXPECT_EQ(a.kind, OpKind::checkout);
  EXPECT_EQ(a.code, Code::granted);
  EXPECT_EQ(a.request, 1U);
  EXPECT_EQ(a.handle.bytes[15], 0x4F);
  const auto* result = header_of<OpResult>(a.body);
  EXPECT_EQ(result->tmr_id, 17U);
  EXPECT_EQ(result->seats_left, 1U);
  EXPECT_EQ(result->lease_end_cell_ms, uint64_t{golden::kCellMs + 60'000});
  ASSERT_TRUE(next_reply(rest, a));
  EXPECT_EQ(a.code, Code::unknown_handle);
  ASSERT_TRUE(next_reply(rest, a));
  EXPECT_EQ(a.code, Code::busy);
  EXPECT_TRUE(a.body.empty());
  ASSERT_TRUE(next_reply(rest, a));
  EXPECT_EQ(a.kind, OpKind::status);
  EXPECT_EQ(as_text(a.body.subspan(sizeof(StatusPage))), "{}");
  EXPECT_FALSE(next_reply(rest, a));
}

TEST(Reply, RefusesBodiesThatAreNotOfTheirKind) {
  const auto reads = [](OpKind kind, Code code, size_t size) {
    std::vector<uint8_t> bytes(sizeof(ReplyItem) + size);
    ReplyItem item{};
    item.kind = static_cast<uint8_t>(kind);
    item.code = static_cast<uint8_t>(code);
    item.length = static_cast<uint16_t>(size);
    put(bytes, item);
    Bytes rest = bytes;
    ReplyView answer;
    return next_reply(rest, answer);
  };
  EXPECT_TRUE(reads(OpKind::checkout, Code::granted, sizeof(OpResult)));
  EXPECT_FALSE(reads(OpKind::checkout, Code::granted, 0));
  EXPECT_FALSE(reads(OpKind::checkout, Code::granted, sizeof(OpResult) - 1));
  EXPECT_TRUE(reads(OpKind::checkout, Code::busy, 0));
  EXPECT_TRUE(reads(OpKind::read_leases, Code::granted, sizeof(PageHeader)));
  EXPECT_FALSE(reads(OpKind::read_leases, Code::granted, sizeof(PageHeader) - 1));
  EXPECT_TRUE(reads(OpKind::read_leases, Code::granted, kReadAnswerMax));
  EXPECT_FALSE(reads(OpKind::read_leases, Code::granted, kReadAnswerMax + 1));
  EXPECT_TRUE(reads(OpKind::status, Code::granted, sizeof(StatusPage)));
  EXPECT_FALSE(reads(OpKind::status, Code::granted, sizeof(StatusPage) - 1));
  EXPECT_FALSE(reads(static_cast<OpKind>(0), Code::busy, 0));
  EXPECT_FALSE(reads(static_cast<OpKind>(200), Code::busy, 0));
}

TEST(Reply, WriterStopsWhenFull) {
  std::vector<uint8_t> out(kCellPlainMax);
  const std::vector<uint8_t> page(kReadAnswerMax);
  ReplyWriter writer(out);
  EXPECT_EQ(writer.finish(), 0U);
  const ReplyView answer{OpKind::read_leases, Code::granted, 1, {}, page};
  EXPECT_TRUE(writer.add(answer));
  EXPECT_FALSE(writer.add(answer));
  EXPECT_EQ(writer.count(), 1);
  EXPECT_LE(writer.finish(), kClientPlainMax);
}

TEST(ClientMessages, UnknownTypesAreDropped) {
  ClientMessage type{};
  EXPECT_EQ(client_message({}, type), Drop::too_short);
  for (unsigned n = 0; n < 256; ++n) {
    const std::vector<uint8_t> bytes{static_cast<uint8_t>(n)};
    EXPECT_EQ(client_message(bytes, type), n >= 1 && n <= 4 ? Drop::none : Drop::unknown_type) << n;
  }
  auto long_one = golden::load("query_seats");
  long_one.resize(kClientPlainMax + 1);
  QueryView view;
  EXPECT_EQ(parse_query(long_one, view), Drop::too_long);
}

}  // namespace
}  // namespace tercet
