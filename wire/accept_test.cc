#include "wire/accept.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

using golden::kCellMs;
using golden::kWallMs;
constexpr Epoch kEpoch = make_epoch(7, ServerId::lb1);
const Hash128 kL{0x0706050403020100, 0x0F0E0D0C0B0A0908};
const Hash128 kS{0x1716151413121110, 0x1F1E1D1C1B1A1918};

AcceptHeader header_for(uint64_t first) {
  AcceptHeader header{};
  header.flags = kFit;
  header.heartbeat_us = 5000;
  header.epoch = kEpoch.value;
  header.instance = golden::kInstance;
  header.first = first;
  header.prev_l = kL;
  header.commit = first - 1;
  header.commit_s = kS;
  header.cell_ms = kCellMs;
  header.wall_ms = kWallMs;
  return header;
}
EntryView entry_of(uint64_t seq, EntryKind kind, Bytes op, int64_t cell_delta = 0) {
  return {Seq{seq}, kEpoch, CellTime{kCellMs + cell_delta}, WallTime{kWallMs}, kind, op};
}

/// The items of the golden Accept, whose view borrows `bytes`.
std::vector<AcceptEntry> items_of(const std::vector<uint8_t>& bytes) {
  AcceptView view;
  EXPECT_EQ(parse_accept(bytes, view), Drop::none);
  std::vector<AcceptEntry> items;
  AcceptEntry item;
  for (AcceptWalk walk(view); walk.next(item);) {
    items.push_back(item);
  }
  return items;
}

TEST(Accept, ReadsGolden) {
  const auto bytes = golden::load("accept");
  AcceptView view;
  ASSERT_EQ(parse_accept(bytes, view), Drop::none);
  EXPECT_EQ(view.header->flags, kFit);
  EXPECT_EQ(view.header->heartbeat_us, 5000U);
  EXPECT_EQ(view.header->epoch, kEpoch.value);
  EXPECT_EQ(view.header->instance, golden::kInstance);
  EXPECT_EQ(view.header->prev_l.get(), kL);
  EXPECT_EQ(view.header->commit, 41U);
  EXPECT_EQ(view.header->commit_s.get(), kS);
  const auto items = items_of(bytes);
  ASSERT_EQ(items.size(), 4U);
  EXPECT_FALSE(items[0].is_read);
  EXPECT_EQ(items[0].entry.seq, Seq{42});
  EXPECT_EQ(items[0].entry.epoch, kEpoch);
  EXPECT_EQ(items[0].entry.kind, EntryKind::op);
  EXPECT_EQ(items[0].entry.wall, WallTime{kWallMs});
  EXPECT_TRUE(items[1].is_read);
  EXPECT_EQ(items[1].read->readers, 0b101);
  EXPECT_EQ(items[1].read->slot, 12U);
  EXPECT_EQ(items[1].read->generation, 34U);
  EXPECT_EQ(items[1].read->body_from, 2);
  EXPECT_EQ(items[1].query.size(), 64U);
  EXPECT_EQ(items[2].entry.seq, Seq{43});
  EXPECT_EQ(items[2].entry.cell, CellTime{kCellMs + 3});
  EXPECT_EQ(items[3].entry.seq, Seq{44});
  EXPECT_EQ(items[3].entry.kind, EntryKind::tick);
  EXPECT_EQ(items[3].entry.cell, CellTime{kCellMs + 250});
  EXPECT_TRUE(items[3].entry.op.empty());
}

