#include "wire/seal/license_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "wire/seal/container.h"
#include "wire/seal/private_file.h"
#include "wire/seal/test_keys.h"
#include "wire/utf8.h"

namespace tercet::seal {
namespace {

using ::testing::HasSubstr;

SigningKey issuer_key() { return SigningKey::from_seed(test::rising<Key>(1).bytes); }
PublicKey container_key(uint8_t n) { return SigningKey::from_seed(test::rising<Key>(n).bytes).public_key(); }

LicenseText example(Slot slot = Slot::one) {
  LicenseText text;
  text.firm_code = FirmCode{1000};
  text.product_code = ProductCode{7};
  text.tmr_id = TmrId{1};
  text.name = "Übersetzer \"Pro\" \\ 2";
  text.quantity = 5;
  text.features = 0xFF;
  text.valid_until = WallTime{1'800'000'000'000};
  text.issued_at = WallTime{1'760'000'000'000};
  text.slot = slot;
  text.container_serial = "3-123456" + std::to_string(index(slot));
  text.container_key = container_key(static_cast<uint8_t>(100 + index(slot)));
  text.activation_id = "0123-4567-89ab-cdef";
  return text;
}
/// All members, each at its largest.
LicenseText largest() {
  LicenseText text = example(Slot::three);
  text.firm_code.value = text.product_code.value = text.tmr_id.value = UINT32_MAX;
  text.name = std::string(kLicenseNameMax, 'n');
  text.mode = LicenseMode::station_share;
  text.quantity = text.revision = UINT32_MAX;
  text.features = UINT64_MAX;
  text.valid_from = WallTime{static_cast<int64_t>(kLicenseNumberMax) - 1};
  text.valid_until = WallTime{static_cast<int64_t>(kLicenseNumberMax)};
  text.issued_at = WallTime{static_cast<int64_t>(kLicenseNumberMax)};
  text.usage_period_ms = text.units = kLicenseNumberMax;
  text.lease_default_ms = text.lease_min_ms = text.lease_max_ms = kLeaseMsMax;
  text.container_serial = std::string(kContainerSerialMax, '9');
  text.activation_id = std::string(kActivationIdMax, 'a');
  return text;
}

std::string outcome(std::string_view jws,
                    const std::vector<PublicKey>& issuers = {issuer_key().public_key()}) {
  const auto text = parse_and_verify(as_bytes(jws), issuers);
  return text ? "ok" : name_of(text.error().code);
}
/// A JWS of any header and payload, properly signed.
std::string jws_of(std::string_view header, std::string_view payload) {
  const std::string head = base64url(as_bytes(header)) + "." + base64url(as_bytes(payload));
  return head + "." + base64url(issuer_key().sign(as_bytes(head)).bytes);
}
std::string header() {
  return R"({"alg":"EdDSA","kid":")" + text_of(key_id_of(issuer_key().public_key())) + R"("})";
}

TEST(LicenseText, CanonicalBytes) {
  EXPECT_EQ(
      canonical(example()),
      "{\"v\":1,\"firm\":1000,\"product\":7,\"tmr\":1,\"name\":\"Übersetzer \\\"Pro\\\" \\\\ 2\","
      "\"mode\":\"user-limit\",\"quantity\":5,\"features\":\"00000000000000ff\",\"until\":1800000000000,"
      "\"lease\":60000,\"lease_min\":1000,\"lease_max\":86400000,\"revision\":1,\"issued\":1760000000000,"
      "\"slot\":1,\"container\":\"3-1234560\",\"container_key\":\"" +
          text_of(container_key(100)) + "\",\"activation\":\"0123-4567-89ab-cdef\"}");
}

TEST(LicenseText, WhatIsWrittenIsRead) {
  for (const LicenseText& text : {example(), example(Slot::three), largest()}) {
    const auto read = parse_canonical(canonical(text));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, text);
  }
}

TEST(LicenseText, OnlyTheCanonicalFormParses) {
  const std::string good = canonical(example());
  ASSERT_TRUE(parse_canonical(good));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::string refused[] = {
      with("{\"v\":1", "{\"v\":2"),
      with("{\"v\":1", "{ \"v\":1"),
      with("\"firm\":1000", "\"firm\":01000"),
      with("\"firm\":1000", "\"firm\":+1000"),
      with("\"firm\":1000", "\"firm\":-1"),
      with("\"firm\":1000", "\"firm\":1e3"),
      with("\"firm\":1000", "\"firm\":1000.0"),
      with("\"firm\":1000", "\"firm\":4294967296"),
      with("\"firm\":1000", "\"firm\":99999999999999999999999"),
      with("\"firm\":1000", "\"firm\":"),
      with("\"firm\":1000", "\"firm\":\"1000\""),
      with("\"firm\":1000", "\"firm\":1000,\"firm\":1001"),
      with("\"firm\":1000,\"product\":7", "\"product\":7,\"firm\":1000"),
      with("\"quantity\":5", "\"quantity\":5,\"more\":1"),
      with("\"quantity\":5", "\"quantity\":0"),
      with("\"tmr\":1", "\"tmr\":0"),
      with("user-limit", "USER-LIMIT"),
      with("user-limit", "no-user-limit"),  // and still five seats
      with("00000000000000ff", "00000000000000FF"),
      with("00000000000000ff", "ff"),
      with("00000000000000ff", "0x000000000000ff"),
      with("1800000000000", "9007199254740992"),
      with("\"slot\":1", "\"slot\":0"),
      with("\"slot\":1", "\"slot\":4"),
      with("\"lease_min\":1000", "\"lease_min\":999"),
      with("\"lease_max\":86400000", "\"lease_max\":86400001"),
      with("\"lease\":60000", "\"lease\":999"),
      with("\"revision\":1", "\"revision\":0"),
      with("\"until\":", "\"usage\":0,\"until\":"),
      with("Übersetzer", "\\u00dcbersetzer"),
      with("Übersetzer", "\\/bersetzer"),
      with("Übersetzer",
           "\xDC"
           "bersetzer"),
      with("Übersetzer", std::string("\0bersetzer", 10)),
      with("Übersetzer", "a\nb"),
      with("Übersetzer", std::string(kLicenseNameMax, 'x')),
      with("\"container\":\"3-1234560\"", "\"container\":\"\""),
      with("\"container\":\"3-1234560\"",
           "\"container\":\"" + std::string(kContainerSerialMax + 1, '3') + "\""),
      with(text_of(container_key(100)), "AAAA"),
      good + " ",
      good + "}",
      "",
      "{}",
  };
  for (const std::string& text : refused) {
    EXPECT_FALSE(parse_canonical(text)) << text;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_canonical(good.substr(0, size))) << size;
  }
}

