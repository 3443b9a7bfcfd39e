// import: a license file into the cell, constituent by constituent.

#include <filesystem>

#include "client/command/command_rig.h"
#include "client/issuer/container_files.h"
#include "wire/seal/license_file.h"

namespace tercet::command {
namespace {

class ImportTest : public CommandTest {
 protected:
  void SetUp() override {
    CommandTest::SetUp();
    ASSERT_EQ(tercet({"issuer", "init", dir_ + "/issuer"}).code, 0);
    const std::string aead = name_of(FakeLb::algorithm());
    const Said cell =
        tercet({"cell", "init", dir_ + "/cell", "--issuer", dir_ + "/issuer/issuer.pub", "--aead", aead});
    ASSERT_EQ(cell.code, 0) << cell.err;
    issue_ = {"issue", "--issuer", dir_ + "/issuer", "--firm", "1000", "--product", "7", "--quantity", "5"};
    for (const char* backend : {"b1", "b2", "b3"}) {
      const std::string config = dir_ + "/cell/" + backend + "/" + backend + ".toml";
      ASSERT_EQ(tercet({"container", "init", "--config", config}).code, 0);
      const Said request = tercet({"container", "request", "--config", config});
      ASSERT_EQ(request.code, 0) << request.err;
      const std::string path = dir_ + "/" + backend + ".request";
      ASSERT_TRUE(write_file_durably(path, request.out).has_value());
      issue_.insert(issue_.end(), {"--request", path});
    }
    const Said issued = issue(file());
    ASSERT_EQ(issued.code, 0) << issued.err;
    lb_.start();
  }
  std::string file() const { return dir_ + "/one.lic"; }
  /// A license for the cell's containers, as issue_ has it.
  Said issue(const std::string& path, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = issue_;
    all.insert(all.end(), more.begin(), more.end());
    all.insert(all.end(), {"-o", path});
    return tercet(all);
  }
  std::vector<std::string> constituents() const { return seal::read_license_file(file())->constituents; }
  void trust_issuer() {
    const json pub = json::parse(*read_file(dir_ + "/issuer/issuer.pub"));
    write_config("", "issuers = [\"" + pub["public_key"].get<std::string>() + "\"]\n");
  }
  std::vector<std::string> issue_;
};

TEST_F(ImportTest, IssueSaysItsTmrIdInJson) {
  const Said said = issue(dir_ + "/two.lic",
                          {"--json", "--features", "0xff", "--valid-until", "2030-01-01", "--name", "CAD"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["tmr_id"], 2);
  EXPECT_EQ(said.doc()["features"], "00000000000000ff");
  EXPECT_EQ(said.doc()["valid_until"], "2030-01-01T00:00:00.000Z");
}

TEST_F(ImportTest, IssueTakesEveryMode) {
  for (const char* mode : {"user-limit", "station-share", "exclusive"}) {
    const Said said = issue(dir_ + "/" + mode + ".lic", {"--json", "--mode", mode});
    ASSERT_EQ(said.code, 0) << said.err;
    EXPECT_EQ(said.doc()["mode"], mode);
    EXPECT_EQ(said.doc()["quantity"], 5);
  }
  const Said said = issue(dir_ + "/two.lic", {"--mode", "nonsense"});
  EXPECT_EQ(said.code, 2);
  expect_message(said);
  EXPECT_EQ(issue(dir_ + "/two.lic", {"--valid-from", "2030-01-01", "--valid-until", "2029-01-01"}).code, 2);
}

TEST_F(ImportTest, IssueTakesUnitsAndAUsagePeriod) {
  const Said said =
      issue(dir_ + "/two.lic", {"--json", "--units", "9007199254740991", "--usage-period", "30d"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["units"], 9007199254740991U);
  EXPECT_EQ(said.doc()["usage_period_ms"], 30U * 86'400'000);
  EXPECT_TRUE(issue(dir_ + "/three.lic", {"--json"}).doc()["units"].is_null());
  for (const auto& wrong : {std::vector<std::string>{"--units", "0"},
                            {"--units", "9007199254740992"},
                            {"--usage-period", "0"},
                            {"--usage-period", "10us"},
                            {"--usage-period", "soon"}}) {
    const Said refused = issue(dir_ + "/four.lic", wrong);
    EXPECT_EQ(refused.code, 2) << wrong[1];
    expect_message(refused);
  }
}

TEST_F(ImportTest, IssueRefusesAFileBeforeATmrIdIsUsedUp) {
  for (const std::string& path : {std::string(), file()}) {
    const Said said = issue(path);
    EXPECT_EQ(said.code, 2) << path;
    expect_message(said);
  }
  EXPECT_EQ(issue(dir_ + "/two.lic", {"--json"}).doc()["tmr_id"], 2);
}

TEST_F(ImportTest, AReissueBringsItsNoticeInFirst) {
  const std::string config = dir_ + "/cell/b2/b2.toml";
  const std::string store = issuer::container_place(config)->store;
  std::filesystem::remove(store + "/container.json");
  ASSERT_EQ(tercet({"container", "init", "--config", config}).code, 0);
  ASSERT_TRUE(write_file_durably(dir_ + "/b2.new", tercet({"container", "request", "--config", config}).out)
                  .has_value());
  const std::string path = dir_ + "/two.lic";
  const Said reissued = tercet({"reissue", "--issuer", dir_ + "/issuer", "--tmr-id", "1", "--request",
                                dir_ + "/b2.new", "-o", path, "--json"});
  ASSERT_EQ(reissued.code, 0) << reissued.err;
  EXPECT_EQ(reissued.doc()["revision"], 2);
  EXPECT_EQ(reissued.doc()["slot"], 2);
  trust_issuer();
  const Said said = ask({"import", path});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["taken"], 3);
  ASSERT_EQ(said.doc()["notices"].size(), 1u);
  EXPECT_EQ(said.doc()["notices"][0]["notice"], "container");
  EXPECT_EQ(said.doc()["notices"][0]["slot"], 2);
  EXPECT_EQ(said.doc()["notices"][0]["container"], reissued.doc()["container"]);

  std::string altered = *read_file(path);
  altered[altered.size() - 10] = altered[altered.size() - 10] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(write_file_durably(path, altered).has_value());
  const Said refused = ask({"import", path});
  EXPECT_EQ(refused.code, 3) << "its notice was altered, so none of it is sent";
  EXPECT_EQ(refused.doc()["code"], "BAD_SIGNATURE") << refused.out;
}

TEST_F(ImportTest, AWithdrawalIsImportedLikeAnyFile) {
  const std::string path = dir_ + "/gone.lic";
  const Said revoked =
      tercet({"revoke", "--issuer", dir_ + "/issuer", "--tmr-id", "1", "-o", path, "--json"});
  ASSERT_EQ(revoked.code, 0) << revoked.err;
  EXPECT_EQ(revoked.doc()["withdrawn"], true);
  const Said said = ask({"import", path});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["notices"][0]["notice"], "withdrawn");
  EXPECT_NE(ask({"import", path}, false).out.find("license withdrawn: taken"), std::string::npos);
  for (const char* tmr_id : {"1", "2"}) {
    const Said again =
        tercet({"revoke", "--issuer", dir_ + "/issuer", "--tmr-id", tmr_id, "-o", dir_ + "/x.lic"});
    EXPECT_EQ(again.code, 2) << tmr_id;
    expect_message(again);
  }
}

TEST_F(ImportTest, IssueTakesTmrIdsThatThereAre) {
  for (const char* none : {"0", "4294967296", "-1", "one"}) {
    const Said said = issue(dir_ + "/x.lic", {"--tmr-id", none});
    EXPECT_EQ(said.code, 2) << none;
    expect_message(said);
    EXPECT_LT(said.err.size(), 160U) << said.err;
  }
  EXPECT_NE(issue(dir_ + "/x.lic", {"--tmr-id", "0"}).err.find("--tmr-id 0 is out of range"),
            std::string::npos);
  EXPECT_EQ(issue(dir_ + "/last.lic", {"--tmr-id", "4294967295"}).code, 0);
  const Said next = issue(dir_ + "/next.lic");
  EXPECT_EQ(next.code, 2);
  expect_message(next);
  EXPECT_EQ(issue(dir_ + "/next.lic", {"--tmr-id", "2"}).code, 0) << "as the advice says";
}

TEST_F(ImportTest, IssueWarnsOfALicenseThatIsOver) {
  const Said over = issue(dir_ + "/over.lic", {"--valid-until", "2020-01-01", "--json"});
  EXPECT_EQ(over.code, 0);
  expect_message(over);
  EXPECT_NE(over.err.find("over already"), std::string::npos) << over.err;
  EXPECT_EQ(over.doc()["tmr_id"], 2);
  EXPECT_EQ(issue(dir_ + "/good.lic", {"--valid-until", "2999-01-01"}).err, "");
}

TEST_F(ImportTest, TakesThreeOnceThenTheyAreRepeated) {
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["taken"], 3);
  EXPECT_EQ(said.doc()["constituents"].size(), 3U);
  const Said again = ask({"import", file()});
  EXPECT_EQ(again.code, 3);
  EXPECT_EQ(again.doc()["code"], "REPEATED");
  EXPECT_EQ(again.doc()["taken"], 0);
  expect_message(again);
}

TEST_F(ImportTest, APartlyTakenFileIsTakenForTheRest) {
  lb_.change([&](FakeLb& l) { l.imports[constituents()[0]] = Code::repeated; });
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["taken"], 2);
  EXPECT_EQ(said.doc()["constituents"][0]["code"], "REPEATED");
  EXPECT_NE(ask({"import", file()}, false).out.find("not taken, REPEATED"), std::string::npos);
}

