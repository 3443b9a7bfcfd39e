#include "wire/entry.h"

#include <gtest/gtest.h>

#include <vector>

#include "wire/cell_message.h"

namespace tercet {
namespace {

TEST(Entry, LargestOperationIsWrittenAndRead) {
  const std::vector<uint8_t> op(kOpMax, 'x');
  const EntryView entry{Seq{9}, make_epoch(3, ServerId::lb2), CellTime{5}, WallTime{6}, EntryKind::op, op};
  std::vector<uint8_t> out(entry_size(op.size()));
  EXPECT_EQ(write_entry(entry, out), out.size());
  EntryView read;
  ASSERT_EQ(parse_entry(out, read), out.size());
  EXPECT_EQ(read.seq, entry.seq);
  EXPECT_EQ(read.epoch, entry.epoch);
  EXPECT_EQ(read.cell, entry.cell);
  EXPECT_EQ(read.wall, entry.wall);
  EXPECT_TRUE(equal(read.op, op));
  EXPECT_EQ(write_entry(entry, MutBytes(out).first(out.size() - 1)), 0U);
  EXPECT_EQ(parse_entry(Bytes(out).first(out.size() - 1), read), 0U);
}

TEST(Entry, OperationAboveItsLimitIsRefused) {
  std::vector<uint8_t> bytes(entry_size(kOpMax + 1));
  EntryHeader header{};
  header.kind = static_cast<uint8_t>(EntryKind::op);
  header.length = kOpMax + 1;
  header.seq = 1U;
  header.epoch = make_epoch(1, ServerId::lb1).value;
  put(bytes, header);
  EntryView entry;
  EXPECT_EQ(parse_entry(bytes, entry), 0U);
  reinterpret_cast<EntryHeader*>(bytes.data())->length = kOpMax;
  EXPECT_EQ(parse_entry(bytes, entry), entry_size(kOpMax));
  reinterpret_cast<EntryHeader*>(bytes.data())->seq = 0U;
  EXPECT_EQ(parse_entry(bytes, entry), 0U);
}

TEST(Entry, BodiesOfKinds) {
  EXPECT_TRUE(body_fits(EntryKind::tick, {}));
  EXPECT_FALSE(body_fits(EntryKind::tick, as_bytes("x")));
  EXPECT_FALSE(body_fits(EntryKind::checkpoint, {}));
  EXPECT_FALSE(body_fits(static_cast<EntryKind>(0), {}));
  EXPECT_FALSE(body_fits(static_cast<EntryKind>(200), {}));
  EpochStartBody body{};
  EXPECT_TRUE(body_fits(EntryKind::epoch_start, bytes_of(body)));
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(body).first(31)));
  body.source = 3;
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(body)));
  body.source = 2;
  body.lb = 2;
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(body)));
  body.lb = 1;
  body.reserved[3] = 1;
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(body)));
}

TEST(Entry, AnEpochStartByTheOperatorsOrderNamesAnotherSlotThanItsSource) {
  ForcedStartBody body{};
  body.start.last_seq = 9U;
  body.start.source = 1;
  body.start.form = static_cast<uint8_t>(StartForm::forced);
  body.start.forced_slot = 2;
  body.incarnation = 0x44U;
  const auto fits = [](const ForcedStartBody& b) { return body_fits(EntryKind::epoch_start, bytes_of(b)); };
  const auto with = [&](auto change) {
    ForcedStartBody changed = body;
    change(changed);
    return fits(changed);
  };
  EXPECT_TRUE(fits(body));
  ASSERT_NE(forced_start(bytes_of(body)), nullptr);
  EXPECT_EQ(forced_start(bytes_of(body))->incarnation, 0x44U);
  EXPECT_EQ(forced_start(bytes_of(body.start)), nullptr);
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(body.start))) << "forced, but nobody is named";
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(body).first(39)));
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.start.form = static_cast<uint8_t>(StartForm::plain); }));
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.start.form = 2; }));
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.start.forced_slot = 1; })) << "its own source";
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.start.forced_slot = 3; }));
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.incarnation = 0U; }));
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.start.last_seq = 0U; })) << "there is a log that goes on";
  EXPECT_FALSE(with([](ForcedStartBody& b) { b.start.reserved[0] = 1; }));
  EpochStartBody plain{};
  plain.forced_slot = 1;
  EXPECT_FALSE(body_fits(EntryKind::epoch_start, bytes_of(plain)));
}