TEST(LicenseText, WhateverParsesIsCanonical) {
  // Random damage: what still parses must be the very text that writing it again gives.
  std::mt19937_64 dice(11);
  const std::string good = canonical(largest());
  int parsed = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = good;
    for (uint64_t changes = 1 + dice() % 3; changes > 0; --changes) {
      const size_t at = dice() % text.size();
      switch (dice() % 3) {
        case 0:
          text[at] = static_cast<char>("0123456789abc\"\\,:{}\xC3"[dice() % 20]);
          break;
        case 1:
          text.erase(at, 1 + dice() % 4);
          break;
        default:
          text.insert(at, text.substr(dice() % text.size(), dice() % 12));
      }
      if (text.empty()) {
        break;
      }
    }
    if (const auto read = parse_canonical(text)) {
      ++parsed;
      ASSERT_EQ(canonical(*read), text);
    }
  }
  EXPECT_GT(parsed, 100) << "or the test shows nothing";
}

TEST(LicenseText, Utf8) {
  for (const char* good :
       {"a", "é", "\u00A0", "日本", "\U0001F600", "\u07FF\u0800\uFFFD\U00010000\U0010FFFF"}) {
    EXPECT_TRUE(is_clean_text(good)) << good;
  }
  for (const std::string& bad : std::initializer_list<std::string>{"\x80",
                                                                   "\xBF",
                                                                   "\xC0\x80",
                                                                   "\xC1\xBF",
                                                                   "\xC2",
                                                                   "\xC2\x41",
                                                                   "\xC2\x85",
                                                                   "\xE0\x80\x80",
                                                                   "\xE0\x9F\xBF",
                                                                   "\xED\xA0\x80",
                                                                   "\xED\xBF\xBF",
                                                                   "\xE2\x82",
                                                                   "\xF0\x80\x80\x80",
                                                                   "\xF0\x8F\xBF\xBF",
                                                                   "\xF4\x90\x80\x80",
                                                                   "\xF5\x80\x80\x80",
                                                                   "\xFF",
                                                                   "\x1F",
                                                                   "\x7F",
                                                                   "a\tb",
                                                                   std::string("\0", 1)}) {
    EXPECT_FALSE(is_clean_text(bad));
  }
}

