// Every verb against a load balancer on loopback: exit codes, documents, messages.

#include "client/command/command_rig.h"
#include "wire/seal/license_file.h"

namespace tercet::command {
namespace {

TEST_F(CommandTest, CheckoutRenewLeaseReleaseGoTogether) {
  lb_.start();
  const Said out = ask({"checkout", "--firm", "1000", "--product", "7", "--lease", "30s", "--station", "s1"});
  ASSERT_EQ(out.code, 0) << out.err;
  const json seat = out.doc();
  const std::string handle = seat["handle"];
  EXPECT_EQ(handle.size(), 32U);
  EXPECT_EQ(seat["tmr_id"], 1);
  EXPECT_EQ(seat["firm_code"], 1000);
  EXPECT_EQ(seat["product_code"], 7);
  EXPECT_EQ(seat["seats_left"], 4);
  EXPECT_EQ(seat["lease_end"], "2023-11-14T22:13:50.000Z");

  const json leases = ask({"leases"}).doc()["leases"];
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0]["handle_prefix"], handle.substr(0, 8));
  EXPECT_EQ(leases[0]["station"], "s1");
  EXPECT_NE(leases[0]["user"], "");
  EXPECT_NE(leases[0]["host"], "");
  EXPECT_EQ(leases[0]["since"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(leases[0]["lease_end"], "2023-11-14T22:13:50.000Z");
  EXPECT_EQ(leases.dump().find(handle), std::string::npos);  // a listing never shows a whole handle

  // A process that did not make the handle goes on from its last request.
  for (int number = 2; number <= 3; ++number) {
    const Said renewed = ask({"renew", handle});
    ASSERT_EQ(renewed.code, 0) << renewed.err;
    EXPECT_EQ(renewed.doc()["request"], number);
    EXPECT_EQ(renewed.doc()["product_code"], 7);
    EXPECT_EQ(renewed.doc()["handle"], handle);
  }
  EXPECT_EQ(ask({"lease", handle}).doc()["last_request"], 3);
  EXPECT_EQ(ask({"release", handle}).code, 0);
  EXPECT_EQ(lb_.seats_held(), 0U);
  for (const char* verb : {"renew", "release", "lease"}) {
    const Said gone = ask({verb, handle});
    EXPECT_EQ(gone.code, 3) << verb;
    EXPECT_EQ(gone.doc()["code"], "UNKNOWN_HANDLE");
    expect_message(gone);
  }
}

TEST_F(CommandTest, DenialsHaveTheirCodeAndNumbers) {
  lb_.licenses[0].quantity = 2;
  lb_.start();
  check_out();
  check_out();
  const Said denied = ask({"checkout", "--firm", "1000", "--product", "7"});
  EXPECT_EQ(denied.code, 3);
  EXPECT_EQ(denied.doc()["code"], "NO_FREE_SEAT");
  EXPECT_EQ(denied.doc()["in_use"], 2);
  EXPECT_EQ(denied.doc()["quantity"], 2);
  expect_message(denied);
  EXPECT_NE(denied.err.find("NO_FREE_SEAT"), std::string::npos);
  EXPECT_NE(denied.err.find("2 of 2"), std::string::npos);
  EXPECT_EQ(ask({"checkout", "--firm", "1", "--product", "7"}).doc()["code"], "NO_SUCH_LICENSE");
  const Said people = ask({"checkout", "--firm", "1000", "--product", "7"}, false);
  EXPECT_EQ(people.code, 3);
  EXPECT_EQ(people.out, "");
}

TEST_F(CommandTest, EachDenialHasItsOwnNumbersAndNoOthers) {
  lb_.licenses[0].quantity = 3;
  lb_.start();
  check_out();
  const auto deny = [&](Code code, uint64_t features) {
    lb_.change([&](FakeLb& lb) {
      lb.deny_next = code;
      lb.deny_license = 0;
      lb.deny_features = features;
    });
    const Said said = ask({"checkout", "--firm", "1000", "--product", "7"});
    EXPECT_EQ(said.code, 3);
    expect_message(said);
    json numbers = said.doc();
    EXPECT_EQ(numbers["code"], name_of(code));
    numbers.erase("code");
    numbers.erase("message");
    return numbers;
  };
  json seats{{"tmr_id", 1}, {"in_use", 1}, {"quantity", 3}};
  const auto with = [&](const char* name, const json& value) {
    json all = seats;
    all[name] = value;
    return all;
  };
  EXPECT_EQ(deny(Code::expired, 1'700'000'000'000), with("valid_until", "2023-11-14T22:13:20.000Z"));
  EXPECT_EQ(deny(Code::not_yet_valid, 1'700'000'000'000), with("valid_from", "2023-11-14T22:13:20.000Z"));
  EXPECT_EQ(deny(Code::feature_not_licensed, 0x30), with("features_missing", "0000000000000030"));
  EXPECT_EQ(deny(Code::only_one_constituent, 0b010), with("constituents", {false, true, false}));
  EXPECT_EQ(deny(Code::no_free_seat, 0), seats);
  EXPECT_EQ(deny(Code::station_busy, 0), seats);
  EXPECT_EQ(deny(Code::usage_period_over, 1'700'000'000'000),
            with("usage_until", "2023-11-14T22:13:20.000Z"));
  EXPECT_EQ(deny(Code::no_units_left, 0), with("units_left", 0));
  EXPECT_EQ(deny(Code::bad_request, 0), json({{"tmr_id", 1}}));
  EXPECT_EQ(deny(Code::book_full, 0), json({{"tmr_id", 1}}));
  EXPECT_EQ(ask({"checkout", "--firm", "1", "--product", "7"}).doc().size(), 2U) << "code and message";
}

TEST_F(CommandTest, ALicenseThatIsNotValidYetShowsFromWhenItIs) {
  lb_.licenses[0].valid = false;
  lb_.licenses[0].valid_from_ms = 1'700'000'000'000;
  lb_.start();
  const Said all = ask({"licenses", "--all"}, false);
  EXPECT_NE(all.out.find("FROM"), std::string::npos) << all.out;
  EXPECT_NE(all.out.find("2023-11-14T22:13:20.000Z"), std::string::npos) << all.out;
}

TEST_F(CommandTest, ACallersOwnHandleIsKept) {
  lb_.start();
  const std::string handle = "00112233445566778899aabbccddeeff";
  EXPECT_EQ(ask({"checkout", "--firm", "1000", "--product", "7", "--handle", handle}).doc()["handle"],
            handle);
  // Asked again, it is the same request: the same seat.
  EXPECT_EQ(ask({"checkout", "--firm", "1000", "--product", "7", "--handle", handle}).code, 0);
  EXPECT_EQ(lb_.seats_held(), 1U);
}

constexpr const char* kOwnHandle = "00112233445566778899aabbccddeeff";

TEST_F(CommandTest, AHandleThatIsOverIsStaleHoweverItEnded) {
  lb_.start();
  const std::vector<std::string> mine{"checkout", "--firm", "1000", "--product", "7", "--handle", kOwnHandle};
  ASSERT_EQ(ask(mine).code, 0);
  lb_.forget_leases();  // it expired, and the book knows its grant
  const Said expired = ask(mine);
  EXPECT_EQ(expired.code, 3) << expired.out;
  EXPECT_EQ(expired.doc()["code"], "STALE");
  expect_message(expired);

  const std::string other = "ff112233445566778899aabbccddeeff";
  const std::vector<std::string> released{"checkout", "--firm", "1000", "--product", "7", "--handle", other};
  ASSERT_EQ(ask(released).code, 0);
  ASSERT_EQ(ask({"release", other}).code, 0);
  const Said again = ask(released);  // the book answers it what it told the release
  EXPECT_EQ(again.code, 3) << again.out;
  EXPECT_EQ(again.doc()["code"], "STALE");
  EXPECT_EQ(lb_.seats_held(), 0U);
}

TEST_F(CommandTest, AHandleThatWasRenewedShowsItsLastRequest) {
  lb_.start();
  const std::vector<std::string> mine{"checkout", "--firm", "1000", "--product", "7", "--handle", kOwnHandle};
  ASSERT_EQ(ask(mine).code, 0);
  ASSERT_EQ(ask({"renew", kOwnHandle, "--lease", "40s"}).code, 0);
  const Said again = ask(mine);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.doc()["request"], 2);
  EXPECT_EQ(again.doc()["lease_ms"], 40'000);
  EXPECT_EQ(lb_.seats_held(), 1U);
}

TEST_F(CommandTest, AHandleServesOnlyTheLicenseThatItHolds) {
  lb_.licenses.push_back({.firm = 1000, .product = 8, .tmr_id = 2});
  lb_.start();
  ASSERT_EQ(ask({"checkout", "--firm", "1000", "--product", "7", "--handle", kOwnHandle}).code, 0);
  for (const std::vector<std::string>& other :
       {std::vector<std::string>{"--firm", "1000", "--product", "8"},
        std::vector<std::string>{"--firm", "1001", "--product", "7"},
        std::vector<std::string>{"--firm", "1000", "--product", "7", "--tmr-id", "9"}}) {
    std::vector<std::string> words{"checkout", "--handle", kOwnHandle};
    words.insert(words.end(), other.begin(), other.end());
    const Said said = ask(words);
    EXPECT_EQ(said.code, 3) << said.out;
    EXPECT_EQ(said.doc()["code"], "STALE");
  }
  EXPECT_EQ(lb_.seats_held(), 1U);
}

TEST_F(CommandTest, ReleaseOfAnUnknownHandleIsOrderedSoThatALateCheckoutSeatsNobody) {
  lb_.start();
  for (int i = 0; i < 2; ++i) {
    const Said unknown = ask({"release", kOwnHandle});
    EXPECT_EQ(unknown.code, 3);
    EXPECT_EQ(unknown.doc()["code"], "UNKNOWN_HANDLE");
    expect_message(unknown);
  }
  EXPECT_EQ(lb_.count(OpKind::release), 1U);  // the second is a repeat of the first
  EXPECT_GT(lb_.last_request(*client::parse_handle(kOwnHandle)), 0U);
  const Said late = ask({"checkout", "--firm", "1000", "--product", "7", "--handle", kOwnHandle});
  EXPECT_EQ(late.code, 3) << late.out;
  EXPECT_EQ(late.doc()["code"], "STALE");
  EXPECT_EQ(lb_.seats_held(), 0U);
}

TEST_F(CommandTest, ATextThatIsNoUtf8IsAUsageError) {
  lb_.start();
  const Said said = ask({"checkout", "--firm", "1000", "--product", "7", "--station", "\xFF\xFE"});
  EXPECT_EQ(said.code, 2);
  expect_message(said);
  EXPECT_EQ(lb_.seats_held(), 0U);
  const Said leases = ask({"leases"});
  EXPECT_EQ(leases.code, 0) << leases.err;
  EXPECT_TRUE(leases.doc()["leases"].empty());
}

TEST_F(CommandTest, UnavailableIsExitFourWithinASecondAndSaysNoQuorum) {
  lb_.refuse = Code::unavailable;
  lb_.start();
  const auto before = client::boot_now();
  const Said said = ask({"checkout", "--firm", "1000", "--product", "7", "--timeout", "10s"});
  EXPECT_LT(client::boot_now() - before, seconds(2));
  EXPECT_EQ(said.code, 4);
  EXPECT_EQ(said.doc()["code"], "UNAVAILABLE");
  EXPECT_EQ(said.doc()["outcome_unknown"], true);
  EXPECT_LT(said.doc()["first_unavailable_ms"].get<double>(), 1'000.0);
  EXPECT_NE(said.err.find("no quorum"), std::string::npos) << said.err;
  EXPECT_NE(said.err.find("outcome of this request is unknown"), std::string::npos);
  const Said read = ask({"licenses"});
  EXPECT_EQ(read.code, 4);
  EXPECT_EQ(read.doc()["outcome_unknown"], false);
}

TEST_F(CommandTest, SilenceIsExitFourAndSaysNoAnswer) {
  lb_.silent = true;
  lb_.start();
  const Said said = ask({"licenses", "--timeout", "100ms"});
  EXPECT_EQ(said.code, 4);
  EXPECT_EQ(said.doc()["code"], "NO_ANSWER");
  EXPECT_NE(said.err.find("no answer"), std::string::npos) << said.err;
  expect_message(said);
}

TEST_F(CommandTest, ListsForPeopleAndForScripts) {
  lb_.licenses.push_back({.product = 8, .tmr_id = 2, .name = "old", .valid = false});
  lb_.start();
  const json valid = ask({"licenses"}).doc()["licenses"];
  ASSERT_EQ(valid.size(), 1U);
  EXPECT_EQ(valid[0]["name"], "CAD");
  EXPECT_EQ(valid[0]["mode"], "user-limit");
  EXPECT_EQ(valid[0]["quantity"], 5);
  EXPECT_EQ(valid[0]["in_use"], 0);
  EXPECT_EQ(valid[0]["constituents"], json({true, true, true}));
  EXPECT_EQ(valid[0]["valid"], true);
  EXPECT_TRUE(valid[0]["valid_until"].is_null());
  EXPECT_EQ(ask({"licenses", "--all"}).doc()["licenses"].size(), 2U);
  const Said table = ask({"licenses", "--all"}, false);
  EXPECT_NE(table.out.find("CAD"), std::string::npos);
  EXPECT_NE(table.out.find("*--"), std::string::npos);

  const json containers = ask({"containers"}).doc()["containers"];
  ASSERT_EQ(containers.size(), 1U);
  EXPECT_EQ(containers[0]["serial"], "131-1234567890");
  EXPECT_EQ(containers[0]["activation_id"], "0123-4567-89ab-cdef");
  EXPECT_EQ(containers[0]["licenses"], 2);
  EXPECT_EQ(ask({"containers", "--all"}).doc()["containers"].size(), 4U);
  EXPECT_NE(ask({"leases"}, false).out.find("nobody"), std::string::npos);
}

TEST_F(CommandTest, StatusIsTheServersDocument) {
  lb_.start();
  const Said said = ask({"status"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc(), json::parse(lb_.status));
  const Said people = ask({"status"}, false);
  EXPECT_NE(people.out.find("active lb1, epoch 4, commit 9, serving"), std::string::npos) << people.out;
}

TEST_F(CommandTest, StatusShowsThePollingThreads) {
  lb_.status =
      R"({"active":"lb1","epoch":4,"serving":true,"lbs":[],"backends":[],"threads":[
          {"name":"steer0","busy":0.925,"burst_mean":12.5,"burst_max":88,"longest_turn_us":310,
           "link_up":{"waiting":3,"waiting_max":512,"capacity":4096,"drops":0},
           "link_down":{"waiting":0,"waiting_max":9,"capacity":4096,"drops":0}},
          {"name":"quorum","busy":"much","burst_mean":30.1,"burst_max":256,"longest_turn_us":90,"link_up":7}]})";
  lb_.start();
  EXPECT_EQ(ask({"status"}).doc()["threads"].size(), 2U);
  const std::string shown = ask({"status"}, false).out;
  EXPECT_NE(shown.find("THREAD  BUSY %"), std::string::npos) << shown;
  EXPECT_NE(shown.find("3 (512) of 4096"), std::string::npos) << shown;
  EXPECT_NE(shown.find("steer0  93"), std::string::npos) << shown;
  EXPECT_NE(shown.find("quorum  -"), std::string::npos)
      << "what is not a number is not shown as one: " << shown;
}

TEST_F(CommandTest, StatusShowsWhatTheBackendsSaidWhileNobodyIsActive) {
  lb_.status = R"({"active":null,"epoch":9,"serving":false,"lbs":[],"backends":[
      {"name":"b1","slot":1,"state":"voting","seq":120,"lag":0,"container":"here","constituents":null},
      {"name":"b2","slot":2,"state":"amnesiac","seq":0,"lag":120,"container":"gone","constituents":null}]})";
  lb_.start();
  const std::string shown = ask({"status"}, false).out;
  EXPECT_NE(shown.find("no load balancer is active"), std::string::npos) << shown;
  EXPECT_NE(shown.find("What the backends last said of themselves"), std::string::npos) << shown;
  EXPECT_NE(shown.find("b2       2     amnesiac"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("standby's view"), std::string::npos) << shown;
}

