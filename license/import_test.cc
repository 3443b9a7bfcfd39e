// Imports: each refusal, revisions one constituent at a time, and what the answer says.

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class ImportTest : public BookFixture {
 protected:
  void SetUp() override { genesis(); }
  bool serves() {
    const OpResult r = checkout(++probe_);
    if (code(r) != Code::granted) {
      return false;
    }
    release(probe_, 2);
    return true;
  }
  uint64_t probe_ = 5'000;
};

TEST_F(ImportTest, TwoOfThreeServe) {
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    const OpResult r = import(constituent(slot, 5));
    EXPECT_EQ(code(r), Code::granted);
    EXPECT_EQ(r.slot, slot + 1);
    EXPECT_EQ(r.tmr_id, 1u);
    EXPECT_EQ(r.quantity, 5u);
    EXPECT_EQ(r.features, 0xFu);
    EXPECT_EQ(serves(), slot >= 1) << slot;
  }
}

TEST_F(ImportTest, RefusalsSayWhichConstituent) {
  struct Case {
    const char* name;
    Code code;
    uint8_t slot;
    uint32_t tmr_id;
    std::function<void(PlainConstituent&)> change;
  };
  const Case cases[] = {
      {"altered", Code::bad_signature, 0, 0, [](auto& p) { p.good = 0; }},
      {"foreign issuer", Code::unknown_issuer, 0, 0, [](auto& p) { p.issuer = 0xB2; }},
      {"no text", Code::malformed, 0, 0, [](auto& p) { p.magic[0] = 'q'; }},
      {"another cell's", Code::foreign_container, 0, 1, [](auto& p) { p.container_key[5] ^= 1; }},
      {"no mode", Code::unsupported_mode, 1, 1, [](auto& p) { p.mode = 0; }},
      {"a later mode", Code::unsupported_mode, 1, 1, [](auto& p) { p.mode = 5; }},
      {"station share of none", Code::malformed, 1, 1, [](auto& p) { p.mode = 3, p.quantity = 0; }},
      {"exclusive of none", Code::malformed, 1, 1, [](auto& p) { p.mode = 4, p.quantity = 0; }},
      {"no seats", Code::malformed, 1, 1, [](auto& p) { p.quantity = 0; }},
      {"no number, but seats", Code::malformed, 1, 1, [](auto& p) { p.mode = 2; }},
      {"no TMR-ID", Code::malformed, 1, 0, [](auto& p) { p.tmr_id = 0; }},
      {"never valid", Code::malformed, 1, 1, [](auto& p) { p.valid_from_ms = 5, p.valid_until_ms = 5; }},
      {"default below shortest", Code::malformed, 1, 1, [](auto& p) { p.lease_min_ms = 70'000; }},
      {"default above longest", Code::malformed, 1, 1, [](auto& p) { p.lease_max_ms = 50'000; }},
      {"too short", Code::malformed, 1, 1, [](auto& p) { p.lease_min_ms = 999; }},
      {"too long", Code::malformed, 1, 1, [](auto& p) { p.lease_max_ms = 86'400'001; }},
  };
  for (const Case& c : cases) {
    PlainConstituent p = constituent(0, 5);
    c.change(p);
    const OpResult r = import(p);
    EXPECT_EQ(code(r), c.code) << c.name << ": " << name_of(code(r));
    EXPECT_EQ(r.slot, c.slot) << c.name;
    EXPECT_EQ(r.tmr_id, c.tmr_id) << c.name;
    EXPECT_EQ(book_.state().licenses().size(), 0u) << c.name;
  }
}

TEST_F(ImportTest, TwoIssuersOfACellMayNotChangeEachOthersLicenses) {
  book_.reset();
  const Result result = apply_raw(EntryKind::genesis, make_genesis({0xA1, 0xB2}));
  ASSERT_EQ(result[offsetof(EntryResult, code)], 0);
  EXPECT_EQ(code(import(constituent(0, 5))), Code::granted);
  PlainConstituent other = constituent(1, 5);
  other.issuer = 0xB2;
  EXPECT_EQ(code(import(other)), Code::unknown_issuer) << "the second of three";
  EXPECT_EQ(code(import(constituent(1, 5))), Code::granted);
  other.quantity = 500;
  other.revision = 2;
  EXPECT_EQ(code(import(other)), Code::unknown_issuer) << "a newer revision";
  EXPECT_EQ(book_.state().licenses()[0].shown().quantity, 5u);
  other.tmr_id = 2;
  EXPECT_EQ(code(import(other)), Code::granted) << "its own license";
}

TEST_F(ImportTest, TheSameAgainIsRepeated) {
  license(5);
  const OpResult r = import(constituent(1, 5));
  EXPECT_EQ(code(r), Code::repeated);
  EXPECT_EQ(r.slot, 2);
}

TEST_F(ImportTest, ARepeatedRequestGetsItsFirstAnswer) {
  const Buffer op = make_op(OpKind::import_constituent, handle_of(1), 1, now_, bytes_of(constituent(0, 5)));
  const OpResult first = apply_op(op);
  EXPECT_EQ(code(first), Code::granted);
  EXPECT_TRUE(equal(bytes_of(first), bytes_of(apply_op(op)))) << "granted, not repeated";
}

TEST_F(ImportTest, ConstituentsOfARevisionMustBeEqual) {
  ASSERT_EQ(code(import(constituent(0, 5))), Code::granted);
  EXPECT_EQ(code(import(constituent(1, 6))), Code::properties_differ);
  EXPECT_EQ(code(import(constituent(0, 6))), Code::properties_differ) << "also in its own place";
  PlainConstituent renamed = constituent(1, 5);
  renamed.name[0] = 'x';
  EXPECT_EQ(code(import(renamed)), Code::properties_differ);
  EXPECT_EQ(code(import(constituent(1, 5))), Code::granted);
}

TEST_F(ImportTest, ANewRevisionComesInOneByOne) {
  license(5);
  const auto next_revision = [&](unsigned slot, uint32_t revision) {
    PlainConstituent p = constituent(slot, 10 * revision);
    p.revision = revision;
    return code(import(p));
  };
  EXPECT_EQ(next_revision(0, 2), Code::granted);
  EXPECT_EQ(checkout(1).quantity, 5u) << "two of the old one are there";
  EXPECT_EQ(code(import(constituent(0, 5))), Code::older_revision);
  EXPECT_EQ(next_revision(1, 3), Code::granted);
  EXPECT_EQ(code(checkout(2)), Code::only_one_constituent) << "three revisions, one each";
  EXPECT_EQ(next_revision(0, 3), Code::granted);
  EXPECT_EQ(checkout(3).quantity, 30u);
  EXPECT_EQ(next_revision(2, 2), Code::older_revision) << "than the one in force";
  EXPECT_EQ(next_revision(2, 3), Code::granted);
  EXPECT_EQ(book_.state().licenses().size(), 1u);
}

TEST_F(ImportTest, AProductHasABoundedNumberOfLicenses) {
  for (uint32_t n = 1; n <= kLicensesPerProductMax; ++n) {
    ASSERT_EQ(code(import(constituent(0, 1, n))), Code::granted);
  }
  const OpResult r = import(constituent(0, 1, kLicensesPerProductMax + 1));
  EXPECT_EQ(code(r), Code::book_full);
  EXPECT_EQ(r.slot, 1);
  EXPECT_EQ(r.tmr_id, kLicensesPerProductMax + 1);
  PlainConstituent other = constituent(0, 1, kLicensesPerProductMax + 1);
  other.product = 21;
  EXPECT_EQ(code(import(other)), Code::granted);
}

TEST_F(ImportTest, IntroductionsAreChecked) {
  std::array<uint8_t, 80> room{};
  IntroductionView view;
  const PublicKey key{7};
  const size_t size = write_introduction(key, "3-1234567", room);
  ASSERT_EQ(size, 32u + 9u);
  ASSERT_TRUE(parse_introduction(Bytes(room).first(size), view));
  EXPECT_EQ(view.serial, "3-1234567");
  EXPECT_EQ(view.header->container_key[0], 7);
  for (size_t n = 0; n <= 32; ++n) {
    EXPECT_FALSE(parse_introduction(Bytes(room).first(n), view)) << n;
  }
  EXPECT_FALSE(parse_introduction(Bytes(room).first(64), view)) << "the serial number is 31 bytes at most";
  room[33] = '\n';
  EXPECT_FALSE(parse_introduction(Bytes(room).first(size), view));
  EXPECT_EQ(write_introduction(key, "", room), 0u);
  EXPECT_EQ(write_introduction(key, std::string(32, 'x'), room), 0u);
  EXPECT_EQ(write_introduction(key, "3-1", MutBytes(room).first(34)), 0u);
}

}  // namespace
}  // namespace tercet::license
