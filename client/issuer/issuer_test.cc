#include "client/issuer/issuer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/toml.h"
#include "client/config.h"
#include "client/issuer/cell_files.h"
#include "client/issuer/container_files.h"
#include "wire/seal/key_file.h"
#include "wire/seal/notice.h"

namespace tercet::issuer {
namespace {

using nlohmann::json;

class IssuerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tercet_issuer_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    aead_ = seal::available(seal::Algorithm::aes_256_gcm) ? seal::Algorithm::aes_256_gcm
                                                          : seal::Algorithm::chacha20_poly1305;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  static mode_t mode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777U;
  }
  std::string config(const std::string& host) const { return dir_ + "/" + host + "/" + host + ".toml"; }

  /// A cell with its containers.
  std::vector<seal::ContainerRequest> make_cell(const std::vector<seal::PublicKey>& issuers = {}) {
    CellPlan plan = loopback_plan();
    plan.issuers = issuers;
    plan.aead = aead_;
    const auto cell = write_cell_files(dir_, plan);
    EXPECT_TRUE(cell.has_value()) << cell.error();
    std::vector<seal::ContainerRequest> requests;
    for (const char* backend : {"b1", "b2", "b3"}) {
      const auto container = init_container(config(backend));
      EXPECT_TRUE(container.has_value()) << container.error();
      const auto text = request_of(config(backend));
      EXPECT_TRUE(text.has_value()) << text.error();
      requests.push_back(*seal::parse_request(*text));
    }
    return requests;
  }

  std::string dir_;
  seal::Algorithm aead_{};
};

const NewLicense kFiveSeats{.firm = 1000, .product = 7, .name = "CAD", .quantity = 5, .features = 0xFF};

TEST_F(IssuerTest, InitMakesItsFilesOnce) {
  const auto issuer = Issuer::init(dir_ + "/issuer");
  ASSERT_TRUE(issuer.has_value()) << issuer.error();
  EXPECT_EQ(mode(dir_ + "/issuer/issuer.key"), 0600U);
  EXPECT_EQ(*read_issuer_public(dir_ + "/issuer/issuer.pub"), issuer->public_key());
  EXPECT_EQ(*read_issuer_public(dir_ + "/issuer"), issuer->public_key());
  EXPECT_EQ(Issuer::open(dir_ + "/issuer")->public_key(), issuer->public_key());
  const auto again = Issuer::init(dir_ + "/issuer");
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().find("there already"), std::string::npos);
  EXPECT_EQ(Issuer::open(dir_ + "/issuer")->public_key(), issuer->public_key());
}

TEST_F(IssuerTest, AKeyThatOthersCanReadIsRefused) {
  ASSERT_TRUE(Issuer::init(dir_ + "/issuer").has_value());
  std::filesystem::permissions(dir_ + "/issuer/issuer.key", std::filesystem::perms(0644));
  EXPECT_FALSE(Issuer::open(dir_ + "/issuer").has_value());
}

TEST_F(IssuerTest, ALicenseIsBoundToThreeContainersAndRecorded) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  const auto requests = make_cell({issuer->public_key()});
  const std::string path = dir_ + "/one.lic";
  const auto issued = issuer->issue(kFiveSeats, requests, {1'700'000'000'000}, path);
  ASSERT_TRUE(issued.has_value()) << issued.error();
  EXPECT_EQ(issued->tmr_id, 1U);
  const auto file = seal::read_license_file(path);
  ASSERT_TRUE(file.has_value());
  const std::vector<seal::PublicKey> issuers{issuer->public_key()};
  const auto texts = seal::verify_license_file(*file, issuers);
  ASSERT_TRUE(texts.has_value()) << texts.error().text;
  ASSERT_EQ(texts->size(), 3U);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ((*texts)[i].container_serial, requests[i].serial);
    EXPECT_EQ((*texts)[i].quantity, 5U);
    EXPECT_EQ((*texts)[i].lease_default_ms, 60'000U);
  }
  EXPECT_EQ(issuer->issue(kFiveSeats, requests, {1'700'000'000'000}, dir_ + "/two.lic")->tmr_id, 2U);
  NewLicense chosen = kFiveSeats;
  chosen.tmr_id = 9;
  EXPECT_EQ(issuer->issue(chosen, requests, {1'700'000'000'000}, dir_ + "/nine.lic")->tmr_id, 9U);
  EXPECT_EQ(Issuer::open(dir_ + "/issuer")
                ->issue(kFiveSeats, requests, {1'700'000'000'000}, dir_ + "/ten.lic")
                ->tmr_id,
            10U);
  const auto repeated = issuer->issue(chosen, requests, {1'700'000'000'000}, dir_ + "/again.lic");
  ASSERT_FALSE(repeated.has_value());
  EXPECT_NE(repeated.error().find("was issued before"), std::string::npos);
  const std::string record = *read_file(dir_ + "/issuer/issued.jsonl");
  EXPECT_EQ(std::count(record.begin(), record.end(), '\n'), 4);
  const json first = json::parse(record.substr(0, record.find('\n')));
  EXPECT_EQ(first["tmr_id"], 1);
  EXPECT_EQ(first["containers"].size(), 3U);
}