TEST(Constituent, SignedAndVerified) {
  const auto jws = sign(example(), issuer_key());
  ASSERT_TRUE(jws) << jws.error().text;
  const auto text =
      parse_and_verify(as_bytes(*jws), std::vector{container_key(50), issuer_key().public_key()});
  ASSERT_TRUE(text) << text.error().text;
  LicenseText expected = example();
  expected.issuer = key_id_of(issuer_key().public_key());
  EXPECT_EQ(*text, expected);
  EXPECT_EQ(sign(example(), issuer_key()), *jws) << "Ed25519 draws no randomness";
}

TEST(Constituent, Rfc8037KeyAndSignature) {
  // RFC 8037, appendix A.4: the key pair, the header and payload, and their signature.
  const auto key = SigningKey::parse("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
  ASSERT_TRUE(key);
  EXPECT_EQ(text_of(key->public_key()), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  EXPECT_EQ(key->seed_text(), "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
  const std::string_view message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  EXPECT_EQ(base64url(key->sign(as_bytes(message)).bytes),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

TEST(Constituent, LargestFitsItsBound) {
  const auto jws = sign(largest(), issuer_key());
  ASSERT_TRUE(jws) << jws.error().text;
  EXPECT_LE(jws->size(), kConstituentMax);
  EXPECT_EQ(outcome(*jws), "ok");
  EXPECT_EQ(outcome(*jws + std::string(kConstituentMax, 'A')), "too-long");
}

TEST(Constituent, SigningNamesThePropertyThatIsTooLong) {
  const auto error_of = [](auto change) {
    LicenseText text = largest();
    change(text);
    const auto jws = sign(text, issuer_key());
    return jws ? std::string("signed") : std::string(name_of(jws.error().code)) + ": " + jws.error().text;
  };
  EXPECT_THAT(error_of([](LicenseText& t) { t.name += 'n'; }), HasSubstr("too-long: name is 97 bytes long"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.container_serial += '9'; }),
              HasSubstr("too-long: container serial"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.activation_id += 'a'; }), HasSubstr("too-long: activation id"));
  // Each quotation mark takes two bytes.
  EXPECT_THAT(error_of([](LicenseText& t) { t.name = std::string(kLicenseNameMax, '"'); }),
              HasSubstr("too-long: the constituent would be"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.quantity = 0; }), HasSubstr("property: quantity"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.mode = LicenseMode::no_user_limit; }),
              HasSubstr("property: quantity"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.valid_from = t.valid_until; }),
              HasSubstr("property: valid until"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.issued_at = WallTime{-1}; }), HasSubstr("property: times"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.lease_max_ms += 1; }), HasSubstr("property: leases"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.units = kLicenseNumberMax + 1; }),
              HasSubstr("property: units"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.usage_period_ms = 0; }), HasSubstr("property: usage"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.name.clear(); }), HasSubstr("property: name"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.slot = static_cast<Slot>(3); }), HasSubstr("property: slot"));
  EXPECT_THAT(error_of([](LicenseText& t) { t.mode = static_cast<LicenseMode>(9); }),
              HasSubstr("property: mode"));
  EXPECT_EQ(error_of([](LicenseText&) {}), "signed");
}