TEST_F(CommandTest, StatusAsksTheLoadBalancersWhenTheVirtualIpIsSilent) {
  // Not started: the virtual IP is dark. Of two LBs the one that serves knows more.
  FakeLb standby(ServerId::lb2, &lb_.keys);
  standby.status = R"({"active":null,"epoch":9,"serving":false,"lbs":[],"backends":[]})";
  standby.start();
  FakeLb active(ServerId::lb1, &lb_.keys);
  active.start();
  write_config("lbs = [\"" + to_string(standby.endpoint) + "\", \"" + to_string(active.endpoint) + "\"]\n");
  const Said said = ask({"status", "--timeout", "2s"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["active"], "lb1");
  EXPECT_EQ(said.doc()["answered_by"], to_string(active.endpoint));
  EXPECT_NE(said.err.find("virtual IP does not answer"), std::string::npos);
  active.stop();
  EXPECT_EQ(ask({"status", "--timeout", "1s"}).doc()["epoch"], 9);
  standby.stop();
  EXPECT_EQ(ask({"status", "--timeout", "200ms"}).code, 4);
}

TEST_F(CommandTest, FailoversMergesTheReceiptsThatEachLoadBalancerKeeps) {
  EXPECT_EQ(ask({"failovers"}).code, 2) << "a configuration without lbs";
  FakeLb one(ServerId::lb1, &lb_.keys);
  one.status =
      R"({"failovers":[{"at":"2026-11-25T03:00:00Z","cause":"killed","gap_ms":18,"epoch_before":7,"epoch_after":10},
                                {"at":"2026-11-25T01:00:00Z","cause":"first_start","gap_ms":0,"epoch_before":0,"epoch_after":4}]})";
  one.start();
  FakeLb two(ServerId::lb2, &lb_.keys);
  two.status =
      R"({"failovers":[{"at":"2026-11-25T02:00:00Z","cause":"silence","gap_ms":35,"epoch_before":4,"epoch_after":7}]})";
  two.start();
  write_config("lbs = [\"" + to_string(one.endpoint) + "\", \"" + to_string(two.endpoint) + "\"]\n");
  const Said said = ask({"failovers", "--timeout", "2s"});
  EXPECT_EQ(said.code, 0) << said.err;
  const json list = said.doc()["failovers"];
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0]["epoch_after"], 10) << "the newest first";
  EXPECT_EQ(list[1]["cause"], "silence");
  EXPECT_EQ(list[2]["epoch_after"], 4);
  EXPECT_NE(ask({"failovers", "--timeout", "2s"}, false).out.find("silence"), std::string::npos);
  two.stop();
  const Said half = ask({"failovers", "--timeout", "1s"});
  EXPECT_EQ(half.code, 0);
  EXPECT_EQ(half.doc()["failovers"].size(), 2U);
  EXPECT_NE(half.err.find("1 of 2"), std::string::npos) << half.err;
  one.stop();
  EXPECT_EQ(ask({"failovers", "--timeout", "200ms"}).code, 4);
}

