// A backend that begins behind a checkpoint of a book with something of everything in it, damaged one place
// at a time: each byte and each end in the image, each record and each sector of the log that lies behind it,
// part of it in segments that were used before. It opens with every entry that was durable, or says that its
// disk cannot be trusted. Never a book that is another one.

#include <algorithm>
#include <map>
#include <vector>

#include "backend/log_places.h"
#include "backend/opening_rig.h"
#include "backend/replica.h"
#include "backend/store/image_file.h"
#include "base/sanitized.h"
#include "license/image_format.h"
#include "license/plain_constituent.h"

namespace tercet::backend {
namespace {

using license::PlainConstituent;
using license::PlainNotice;

constexpr license::BookOptions kSweepBook{.leases_max = 64, .tombstones_max = 128, .undo_bytes = 1U << 20U};

/// What clients and an operator asked of a cell, as its log has it.
class BusyStory {
 public:
  quorum::testing::Story log;

  BusyStory() {
    log.add(EntryKind::genesis, kFirstEpoch, license::make_genesis());
    import({.mode = LicenseMode::user_limit, .product = kSeats, .quantity = 4});
    import({.mode = LicenseMode::station_share, .product = kStations, .quantity = 4});
    import({.mode = LicenseMode::user_limit, .product = kWithdrawn, .quantity = 4});
    for (uint8_t n = 1; n <= 6; ++n) {
      checkout(n, kSeats);  // the last two are denied
    }
    checkout(11, kStations);
    checkout(12, kStations);
    checkout(13, kStations, kShortMs);
    checkout(21, kWithdrawn);
    ConsumeBody used{};
    used.total = 17;
    op(OpKind::consume, 1, 2, bytes_of(used));
    renew(2, 2);
    op(OpKind::release, 3, 2, {});
    op(OpKind::release, 99, 1, {});  // nobody's
    PlainNotice notice;
    notice.issuer = kIssuer;
    notice.firm = kFirm;
    notice.product = kWithdrawn;
    notice.tmr_id = 1;
    op(OpKind::import_notice, 120, 1, bytes_of(notice));
    log.pass(3 * kShortMs);
    tick();
  }
  void renew(uint8_t handle, uint32_t request) { op(OpKind::renew, handle, request, bytes_of(RenewBody{})); }
  void tick() { log.add(EntryKind::tick, kFirstEpoch, {}); }
  /// So many seats come and go.
  void trade(unsigned times) {
    for (; times != 0; --times) {
      const auto handle = static_cast<uint8_t>(130 + traded_++);
      checkout(handle, kSeats);
      renew(1, 2 + traded_);
      op(OpKind::release, handle, 2, {});
    }
  }

  static constexpr unsigned kLicenses = 3;
  static constexpr unsigned kLeases = 5;       ///< of handles 1, 2, 4, 11, 12
  static constexpr unsigned kTombstones = 16;  ///< the nine imports' among them, and the notice's

 private:
  static constexpr uint32_t kFirm = 10, kSeats = 20, kStations = 21, kWithdrawn = 22;
  static constexpr uint8_t kIssuer = 0xA1;
  static constexpr uint32_t kShortMs = 1'000;

  struct Terms {
    LicenseMode mode;
    uint32_t product;
    uint32_t quantity;
  };
  void import(const Terms& terms) {
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      PlainConstituent p;
      p.issuer = kIssuer;
      p.mode = static_cast<uint8_t>(terms.mode);
      std::memset(p.container_key, static_cast<int>(0x11 * (slot + 1)), sizeof p.container_key);
      p.firm = kFirm;
      p.product = terms.product;
      p.tmr_id = 1;
      p.quantity = terms.quantity;
      p.metered = terms.product == kSeats ? 1 : 0;
      p.units = p.metered * 100U;
      op(OpKind::import_constituent, static_cast<uint8_t>(101 + imported_++), 1, bytes_of(p));
    }
  }
  void checkout(uint8_t handle, uint32_t product, uint32_t lease_ms = 0) {
    CheckoutBody body{};
    body.firm = kFirm;
    body.product = product;
    body.lease_ms = lease_ms;
    body.user_size = 3;
    body.host_size = 4;
    license::Buffer bytes(bytes_of(body).begin(), bytes_of(body).end());
    for (const char c : std::string("ann") + "pc" + std::to_string(10 + handle % 90)) {
      bytes.push_back(static_cast<uint8_t>(c));
    }
    op(OpKind::checkout, handle, 1, bytes);
  }
  void op(OpKind kind, uint8_t handle, uint32_t request, Bytes body) {
    Handle h;
    h.bytes.fill(handle);
    log.add(EntryKind::op, kFirstEpoch, license::make_op(kind, h, request, log.now_ms(), body));
  }