TEST(Constituent, EveryFlippedBitAndEveryCutIsRefused) {
  const std::string jws = *sign(example(), issuer_key());
  std::set<std::string> reasons;
  for (size_t bit = 0; bit < jws.size() * 8; ++bit) {
    std::string flipped = jws;
    flipped[bit / 8] = static_cast<char>(static_cast<uint8_t>(flipped[bit / 8]) ^ 1U << bit % 8);
    const std::string reason = outcome(flipped);
    ASSERT_NE(reason, "ok") << bit;
    reasons.insert(reason);
  }
  for (const char* reason : {"malformed", "unknown-issuer", "bad-signature", "algorithm"}) {
    EXPECT_TRUE(reasons.contains(reason)) << reason;
  }
  for (size_t size = 0; size < jws.size(); ++size) {
    std::vector<uint8_t> cut(jws.begin(), jws.begin() + static_cast<ptrdiff_t>(size));
    cut.shrink_to_fit();
    ASSERT_FALSE(parse_and_verify(cut, std::vector{issuer_key().public_key()})) << size;
  }
}

TEST(Constituent, EachAlteredPartIsNamed) {
  const std::string jws = *sign(example(), issuer_key());
  const size_t first = jws.find('.');
  const size_t second = jws.rfind('.');
  LicenseText more = example();
  more.quantity = 500;
  const std::string altered =
      jws.substr(0, first) + "." + base64url(as_bytes(canonical(more))) + jws.substr(second);
  EXPECT_EQ(outcome(altered), "bad-signature");
  EXPECT_THAT(parse_and_verify(as_bytes(altered), std::vector{issuer_key().public_key()}).error().text,
              HasSubstr("was altered"));
  const std::string other_signature = *sign(more, issuer_key());
  EXPECT_EQ(outcome(jws.substr(0, second) + other_signature.substr(other_signature.rfind('.'))),
            "bad-signature");
  EXPECT_EQ(outcome(jws.substr(0, second + 1) + base64url(Signature{}.bytes)), "bad-signature");
  EXPECT_EQ(outcome(jws.substr(0, second + 1)), "malformed") << "no signature";
  EXPECT_EQ(outcome(jws + "="), "malformed");
  EXPECT_EQ(outcome(jws + ".x"), "malformed");
}

TEST(Constituent, ForeignAlgorithmsAreRefusedThoughSigned) {
  const std::string payload = canonical(example());
  EXPECT_EQ(outcome(jws_of(header(), payload)), "ok") << "the helper is right";
  for (const char* wrong :
       {R"({"alg":"none"})", R"({"alg":"HS256","kid":"0123456789abcdef"})", R"({"alg":"Ed25519"})",
        R"({"alg":"eddsa","kid":"0123456789abcdef"})", R"({"alg":""})"}) {
    EXPECT_EQ(outcome(jws_of(wrong, payload)), "algorithm") << wrong;
  }
  const std::string unsigned_one =
      base64url(as_bytes(R"({"alg":"none"})")) + "." + base64url(as_bytes(payload)) + ".";
  EXPECT_EQ(outcome(unsigned_one), "algorithm");
  for (const std::string& wrong :
       {std::string("{}"), std::string(), header() + " ",
        std::string(R"({"kid":"0123456789abcdef","alg":"EdDSA"})"),
        std::string(R"({"alg":"EdDSA","kid":"0123456789ABCDEF"})"), std::string(R"({"alg":"EdDSA","kid":"")"),
        std::string(R"({"alg":"EdDSA","kid":"0123456789abcdef","jwk":{}})")}) {
    EXPECT_EQ(outcome(jws_of(wrong, payload)), "malformed") << wrong;
  }
}

