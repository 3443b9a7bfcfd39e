// import: a license file into the cell, constituent by constituent.

#include "client/command/command_rig.h"
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
    issue_ = {"issue", "--issuer", dir_ + "/issuer", "--firm", "1000", "--product", "7", "--quantity", "5",
              "-o",    file()};
    for (const char* backend : {"b1", "b2", "b3"}) {
      const std::string config = dir_ + "/cell/" + backend + "/" + backend + ".toml";
      ASSERT_EQ(tercet({"container", "init", "--config", config}).code, 0);
      const Said request = tercet({"container", "request", "--config", config});
      ASSERT_EQ(request.code, 0) << request.err;
      const std::string path = dir_ + "/" + backend + ".request";
      ASSERT_TRUE(write_file_durably(path, request.out).has_value());
      issue_.insert(issue_.end(), {"--request", path});
    }
    const Said issued = tercet(issue_);
    ASSERT_EQ(issued.code, 0) << issued.err;
    lb_.start();
  }
  std::string file() const { return dir_ + "/one.lic"; }
  std::vector<std::string> constituents() const { return seal::read_license_file(file())->constituents; }
  void trust_issuer() {
    const json pub = json::parse(*read_file(dir_ + "/issuer/issuer.pub"));
    write_config("", "issuers = [\"" + pub["public_key"].get<std::string>() + "\"]\n");
  }
  std::vector<std::string> issue_;
};

TEST_F(ImportTest, IssueSaysItsTmrIdInJson) {
  issue_.insert(issue_.end(),
                {"--json", "--features", "0xff", "--valid-until", "2030-01-01", "--name", "CAD"});
  const Said said = tercet(issue_);
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["tmr_id"], 2);
  EXPECT_EQ(said.doc()["features"], "00000000000000ff");
  EXPECT_EQ(said.doc()["valid_until"], "2030-01-01T00:00:00.000Z");
}

TEST_F(ImportTest, IssueRefusesWhatIsNotServedYet) {
  for (const char* mode : {"exclusive", "station-share", "nonsense"}) {
    auto arguments = issue_;
    arguments.insert(arguments.end(), {"--mode", mode});
    const Said said = tercet(arguments);
    EXPECT_EQ(said.code, 2) << mode;
    expect_message(said);
  }
  issue_.insert(issue_.end(), {"--valid-from", "2030-01-01", "--valid-until", "2029-01-01"});
  EXPECT_EQ(tercet(issue_).code, 2);
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
