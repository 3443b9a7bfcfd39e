#include "wire/endpoint.h"

#include <gtest/gtest.h>

namespace tercet {
namespace {

TEST(Endpoint, WhatIsWrittenIsReadBack) {
  for (const char* text : {"198.18.0.1:8210", "[::1]:8210", "[2001:db8::100]:0", "0.0.0.0:65535", "[::]:1"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << endpoint.error();
    EXPECT_EQ(to_string(*endpoint), text);
  }
}

TEST(Endpoint, Ipv4IsHeldMapped) {
  const auto plain = parse_endpoint("127.0.0.1:80");
  const auto mapped = parse_endpoint("[::ffff:127.0.0.1]:80");
  ASSERT_TRUE(plain && mapped);
  EXPECT_TRUE(plain->is_v4());
  EXPECT_EQ(*plain, *mapped);
  EXPECT_FALSE(parse_endpoint("[::1]:80")->is_v4());
  EXPECT_EQ(address_text(*plain), "127.0.0.1");
}

TEST(Endpoint, BadInputIsRefusedAndNamed) {
  for (const char* text : {"",
                           ":",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:x",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1: 80",
                           "127.0.0.1:80 ",
                           "127.0.0.256:80",
                           "127.1:80",
                           "[127.0.0.1]:80",
                           "::1:80",
                           "[::1]80",
                           "[::1:80",
                           "::1]:80",
                           "[fe80::1%eth0]:80",
                           "localhost:80",
                           "[]:80",
                           "[:::]:80",
                           "127.0.0.1:+80",
                           "127.0.0.1:99999999999999999999",
                           "1111111111111111111111111111111111111111111111111111:80"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_NE(endpoint.error().find('"'), std::string::npos);
  }
  EXPECT_FALSE(parse_address(std::string_view("::1\0x", 5)));
  EXPECT_EQ(
      parse_address("198.18.0.100/24").error(),
      "\"198.18.0.100/24\": not a numeric IPv4 or IPv6 address: write one like 198.18.0.1 or 2001:db8::1");
  EXPECT_EQ(parse_address("198.18.0.100", 8200)->port, 8200);
}

}  // namespace
}  // namespace tercet