  unsigned imported_ = 0;
  unsigned traded_ = 0;
};

class CheckpointSweep : public testing::Test {
 protected:
  static constexpr uint32_t kLargeSegment = 64U << 10U;  ///< holds all that is written here
  static constexpr uint32_t kTinySegment = 4096;

  CheckpointSweep() {
    options_ = small_opening(false);
    options_.log.batch_bytes = kTinySegment;
    options_.acceptor.incarnation = Incarnation{1};  // as make_genesis names it
    options_.acceptor.keep_behind = 0;
    options_.acceptor.held = {.results = 256, .reads = 4};
  }

  /// One life: takes the story, and writes images on the way, each at a checkpoint entry that two votes were
  /// heard to agree at. The last one comes late: its log has several segments then, one of which was used
  /// before, and one in front of them waits to be.
  void write(uint32_t segment_bytes) {
    options_.log.segment_bytes = segment_bytes;
    BookMachine machine({kSweepBook, false}, license::plain_checks());
    Opening opening = open_log(disk_, machine, options_);
    ASSERT_TRUE(opening.sound()) << opening.why;
    while (!opening.log->ready()) {
      disk_.wait();
      opening.log->reap();
    }
    Replica replica(opening, machine, disk_, options_.log.store);
    take(replica, opening);
    const license::State& state = machine.book().state();
    ASSERT_EQ(state.licenses().size(), BusyStory::kLicenses);
    ASSERT_EQ(state.leases().size(), BusyStory::kLeases);
    ASSERT_EQ(state.tombstones().size(), BusyStory::kTombstones);
    ASSERT_EQ(state.usage(0).units_used, 17U);
    for (unsigned image = 1; image <= kImages; ++image) {
      story_.log.add(EntryKind::checkpoint, kFirstEpoch, bytes_of(CheckpointBody{}));
      const Seq at = story_.log.last();
      story_.trade(image < kImages ? 4 : 16);
      take(replica, opening);
      UsableBody usable{};
      usable.checkpoint = at.value;
      usable.s = opening.acceptor->log().s_at(at).low;
      story_.log.add(EntryKind::usable, kFirstEpoch, bytes_of(usable));
      story_.trade(image < kImages ? 4 : 1);
      take(replica, opening);
      ASSERT_EQ(replica.view().checkpoints.written, image);
      ASSERT_EQ(opening.acceptor->log().base().seq, at);
    }
    digest_ = machine.digest();
    ASSERT_EQ(disk_.images(), std::vector<store::FileId>{kImage}) << "those before it went";
  }

  /// The one thing that is asked of every damage; true if it opened.
  bool open() {
    const bool opened = open_and_compare();
    while (disk_.next_due() != MonoTime::never()) {
      disk_.advance(disk_.next_due());
    }
    disk_.kill(1);  // a segment of another size was removed: that ends before the damage is mended
    return opened;
  }
  bool open_and_compare() {
    BookMachine machine({kSweepBook, false}, license::plain_checks());
    OpeningOptions options = options_;
    options.log_made = true;
    const Opening opening = open_log(disk_, machine, options);
    if (!opening.sound()) {
      EXPECT_EQ(opening.verdict, store::Verdict::corrupt) << opening.why;
      EXPECT_FALSE(opening.why.empty());
      return false;
    }
    const Seq last = story_.log.last();
    EXPECT_EQ(opening.acceptor->log().last(), last);
    EXPECT_TRUE(opening.acceptor->log().matches(last, story_.log.l(last)));
    EXPECT_EQ(machine.digest(), digest_);
    return true;
  }
  bool opens_flipped(store::FileId file, uint64_t at) {
    const auto mask = static_cast<uint8_t>(1U << (at % 8));
    disk_.flip(file, at, mask);
    const bool opened = open();
    disk_.flip(file, at, mask);
    return opened;
  }
  bool opens_cut(store::FileId file, uint64_t size) {
    const std::vector<uint8_t> whole = content(file);
    disk_.truncate(file, size);
    const bool opened = open();
    disk_.lose(file);
    disk_.poke(file, 0, whole);
    return opened;
  }
  [[nodiscard]] std::vector<uint8_t> content(store::FileId file) {
    std::vector<uint8_t> bytes(disk_.size(file));
    disk_.peek(file, 0, bytes);
    return bytes;
  }

  static constexpr unsigned kImages = 3;
  static constexpr store::FileId kImage = store::image_file(kImages);
  static constexpr size_t kStep = kSanitized ? 13 : 1;
  store::MemoryDisk disk_;
  OpeningOptions options_;
  BusyStory story_;
  Hash128 digest_;

