#include "base/toml.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace tercet {
namespace {

Toml read(const char* text) {
  auto toml = Toml::parse(text, "conf/lb1.toml");
  EXPECT_TRUE(toml.has_value()) << toml.error();
  return std::move(*toml);
}

TEST(Toml, ReadsEveryKindAndDefaults) {
  Toml toml = read(
      "[cell]\nname = \"lb1\"\nkeys = \"lb1.key\"\n[clients]\nport = 8200\nvirtual_ips = "
      "[\"198.18.0.100/24\"]\n"
      "[failover]\npreempt = true\nadvert_interval = \"100ms\"\n");
  EXPECT_EQ(toml.required("cell.name"), "lb1");
  EXPECT_EQ(toml.file("cell.keys"), "conf/lb1.key");
  EXPECT_EQ(toml.integer("clients.port", 1, 1, 65535), 8200);
  EXPECT_EQ(toml.texts("clients.virtual_ips"), std::vector<std::string>{"198.18.0.100/24"});
  EXPECT_TRUE(toml.boolean("failover.preempt", false));
  EXPECT_EQ(toml.duration("failover.advert_interval", seconds(1)), milliseconds(100));
  EXPECT_EQ(toml.text("admin.listen", "127.0.0.1:8220"), "127.0.0.1:8220");
  EXPECT_EQ(toml.integer("failover.vrid", 51), 51);
  EXPECT_TRUE(toml.has("failover"));
  EXPECT_TRUE(toml.has("failover.preempt"));
  EXPECT_FALSE(toml.has("fail"));
  EXPECT_FALSE(toml.has("peers"));
  EXPECT_TRUE(toml.finish().has_value());
}

TEST(Toml, AnUnknownKeyNamesFileLineAndTheNearestKnownKey) {
  Toml toml = read("[failover]\n\nadvert_intervall = \"1s\"\n");
  toml.duration("failover.advert_interval", seconds(1));
  toml.integer("failover.vrid", 51);
  EXPECT_EQ(toml.finish().error(),
            "conf/lb1.toml:3: unknown key \"failover.advert_intervall\": did you mean "
            "\"failover.advert_interval\"?");
}

TEST(Toml, AKeyInTheWrongSectionIsFoundByItsName) {
  Toml toml = read("[client]\npriority = 5\n");
  toml.integer("failover.priority", 100);
  toml.text("clients.virtual_ips");
  EXPECT_EQ(toml.finish().error(),
            "conf/lb1.toml:2: unknown key \"client.priority\": did you mean \"failover.priority\"?");
}

TEST(Toml, NothingNearIsNotGuessed) {
  Toml toml = read("zzzzzz = 1\n");
  toml.integer("failover.priority", 100);
  EXPECT_EQ(toml.finish().error(), "conf/lb1.toml:1: unknown key \"zzzzzz\": remove it");
}

TEST(Toml, WrongTypesAndRangesAreToldByLine) {
  Toml toml = read(
      "[a]\nport = \"8200\"\nvrid = 300\nwait = \"soon\"\nmode = \"x\"\nlist = [1, 2]\nshort = \"1ms\"\n");
  EXPECT_EQ(toml.integer("a.port", 7), 7);
  EXPECT_EQ(toml.integer("a.vrid", 51, 1, 255), 51);
  EXPECT_EQ(toml.duration("a.wait", seconds(2)), seconds(2));
  EXPECT_EQ(toml.one_of("a.mode", "auto", {"auto", "busy"}), "auto");
  EXPECT_TRUE(toml.texts("a.list").empty());
  EXPECT_EQ(toml.duration("a.short", seconds(2), seconds(1), seconds(3)), seconds(2));
  EXPECT_EQ(toml.required("a.name"), "");
  const std::vector<std::string> errors = toml.errors();
  ASSERT_EQ(errors.size(), 7U);
  EXPECT_EQ(errors[6], "conf/lb1.toml: a.name is missing: add it");  // what is missing comes last
  EXPECT_EQ(errors[0], "conf/lb1.toml:2: a.port has a value of the wrong type: write a whole number");
  EXPECT_EQ(errors[1], "conf/lb1.toml:3: a.vrid: 300 is out of range: write 1 to 255");
  EXPECT_EQ(errors[3], "conf/lb1.toml:5: a.mode: \"x\" is none of its values: write one of auto, busy");
  EXPECT_NE(toml.finish().error().find("(and 6 more)"), std::string::npos);
}

TEST(Toml, SyntaxErrorsAndMissingFilesAreOneLine) {
  const auto broken = Toml::parse("[cell\nname = \"lb1\"\n", "x.toml");
  ASSERT_FALSE(broken.has_value());
  EXPECT_TRUE(broken.error().starts_with("x.toml:1: ")) << broken.error();
  EXPECT_EQ(broken.error().find('\n'), std::string::npos);
  const auto missing = Toml::load("/nonexistent/tercet.toml");
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().find("No such file"), std::string::npos);
  EXPECT_FALSE(Toml::load("/").has_value());
}

TEST(Nearest, CountsASwapOnce) {
  EXPECT_EQ(nearest("checkuot", {"checkout", "renew"}), "checkout");
  EXPECT_EQ(nearest("xyz", {"checkout", "renew"}), "");
}

TEST(TimeText, DurationsGoBothWays) {
  const std::vector<std::pair<const char*, Duration>> table{
      {"500ms", milliseconds(500)},
      {"30s", seconds(30)},
      {"12h", seconds(43'200)},
      {"1h30m", seconds(5'400)},
      {"250us", microseconds(250)},
      {"2d", seconds(2 * 86'400)},
      {"0", {}},
      {"0s", {}},
  };
  for (const auto& [text, expected] : table) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(*parsed, expected) << text;
    EXPECT_EQ(*parse_duration(to_text(expected)), expected);
  }
  EXPECT_EQ(to_text(seconds(90)), "90s");
  EXPECT_EQ(to_text(seconds(3'600)), "1h");
  for (const char* bad : {"", "5", "s", "-5s", "5 s", "1.5s", "5x", "99999999999999999999s", "9999999999d"}) {
    EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
  }
}

TEST(TimeText, Rfc3339GoesBothWays) {
  EXPECT_EQ(to_rfc3339({0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339({1'709'208'000'250}), "2024-02-29T12:00:00.250Z");
  EXPECT_EQ(parse_rfc3339("2024-02-29T12:00:00.250Z")->ms, 1'709'208'000'250);
  EXPECT_EQ(parse_rfc3339("2024-02-29T13:30:00.25+01:30")->ms, 1'709'208'000'250);
  EXPECT_EQ(parse_rfc3339("2024-02-29")->ms, 1'709'164'800'000);
  EXPECT_EQ(to_rfc3339({INT64_MAX}), "9999-12-31T23:59:59.999Z");
  for (const char* bad :
       {"", "2023-02-29", "2024-13-01", "2024-02-29T", "2024-02-29T25:00:00Z", "2024-02-29T12:00:00",
        "2024-02-29T12:00:00Zx", "2024-02-29T12:00:00.Z", "tomorrow"}) {
    EXPECT_FALSE(parse_rfc3339(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tercet