/// A license of a cell, and another container for its slot 2.
class ReissueTest : public IssuerTest {
 protected:
  void SetUp() override {
    IssuerTest::SetUp();
    issuer_.emplace(*Issuer::init(dir_ + "/issuer"));
    requests_ = make_cell();
    NewLicense license;
    license.firm = 10;
    license.product = 7;
    license.quantity = 3;
    license.features = 5;
    license.units = 9;
    const auto issued = issuer_->issue(license, requests_, kNow, dir_ + "/1.lic");
    ASSERT_TRUE(issued.has_value()) << issued.error();
    before_ = issued->texts;
    ASSERT_EQ(before_.size(), 3u);
  }
  seal::ContainerRequest another() {
    std::filesystem::remove(container_place(config("b2"))->path());
    EXPECT_TRUE(init_container(config("b2")).has_value());
    return *seal::parse_request(*request_of(config("b2")));
  }
  std::vector<seal::PublicKey> issuers() const { return {issuer_->public_key()}; }

  static constexpr WallTime kNow{1'800'000'000'000};
  std::optional<Issuer> issuer_;
  std::vector<seal::ContainerRequest> requests_;
  std::vector<seal::LicenseText> before_;
};

TEST_F(ReissueTest, BindsTheLostContainersConstituentToTheNewOne) {
  const seal::ContainerRequest fresh = another();
  const auto issued = issuer_->reissue(1, fresh, WallTime{kNow.ms + 1'000}, dir_ + "/2.lic");
  ASSERT_TRUE(issued.has_value()) << issued.error();
  const auto file = seal::read_license_file(dir_ + "/2.lic");
  ASSERT_TRUE(file.has_value());
  const auto texts = seal::verify_license_file(*file, issuers());
  ASSERT_TRUE(texts.has_value()) << texts.error().text;
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    seal::LicenseText expected = before_[slot];
    expected.revision = 2;
    expected.issued_at = WallTime{kNow.ms + 1'000};
    expected.issuer = seal::key_id_of(issuer_->public_key());
    if (slot == 1) {
      expected.container_key = fresh.public_key;
      expected.container_serial = fresh.serial;
    }
    EXPECT_EQ((*texts)[slot], expected);
  }
  ASSERT_EQ(file->notices.size(), 1u);
  const auto notice = seal::parse_and_verify_notice(as_bytes(file->notices[0]), issuers());
  ASSERT_TRUE(notice.has_value()) << notice.error().text;
  EXPECT_EQ(notice->container_key, fresh.public_key);
  EXPECT_EQ(notice->revoked, std::vector<seal::PublicKey>{requests_[1].public_key});
}

TEST_F(ReissueTest, TheRevocationListNamesEveryContainerThatTheSlotHad) {
  const seal::ContainerRequest second = another();
  ASSERT_TRUE(issuer_->reissue(1, second, kNow, dir_ + "/2.lic").has_value());
  const seal::ContainerRequest third = another();
  ASSERT_TRUE(issuer_->reissue(1, third, kNow, dir_ + "/3.lic").has_value());
  const auto file = seal::read_license_file(dir_ + "/3.lic");
  const auto notice = seal::parse_and_verify_notice(as_bytes(file->notices.at(0)), issuers());
  EXPECT_EQ(notice->revoked, (std::vector<seal::PublicKey>{requests_[1].public_key, second.public_key}));
  EXPECT_EQ(seal::verify_license_file(*file, issuers())->front().revision, 3u);
  const auto refused = issuer_->reissue(1, second, kNow, dir_ + "/4.lic");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().find("was revoked"), std::string::npos) << refused.error();
  for (unsigned n = 4; n < 12; ++n) {
    ASSERT_TRUE(issuer_->reissue(1, another(), kNow, dir_ + "/" + std::to_string(n) + ".lic").has_value());
  }
}

TEST_F(ReissueTest, WhatCannotBeReissuedSaysWhy) {
  const seal::ContainerRequest fresh = another();
  const auto said = [&](uint32_t tmr_id, const seal::ContainerRequest& request, const std::string& file) {
    const auto issued = issuer_->reissue(tmr_id, request, kNow, file);
    return issued ? std::string() : issued.error();
  };
  EXPECT_NE(said(7, fresh, dir_ + "/2.lic").find("was not issued"), std::string::npos);
  EXPECT_NE(said(1, requests_[0], dir_ + "/2.lic").find("already"), std::string::npos);
  seal::ContainerRequest other_cell = fresh;
  other_cell.activation_id = "0000-0000-0000-0000";
  EXPECT_NE(said(1, other_cell, dir_ + "/2.lic").find("another cell"), std::string::npos);
  EXPECT_NE(said(1, fresh, dir_ + "/1.lic").find("is there already"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/2.lic"));
}

TEST_F(ReissueTest, AWithdrawnLicenseIsNeitherReissuedNorWithdrawnAgain) {
  const auto withdrawn = issuer_->withdraw(1, kNow, dir_ + "/gone.lic");
  ASSERT_TRUE(withdrawn.has_value()) << withdrawn.error();
  const auto file = seal::read_license_file(dir_ + "/gone.lic");
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->constituents.empty());
  const auto notice = seal::parse_and_verify_notice(as_bytes(file->notices.at(0)), issuers());
  ASSERT_TRUE(notice.has_value());
  EXPECT_EQ(notice->kind, seal::NoticeText::Kind::withdrawn);
  EXPECT_EQ(notice->tmr_id.value, 1u);
  const auto again = issuer_->withdraw(1, kNow, dir_ + "/again.lic");
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().find("was withdrawn before"), std::string::npos);
  EXPECT_FALSE(issuer_->reissue(1, another(), kNow, dir_ + "/2.lic").has_value());
}

TEST_F(IssuerTest, RefusesRequestsThatAreNotOneCellsThree) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  auto requests = make_cell();
  auto two = requests;
  two.pop_back();
  EXPECT_FALSE(issuer->issue(kFiveSeats, two, {1}, dir_ + "/x.lic").has_value());
  auto twice = requests;
  twice[2] = twice[0];
  EXPECT_FALSE(issuer->issue(kFiveSeats, twice, {1}, dir_ + "/x.lic").has_value());
  auto foreign = requests;
  foreign[2].cell = CellId{5};
  EXPECT_FALSE(issuer->issue(kFiveSeats, foreign, {1}, dir_ + "/x.lic").has_value());
  NewLicense none = kFiveSeats;
  none.quantity = 0;
  const auto refused = issuer->issue(none, requests, {1}, dir_ + "/x.lic");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().find("quantity"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/x.lic"));
  // What was refused used no TMR-ID up.
  EXPECT_EQ(issuer->issue(kFiveSeats, requests, {1}, dir_ + "/x.lic")->tmr_id, 1U);
}

TEST_F(IssuerTest, AFileThatCannotBeWrittenUsesNoTmrIdUpAndIsNotRecorded) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  const auto requests = make_cell();
  std::filesystem::create_directory(dir_ + "/folder.lic");
  std::filesystem::create_symlink(dir_ + "/nothing", dir_ + "/link.lic");
  const auto without = issuer->issue(kFiveSeats, requests, {1}, "");
  ASSERT_FALSE(without.has_value());
  EXPECT_NE(without.error().find(": give -o FILE"), std::string::npos) << without.error();
  for (const std::string& file :
       {dir_ + "/nowhere/x.lic", dir_ + "/folder.lic", dir_ + "/link.lic", std::string("/dev/null")}) {
    const auto refused = issuer->issue(kFiveSeats, requests, {1}, file);
    ASSERT_FALSE(refused.has_value()) << file;
    EXPECT_TRUE(refused.error().starts_with(file + ": ")) << refused.error();
    EXPECT_GE(std::count(refused.error().begin(), refused.error().end(), ':'), 2) << refused.error();
  }
  EXPECT_EQ(*read_file(dir_ + "/issuer/issued.jsonl"), "");
  EXPECT_EQ(issuer->issue(kFiveSeats, requests, {1}, dir_ + "/x.lic")->tmr_id, 1U);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
    files += entry.path().filename().string().starts_with("x.lic") ? 1 : 0;
  }
  EXPECT_EQ(files, 1U) << "nothing is left beside it";
}