TEST(Accept, WritesGolden) {
  const auto bytes = golden::load("accept");
  const auto items = items_of(bytes);
  ASSERT_EQ(items.size(), 4U);
  std::vector<uint8_t> out(kCellPlainMax);
  AcceptWriter writer(out, header_for(42));
  ASSERT_TRUE(writer.add(entry_of(42, EntryKind::op, items[0].entry.op)));
  ReadItem read{};
  read.readers = 0b101;
  read.slot = 12U;
  read.generation = 34U;
  read.body_from = 2;
  ASSERT_TRUE(writer.add(read, items[1].query));
  ASSERT_TRUE(writer.add(entry_of(43, EntryKind::op, items[2].entry.op, 3)));
  ASSERT_TRUE(writer.add(entry_of(44, EntryKind::tick, {}, 250)));
  EXPECT_EQ(writer.items(), 4U);
  out.resize(writer.finish());
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Accept, GenesisIsGolden) {
  const auto bytes = golden::load("accept_genesis");
  const auto items = items_of(bytes);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].entry.kind, EntryKind::genesis);
  GenesisView genesis;
  ASSERT_TRUE(parse_genesis(items[0].entry.op, genesis));
  EXPECT_EQ(genesis.body->cell, 0xCE11U);
  EXPECT_EQ(genesis.body->incarnation[2], golden::kIncarnation + 3);
  EXPECT_EQ(genesis.body->activation_id[0], 0x80);
  EXPECT_EQ(genesis.issuers.size(), kIssuerKeySize);
  EXPECT_EQ(genesis.issuers[31], 0xDF);
  EXPECT_EQ(as_text(genesis.introductions[0]), "3-111");
  EXPECT_EQ(as_text(genesis.introductions[1]), "3-222");
  EXPECT_TRUE(genesis.introductions[2].empty());

  GenesisBody body{};
  body.cell = 0xCE11U;
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    body.incarnation[slot] = golden::kIncarnation + slot + 1;
  }
  for (unsigned i = 0; i < 16; ++i) {
    body.activation_id[i] = static_cast<uint8_t>(0x80 + i);
  }
  std::vector<uint8_t> key(kIssuerKeySize);
  for (unsigned i = 0; i < kIssuerKeySize; ++i) {
    key[i] = static_cast<uint8_t>(0xC0 + i);
  }
  std::vector<uint8_t> op(kOpMax);
  op.resize(write_genesis(body, key, {as_bytes("3-111"), as_bytes("3-222"), Bytes{}}, op));
  EXPECT_TRUE(golden::same(op, items[0].entry.op));
}

TEST(Accept, EpochStartIsGolden) {
  const auto bytes = golden::load("accept_epoch_start");
  const auto items = items_of(bytes);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].entry.kind, EntryKind::epoch_start);
  EXPECT_EQ(items[0].entry.cell, CellTime{kCellMs - 5});
  EpochStartBody body{};
  body.last_seq = 41U;
  body.last_l_low = kL.low;
  body.last_l_high = kL.high;
  body.source = 1;
  body.lb = 0;
  EXPECT_TRUE(golden::same(bytes_of(body), items[0].entry.op));
  std::vector<uint8_t> out(kCellPlainMax);
  AcceptWriter writer(out, header_for(42));
  ASSERT_TRUE(writer.add(entry_of(42, EntryKind::epoch_start, bytes_of(body), -5)));
  out.resize(writer.finish());
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Accept, ForcedStartIsGolden) {
  const auto bytes = golden::load("accept_forced_start");
  const auto items = items_of(bytes);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].entry.kind, EntryKind::epoch_start);
  const ForcedStartBody* forced = forced_start(items[0].entry.op);
  ASSERT_NE(forced, nullptr);
  EXPECT_EQ(forced->incarnation, 0xB1B2'B3B4'B5B6'B7B8U);
  ForcedStartBody body{};
  body.start.last_seq = 41U;
  body.start.last_l_low = kL.low;
  body.start.last_l_high = kL.high;
  body.start.source = 1;
  body.start.lb = 0;
  body.start.form = static_cast<uint8_t>(StartForm::forced);
  body.start.forced_slot = 2;
  body.incarnation = 0xB1B2'B3B4'B5B6'B7B8U;
  EXPECT_TRUE(golden::same(bytes_of(body), items[0].entry.op));
  std::vector<uint8_t> out(kCellPlainMax);
  AcceptWriter writer(out, header_for(42));
  ASSERT_TRUE(writer.add(entry_of(42, EntryKind::epoch_start, bytes_of(body), -5)));
  out.resize(writer.finish());
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Accept, RejoinIsGolden) {
  const auto bytes = golden::load("accept_rejoin");
  const auto items = items_of(bytes);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].entry.kind, EntryKind::rejoin);
  RejoinBody body{};
  body.incarnation = 0xB1B2'B3B4'B5B6'B7B8U;
  body.replaced = 0xA1A2'A3A4'A5A6'A7A8U;
  body.slot = 2;
  EXPECT_TRUE(golden::same(bytes_of(body), items[0].entry.op));
  std::vector<uint8_t> out(kCellPlainMax);
  AcceptWriter writer(out, header_for(42));
  ASSERT_TRUE(writer.add(entry_of(42, EntryKind::rejoin, bytes_of(body), 5)));
  out.resize(writer.finish());
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Accept, KeepaliveIsGolden) {
  const auto bytes = golden::load("keepalive");
  KeepaliveView view;
  ASSERT_EQ(parse_keepalive(bytes, view), Drop::none);
  EXPECT_EQ(view.header->next, 43U);
  EXPECT_EQ(view.header->stamp, 123456789U);
  Keepalive k{};
  k.type = static_cast<uint8_t>(CellMessage::keepalive);
  k.flags = kFit;
  k.heartbeat_us = 5000;
  k.epoch = kEpoch.value;
  k.instance = golden::kInstance;
  k.next = 43U;
  k.last_l = kL;
  k.commit = 42U;
  k.commit_s = kS;
  k.stamp = 123456789U;
  k.lost = 0xDEADBEEFU;
  EXPECT_TRUE(golden::same(bytes_of(k), bytes));
}