TEST_F(ImportTest, AForeignConstituentIsADenialThoughOthersWereTaken) {
  lb_.change([&](FakeLb& l) { l.imports[constituents()[1]] = Code::foreign_container; });
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 3);
  EXPECT_EQ(said.doc()["code"], "FOREIGN_CONTAINER");
  EXPECT_EQ(said.doc()["taken"], 2);
  EXPECT_NE(said.err.find("constituent 2"), std::string::npos) << said.err;
}

TEST_F(ImportTest, AnAlteredFileIsRefusedBeforeItIsOrdered) {
  trust_issuer();
  EXPECT_EQ(ask({"import", file()}).code, 0);
  const unsigned ordered = lb_.count(OpKind::import_constituent);
  auto altered = *seal::read_license_file(file());
  std::string& jws = altered.constituents[2];
  const size_t signature = jws.rfind('.') + 5;
  jws[signature] = jws[signature] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(seal::write_license_file(file(), altered).has_value());
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 3);
  EXPECT_EQ(said.doc()["code"], "BAD_SIGNATURE");
  expect_message(said);
  EXPECT_EQ(lb_.count(OpKind::import_constituent), ordered);

  const std::string whole = *read_file(file());
  for (const std::string& broken :
       {whole.substr(0, whole.size() / 2), std::string("not json"), std::string()}) {
    ASSERT_TRUE(write_file_durably(file(), broken).has_value());
    const Said cut = ask({"import", file()});
    EXPECT_EQ(cut.code, 3) << broken;
    EXPECT_EQ(cut.doc()["code"], "MALFORMED");
  }
  EXPECT_EQ(lb_.count(OpKind::import_constituent), ordered);
}

