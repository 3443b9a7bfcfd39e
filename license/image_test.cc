// The image of the book at one entry: captured while the book works on, loaded again, and what is refused.

#include <algorithm>

#include "license/book_fixture.h"
#include "license/image_reader.h"
#include "license/image_writer.h"
#include "tests/allocations/allocations.h"

namespace tercet::license {
namespace {

constexpr BookOptions kOptions{
    .leases_max = 150, .tombstones_max = 100, .undo_entries = 256, .undo_bytes = 8U << 20U};

/// A book with everything in it, driven by dice; what was applied can be applied to another one.
class ImageTest : public BookFixture {
 protected:
  struct Step {
    EntryKind kind{};
    int64_t now = 0, wall = 0;
    Buffer op;
    Result result;
  };

  ImageTest() : BookFixture(kOptions) {}

  uint64_t below(uint64_t n) {
    uint64_t z = (dice_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return (z ^ (z >> 31U)) % n;
  }
  Step step(EntryKind kind, Buffer op) {
    Step out{kind, now_, wall_, std::move(op), {}};
    out.result = apply_raw(kind, out.op);
    return out;
  }
  void populate() {
    genesis();
    for (uint32_t tmr = 1; tmr <= 4; ++tmr) {
      license(60, tmr, [&](PlainConstituent& p) {
        p.product = 20 + tmr % 2;
        p.mode = static_cast<uint8_t>(tmr == 3 ? LicenseMode::station_share : LicenseMode::user_limit);
        p.metered = tmr % 2 == 0 ? 1 : 0;
        p.units = p.metered * 1'000U;
        p.usage_period_ms = tmr * 100'000U;
      });
    }
  }
  Step random_step() {
    pass(below(4) == 0 ? static_cast<int64_t>(below(900)) : 0);
    const uint64_t h = below(300) + 1'000 * (now_ / 20'000 % 50);
    const auto request = static_cast<uint32_t>(1 + below(6));
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return step(EntryKind::op, checkout_op(h, 1, now_,
                                               {.product = 20 + static_cast<uint32_t>(below(3)),
                                                .lease_ms = 1'000 + static_cast<uint32_t>(below(9'000)),
                                                .station = "s" + std::to_string(below(20))}));
      case 4:
        return step(EntryKind::op, renew_op(h, request, now_, 0));
      case 5:
        return step(EntryKind::op, make_op(OpKind::release, handle_of(h), request, now_, {}));
      case 6: {
        ConsumeBody body{};
        body.total = below(20);
        return step(EntryKind::op, make_op(OpKind::consume, handle_of(h), request, now_, bytes_of(body)));
      }
      case 7: {
        PlainConstituent p =
            constituent(static_cast<unsigned>(below(3)), 60, 1 + static_cast<uint32_t>(below(6)));
        p.revision = 2 + static_cast<uint32_t>(below(3));
        return step(EntryKind::op, make_op(OpKind::import_constituent, handle_of(900'000 + below(1'000'000)),
                                           1, now_, bytes_of(p)));
      }
      default:
        return step(EntryKind::tick, {});
    }
  }
  /// The whole of a small book at once.
  Buffer image() {
    ImageWriter writer(kOptions);
    book_.capture(writer);
    writer.slice(100'000);
    EXPECT_EQ(writer.phase(), ImageWriter::Phase::complete);
    return {writer.written().begin(), writer.written().end()};
  }
  static bool loads(Book& book, Bytes bytes) {
    ImageReader reader(book.to_load());
    const bool taken = reader.take(bytes);
    const bool whole = reader.finish();
    EXPECT_TRUE(taken || !whole);
    EXPECT_EQ(whole, std::string(reader.fault()).empty());
    return whole;
  }
  static void apply(Book& book, const Step& s, Result& result) {
    EntryView entry;
    entry.seq = next(book.applied());
    entry.cell = CellTime{s.now};
    entry.wall = WallTime{s.wall};
    entry.kind = s.kind;
    entry.op = s.op;
    book.apply(entry, result);
  }

  uint64_t dice_ = 1;
};

TEST_F(ImageTest, TheLoadedBookIsTheOneThatWasCapturedWhateverCameMeanwhile) {
  ImageWriter writer(kOptions);
  populate();
  uint64_t under_way = 0;
  for (unsigned run = 0; run < 60; ++run) {
    dice_ = run * 77 + 1;
    for (int i = 0; i < 150; ++i) {
      random_step();
    }
    book_.capture(writer);
    const Hash128 digest = book_.digest();
    const Seq seq = book_.applied();
    ASSERT_EQ(writer.captured(), seq);
    Buffer bytes;
    std::vector<Step> since;
    while (writer.phase() == ImageWriter::Phase::running) {
      const uint64_t what = below(10);
      if (what < 6) {
        since.push_back(random_step());
        ++under_way;
      } else if (what < 8) {
        ASSERT_LE(writer.slice(below(run % 3 == 0 ? 4 : 30)), 30u);
      } else if (what == 8 && !since.empty()) {
        for (uint64_t n = below(since.size()) + 1; n > 0; --n) {
          ASSERT_TRUE(book_.undo());
          since.pop_back();
        }
      } else {
        bytes.insert(bytes.end(), writer.written().begin(), writer.written().end());
        writer.taken();
      }
    }
    ASSERT_EQ(writer.phase(), ImageWriter::Phase::complete);
    ASSERT_EQ(writer.objects_written(), writer.objects());
    bytes.insert(bytes.end(), writer.written().begin(), writer.written().end());
    writer.taken();

    Book loaded(plain_checks(), {.leases_max = 150, .tombstones_max = 100, .hash_seed = run});
    ASSERT_TRUE(loads(loaded, bytes));
    ASSERT_EQ(loaded.digest(), digest);
    ASSERT_EQ(loaded.recomputed_digest(), digest);
    ASSERT_EQ(loaded.applied(), seq);
    ASSERT_FALSE(loaded.undo()) << "what was before it is not known";
    for (const Step& s : since) {
      Result result;
      apply(loaded, s, result);
      ASSERT_TRUE(equal({result.data(), result.size()}, {s.result.data(), s.result.size()}));
    }
    ASSERT_EQ(loaded.digest(), book_.digest());
  }
  EXPECT_GT(under_way, 1'000u);
}

/// Each backend draws its own seed: what one writes another one reads, and the bytes are the same.
TEST_F(ImageTest, TheBytesDoNotDependOnTheSeed) {
  Book other(plain_checks(), {.leases_max = 150, .tombstones_max = 100, .hash_seed = 0x5EED});
  populate();
  ASSERT_TRUE(loads(other, image()));
  for (int i = 0; i < 1'000; ++i) {
    const Step s = random_step();
    Result result;
    apply(other, s, result);
  }
  ASSERT_EQ(other.digest(), book_.digest());
  ImageWriter writer(kOptions);
  other.capture(writer);
  writer.slice(100'000);
  ASSERT_EQ(writer.phase(), ImageWriter::Phase::complete);
  const Buffer ours = image();
  EXPECT_TRUE(equal({ours.data(), ours.size()}, {writer.written().data(), writer.written().size()}));
}

TEST_F(ImageTest, ALoadedBookGoesOnAsTheOther) {
  populate();
  for (int i = 0; i < 2'000; ++i) {
    random_step();
  }
  Book loaded(plain_checks(), {.leases_max = 150, .tombstones_max = 100, .hash_seed = 5});
  ASSERT_TRUE(loads(loaded, image()));
  for (int i = 0; i < 3'000; ++i) {
    const Step s = random_step();
    Result result;
    apply(loaded, s, result);
    ASSERT_TRUE(equal({result.data(), result.size()}, {s.result.data(), s.result.size()})) << i;
    ASSERT_EQ(loaded.digest(), book_.digest()) << i;
  }
}

TEST_F(ImageTest, BytesMayComeInPieces) {
  populate();
  for (int i = 0; i < 300; ++i) {
    random_step();
  }
  const Buffer bytes = image();
  for (const size_t most : {size_t{1}, size_t{7}, size_t{200}, size_t{5'000}}) {
    Book loaded(plain_checks(), kOptions);
    ImageReader reader(loaded.to_load());
    for (Bytes rest = bytes; !rest.empty();) {
      const size_t n = std::min(rest.size(), 1 + below(most));
      ASSERT_TRUE(reader.take(rest.first(n)));
      rest = rest.subspan(n);
    }
    ASSERT_TRUE(reader.finish());
    EXPECT_EQ(loaded.digest(), book_.digest());
  }
}

TEST_F(ImageTest, EmptyBooksHaveImages) {
  Book loaded(plain_checks(), kOptions);
  EXPECT_TRUE(loads(loaded, image()));
  EXPECT_EQ(loaded.digest(), book_.digest());
  genesis();
  EXPECT_TRUE(loads(loaded, image()));
  EXPECT_EQ(loaded.digest(), book_.digest());
}

TEST_F(ImageTest, EveryChangedByteAndEveryCutIsRefused) {
  genesis();
  license(5, 1, [](PlainConstituent& p) {
    p.metered = 1;
    p.units = 10;
  });
  for (uint64_t h = 1; h <= 4; ++h) {
    checkout(h, {.user = "ann"});
  }
  release(1, 2);
  const Buffer good = image();
  Book loaded(plain_checks(), kOptions);
  const Hash128 empty = loaded.digest();
  for (size_t at = 0; at < good.size(); ++at) {
    Buffer bad = good;
    bad[at] = static_cast<uint8_t>(bad[at] ^ (1 + below(255)));
    ASSERT_FALSE(loads(loaded, bad)) << at;
    ASSERT_EQ(loaded.digest(), empty) << at;
    ASSERT_EQ(loaded.recomputed_digest(), empty) << at;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(loads(loaded, Bytes(good).first(size))) << size;
  }
  Buffer longer = good;
  longer.push_back(0);
  EXPECT_FALSE(loads(loaded, longer));
  Buffer twice = good;
  twice.insert(twice.end(), good.begin(), good.end());
  EXPECT_FALSE(loads(loaded, twice));
  EXPECT_TRUE(loads(loaded, good));
  EXPECT_EQ(loaded.digest(), book_.digest());
}

/// Puts the hash of what is before it into the end, as who made the damage would.
void reseal(Buffer& bytes) {
  Hash128 hash;
  for (size_t at = 0; at + sizeof(ImageRecord) <= bytes.size();) {
    ImageRecord record;
    std::memcpy(&record, &bytes[at], sizeof record);
    const size_t size = record.size;
    if (at + sizeof record + size > bytes.size()) {
      return;
    }
    if (record.kind == static_cast<uint8_t>(ImageKind::end) && size == sizeof(ImageEnd)) {
      ImageEnd end;
      end.hash_low = hash.low;
      end.hash_high = hash.high;
      std::memcpy(&bytes[at + sizeof record], &end, sizeof end);
      return;
    }
    hash = image_hash(hash, record, Bytes(bytes).subspan(at + sizeof record, size));
    at += sizeof record + size;
  }
}

TEST_F(ImageTest, DamageThatItsHashesHideHarmsNobody) {
  populate();
  for (int i = 0; i < 400; ++i) {
    random_step();
  }
  const Buffer good = image();
  Book loaded(plain_checks(), kOptions);
  unsigned refused = 0;
  for (int i = 0; i < 1'000; ++i) {
    Buffer bad = good;
    for (uint64_t n = 1 + below(3); n > 0; --n) {
      bad[below(bad.size())] = static_cast<uint8_t>(below(256));
    }
    reseal(bad);
    if (!loads(loaded, bad)) {
      ++refused;
      continue;
    }
    // What no hash of an object covers: where a tombstone stood, and times. The digest that was decided tells
    // times; the order of tombstones decides only which is pushed out first.
    ASSERT_EQ(loaded.digest(), loaded.recomputed_digest());
  }
  EXPECT_GT(refused, 950u);
}

TEST_F(ImageTest, TakingBackTheCapturedEntryEndsTheCaptureAndNoOther) {
  ImageWriter writer(kOptions);
  populate();
  checkout(1);
  checkout(2);
  book_.capture(writer);
  checkout(3);
  ASSERT_TRUE(book_.undo());
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::running);
  ASSERT_TRUE(book_.undo());
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::undone);
  EXPECT_EQ(writer.slice(100), 0u);
  EXPECT_TRUE(writer.written().empty());
  book_.capture(writer);
  book_.reset();
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::undone);
}

class LargerImageTest : public BookFixture {
 protected:
  static constexpr BookOptions kLarger{.leases_max = 1'000, .tombstones_max = 100};
  static constexpr size_t kRoom = 64U << 10U;
  LargerImageTest() : BookFixture(kLarger) {}
  void SetUp() override {
    genesis();
    license(1'000);
    for (uint64_t h = 1; h <= 1'000; ++h) {
      ASSERT_EQ(code(checkout(h)), Code::granted);
    }
  }
};

TEST_F(LargerImageTest, ASliceWaitsUntilWhatIsWrittenWasTaken) {
  ImageWriter writer(kLarger, kRoom);
  book_.capture(writer);
  Buffer bytes;
  unsigned takes = 0;
  while (writer.phase() == ImageWriter::Phase::running) {
    writer.slice(100'000);
    EXPECT_EQ(writer.slice(1), 0u);
    bytes.insert(bytes.end(), writer.written().begin(), writer.written().end());
    writer.taken();
    ++takes;
  }
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::complete);
  EXPECT_GE(takes, bytes.size() / kRoom);
  Book loaded(plain_checks(), kLarger);
  ImageReader reader(loaded.to_load());
  EXPECT_TRUE(reader.take(bytes));
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(loaded.digest(), book_.digest());
}

TEST_F(LargerImageTest, ABookThatChangesFasterThanItIsTakenFailsTheCaptureAndNotItself) {
  ImageWriter writer(kLarger, kRoom);
  book_.capture(writer);
  for (uint64_t h = 1; h <= 1'000; ++h) {
    EXPECT_EQ(code(renew(h, 2)), Code::granted);
  }
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::overrun);
  EXPECT_TRUE(writer.written().empty());
  EXPECT_EQ(writer.slice(1), 0u);
  EXPECT_EQ(book_.digest(), book_.recomputed_digest());
  book_.capture(writer);
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::running) << "another try";
}

TEST_F(LargerImageTest, ABookForFewerLeasesTakesNone) {
  ImageWriter writer(kLarger);
  book_.capture(writer);
  writer.slice(100'000);
  Book small(plain_checks(), {.leases_max = 999, .tombstones_max = 100});
  ImageReader reader(small.to_load());
  EXPECT_FALSE(reader.take(writer.written()));
  EXPECT_STREQ(reader.fault(), "of a larger book");
}

TEST_F(ImageTest, ADamagedBookIsNotCaptured) {
  populate();
  checkout(1);
  const_cast<Lease&>(book_.state().leases()[0]).text[5] ^= 1;
  ImageWriter writer(kOptions);
  book_.capture(writer);
  writer.slice(1'000);
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::damaged);
  EXPECT_TRUE(writer.written().empty());
}

TEST_F(ImageTest, CapturingNeverAllocates) {
  populate();
  for (int i = 0; i < 500; ++i) {
    random_step();
  }
  ImageWriter writer(kOptions);
  std::vector<Buffer> ops;
  for (uint64_t h = 0; h < 300; ++h) {
    ops.push_back(renew_op(h, 9, now_, 0));
  }
  const uint64_t before = allocations_so_far();
  book_.capture(writer);
  for (const Buffer& op : ops) {
    apply_raw(EntryKind::op, op);
    writer.slice(1);
    writer.taken();
  }
  writer.slice(1'000);
  EXPECT_EQ(allocations_so_far(), before);
  EXPECT_EQ(writer.phase(), ImageWriter::Phase::complete);
}

}  // namespace
}  // namespace tercet::license
