#include "wire/fetch.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

constexpr Epoch kOld = make_epoch(7, ServerId::lb1);
constexpr Epoch kNew = make_epoch(8, ServerId::lb2);
const Hash128 kL{0x0706050403020100, 0x0F0E0D0C0B0A0908};

EntriesHeader entries_header() {
  EntriesHeader header{};
  header.number = 78;
  header.first = 40U;
  header.prev_l = kL;
  header.commit = 41U;
  return header;
}

TEST(Missing, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("missing");
  MissingView view;
  ASSERT_EQ(parse_missing(bytes, view), Drop::none);
  EXPECT_EQ(view.header->from, 40U);
  EXPECT_EQ(view.header->to, 45U);
  Missing missing{};
  missing.type = static_cast<uint8_t>(CellMessage::missing);
  missing.datagrams = 4;
  missing.number = 78;
  missing.from = 40U;
  missing.to = 45U;
  missing.to_l = kL;
  EXPECT_TRUE(golden::same(bytes_of(missing), bytes));
  const auto with = [&](auto change) {
    Missing m = missing;
    change(m);
    return parse_missing(bytes_of(m), view);
  };
  EXPECT_EQ(with([](Missing& m) { m.to = 40U; }), Drop::none);
  EXPECT_EQ(with([](Missing& m) { m.to = 39U; }), Drop::malformed);
  EXPECT_EQ(with([](Missing& m) { m.from = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](Missing& m) { m.to = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Missing& m) { m.datagrams = 0; }), Drop::malformed);
  EXPECT_EQ(with([](Missing& m) { m.reserved = 1; }), Drop::reserved);
}

TEST(Fetch, ReadsGoldenAndRefusesWhatCannotBe) {
  const auto bytes = golden::load("fetch");
  FetchView view;
  ASSERT_EQ(parse_fetch(bytes, view), Drop::none);
  EXPECT_EQ(view.header->checkpoint, 40U);
  EXPECT_EQ(view.header->offset, 1344U);
  const auto with = [&](auto change) {
    Fetch f = *view.header;
    change(f);
    FetchView changed;
    return parse_fetch(bytes_of(f), changed);
  };
  EXPECT_EQ(with([](Fetch&) {}), Drop::none);
  EXPECT_EQ(with([](Fetch& f) { f.datagrams = 0; }), Drop::malformed);
  EXPECT_EQ(with([](Fetch& f) { f.checkpoint = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](Fetch& f) { f.checkpoint = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Fetch& f) { f.offset = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Fetch& f) { f.reserved = 1; }), Drop::reserved);
}

TEST(Chunk, ReadsGoldenAndRefusesWhatCannotBe) {
  const auto bytes = golden::load("chunk");
  ChunkView view;
  ASSERT_EQ(parse_chunk(bytes, view), Drop::none);
  EXPECT_EQ(view.header->total, 1348U);
  EXPECT_EQ(view.bytes.size(), 4U);
  EXPECT_EQ(view.bytes[3], 0xEF);
  const auto with = [&](auto change) {
    auto copy = bytes;
    change(*reinterpret_cast<ChunkHeader*>(copy.data()));
    ChunkView changed;
    return parse_chunk(copy, changed);
  };
  EXPECT_EQ(with([](ChunkHeader&) {}), Drop::none);
  EXPECT_EQ(with([](ChunkHeader& c) { c.size = 3; }), Drop::malformed);
  EXPECT_EQ(with([](ChunkHeader& c) { c.size = 5; }), Drop::malformed);
  EXPECT_EQ(with([](ChunkHeader& c) { c.total = 1347U; }), Drop::malformed) << "it ends beyond the image";
  EXPECT_EQ(with([](ChunkHeader& c) { c.offset = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](ChunkHeader& c) { c.total = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](ChunkHeader& c) { c.checkpoint = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](ChunkHeader& c) { c.reserved = 1; }), Drop::reserved);
}