TEST_F(ImportTest, AFullBookNamesItsLimitsAndWhatCanBeDone) {
  lb_.change([](FakeLb& lb) { lb.deny_next = Code::book_full; });
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 3);
  expect_message(said);
  EXPECT_NE(said.err.find("4,096 licenses, 256 of one product"), std::string::npos) << said.err;
  EXPECT_NE(said.err.find("--quantity"), std::string::npos) << said.err;
}

TEST_F(ImportTest, ConstituentsOfTwoLicensesAreRefusedBeforeTheyAreOrdered) {
  ASSERT_EQ(issue(dir_ + "/two.lic").code, 0);
  auto mixed = *seal::read_license_file(file());
  mixed.constituents[2] = seal::read_license_file(dir_ + "/two.lic")->constituents[2];
  const std::string path = dir_ + "/mixed.lic";
  ASSERT_TRUE(seal::write_license_file(path, mixed).has_value());
  const auto refused = [&] {
    const Said said = ask({"import", path});
    EXPECT_EQ(said.code, 3);
    expect_message(said);
    EXPECT_EQ(said.doc()["code"], "PROPERTIES_DIFFER");
    EXPECT_NE(said.err.find("constituent 3 differs from the first in its tmr id"), std::string::npos)
        << said.err;
    EXPECT_EQ(lb_.count(OpKind::import_constituent), 0U);
  };
  refused();  // no issuer is known here: read, not trusted
  trust_issuer();
  refused();
  write_config("", "issuers = [\"" + seal::text_of(seal::SigningKey::generate().public_key()) + "\"]\n");
  refused();
  mixed.constituents = {mixed.constituents[0], mixed.constituents[0]};
  ASSERT_TRUE(seal::write_license_file(path, mixed).has_value());
  EXPECT_EQ(ask({"import", path}).doc()["code"], "PROPERTIES_DIFFER") << "one of them twice";
  EXPECT_EQ(ask({"import", file()}).code, 0);
}

TEST_F(ImportTest, AnIssuerThatOnlyTheCellCanJudgeIsLeftToIt) {
  write_config("", "issuers = [\"" + seal::text_of(seal::SigningKey::generate().public_key()) + "\"]\n");
  lb_.change([&](FakeLb& l) {
    for (const std::string& jws : constituents()) {
      l.imports[jws] = Code::unknown_issuer;
    }
  });
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 3);
  EXPECT_EQ(said.doc()["code"], "UNKNOWN_ISSUER");
  EXPECT_EQ(lb_.count(OpKind::import_constituent), 3U);
}

TEST_F(ImportTest, WithoutQuorumItSaysWhatWasTaken) {
  lb_.change([](FakeLb& l) { l.refuse = Code::unavailable; });
  const Said said = ask({"import", file()});
  EXPECT_EQ(said.code, 4);
  EXPECT_NE(said.err.find("0 of 3 constituents were taken"), std::string::npos) << said.err;
}

}  // namespace
}  // namespace tercet::command