 private:
  void take(Replica& replica, Opening& opening) {
    while (taken_ < story_.log.last().value) {
      const uint64_t to = std::min(taken_ + 1 + taken_ % 4, story_.log.last().value);
      const auto bytes = quorum::testing::accept_of(story_.log, taken_ + 1, to, kFirstEpoch);
      taken_ = to;
      dataplane::Message message;
      message.plain = bytes;
      message.from_server = true;
      message.server = lb_of(kFirstEpoch);
      settle(replica, opening, {&message, 1});
    }
  }
  void settle(Replica& replica, Opening& opening, std::span<const dataplane::Message> in) {
    Outbox out(256);
    Moment now{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 1};
    replica.poll(in, now, out);
    for (unsigned i = 0; i < 200; ++i) {
      disk_.wait();
      now.mono = now.mono + milliseconds(1);
      replica.poll({}, now, out);
      out.clear();
    }
    ASSERT_FALSE(opening.log->failed());
  }

  uint64_t taken_ = 0;
};

TEST_F(CheckpointSweep, EachByteOfTheImage) {
  write(kTinySegment);
  ASSERT_TRUE(open());
  const uint64_t size = disk_.size(kImage);
  unsigned refused = 0;
  for (uint64_t at = 0; at < size; at += kStep) {
    refused += opens_flipped(kImage, at) ? 0U : 1U;
    ASSERT_FALSE(HasFailure()) << "byte " << at;
  }
  EXPECT_GT(refused, (size - store::kImageAt - store::kSectorBytes) / kStep) << "all but zeros that fill up";
  EXPECT_TRUE(open());
}

/// Where something ends in an image: what is in the file's header, the base, each record of the book.
std::vector<uint64_t> ends_in(Bytes image) {
  std::vector<uint64_t> ends{store::kSectorBytes, store::kImageAt, store::kImageAt + sizeof(ImageBase)};
  license::ImageRecord record{};
  while (record.kind != static_cast<uint8_t>(license::ImageKind::end)) {
    std::memcpy(&record, image.data() + ends.back(), sizeof record);
    ends.push_back(ends.back() + sizeof record);
    ends.push_back(ends.back() + record.size);
  }
  return ends;
}

TEST_F(CheckpointSweep, AnImageCutAtEachEndAndAByteBeforeAndBehind) {
  write(kTinySegment);
  const std::vector<uint64_t> ends = ends_in(content(kImage));
  std::map<uint8_t, unsigned> kinds;
  for (size_t n = 2; n + 1 < ends.size(); n += 2) {
    uint8_t kind = 0;
    disk_.peek(kImage, ends[n], {&kind, 1});
    ++kinds[kind];
  }
  using license::ImageKind;
  const auto of = [&kinds](ImageKind kind) { return kinds[static_cast<uint8_t>(kind)]; };
  EXPECT_EQ(of(ImageKind::license), BusyStory::kLicenses);
  EXPECT_GE(of(ImageKind::lease), BusyStory::kLeases);
  EXPECT_GE(of(ImageKind::tombstone), BusyStory::kTombstones);
  EXPECT_GE(of(ImageKind::usage), 1U);
  std::vector<uint64_t> cuts = ends;
  for (uint64_t at = 0; at < disk_.size(kImage); at += store::kSectorBytes) {
    cuts.push_back(at);
  }
  for (const uint64_t end : cuts) {
    for (const uint64_t size : {end - std::min<uint64_t>(end, 1), end, end + 1}) {
      const bool opened = opens_cut(kImage, size);
      ASSERT_FALSE(HasFailure()) << size;
      EXPECT_FALSE(opened && size < ends.back()) << size;
    }
  }
  EXPECT_TRUE(open());
}

TEST_F(CheckpointSweep, AnImageThatIsGone) {
  write(kTinySegment);
  disk_.lose(kImage);
  EXPECT_FALSE(open()) << "the log begins behind it";
}

TEST_F(CheckpointSweep, AnImageThatIsGoneWhileTheLogIsThereFromItsFirstEntryOn) {
  write(kLargeSegment);
  disk_.lose(kImage);
  EXPECT_TRUE(open());
  disk_.lose(0);
  EXPECT_FALSE(open());
}

/// The log: what is in front of the segment where a reader begins, that segment, and those behind it.
class CheckpointLogSweep : public CheckpointSweep {
 protected:
  void SetUp() override {
    write(kTinySegment);
    std::vector<uint8_t> header(store::kSectorBytes);
    ImageBase base;
    disk_.peek(kImage, 0, header);
    disk_.peek(kImage, store::kImageAt, {reinterpret_cast<uint8_t*>(&base), sizeof base});
    header_ = store::open_image_header(header, base).value();
    ASSERT_LT(disk_.files().first, front_end()) << "some that no reader needs";
    places_ = LogPlaces(disk_, front_end());
    ASSERT_GT(header_.older, header_.start.lsn) << "records that the image has made useless";
    ASSERT_FALSE(places_.former.empty()) << "segments that were others before";
    ASSERT_GT(places_.sealed.back().file, front_end());
  }
  [[nodiscard]] store::FileId front_end() const { return header_.start.segment; }
  void expect_refused(bool opened, store::FileId file, uint64_t at) {
    EXPECT_FALSE(opened) << store::segment_name(file) << " byte " << at;
  }

