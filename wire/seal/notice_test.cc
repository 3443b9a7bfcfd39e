#include "wire/seal/notice.h"

#include <gtest/gtest.h>

namespace tercet::seal {
namespace {

class NoticeTextTest : public ::testing::Test {
 protected:
  NoticeText withdrawn() const {
    NoticeText n;
    n.firm_code = {1000};
    n.product_code = {7};
    n.tmr_id = {1};
    n.issued_at = WallTime{1'790'000'000'000};
    n.issuer = key_id_of(issuer_.public_key());
    return n;
  }
  NoticeText replaced(size_t revoked = 1) const {
    NoticeText n = withdrawn();
    n.kind = NoticeText::Kind::container;
    n.slot = Slot::two;
    n.activation_id = "0123-4567-89ab-cdef";
    n.container_serial = "3-7654321";
    n.container_key = SigningKey::generate().public_key();
    for (size_t i = 0; i < revoked; ++i) {
      n.revoked.push_back(SigningKey::generate().public_key());
    }
    return n;
  }
  LicenseFault fault_of_jws(const std::string& jws) const {
    const auto text = parse_and_verify_notice(as_bytes(jws), keys_);
    EXPECT_FALSE(text.has_value()) << jws;
    return text ? LicenseFault::file : text.error().code;
  }

  SigningKey issuer_ = SigningKey::generate();
  std::vector<PublicKey> keys_{issuer_.public_key()};
};

TEST_F(NoticeTextTest, WhatIsSignedIsRead) {
  for (const NoticeText& n : {withdrawn(), replaced(1), replaced(kRevokedPerNoticeMax)}) {
    const auto jws = sign(n, issuer_);
    ASSERT_TRUE(jws.has_value()) << jws.error().text;
    const auto read = parse_and_verify_notice(as_bytes(*jws), keys_);
    ASSERT_TRUE(read.has_value()) << read.error().text;
    EXPECT_EQ(*read, n);
    EXPECT_EQ(*parse_unverified_notice(as_bytes(*jws)), n);
  }
}

TEST_F(NoticeTextTest, TheLongestFitsWhatIsOrdered) {
  NoticeText n = replaced(kRevokedPerNoticeMax);
  n.firm_code = {UINT32_MAX};
  n.product_code = {UINT32_MAX};
  n.tmr_id = {UINT32_MAX};
  n.issued_at = WallTime{(int64_t{1} << 53) - 1};
  n.activation_id = std::string(kActivationIdMax, 'a');
  n.container_serial = std::string(kContainerSerialMax, '3');
  const auto jws = sign(n, issuer_);
  ASSERT_TRUE(jws.has_value());
  EXPECT_LE(jws->size(), kConstituentMax);
  EXPECT_TRUE(parse_and_verify_notice(as_bytes(*jws), keys_).has_value());
}

TEST_F(NoticeTextTest, WhatBreaksARuleIsNotSigned) {
  std::vector<NoticeText> wrong{withdrawn(), replaced(0), replaced(kRevokedPerNoticeMax + 1), replaced(),
                                replaced()};
  wrong[0].tmr_id = {0};
  wrong[3].container_serial = "";
  wrong[4].revoked.push_back(wrong[4].container_key);
  for (const NoticeText& n : wrong) {
    EXPECT_FALSE(sign(n, issuer_).has_value());
  }
}

TEST_F(NoticeTextTest, AnAlteredOneIsRefusedWhicheverBitItWas) {
  const std::string jws = *sign(replaced(2), issuer_);
  for (size_t i = 0; i < jws.size(); ++i) {
    for (const int bit : {1, 4, 32}) {
      std::string bad = jws;
      bad[i] = static_cast<char>(bad[i] ^ bit);
      EXPECT_FALSE(parse_and_verify_notice(as_bytes(bad), keys_).has_value()) << i;
    }
    EXPECT_FALSE(parse_and_verify_notice(as_bytes(jws).first(i), keys_).has_value()) << i;
  }
}

TEST_F(NoticeTextTest, AnotherIssuersIsUnknown) {
  EXPECT_EQ(fault_of_jws(*sign(withdrawn(), SigningKey::generate())), LicenseFault::unknown_issuer);
}

TEST_F(NoticeTextTest, OnlyTheCanonicalFormIsRead) {
  const std::string good = R"({"v":1,"notice":"withdrawn","firm":1000,"product":7,"tmr":1,"issued":5})";
  ASSERT_TRUE(parse_and_verify_notice(as_bytes(sign_payload(good, issuer_)), keys_).has_value());
  for (const char* other : {
           R"({"v":2,"notice":"withdrawn","firm":1000,"product":7,"tmr":1,"issued":5})",
           R"({"v":1,"notice":"given","firm":1000,"product":7,"tmr":1,"issued":5})",
           R"({"v":1,"notice":"withdrawn","firm":1000,"product":7,"tmr":1,"issued":5} )",
           R"({"v":1,"notice":"withdrawn","firm":1000,"product":7,"tmr":0,"issued":5})",
           R"({"v":1,"notice":"withdrawn","firm":01000,"product":7,"tmr":1,"issued":5})",
           R"({"v":1,"notice":"withdrawn","product":7,"firm":1000,"tmr":1,"issued":5})",
           R"({"v":1,"notice":"container","firm":1000,"product":7,"tmr":1,"issued":5})",
       }) {
    EXPECT_EQ(fault_of_jws(sign_payload(other, issuer_)), LicenseFault::malformed) << other;
  }
}

TEST_F(NoticeTextTest, ALicenseIsNoNoticeAndTheOtherWayRound) {
  LicenseText license;
  license.tmr_id = {1};
  license.name = "x";
  license.quantity = 1;
  license.container_serial = "3-1";
  license.activation_id = "a";
  EXPECT_EQ(fault_of_jws(*sign(license, issuer_)), LicenseFault::malformed);
  EXPECT_FALSE(parse_and_verify(as_bytes(*sign(withdrawn(), issuer_)), keys_).has_value());
}

TEST_F(NoticeTextTest, ALicenseFileCarriesNoticesAlone) {
  LicenseFile file;
  file.notices.push_back(*sign(withdrawn(), issuer_));
  const auto read = parse_license_file(text_of(file));
  ASSERT_TRUE(read.has_value()) << read.error().text;
  EXPECT_EQ(read->notices, file.notices);
  EXPECT_TRUE(read->constituents.empty());
  for (const char* wrong : {R"({"tercet_license": 1})", R"({"tercet_license": 1, "notices": []})",
                            R"({"tercet_license": 1, "notices": [1]})",
                            R"({"tercet_license": 1, "notices": ["a"], "constituents": []})",
                            R"({"tercet_license": 1, "notices": ["1","2","3","4","5","6","7","8","9"]})"}) {
    EXPECT_FALSE(parse_license_file(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace tercet::seal