TEST_F(CommandTest, AStatusThatIsNoJsonIsAnInternalError) {
  lb_.status = "{\"active\":";
  lb_.start();
  const Said said = ask({"status"});
  EXPECT_EQ(said.code, 1);
  expect_message(said);
}

TEST_F(CommandTest, UsageErrorsAreExitTwoWithWhatToDo) {
  ASSERT_TRUE(write_file_durably(dir_ + "/long.lic", std::string(1 << 20, 'x')).has_value());
  const std::vector<std::vector<std::string>> wrong{
      {"chekout"},
      {"cell", "inti"},
      {"checkout"},
      {"checkout", "--firm", "x", "--product", "7"},
      {"checkout", "--firm", "-1", "--product", "7"},
      {"checkout", "--firm", "1", "--product", "7", "--lease", "soon"},
      {"checkout", "--firm", "1", "--product", "7", "--lease", "100ms"},
      {"checkout", "--firm", "1", "--product", "7", "--lease", "25h"},
      {"checkout", "--firm", "1", "--product", "7", "--features", "xyz"},
      {"checkout", "--firm", "1", "--product", "7", "--handle", "12"},
      {"renew", "nothex"},
      {"licenses", "--timeout", "5"},
      {"licenses", "--config", "/nonexistent.toml"},
      {"bench", "--mix", "1:2"},
      {"bench", "--firm", "1"},
      {"bench", "--clients", "0"},
      {"bench", "--seconds", "x"},
      {"import", "/nonexistent.lic"},
      {"import", "/tmp"},
      {"import", dir_ + "/long.lic"},
      {"run", "--firm", "1", "--product", "2"},
      {"issue", "--issuer", "/nonexistent", "--request", "r", "--firm", "1", "--product", "1", "--quantity",
       "1", "-o", "f"},
  };
  for (const auto& arguments : wrong) {
    std::vector<std::string> full = arguments;
    const bool cell = arguments[0] != "issue" && arguments[0] != "cell" && arguments[0] != "chekout" &&
                      std::find(arguments.begin(), arguments.end(), "--config") == arguments.end();
    if (cell) {
      full.insert(full.end(), {"--config", config_});
    }
    const Said said = tercet(full);
    std::string shown;
    for (const std::string& word : arguments) {
      shown += word + " ";
    }
    EXPECT_EQ(said.code, 2) << shown << said.err;
    EXPECT_EQ(said.out, "") << shown;
    expect_message(said);
  }
  const Said bare = tercet({});
  EXPECT_EQ(bare.code, 2);
  EXPECT_EQ(bare.err, "tercet: no verb is given: see tercet --help\n");
  EXPECT_EQ(bare.out, "");
  EXPECT_NE(tercet({"checkout", "--firm", "-1", "--product", "7"}).err.find("--firm = -1 is no number"),
            std::string::npos);
  EXPECT_NE(tercet({"chekout"}).err.find("did you mean tercet checkout?"), std::string::npos);
  EXPECT_NE(tercet({"cell", "inti"}).err.find("did you mean tercet cell init?"), std::string::npos);
}

