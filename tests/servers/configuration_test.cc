// What `tercet cell init` writes is what the servers read: every file, as it is, and with the defaults that
// its comments name.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/issuer/cell_files.h"
#include "control/backend/backend_config.h"
#include "control/lb/lb_config.h"

namespace tercet::control {
namespace {

class ConfigurationTest : public testing::Test {
 protected:
  ConfigurationTest() {
    char name[] = "/tmp/tercet-configuration.XXXXXX";
    dir_ = mkdtemp(name);
    issuer::CellPlan plan = issuer::loopback_plan();
    plan.virtual_ips = {"198.18.0.100/24"};
    plan.lbs = {"198.18.0.1", "198.18.0.2"};
    plan.backends = {"198.18.0.11", "198.18.0.12", "198.18.0.13"};
    plan.issuers = {seal::SigningKey::generate().public_key()};
    plan.interface = "eth0";
    plan.aead = seal::Algorithm::chacha20_poly1305;
    issuers_ = plan.issuers;
    const auto cell = issuer::write_cell_files(dir_, plan);
    EXPECT_TRUE(cell) << cell.error();
    cell_ = cell.value_or(CellId{});
  }
  ~ConfigurationTest() override { std::filesystem::remove_all(dir_); }
  [[nodiscard]] std::string file(const std::string& host) const {
    return dir_ + "/" + host + "/" + host + ".toml";
  }
  [[nodiscard]] std::string text(const std::string& host) const {
    std::ifstream in(file(host));
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  std::string dir_;
  CellId cell_;
  std::vector<seal::PublicKey> issuers_;
};

TEST_F(ConfigurationTest, LoadBalancersReadTheirs) {
  for (const ServerId self : {ServerId::lb1, ServerId::lb2}) {
    const auto config = load_lb_config(file(name_of(self)));
    ASSERT_TRUE(config) << config.error();
    EXPECT_EQ(config->server.self, self);
    EXPECT_EQ(config->server.cell, cell_);
    ASSERT_EQ(config->issuers.size(), 1U);
    EXPECT_EQ(config->issuers[0], issuers_[0].bytes);
    const auto keys = read_keys(config->server);
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_TRUE(keys->client_master);
  }
}

TEST_F(ConfigurationTest, BackendsReadTheirs) {
  for (const Slot slot : kSlots) {
    const std::string name = name_of(server_of(slot));
    const auto config = load_backend_config(file(name));
    ASSERT_TRUE(config) << config.error();
    EXPECT_EQ(config->store_dir, dir_ + "/" + name + "/store");
    const auto keys = read_keys(config->server);
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_FALSE(keys->client_master);
  }
}

/// Takes a key's line out: the default must then be what the line said.
std::string without(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  std::string out;
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + " =")) {
      found = true;
    } else {
      out += line + "\n";
    }
  }
  EXPECT_TRUE(found) << key;
  return out;
}

TEST_F(ConfigurationTest, DefaultsAreWhatTheFileSays) {
  const auto written = load_lb_config(file("lb1"));
  ASSERT_TRUE(written);
  std::string bare = text("lb1");
  for (const char* key : {"engine",    "poll",          "crypto",      "rounds",       "steering_threads",
                          "port",      "in_flight",     "key_cache",   "lease_min",    "lease_max",
                          "driver",    "interface",     "vrid",        "priority",     "advert_interval",
                          "preempt",   "unicast_peers", "garp_repeat", "garp_refresh", "heartbeat",
                          "on_active", "on_standby",    "listen",      "token_file",   "aead"}) {
    bare = without(bare, key);
  }
  const auto assumed = parse_lb_config(bare, file("lb1"));
  ASSERT_TRUE(assumed) << assumed.error();
  EXPECT_EQ(assumed->server.engine, written->server.engine);
  EXPECT_EQ(assumed->server.poll, written->server.poll);
  EXPECT_EQ(assumed->server.crypto, written->server.crypto);
  EXPECT_EQ(assumed->rounds, written->rounds);
  EXPECT_EQ(assumed->key_cache, written->key_cache);
  EXPECT_EQ(assumed->server.admin.listen, written->server.admin.listen);
  EXPECT_EQ(assumed->client_port, written->client_port);
  EXPECT_EQ(assumed->order.in_flight, written->order.in_flight);
  EXPECT_EQ(assumed->order.lease_min_ms, written->order.lease_min_ms);
  EXPECT_EQ(assumed->order.lease_max_ms, written->order.lease_max_ms);
  EXPECT_EQ(assumed->interface, written->interface);
  EXPECT_EQ(assumed->vrrp.vrid, written->vrrp.vrid);
  EXPECT_EQ(assumed->vrrp.priority, written->vrrp.priority);
  EXPECT_EQ(assumed->vrrp.interval, written->vrrp.interval);
  EXPECT_EQ(assumed->vrrp.preempt, written->vrrp.preempt);
  EXPECT_EQ(assumed->promotion.garp_repeat, written->promotion.garp_repeat);
  EXPECT_EQ(assumed->promotion.garp_refresh, written->promotion.garp_refresh);
  EXPECT_EQ(assumed->heartbeat, written->heartbeat);
  const auto backend = load_backend_config(file("b1"));
  ASSERT_TRUE(backend);
  const auto bare_backend = parse_backend_config(without(text("b1"), "durability"), file("b1"));
  ASSERT_TRUE(bare_backend);
  EXPECT_EQ(bare_backend->durability, backend->durability);
}

TEST_F(ConfigurationTest, AKeyFileOfAnotherServerIsRefused) {
  auto config = load_lb_config(file("lb1"));
  ASSERT_TRUE(config);
  config->server.key_file = dir_ + "/lb2/lb2.key";
  const auto keys = read_keys(config->server);
  ASSERT_FALSE(keys);
  EXPECT_NE(keys.error().find("is lb2's key file"), std::string::npos) << keys.error();
  config->server.key_file = dir_ + "/lb1/lb1.key";
  config->server.aead = "aes-256-gcm";
  EXPECT_NE(read_keys(config->server).error().find("correct cell.aead"), std::string::npos);
}

}  // namespace
}  // namespace tercet::control