TEST_F(IssuerTest, ALicenseThatIsThereIsNotOverwritten) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  const auto requests = make_cell();
  const std::string path = dir_ + "/x.lic";
  ASSERT_EQ(issuer->issue(kFiveSeats, requests, {1}, path)->tmr_id, 1U);
  const std::string first = *read_file(path);
  const std::string record = *read_file(dir_ + "/issuer/issued.jsonl");
  const auto refused = issuer->issue(kFiveSeats, requests, {1}, path);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().starts_with(path + ": is there already: ")) << refused.error();
  EXPECT_EQ(*read_file(path), first);
  EXPECT_EQ(*read_file(dir_ + "/issuer/issued.jsonl"), record);
  // An empty file is a name that somebody reserved: nothing is lost.
  ASSERT_TRUE(write_file_durably(dir_ + "/reserved.lic", "").has_value());
  EXPECT_EQ(issuer->issue(kFiveSeats, requests, {1}, dir_ + "/reserved.lic")->tmr_id, 2U);
  EXPECT_TRUE(seal::read_license_file(dir_ + "/reserved.lic").has_value());
}

TEST_F(IssuerTest, TheLastTmrIdLeavesTheOthersToBeChosen) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  const auto requests = make_cell();
  NewLicense chosen = kFiveSeats;
  chosen.tmr_id = UINT32_MAX;
  const auto last = issuer->issue(chosen, requests, {1}, dir_ + "/last.lic");
  ASSERT_TRUE(last.has_value()) << last.error();
  EXPECT_EQ(last->tmr_id, UINT32_MAX);
  const auto next = issuer->issue(kFiveSeats, requests, {1}, dir_ + "/next.lic");
  ASSERT_FALSE(next.has_value());
  EXPECT_NE(next.error().find(": give --tmr-id"), std::string::npos) << next.error();
  const auto twice = issuer->issue(chosen, requests, {1}, dir_ + "/next.lic");
  ASSERT_FALSE(twice.has_value());
  EXPECT_NE(twice.error().find("4294967295 was issued before: give another"), std::string::npos)
      << twice.error();
  chosen.tmr_id = 5;
  EXPECT_EQ(issuer->issue(chosen, requests, {1}, dir_ + "/five.lic")->tmr_id, 5U);
  chosen.tmr_id = 0;
  EXPECT_FALSE(issuer->issue(chosen, requests, {1}, dir_ + "/none.lic").has_value());
}