TEST_F(CommandTest, FilesThatAreNoJsonAreNamedWithWhatToDo) {
  const auto spoil = [&](const std::string& name) {
    const std::string path = dir_ + "/" + name;
    std::filesystem::remove(path);
    EXPECT_TRUE(write_file_durably(path, "no JSON", 0600).has_value());
    return path;
  };
  Said said = tercet({"import", spoil("spoilt.lic"), "--config", config_});
  EXPECT_EQ(said.code, 3);
  EXPECT_NE(said.err.find("not JSON, or cut off: get the file anew"), std::string::npos) << said.err;
  const std::string request = spoil("spoilt.request");
  std::filesystem::create_directory(dir_ + "/issuer");
  const std::vector<std::string> issue{
      "issue",     "--issuer", dir_ + "/issuer", "--request", request, "--firm", "1",
      "--product", "1",        "--quantity",     "1",         "-o",    "f"};
  spoil("issuer/issuer.key");
  said = tercet(issue);
  EXPECT_EQ(said.code, 2);
  EXPECT_NE(said.err.find("issuer.key: not JSON, or cut off: "), std::string::npos) << said.err;
  std::filesystem::remove_all(dir_ + "/issuer");
  said = tercet(issue);
  EXPECT_NE(said.err.find("/issuer: is no issuer's folder: make one with tercet issuer init"),
            std::string::npos)
      << said.err;
  ASSERT_EQ(tercet({"issuer", "init", dir_ + "/issuer"}).code, 0);
  said = tercet(issue);
  EXPECT_NE(said.err.find("spoilt.request: "), std::string::npos) << said.err;
  EXPECT_NE(said.err.find("not JSON, or cut off: "), std::string::npos) << said.err;
  spoil("client.key");
  said = ask({"licenses"});
  EXPECT_EQ(said.code, 2);
  EXPECT_NE(said.err.find("client.key: not JSON, or cut off: "), std::string::npos) << said.err;
}