TEST(Accept, WriterStopsWhereItDoesNotFit) {
  std::vector<uint8_t> out(sizeof(AcceptHeader) + sizeof(AcceptItem) + 10);
  std::vector<uint8_t> op(11, 'x');
  AcceptWriter writer(out, header_for(42));
  EXPECT_FALSE(writer.add(entry_of(42, EntryKind::op, op)));
  EXPECT_EQ(writer.finish(), 0U);  // an Accept of nothing is not sent
  EXPECT_TRUE(writer.add(entry_of(42, EntryKind::op, Bytes(op).first(10))));
  EXPECT_FALSE(writer.add(entry_of(43, EntryKind::tick, {})));
  EXPECT_EQ(writer.finish(), out.size());
  AcceptView view;
  EXPECT_EQ(parse_accept(out, view), Drop::none);
}

TEST(Accept, WriterStopsAtTimesThatItsHeaderCannotCarry) {
  std::vector<uint8_t> out(kCellPlainMax);
  AcceptWriter writer(out, header_for(42));
  EXPECT_FALSE(writer.add(entry_of(42, EntryKind::tick, {}, int64_t{INT32_MAX} + 1)));
  EXPECT_FALSE(writer.add(entry_of(42, EntryKind::tick, {}, int64_t{INT32_MIN} - 1)));
  EntryView other_wall = entry_of(42, EntryKind::tick, {});
  other_wall.wall.ms += 1;
  EXPECT_FALSE(writer.add(other_wall));
  EXPECT_TRUE(writer.add(entry_of(42, EntryKind::tick, {}, INT32_MAX)));
}

TEST(Accept, LargestOperationFits) {
  std::vector<uint8_t> out(kClientPlainMax + sizeof(AcceptHeader));
  const std::vector<uint8_t> op(kOpMax, 'x');
  AcceptWriter writer(out, header_for(42));
  EXPECT_TRUE(writer.add(entry_of(42, EntryKind::op, op)));
}

TEST(AcceptDeathTest, WriterHoldsTheCallerToItsEpochAndOrder) {
  std::vector<uint8_t> out(kCellPlainMax);
  AcceptWriter writer(out, header_for(42));
  EXPECT_DEATH(writer.add(entry_of(43, EntryKind::tick, {})), "follow each other");
  EntryView other = entry_of(42, EntryKind::tick, {});
  other.epoch = make_epoch(8, ServerId::lb2);
  EXPECT_DEATH(writer.add(other), "of its epoch");
  EXPECT_DEATH(writer.add(entry_of(42, EntryKind::epoch_start, as_bytes("short"))), "form of its kind");
}