TEST_F(IssuerTest, ARecordThatCannotBeWrittenLeavesNoFile) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  const auto requests = make_cell();
  std::filesystem::remove(dir_ + "/issuer/issued.jsonl");
  std::filesystem::create_directory(dir_ + "/issuer/issued.jsonl");
  const auto refused = issuer->issue(kFiveSeats, requests, {1}, dir_ + "/x.lic");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().find("issued.jsonl"), std::string::npos) << refused.error();
  for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("x.lic")) << entry.path();
  }
}

TEST_F(IssuerTest, ADamagedCounterIsNamed) {
  auto issuer = Issuer::init(dir_ + "/issuer");
  const auto requests = make_cell();
  ASSERT_TRUE(write_file_durably(dir_ + "/issuer/counter.json", "{\"next_tmr_id\": 0}").has_value());
  const auto refused = issuer->issue(kFiveSeats, requests, {1}, dir_ + "/x.lic");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().find("counter.json"), std::string::npos);
}

TEST_F(IssuerTest, CellFilesReadBackAndKeysAreSecret) {
  const auto key = seal::SigningKey::generate().public_key();
  make_cell({key});
  for (const char* host : {"lb1", "lb2", "b1", "b2", "b3"}) {
    EXPECT_EQ(mode(dir_ + "/" + host + "/" + host + ".key"), 0600U) << host;
    auto toml = Toml::load(config(host));
    ASSERT_TRUE(toml.has_value()) << toml.error();
    EXPECT_EQ(toml->text("cell.name"), host);
    const auto keys =
        seal::read_server_keys(toml->file("cell.keys"), *seal::parse_cell_id(toml->text("cell.id")));
    ASSERT_TRUE(keys.has_value()) << keys.error();
    EXPECT_STREQ(name_of(keys->self), host);
    EXPECT_EQ(toml->text("peers.b3"), "127.0.0.13:8210");
    EXPECT_EQ(toml->text("port.engine"), "auto");
    const bool lb = host[0] == 'l';
    EXPECT_EQ(toml->has("failover"), lb);
    EXPECT_EQ(toml->has("store"), !lb);
    EXPECT_EQ(keys->client_master.has_value(), lb);
    if (lb) {
      EXPECT_EQ(toml->texts("clients.virtual_ips"), std::vector<std::string>{"127.0.0.100/8"});
      EXPECT_EQ(toml->texts("cell.issuers"), std::vector<std::string>{seal::text_of(key)});
      EXPECT_EQ(toml->duration("failover.advert_interval", {}), milliseconds(100));
      EXPECT_EQ(toml->integer("failover.vrid", 0), 51);
    } else {
      EXPECT_EQ(toml->text("store.durability"), "fsync");
      EXPECT_EQ(toml->file("store.dir"), dir_ + "/" + host + "/store");
    }
  }
  EXPECT_EQ(mode(dir_ + "/client/client.key"), 0600U);
  const auto client = client::load_config(config("client"));
  ASSERT_TRUE(client.has_value()) << client.error();
  EXPECT_EQ(to_string(client->servers.at(0)), "127.0.0.100:8200");
  EXPECT_EQ(client->lbs.size(), 2U);
  EXPECT_EQ(client->issuers, std::vector<seal::PublicKey>{key});
  EXPECT_TRUE(client::load_keys(*client).has_value());
}

