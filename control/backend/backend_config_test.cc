#include "control/backend/backend_config.h"

#include <gtest/gtest.h>

namespace tercet::control {
namespace {

std::string file(const std::string& store) {
  return "[cell]\nid = \"0123456789abcdef\"\nname = \"b2\"\nkeys = \"b2.key\"\n"
         "[peers]\nlb1 = \"198.18.0.1:8210\"\nlb2 = \"198.18.0.2:8210\"\nb1 = \"198.18.0.11:8210\"\n"
         "b2 = \"198.18.0.12:8210\"\nb3 = \"198.18.0.13:8210\"\n[store]\n" +
         store;  // from line 12 on
}
std::string error_of(const std::string& text) {
  const auto config = parse_backend_config(text, "/etc/b2.toml");
  return config ? "" : config.error();
}

TEST(BackendConfig, EveryKeyFindsItsPlace) {
  auto config = parse_backend_config(file("dir = \"store\"\ndurability = \"memory\"\n"), "/etc/b2.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->server.self, ServerId::b2);
  EXPECT_EQ(config->store_dir, "/etc/store");
  EXPECT_EQ(config->durability, store::Durability::memory);
  EXPECT_EQ(to_string(config->server.admin.listen), "127.0.0.1:8221");
  config = parse_backend_config(file("dir = \"/var/lib/tercet\"\n"), "/etc/b2.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->store_dir, "/var/lib/tercet");
  EXPECT_EQ(config->durability, store::Durability::fsync);
}

TEST(BackendConfig, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_NE(error_of(file("")).find("store.dir"), std::string::npos);
  EXPECT_EQ(error_of(file("dir = \"store\"\ndurability = \"never\"\n"))
                .find("/etc/b2.toml:13: store.durability: \"never\" is none of its values: write one of "
                      "fsync, memory"),
            0U);
  EXPECT_EQ(error_of(file("dirr = \"store\"\ndir = \"store\"\n")),
            "/etc/b2.toml:12: unknown key \"store.dirr\": did you mean \"store.dir\"?");
  EXPECT_NE(error_of(file("dir = \"store\"\n[failover]\nvrid = 51\n")).find("unknown key \"failover.vrid\""),
            std::string::npos);
  std::string lb = file("dir = \"store\"\n");
  lb.replace(lb.find("\"b2\""), 4, "\"lb2\"");
  EXPECT_NE(error_of(lb).find("is this the other program's file?"), std::string::npos);
}

}  // namespace
}  // namespace tercet::control