TEST(Accept, RefusesFieldsOutOfRange) {
  const auto golden_bytes = golden::load("accept");
  const auto with = [&](auto change) {
    auto bytes = golden_bytes;
    change(*reinterpret_cast<AcceptHeader*>(bytes.data()));
    AcceptView view;
    return parse_accept(bytes, view);
  };
  EXPECT_EQ(with([](AcceptHeader&) {}), Drop::none);
  EXPECT_EQ(with([](AcceptHeader& h) { h.type = 2; }), Drop::unknown_type);
  EXPECT_EQ(with([](AcceptHeader& h) { h.flags = 2; }), Drop::reserved);
  EXPECT_EQ(with([](AcceptHeader& h) { h.epoch = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.epoch = 7U << 2U; }), Drop::malformed);         // names no LB
  EXPECT_EQ(with([](AcceptHeader& h) { h.epoch = (7U << 2U) | 3U; }), Drop::malformed);  // there is no third
  EXPECT_EQ(with([](AcceptHeader& h) { h.first = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.first = kSeqMax + 1; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.commit = kSeqMax + 1; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.cell_ms = kTimeMsMax; }),
            Drop::malformed);  // base + delta leaves the range
  EXPECT_EQ(with([](AcceptHeader& h) { h.cell_ms = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.wall_ms = kTimeMsMax + 1; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.items = 0; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.items = 3; }), Drop::malformed);
  EXPECT_EQ(with([](AcceptHeader& h) { h.items = 5; }), Drop::malformed);
}

TEST(Accept, RefusesBrokenItems) {
  const auto golden_bytes = golden::load("accept");
  const size_t first = sizeof(AcceptHeader);
  const size_t read_at = first + sizeof(AcceptItem) + 83;  // behind the checkout
  ASSERT_EQ(golden_bytes[read_at], kItemRead);
  const auto with = [&](size_t at, uint8_t value) {
    auto bytes = golden_bytes;
    bytes[at] = value;
    AcceptView view;
    return parse_accept(bytes, view);
  };
  EXPECT_EQ(with(first, 0), Drop::malformed);             // an item of no kind
  EXPECT_EQ(with(first + 1, 0), Drop::malformed);         // an entry of no kind
  EXPECT_EQ(with(first + 1, 5), Drop::malformed);         // a kind of a later version
  EXPECT_EQ(with(first + 1, 4), Drop::malformed);         // an operation is no EpochStart
  EXPECT_EQ(with(first + 3, 0xFF), Drop::malformed);      // longer than what is there
  EXPECT_EQ(with(read_at + 1, 0), Drop::malformed);       // nobody reads
  EXPECT_EQ(with(read_at + 1, 0b1101), Drop::malformed);  // there is no slot 4
  EXPECT_EQ(with(read_at + 12, 1), Drop::malformed);      // the body from one that does not read
  EXPECT_EQ(with(read_at + 12, 3), Drop::malformed);
  EXPECT_EQ(with(read_at + 13, 1), Drop::malformed);  // reserved
}

TEST(Accept, RefusesCellTimeBeforeZero) {
  auto bytes = golden::load("accept_epoch_start");
  reinterpret_cast<AcceptHeader*>(bytes.data())->cell_ms = 4U;  // the entry stands 5 ms before
  AcceptView view;
  EXPECT_EQ(parse_accept(bytes, view), Drop::malformed);
}

TEST(Accept, RefusesBrokenKeepalive) {
  const auto golden_bytes = golden::load("keepalive");
  const auto with = [&](auto change) {
    auto bytes = golden_bytes;
    change(*reinterpret_cast<Keepalive*>(bytes.data()));
    KeepaliveView view;
    return parse_keepalive(bytes, view);
  };
  EXPECT_EQ(with([](Keepalive& k) { k.flags = 8; }), Drop::reserved);
  EXPECT_EQ(with([](Keepalive& k) { k.flags = kFit | kAdmits; }), Drop::none);
  EXPECT_EQ(with([](Keepalive& k) { k.flags = kFit | kQuiet; }), Drop::none);
  EXPECT_EQ(with([](Keepalive& k) { k.lost = 0U; }), Drop::none);
  EXPECT_EQ(with([](Keepalive& k) { k.reserved = 1; }), Drop::reserved);
  EXPECT_EQ(with([](Keepalive& k) { k.next = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](Keepalive& k) { k.epoch = 3U; }), Drop::malformed);
}

}  // namespace
}  // namespace tercet