TEST_F(CommandTest, HelpIsThereForEveryVerb) {
  for (const char* verb :
       {"import", "licenses", "containers", "leases", "lease", "status", "failovers", "checkout", "renew",
        "release", "consume", "usage", "run", "bench", "issue", "cell", "issuer", "container"}) {
    const Said said = tercet({verb, "--help"});
    EXPECT_EQ(said.code, 0) << verb;
    EXPECT_NE(said.out.find("Usage"), std::string::npos) << verb;
    EXPECT_EQ(said.err, "") << verb;
  }
  EXPECT_EQ(tercet({"--version"}).code, 0);
}

TEST_F(CommandTest, AnUnknownKeyInTheConfigurationIsNamed) {
  write_config("timeot = \"5s\"\n");
  const Said said = ask({"licenses"});
  EXPECT_EQ(said.code, 2);
  EXPECT_NE(said.err.find("client.toml:6: unknown key \"client.timeot\": did you mean \"client.timeout\"?"),
            std::string::npos)
      << said.err;
}

TEST_F(CommandTest, AnIssuersKeyThatIsNoneIsShownWithWhatToDo) {
  write_config("", "issuers = [\"abc\"]\n");
  const Said said = ask({"licenses"});
  EXPECT_EQ(said.code, 2);
  expect_message(said);
  EXPECT_NE(said.err.find("\"abc\" is no public key of 43 characters in base64url: copy it whole"),
            std::string::npos)
      << said.err;
}