TEST(Entry, ARejoinNamesAnIncarnationAndASlot) {
  RejoinBody body{};
  EXPECT_FALSE(body_fits(EntryKind::rejoin, bytes_of(body))) << "incarnation 0 is none";
  body.incarnation = 1U;
  EXPECT_TRUE(body_fits(EntryKind::rejoin, bytes_of(body)));
  EXPECT_FALSE(body_fits(EntryKind::rejoin, bytes_of(body).first(sizeof body - 1)));
  body.slot = kBackends;
  EXPECT_FALSE(body_fits(EntryKind::rejoin, bytes_of(body)));
  body.slot = 0;
  body.reserved[6] = 1;
  EXPECT_FALSE(body_fits(EntryKind::rejoin, bytes_of(body)));
}

TEST(Entry, ConstituentsThatAreGoneNameASlot) {
  ConstituentGoneBody body{};
  EXPECT_TRUE(body_fits(EntryKind::constituent_gone, bytes_of(body)));
  EXPECT_FALSE(body_fits(EntryKind::constituent_gone, bytes_of(body).first(sizeof body - 1)));
  body.gone = 2;
  EXPECT_FALSE(body_fits(EntryKind::constituent_gone, bytes_of(body)));
  body.gone = 1;
  body.slot = kBackends;
  EXPECT_FALSE(body_fits(EntryKind::constituent_gone, bytes_of(body)));
  body.slot = 2;
  body.reserved[5] = 1;
  EXPECT_FALSE(body_fits(EntryKind::constituent_gone, bytes_of(body)));
}

TEST(Genesis, PartsMustFillIt) {
  const std::vector<uint8_t> keys(2 * kIssuerKeySize, 7);
  std::vector<uint8_t> out(kOpMax);
  const std::array<Bytes, kBackends> said{as_bytes("one"), as_bytes("two"), as_bytes("three")};
  out.resize(write_genesis(GenesisBody{}, keys, said, out));
  ASSERT_EQ(out.size(), sizeof(GenesisBody) + keys.size() + 11);
  GenesisView genesis;
  ASSERT_TRUE(parse_genesis(out, genesis));
  EXPECT_EQ(genesis.body->issuers, 2);
  EXPECT_EQ(as_text(genesis.introductions[2]), "three");
  for (size_t size = 0; size < out.size(); ++size) {
    EXPECT_FALSE(parse_genesis(Bytes(out).first(size), genesis)) << size;
  }
  out.push_back(0);
  EXPECT_FALSE(parse_genesis(out, genesis));
  out.pop_back();
  reinterpret_cast<GenesisBody*>(out.data())->introduction_size[0] = kIntroductionMax + 1;
  EXPECT_FALSE(parse_genesis(out, genesis));
}

TEST(Genesis, MoreThanAnOperationHoldsIsNotWritten) {
  const std::vector<uint8_t> keys(34 * kIssuerKeySize, 7);
  std::vector<uint8_t> out(2 * kOpMax);
  EXPECT_EQ(write_genesis(GenesisBody{}, keys, {}, out), 0U);
  EXPECT_EQ(write_genesis(GenesisBody{}, Bytes(keys).first(kIssuerKeySize), {}, MutBytes(out).first(83)), 0U);
  EXPECT_EQ(write_genesis(GenesisBody{}, Bytes(keys).first(kIssuerKeySize), {}, MutBytes(out).first(84)),
            84U);
}

}  // namespace
}  // namespace tercet