  store::ImageHeader header_;
  LogPlaces places_{disk_, 0};
};

TEST_F(CheckpointLogSweep, AByteOfEachRecord) {
  for (size_t n = 0; n < places_.records.size(); n += kStep) {
    const RecordPlace& record = places_.records[n];
    for (const size_t i : {size_t{0}, size_t{1}, record.size / 2, record.size - 1}) {
      expect_refused(opens_flipped(record.file, record.byte(i)), record.file, record.byte(i));
    }
  }
  EXPECT_TRUE(open());
}

TEST_F(CheckpointLogSweep, EachFieldOfEachSectorAlsoOfAFormerSegment) {
  for (const std::vector<SectorPlace>& sectors : {places_.sealed, places_.former}) {
    for (size_t n = 0; n < sectors.size(); n += kSanitized ? 5 : 1) {
      for (const unsigned field : kSectorFields) {
        const store::Offset at = sectors[n].at() + field;
        expect_refused(opens_flipped(sectors[n].file, at), sectors[n].file, at);
      }
    }
  }
  EXPECT_TRUE(open());
}

TEST_F(CheckpointLogSweep, ASegmentCutAtEachEndAndAByteBeforeAndBehind) {
  const auto cut = [this](store::FileId file, uint64_t end) {
    for (const uint64_t size : {end - std::min<uint64_t>(end, 1), end, end + 1}) {
      if (size < disk_.size(file)) {
        expect_refused(opens_cut(file, size), file, size);
      }
    }
  };
  for (size_t n = 0; n < places_.records.size(); n += kSanitized ? 3 : 1) {
    const RecordPlace& record = places_.records[n];
    cut(record.file, record.byte(record.size - 1) + 1);
  }
  for (const SectorPlace& sector : places_.sealed) {
    cut(sector.file, sector.at());
  }
  EXPECT_TRUE(open());
}

TEST_F(CheckpointLogSweep, ASegmentThatIsGone) {
  for (store::FileId file = front_end(); file <= places_.sealed.back().file; ++file) {
    const std::vector<uint8_t> whole = content(file);
    disk_.lose(file);
    expect_refused(open(), file, 0);
    disk_.poke(file, 0, whole);
  }
  EXPECT_TRUE(open());
}

/// As if a write had never come to the disk: the sector is what it was in the segment's life before.
TEST_F(CheckpointLogSweep, ASectorWithItsFormerContent) {
  const LogPlaces all(disk_, 0);
  const RecordPlace& last = places_.records.back();
  unsigned tried = 0;
  for (const SectorPlace& sector : places_.sealed) {
    if (sector.file == last.file && sector.number >= last.sector) {
      continue;  // the last batch: what was never written may be missing, DamageSweep shows it
    }
    for (const SectorPlace& before : all.sealed) {
      if (before.file >= front_end() || before.number != sector.number) {
        continue;
      }
      std::vector<uint8_t> now(store::kSectorBytes);
      std::vector<uint8_t> then(store::kSectorBytes);
      disk_.peek(sector.file, sector.at(), now);
      disk_.peek(before.file, before.at(), then);
      disk_.poke(sector.file, sector.at(), then);
      expect_refused(open(), sector.file, sector.at());
      disk_.poke(sector.file, sector.at(), now);
      ++tried;
    }
  }
  EXPECT_GT(tried, places_.sealed.size() / 2);
  EXPECT_TRUE(open());
}

TEST_F(CheckpointLogSweep, WhatIsInFrontIsNeverRead) {
  for (store::FileId file = disk_.files().first; file < front_end(); ++file) {
    for (uint64_t at = 0; at < disk_.size(file); at += 100) {
      EXPECT_TRUE(opens_flipped(file, at)) << store::segment_name(file) << " byte " << at;
      EXPECT_TRUE(opens_cut(file, at)) << store::segment_name(file) << " cut to " << at;
    }
  }
  while (disk_.files().first < front_end()) {
    disk_.lose(disk_.files().first);
    EXPECT_TRUE(open());
  }
}

}  // namespace
}  // namespace tercet::backend