TEST_F(CommandTest, AKeyFileThatOthersCanReadIsRefused) {
  std::filesystem::permissions(dir_ + "/client.key", std::filesystem::perms(0640));
  const Said said = ask({"licenses"});
  EXPECT_EQ(said.code, 2);
  EXPECT_NE(said.err.find("client.key"), std::string::npos) << said.err;
}

TEST_F(CommandTest, TheConfigurationIsFoundByTheEnvironment) {
  lb_.start();
  ASSERT_EQ(::setenv("TERCET_CONFIG", config_.c_str(), 1), 0);
  const Said said = tercet({"licenses", "--json"});
  ::unsetenv("TERCET_CONFIG");
  EXPECT_EQ(said.code, 0) << said.err;
}

TEST_F(CommandTest, RunHoldsASeatAroundACommand) {
  lb_.start();
  const std::string mark = dir_ + "/mark";
  const Said said =
      ask({"run", "--firm", "1000", "--product", "7", "--", "sh", "-c", "echo held > " + mark + "; exit 7"});
  EXPECT_EQ(said.code, 7) << said.err;
  EXPECT_EQ(*read_file(mark), "held\n");
  EXPECT_EQ(lb_.count(OpKind::checkout), 1U);
  EXPECT_EQ(lb_.count(OpKind::release), 1U);
  EXPECT_EQ(lb_.seats_held(), 0U);
}