TEST(Entries, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("entries");
  EntriesView view;
  ASSERT_EQ(parse_entries(bytes, view), Drop::none);
  EXPECT_EQ(view.header->number, 78U);
  EXPECT_EQ(view.header->prev_l.get(), kL);
  std::vector<uint8_t> out(kCellPlainMax);
  EntriesWriter writer(out, entries_header());
  std::vector<EntryView> entries;
  EntryView entry;
  for (EntriesWalk walk(view); walk.next(entry);) {
    entries.push_back(entry);
    EXPECT_TRUE(writer.add(entry));
  }
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].seq, Seq{40});
  EXPECT_EQ(entries[0].epoch, kOld);
  EXPECT_EQ(entries[0].cell, CellTime{golden::kCellMs});
  EXPECT_EQ(entries[0].wall, WallTime{golden::kWallMs});
  EXPECT_EQ(entries[0].op.size(), 36U);
  EXPECT_EQ(entries[1].kind, EntryKind::tick);
  EXPECT_EQ(entries[2].kind, EntryKind::epoch_start);
  EXPECT_EQ(entries[2].epoch, kNew);
  EXPECT_EQ(writer.count(), 3);
  out.resize(writer.finish());
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Entries, NoneMeansIDoNotHaveThem) {
  const auto bytes = golden::load("entries_none");
  EntriesView view;
  ASSERT_EQ(parse_entries(bytes, view), Drop::none);
  EntryView entry;
  EXPECT_FALSE(EntriesWalk(view).next(entry));
  EntriesHeader header = entries_header();
  header.prev_l = Hash128{};
  header.commit = 0U;
  std::vector<uint8_t> out(kCellPlainMax);
  out.resize(EntriesWriter(out, header).finish());
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Entries, RefusesFieldsOutOfRange) {
  const auto golden_bytes = golden::load("entries");
  const auto with = [&](auto change) {
    auto bytes = golden_bytes;
    change(*reinterpret_cast<EntriesHeader*>(bytes.data()),
           *reinterpret_cast<EntryHeader*>(bytes.data() + sizeof(EntriesHeader)));
    EntriesView view;
    return parse_entries(bytes, view);
  };
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader&) {}), Drop::none);
  EXPECT_EQ(with([](EntriesHeader& h, EntryHeader&) { h.reserved = 1; }), Drop::reserved);
  EXPECT_EQ(with([](EntriesHeader& h, EntryHeader&) { h.count = 2; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader& h, EntryHeader&) { h.count = 4; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader& h, EntryHeader&) { h.first = 39U; }),
            Drop::malformed);  // seqs do not follow
  EXPECT_EQ(with([](EntriesHeader& h, EntryHeader&) { h.first = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.seq = 41U; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.epoch = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.reserved = 1; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.reserved2 = 1; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.kind = 2; }),
            Drop::malformed);  // a tick carries nothing
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.length = 35; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.length = 0xFFFF; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.cell_ms = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](EntriesHeader&, EntryHeader& e) { e.wall_ms = kTimeMsMax + 1; }), Drop::malformed);
}

TEST(Entries, WriterStopsWhenFull) {
  const std::vector<uint8_t> op(kOpMax, 'x');
  std::vector<uint8_t> out(kCellPlainMax);
  EntriesWriter writer(out, entries_header());
  EXPECT_TRUE(writer.add({Seq{40}, kOld, CellTime{1}, WallTime{1}, EntryKind::op, op}));
  EXPECT_FALSE(writer.add({Seq{41}, kOld, CellTime{1}, WallTime{1}, EntryKind::op, op}));
  out.resize(writer.finish());
  EntriesView view;
  EXPECT_EQ(parse_entries(out, view), Drop::none);
}

TEST(EntriesDeathTest, WriterHoldsTheCallerToTheOrder) {
  std::vector<uint8_t> out(kCellPlainMax);
  EntriesWriter writer(out, entries_header());
  EXPECT_DEATH(writer.add({Seq{41}, kOld, CellTime{1}, WallTime{1}, EntryKind::tick, {}}),
               "follow each other");
}

}  // namespace
}  // namespace tercet
