#include "control/lb/lb_config.h"

#include <gtest/gtest.h>

#include "wire/entry.h"

namespace tercet::control {
namespace {

/// A sound file, one key a line; `change` replaces a line that begins with `key =`, or adds one to [section].
constexpr const char* kSound =
    "[cell]\n"                               // 1
    "id = \"0123456789abcdef\"\n"            // 2
    "name = \"lb2\"\n"                       // 3
    "keys = \"lb2.key\"\n"                   // 4
    "issuers = []\n"                         // 5
    "[port]\n"                               // 6
    "engine = \"mmsg\"\n"                    // 7
    "poll = \"busy\"\n"                      // 8
    "steering_threads = 0\n"                 // 9
    "[clients]\n"                            // 10
    "virtual_ips = [\"198.18.0.100/24\"]\n"  // 11
    "port = 8300\n"                          // 12
    "[peers]\n"                              // 13
    "lb1 = \"198.18.0.1:8210\"\n"            // 14
    "lb2 = \"198.18.0.2:8210\"\n"            // 15
    "b1 = \"198.18.0.11:8210\"\n"            // 16
    "b2 = \"198.18.0.12:8210\"\n"            // 17
    "b3 = \"198.18.0.13:8210\"\n"            // 18
    "[failover]\n"                           // 19
    "driver = \"tercet\"\n"                  // 20
    "interface = \"eth7\"\n"                 // 21
    "vrid = 52\n"                            // 22
    "priority = 90\n"                        // 23
    "advert_interval = \"200ms\"\n"          // 24
    "preempt = false\n"                      // 25
    "unicast_peers = [\"198.18.0.1\"]\n"     // 26
    "garp_repeat = 3\n"                      // 27
    "garp_refresh = \"30s\"\n"               // 28
    "heartbeat = \"2ms\"\n"                  // 29
    "on_active = \"echo up\"\n"              // 30
    "on_standby = \"\"\n"                    // 31
    "[admin]\n"                              // 32
    "listen = \"127.0.0.1:8320\"\n"          // 33
    "token_file = \"\"\n";                   // 34

std::string with(const std::string& line, const std::string& instead) {
  std::string text = kSound;
  const size_t at = text.find("\n" + line);
  EXPECT_NE(at, std::string::npos) << line;
  const size_t end = text.find('\n', at + 1);
  return text.substr(0, at + 1) + instead + text.substr(end);
}
std::string error_of(const std::string& text) {
  const auto config = parse_lb_config(text, "/etc/lb2.toml");
  return config ? "" : config.error();
}

TEST(LbConfig, EveryKeyFindsItsPlace) {
  const auto config = parse_lb_config(kSound, "/etc/lb2.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->server.self, ServerId::lb2);
  EXPECT_EQ(config->server.cell, CellId{0x0123456789ABCDEF});
  EXPECT_EQ(config->server.key_file, "/etc/lb2.key");
  EXPECT_EQ(config->server.engine, Engine::mmsg);
  EXPECT_EQ(config->server.poll, dataplane::PollMode::busy);
  EXPECT_EQ(to_string(config->server.peers[index(ServerId::b3)]), "198.18.0.13:8210");
  EXPECT_EQ(to_string(config->server.admin.listen), "127.0.0.1:8320");
  ASSERT_EQ(config->vips.size(), 1U);
  EXPECT_EQ(config->vips[0].prefix_length, 24);
  EXPECT_EQ(config->client_port, 8300);
  EXPECT_EQ(config->interface, "eth7");
  EXPECT_EQ(config->vrrp.vrid, 52);
  EXPECT_EQ(config->vrrp.priority, 90);
  EXPECT_EQ(config->vrrp.interval, milliseconds(200));
  EXPECT_EQ(config->unicast_peers.size(), 1U);
  EXPECT_EQ(config->promotion.garp_repeat, 3);
  EXPECT_EQ(config->promotion.garp_refresh, seconds(30));
  EXPECT_EQ(config->heartbeat, milliseconds(2));
  EXPECT_EQ(config->on_active, "echo up");
}

TEST(LbConfig, WhatIsLeftOutHasItsDefault) {
  std::string text;
  for (const char* line :
       {"[cell]", "id = \"0123456789abcdef\"", "name = \"lb1\"", "keys = \"k\"", "[clients]",
        "virtual_ips = [\"198.18.0.100/24\"]", "[peers]", "lb1 = \"198.18.0.1:8210\"",
        "lb2 = \"198.18.0.2:8210\"", "b1 = \"198.18.0.11:8210\"", "b2 = \"198.18.0.12:8210\"",
        "b3 = \"198.18.0.13:8210\""}) {
    text += std::string(line) + "\n";
  }
  const auto config = parse_lb_config(text, "lb1.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->server.engine, Engine::automatic);
  EXPECT_EQ(config->server.poll, dataplane::PollMode::adaptive);
  EXPECT_EQ(config->server.crypto, Crypto::automatic);
  EXPECT_TRUE(config->rounds);
  EXPECT_EQ(config->key_cache, 4096U);
  EXPECT_EQ(config->client_port, 8200);
  EXPECT_EQ(config->interface, "eth0");
  EXPECT_EQ(config->vrrp.vrid, 51);
  EXPECT_EQ(config->vrrp.interval, milliseconds(100));
  EXPECT_EQ(config->heartbeat, milliseconds(5));
  EXPECT_EQ(to_string(config->server.admin.listen), "127.0.0.1:8220");
}

TEST(LbConfig, EveryOptimisationHasItsSwitch) {
  const auto switched = [](const std::string& line) {
    return parse_lb_config(with("steering_threads =", line), "/etc/lb2.toml");
  };
  EXPECT_FALSE(switched("rounds = \"off\"").value().rounds);
  EXPECT_TRUE(switched("rounds = \"adaptive\"").value().rounds);
  EXPECT_EQ(switched("crypto = \"libsodium\"").value().server.crypto, Crypto::libsodium);
  EXPECT_EQ(switched("crypto = \"ipsec-mb\"").value().server.crypto, Crypto::ipsec_mb);
  EXPECT_EQ(parse_lb_config(with("port = 8300", "key_cache = 131072"), "/etc/lb2.toml").value().key_cache,
            131072U);
}

TEST(LbConfig, AnUnknownKeyIsNamedWithFileLineAndTheNearestOne) {
  EXPECT_EQ(error_of(with("vrid =", "vrrid = 52")),
            "/etc/lb2.toml:22: unknown key \"failover.vrrid\": did you mean \"failover.vrid\"?");
  EXPECT_EQ(error_of(with("heartbeat =", "heart_beat = \"2ms\"")),
            "/etc/lb2.toml:29: unknown key \"failover.heart_beat\": did you mean \"failover.heartbeat\"?");
  EXPECT_EQ(error_of(std::string(kSound) + "[storr]\ndir = \"x\"\n")
                .find("/etc/lb2.toml:36: unknown key \"storr.dir\""),
            0U);
}

TEST(LbConfig, MoreIssuersThanGenesisCanNameAreRefused) {
  std::string keys;
  for (size_t i = 0; i <= kGenesisIssuersMax; ++i) {
    keys += (i == 0 ? "\"" : ", \"") + std::string(43, 'A') + "\"";
  }
  EXPECT_NE(error_of(with("issuers", "issuers = [" + keys + "]")).find("at most"), std::string::npos);
}

TEST(LbConfig, WhatIsWrongIsSaidWithItsLine) {
  struct Row {
    const char* line;
    const char* instead;
    const char* said;
  };
  const Row rows[] = {
      {"id =", "id = \"xyz\"", "/etc/lb2.toml:2: cell.id"},
      {"name =", "name = \"b1\"", "/etc/lb2.toml:3: cell.name: \"b1\" is none of lb1, lb2"},
      {"keys =", "keys = \"\"", "cell.keys"},
      {"issuers =", "issuers = [\"short\"]", "/etc/lb2.toml:5: cell.issuers"},
      {"engine =", "engine = \"dpdk\"", "port.address is missing"},
      {"preempt =", "preempt = true\nvirtual_mac = true", "needs port.engine = \"dpdk\""},
      {"engine =", "engine = \"xdp\"", "write one of auto, uring, mmsg, dpdk"},
      {"poll =", "poll = true", "/etc/lb2.toml:8: port.poll has a value of the wrong type"},
      {"poll =", "crypto = \"openssl\"", "/etc/lb2.toml:8: port.crypto"},
      {"poll =", "crypto = \"openssl\"", "write one of auto, ipsec-mb, libsodium"},
      {"poll =", "rounds = \"on\"", "write one of adaptive, off"},
      {"port = 8300", "key_cache = 63", "write 64 to 1048576"},
      {"port = 8300", "key_cache = 1048577", "/etc/lb2.toml:12: clients.key_cache"},
      {"steering_threads =", "steering_threads = 9", "/etc/lb2.toml:9: port.steering_threads"},
      {"virtual_ips =", "virtual_ips = []", "names no address"},
      {"virtual_ips =", "virtual_ips = [\"198.18.0.100\"]", "no prefix length"},
      {"virtual_ips =", "virtual_ips = [\"198.18.0.100/33\"]", "no prefix length"},
      {"virtual_ips =", "virtual_ips = [\"198.18.0.1/24\"]", "lb1's own address"},
      {"virtual_ips =", "virtual_ips = [\"2001:db8::100/64\"]", "IPv6"},
      {"port =", "port = 70000", "out of range"},
      {"b1 =", "b1 = \"198.18.0.11\"", "/etc/lb2.toml:16: peers.b1"},
      {"b1 =", "b1 = \"198.18.0.12:8210\"", "is b1's too"},
      {"b1 =", "b1 = \"198.18.0.11:0\"", "the port is 0"},
      {"driver =", "driver = \"corosync\"", "write one of tercet"},
      {"interface =", "interface = \"\"", "name the network interface"},
      {"vrid =", "vrid = 0", "write 1 to 255"},
      {"priority =", "priority = 255", "write 1 to 254"},
      {"advert_interval =", "advert_interval = \"5ms\"", "out of range"},
      {"advert_interval =", "advert_interval = \"15ms\"", "/etc/lb2.toml:24: failover.advert_interval"},
      {"unicast_peers =", "unicast_peers = [\"lb1\"]", "/etc/lb2.toml:26: failover.unicast_peers"},
      {"heartbeat =", "heartbeat = \"100us\"", "write 1ms to 1s"},
      {"listen =", "listen = \"0.0.0.0:8220\"", "can be reached from outside"},
      {"listen =", "listen = \"8220\"", "/etc/lb2.toml:33: admin.listen"},
  };
  for (const Row& row : rows) {
    const std::string error = error_of(with(row.line, row.instead));
    EXPECT_NE(error.find(row.said), std::string::npos) << row.instead << " -> " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << "one line: " << error;
  }
}

TEST(LbConfig, AnOutsideAddressIsFineWithAToken) {
  std::string text = with("listen =", "listen = \"198.18.0.2:8220\"");
  text.replace(text.find("token_file = \"\""), 15, "token_file = \"admin.token\"");
  const auto config = parse_lb_config(text, "/etc/lb2.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->server.admin.token_file, "/etc/admin.token");
}

TEST(LbConfig, AFileThatIsNotThereSaysSo) {
  const auto config = load_lb_config("/nonexistent/lb1.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().find("/nonexistent/lb1.toml"), 0U);
}

}  // namespace
}  // namespace tercet::control