TEST_F(CommandTest, RunRenewsWhileTheCommandRuns) {
  lb_.start();
  EXPECT_EQ(ask({"run", "--firm", "1000", "--product", "7", "--lease", "1s", "--", "sleep", "1.3"}).code, 0);
  EXPECT_GE(lb_.count(OpKind::renew), 2U);
}

TEST_F(CommandTest, RunStartsNothingWithoutASeat) {
  lb_.licenses[0].quantity = 0;
  lb_.start();
  const std::string mark = dir_ + "/mark";
  const Said said = ask({"run", "--firm", "1000", "--product", "7", "--", "touch", mark});
  EXPECT_EQ(said.code, 3);
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST_F(CommandTest, RunOfNoCommandGivesTheSeatBack) {
  lb_.start();
  const Said said = ask({"run", "--firm", "1000", "--product", "7", "--", dir_ + "/no-such-command"});
  EXPECT_EQ(said.code, 127);
  expect_message(said);
  EXPECT_EQ(lb_.seats_held(), 0U);
}

TEST_F(CommandTest, RunEndsTheCommandWhenTheSeatIsLostForGood) {
  lb_.start();
  std::thread thief([&] {
    while (lb_.seats_held() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    lb_.forget_leases();
  });
  const auto before = client::boot_now();
  const Said said = ask({"run", "--firm", "1000", "--product", "7", "--lease", "1s", "--", "sleep", "30"});
  thief.join();
  EXPECT_EQ(said.code, 128 + SIGTERM);
  EXPECT_LT(client::boot_now() - before, seconds(5));
  EXPECT_NE(said.err.find("the seat is lost for good (UNKNOWN_HANDLE"), std::string::npos) << said.err;
}

TEST_F(CommandTest, WhatIsNeededIsNotEmpty) {
  const std::vector<std::vector<std::string>> without{
      {"cell", "init", "", "--interface", "no name"},  // a build that takes "" writes nothing into / either
      {"cell", "init", dir_ + "/odd", "--issuer", ""},
      {"issuer", "init", ""},
      {"container", "init", "--config", ""},
      {"import", "", "--config", config_},
      {"release", "", "--config", config_},
      {"issue", "--issuer", "", "--request", "r", "--firm", "1", "--product", "1", "-o", "f"},
      {"issue", "--issuer", dir_, "--request", "", "--firm", "1", "--product", "1", "-o", "f"},
      {"issue", "--issuer", dir_, "--request", "r", "--firm", "1", "--product", "1", "-o", ""},
  };
  for (const auto& words : without) {
    const Said said = tercet(words);
    EXPECT_EQ(said.code, 2) << words[0] << ' ' << words[1];
    expect_message(said);
    EXPECT_EQ(said.err.find(": :"), std::string::npos) << said.err;
    EXPECT_NE(said.err.find("is empty"), std::string::npos) << said.err;
  }
  lb_.start();
  EXPECT_EQ(ask({"run", "--firm", "1000", "--product", "7", "--", "sh", "-c", "", ""}).code, 0)
      << "the command's own arguments may be";
}

TEST_F(CommandTest, AFullBookNamesItsLimitsAndWhatCanBeDone) {
  lb_.start();
  const auto deny = [&] { lb_.change([](FakeLb& lb) { lb.deny_next = Code::book_full; }); };
  deny();
  const Said seat = ask({"checkout", "--firm", "1000", "--product", "7"});
  EXPECT_EQ(seat.code, 3);
  expect_message(seat);
  EXPECT_NE(seat.err.find("1,000,000 leases"), std::string::npos) << seat.err;
  EXPECT_EQ(seat.err.find("remove"), std::string::npos) << seat.err;
}

TEST_F(CommandTest, CellInitRefusesWhatIsNoInterface) {
  for (const char* name :
       {"a\nb", "eth 0", "eth/0", "eth:0", "a\"b", "a\\b", ".", "..", "0123456789abcdef"}) {
    const Said said = tercet({"cell", "init", dir_ + "/odd", "--interface", name});
    EXPECT_EQ(said.code, 2) << name;
    expect_message(said);
  }
  EXPECT_FALSE(read_file(dir_ + "/odd/lb1/lb1.toml"));
  EXPECT_EQ(tercet({"cell", "init", dir_ + "/fine", "--interface", "eth0.100", "--aead",
                    name_of(FakeLb::algorithm())})
                .code,
            0);
}

TEST_F(CommandTest, BenchRefusesARateThatIsNone) {
  lb_.start();
  for (const char* rate : {"0", "-1", "1e8", "nan", "fast"}) {
    const Said said = ask({"bench", "--seconds", "1", "--rate", rate});
    EXPECT_EQ(said.code, 2) << rate;
    expect_message(said);
  }
}

TEST_F(CommandTest, BenchReportsWhatScriptsRelyOn) {
  lb_.licenses[0].quantity = 3;
  lb_.start();
  const Said said = ask({"bench", "--seconds", "1", "--clients", "2", "--outstanding", "4", "--mix",
                         "2:2:1:1", "--record", dir_ + "/record.jsonl", "--progress"});
  ASSERT_EQ(said.code, 0) << said.err;
  const json report = said.doc();
  EXPECT_GT(report["requests"], 10);
  EXPECT_GT(report["rate"], 10);
  EXPECT_TRUE(report["errors"].is_object());
  EXPECT_TRUE(report["errors"].empty());
  EXPECT_GT(report["denied"]["NO_FREE_SEAT"], 0);
  for (const char* name : {"p50", "p90", "p99", "p99_9", "max", "samples"}) {
    EXPECT_GT(report["latency_us"][name], 0) << name;
  }
  EXPECT_TRUE(report["longest_silence_ms"].is_number());
  EXPECT_TRUE(report["retransmissions"].is_number());
  EXPECT_NEAR(report["seconds"].get<double>(), 1.0, 0.2);
  EXPECT_NE(said.err.find("bench    1 s"), std::string::npos) << said.err;
  std::ifstream record(dir_ + "/record.jsonl");
  std::string line;
  ASSERT_TRUE(std::getline(record, line));
  const json first = json::parse(line);
  for (const char* name : {"op", "handle", "outcome", "code", "sent_ns", "answered_ns", "held_until_ns"}) {
    EXPECT_TRUE(first.contains(name)) << name;
  }
  EXPECT_EQ(lb_.seats_held(), 0U);
  EXPECT_NE(ask({"bench", "--seconds", "200ms"}, false).out.find("latency"), std::string::npos);
}

TEST_F(CommandTest, BenchOnACellWithoutQuorumSaysNoQuorum) {
  lb_.refuse_hello = Code::unavailable;
  lb_.start();
  const Said said = ask({"bench", "--firm", "1000", "--product", "7", "--timeout", "10s"});
  EXPECT_EQ(said.code, 4);
  EXPECT_EQ(said.doc()["code"], "UNAVAILABLE");
  EXPECT_NE(said.err.find("no quorum"), std::string::npos) << said.err;
  expect_message(said);
}

TEST_F(CommandTest, BenchWithoutALicenseOrACellSaysSo) {
  lb_.licenses.clear();
  lb_.start();
  EXPECT_EQ(ask({"bench", "--seconds", "1"}).doc()["code"], "NO_SUCH_LICENSE");
  lb_.stop();
  const Said said = ask({"bench", "--seconds", "1", "--firm", "1", "--product", "1", "--timeout", "200ms"});
  EXPECT_EQ(said.code, 4);
  expect_message(said);
}

}  // namespace
}  // namespace tercet::command