TEST_F(IssuerTest, ASecondCellIsNotWrittenOverTheFirst) {
  make_cell();
  const std::string before = *read_file(config("b2"));
  const auto again = write_cell_files(dir_, loopback_plan());
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().find("is there already"), std::string::npos);
  EXPECT_EQ(*read_file(config("b2")), before);
}

TEST_F(IssuerTest, WrongAddressesAreRefused) {
  CellPlan plan = loopback_plan();
  plan.lbs = {"127.0.0.1"};
  EXPECT_FALSE(write_cell_files(dir_, plan).has_value());
  plan = loopback_plan();
  plan.backends[1] = plan.lbs[0];
  EXPECT_FALSE(write_cell_files(dir_, plan).has_value());
  plan = loopback_plan();
  plan.backends[1] = "b2.example";
  EXPECT_FALSE(write_cell_files(dir_, plan).has_value());
  for (const char* vip : {"198.18.0.100/33", "198.18.0.100/", "198.18.0.100/x", "/24", "vip"}) {
    plan = loopback_plan();
    plan.virtual_ips = {vip};
    EXPECT_FALSE(write_cell_files(dir_, plan).has_value()) << vip;
  }
  plan = loopback_plan();
  plan.virtual_ips = {plan.lbs[1] + "/8"};
  EXPECT_FALSE(write_cell_files(dir_, plan).has_value()) << "a server's own address";
  plan.virtual_ips = {"127.0.0.100/8", "127.0.0.100/24"};
  EXPECT_FALSE(write_cell_files(dir_, plan).has_value()) << "twice";
  EXPECT_TRUE(std::filesystem::is_empty(dir_));
}

TEST_F(IssuerTest, WhatNoServerTakesYetIsNotWritten) {
  for (const char* vip : {"2001:db8::100", "2001:db8::100/64", "::1/128"}) {
    CellPlan plan = loopback_plan();
    plan.virtual_ips.emplace_back(vip);
    const auto refused = write_cell_files(dir_, plan);
    ASSERT_FALSE(refused.has_value()) << vip;
    EXPECT_EQ(refused.error().find(std::string(vip) + " is an IPv6 address: "), 0U) << refused.error();
    EXPECT_EQ(refused.error().find('\n'), std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir_));
}

TEST_F(IssuerTest, AContainerIsMadeOnceAndOnlyForABackend) {
  make_cell();
  EXPECT_EQ(mode(dir_ + "/b1/store/container.json"), 0600U);
  const auto again = init_container(config("b1"));
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().find("there already"), std::string::npos);
  EXPECT_FALSE(init_container(config("lb1")).has_value());
  std::filesystem::remove(dir_ + "/b1/store/container.json");
  EXPECT_NE(request_of(config("b1")).error().find("container init"), std::string::npos);
  std::filesystem::copy_file(dir_ + "/b2/store/container.json", dir_ + "/b1/store/container.json");
  EXPECT_FALSE(request_of(config("b1")).has_value());
}

}  // namespace
}  // namespace tercet::issuer