TEST(Constituent, ForeignIssuersAreRefused) {
  const SigningKey stranger = SigningKey::generate();
  const std::string foreign = *sign(example(), stranger);
  EXPECT_EQ(outcome(foreign), "unknown-issuer");
  EXPECT_EQ(outcome(foreign, {}), "unknown-issuer");
  EXPECT_EQ(outcome(foreign, {stranger.public_key()}), "ok");
  // A stranger who names our issuer.
  const std::string head = base64url(as_bytes(header())) + "." + base64url(as_bytes(canonical(example())));
  EXPECT_EQ(outcome(head + "." + base64url(stranger.sign(as_bytes(head)).bytes)), "bad-signature");
}

TEST(Constituent, SignedNonsenseIsRefused) {
  for (const std::string& payload :
       {std::string(), std::string("{}"), std::string(600, '['), std::string("\0\xFF", 2),
        canonical(example()) + " ", std::string(600, '"')}) {
    EXPECT_EQ(outcome(jws_of(header(), payload)), "malformed") << payload;
  }
}

TEST(Constituent, RandomBytesNeverPass) {
  std::mt19937_64 dice(3);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<uint8_t> bytes(dice() % 400);
    for (uint8_t& b : bytes) {
      b = static_cast<uint8_t>(dice() % 4 == 0 ? '.' : "eyJhbGciOiJ"[dice() % 11]);
    }
    ASSERT_FALSE(parse_and_verify(bytes, std::vector{issuer_key().public_key()}));
  }
}

class LicenseFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tercet-license-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  static LicenseFile three() {
    LicenseFile file;
    for (const Slot slot : kSlots) {
      file.constituents.push_back(*sign(example(slot), issuer_key()));
    }
    return file;
  }
  static std::string verdict(const LicenseFile& file) {
    const auto texts = verify_license_file(file, std::vector{issuer_key().public_key()});
    return texts ? "ok" : std::string(name_of(texts.error().code)) + ": " + texts.error().text;
  }
  std::string folder_;
};

TEST_F(LicenseFiles, WrittenReadAndVerified) {
  const std::string path = folder_ + "/a.lic";
  ASSERT_TRUE(write_license_file(path, three()));
  const auto file = read_license_file(path);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(file->constituents, three().constituents);
  EXPECT_EQ(verdict(*file), "ok");
  ASSERT_TRUE(write_license_file(path, three())) << "a license file may be written again";
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_F(LicenseFiles, WhatIsNoFileIsNotReplacedByOne) {
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, folder_}) {
    const auto refused = write_license_file(path, three());
    ASSERT_FALSE(refused) << path;
    EXPECT_THAT(refused.error().text, HasSubstr("is not a regular file: name another one"));
  }
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_FALSE(std::filesystem::exists(pipe + ".new"));
}

TEST_F(LicenseFiles, TroubleHasAReason) {
  EXPECT_THAT(read_license_file(folder_ + "/none").error().text, HasSubstr("/none: no such file"));
  EXPECT_THAT(read_license_file(folder_).error().text, HasSubstr("is not a regular file: name one"));
  EXPECT_THAT(write_license_file(folder_ + "/no/where", three()).error().text,
              HasSubstr("/no/where: cannot be made: No such file or directory: check the path"));
  const std::string whole = text_of(three());
  for (size_t size = 0; size + 2 < whole.size(); ++size) {
    ASSERT_FALSE(parse_license_file(whole.substr(0, size))) << size;
  }
  EXPECT_THAT(parse_license_file(whole.substr(0, 500)).error().text, HasSubstr("cut off"));
  EXPECT_THAT(parse_license_file(R"({"tercet_license": 2, "constituents": ["x"]})").error().text,
              HasSubstr("\"tercet_license\" is 2"));
  for (const char* wrong :
       {R"({"constituents": ["x"]})", R"({"tercet_license": 1})",
        R"({"tercet_license": 1, "constituents": []})",
        R"({"tercet_license": 1, "constituents": ["a","b","c","d"]})",
        R"({"tercet_license": 1, "constituents": [1]})", R"({"tercet_license": 1, "constituents": "x"})",
        R"({"tercet_license": 1, "constituents": ["x"], "more": 1})",
        R"({"tercet_license": 1, "tercet_license": 1, "constituents": ["x"]})", "[]", "hello"}) {
    const auto file = parse_license_file(wrong);
    ASSERT_FALSE(file) << wrong;
    EXPECT_EQ(file.error().code, LicenseFault::file);
  }
}

TEST_F(LicenseFiles, AConstituentIsReadWhoeverSignedIt) {
  const SigningKey stranger = SigningKey::generate();
  const std::string jws = *sign(example(Slot::two), stranger);
  const auto text = parse_unverified(as_bytes(jws));
  ASSERT_TRUE(text) << text.error().text;
  EXPECT_EQ(text->container_serial, example(Slot::two).container_serial);
  EXPECT_EQ(text->issuer, key_id_of(stranger.public_key()));
  EXPECT_EQ(first_difference(*text, example()), "issuer");
  EXPECT_FALSE(why_apart({}, *text));
  const auto apart = why_apart(std::vector{example()}, *text);
  ASSERT_TRUE(apart);
  EXPECT_EQ(*apart, "differs from the first in its issuer");

  for (size_t size = 0; size < jws.size(); ++size) {
    ASSERT_FALSE(parse_unverified(as_bytes(jws).first(size))) << size;
  }
  EXPECT_EQ(parse_unverified(as_bytes(std::string(kConstituentMax + 1, 'A'))).error().code,
            LicenseFault::too_long);
  EXPECT_EQ(parse_unverified(as_bytes(std::string("a.b.c"))).error().code, LicenseFault::malformed);
}

TEST_F(LicenseFiles, ConstituentsMustBelongTogether) {
  LicenseFile file = three();
  std::swap(file.constituents[0], file.constituents[2]);
  EXPECT_EQ(verdict(file), "ok") << "in any order";

  file = three();
  LicenseText other = example(Slot::two);
  other.quantity = 6;
  file.constituents[1] = *sign(other, issuer_key());
  EXPECT_EQ(verdict(file), "property: constituent 2 differs from the first in its quantity");

  file = three();
  file.constituents[2] = file.constituents[0];
  EXPECT_THAT(verdict(file), HasSubstr("constituent 3 is for a slot or container"));

  for (int same = 0; same < 3; ++same) {  // one thing in common with another constituent is too much
    LicenseText text = example(Slot::two);
    const LicenseText first = example(Slot::one);
    if (same == 0) {
      text.slot = first.slot;
    } else if (same == 1) {
      text.container_serial = first.container_serial;
    } else {
      text.container_key = first.container_key;
    }
    file = three();
    file.constituents[1] = *sign(text, issuer_key());
    EXPECT_THAT(verdict(file), HasSubstr("constituent 2 is for a slot or container")) << same;
  }

  file = three();
  file.constituents[1][200] = file.constituents[1][200] == 'A' ? 'B' : 'A';
  EXPECT_THAT(verdict(file), HasSubstr("constituent 2 was altered"));

  file = three();
  file.constituents[0] = *sign(example(), SigningKey::generate());
  EXPECT_THAT(verdict(file), HasSubstr("unknown-issuer: constituent 1 is signed by"));
  EXPECT_THAT(verdict(LicenseFile{}), HasSubstr("no constituent"));
}

TEST(LicenseText, EachSharedPropertyIsCompared) {
  const LicenseText a = example(Slot::one);
  EXPECT_EQ(first_difference(a, example(Slot::two)), "");
  const auto differs = [&](auto change) {
    LicenseText b = example(Slot::two);
    change(b);
    return std::string(first_difference(a, b));
  };
  std::set<std::string> names;
  names.insert(differs([](LicenseText& t) { t.firm_code.value++; }));
  names.insert(differs([](LicenseText& t) { t.product_code.value++; }));
  names.insert(differs([](LicenseText& t) { t.tmr_id.value++; }));
  names.insert(differs([](LicenseText& t) { t.name += "!"; }));
  names.insert(differs([](LicenseText& t) { t.mode = LicenseMode::exclusive; }));
  names.insert(differs([](LicenseText& t) { t.quantity++; }));
  names.insert(differs([](LicenseText& t) { t.features++; }));
  names.insert(differs([](LicenseText& t) { t.valid_from = WallTime{1}; }));
  names.insert(differs([](LicenseText& t) { t.valid_until.reset(); }));
  names.insert(differs([](LicenseText& t) { t.lease_max_ms--; }));
  names.insert(differs([](LicenseText& t) { t.usage_period_ms = 1; }));
  names.insert(differs([](LicenseText& t) { t.units = 1; }));
  names.insert(differs([](LicenseText& t) { t.revision++; }));
  names.insert(differs([](LicenseText& t) { t.issued_at.ms++; }));
  names.insert(differs([](LicenseText& t) { t.activation_id += "!"; }));
  names.insert(differs([](LicenseText& t) { t.issuer.bytes[0]++; }));
  EXPECT_EQ(names.size(), 16U);
  EXPECT_FALSE(names.contains(""));
}

TEST_F(LicenseFiles, ContainersAndTheirRequests) {
  const CellId cell{0x0123456789ABCDEF};
  const Container made = make_container(cell, Slot::two);
  EXPECT_THAT(made.serial, ::testing::MatchesRegex("3-[0-9]{7}"));
  EXPECT_EQ(made.activation_id, make_container(cell, Slot::one).activation_id) << "one for the three";
  EXPECT_NE(made.activation_id, activation_id_of(CellId{1}));
  EXPECT_NE(made.key.public_key(), make_container(cell, Slot::two).key.public_key());
  EXPECT_THAT(virtual_serial_of(made.activation_id), ::testing::MatchesRegex("131-[0-9]{10}"));

  const std::string path = folder_ + "/container.json";
  ASSERT_TRUE(write_container(path, made));
  EXPECT_FALSE(write_container(path, made)) << "a container is never written over";
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto read = read_container(path);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->serial, made.serial);
  EXPECT_EQ(read->slot, Slot::two);
  EXPECT_EQ(read->cell, cell);
  EXPECT_EQ(read->key.public_key(), made.key.public_key());
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_THAT(read_container(path).error(), HasSubstr("chmod 600"));

  const std::string request = make_request(*read);
  EXPECT_EQ(request.find(made.key.seed_text()), std::string::npos);
  const auto parsed = parse_request(request);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*parsed,
            (ContainerRequest{made.serial, Slot::two, made.activation_id, cell, made.key.public_key()}));

  const auto altered = [&](std::string_view from, std::string_view to) {
    std::string text = request;
    text.replace(text.find(from), from.size(), to);
    const auto result = parse_request(text);
    return result ? std::string("ok") : result.error();
  };
  EXPECT_THAT(altered("\"slot\": 2", "\"slot\": 1"), HasSubstr("was altered"));
  EXPECT_THAT(altered("\"slot\": 2", "\"slot\": 4"), HasSubstr("\"slot\" is 4"));
  EXPECT_THAT(altered("\"serial\": \"3-", "\"serial\": \"4-"), HasSubstr("was altered"));
  EXPECT_THAT(altered(made.activation_id, activation_id_of(CellId{1})), HasSubstr("is not that of cell"));
  EXPECT_THAT(altered(text_of(made.key.public_key()), text_of(container_key(9))), HasSubstr("was altered"));
  EXPECT_THAT(altered("tercet_container_request", "tercet_container"), HasSubstr("is missing"));
  for (size_t size = 0; size + 2 < request.size(); ++size) {
    ASSERT_FALSE(parse_request(request.substr(0, size)));
  }
  const std::string file = folder_ + "/request.json";
  ASSERT_TRUE(write_plain_file(file, request));
  EXPECT_TRUE(read_request(file));
  EXPECT_THAT(read_request(folder_ + "/none").error(), HasSubstr("no such file"));
}

}  // namespace
}  // namespace tercet::seal
