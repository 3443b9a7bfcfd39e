// A checkout that nobody answered may hold a seat for its whole lease: its handle is what gives it back, so
// it is shown whenever it may stand for a seat.

#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>

#include "client/command/command_rig.h"

namespace tercet::command {
namespace {

class UnknownOutcomeTest : public CommandTest {
 protected:
  void SetUp() override {
    CommandTest::SetUp();
    lb_.start();
  }
  void lose_answers(bool lose) {
    lb_.change([lose](FakeLb& lb) { lb.lose_answers = lose; });
  }
  const std::vector<std::string> checkout_{"checkout", "--firm", "1000",      "--product", "7",
                                           "--lease",  "12h",    "--timeout", "300ms"};
};

TEST_F(UnknownOutcomeTest, TheHandleIsShownAndReleaseGivesTheSeatBack) {
  lose_answers(true);
  const Said said = ask(checkout_);
  EXPECT_EQ(said.code, 4);
  expect_message(said);
  EXPECT_EQ(said.doc()["outcome_unknown"], true);
  const std::string handle = said.doc().value("handle", "");
  EXPECT_EQ(handle.size(), 32U) << said.out;
  EXPECT_NE(said.err.find("tercet release " + handle), std::string::npos) << said.err;
  EXPECT_EQ(said.doc()["message"], said.err.substr(8, said.err.size() - 9));
  const Said people = ask(checkout_, false);
  EXPECT_NE(people.err.find("tercet release "), std::string::npos) << people.err;
  ASSERT_EQ(lb_.seats_held(), 2U);
  lose_answers(false);
  EXPECT_EQ(ask({"release", handle}).code, 0);
  EXPECT_EQ(lb_.seats_held(), 1U);
}

TEST_F(UnknownOutcomeTest, TheSameCheckoutAgainIsTheSameSeat) {
  lose_answers(true);
  const std::string handle = ask(checkout_).doc().value("handle", "");
  lose_answers(false);
  auto again = checkout_;
  again.insert(again.end(), {"--handle", handle});
  const Said said = ask(again);
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["request"], 1);
  EXPECT_EQ(lb_.seats_held(), 1U);
}

TEST_F(UnknownOutcomeTest, AHandleOfOnesOwnIsShownToo) {
  lose_answers(true);
  auto own = checkout_;
  own.insert(own.end(), {"--handle", "00112233445566778899aabbccddeeff"});
  const Said said = ask(own);
  EXPECT_EQ(said.code, 4);
  EXPECT_EQ(said.doc().value("handle", ""), "00112233445566778899aabbccddeeff");
}

TEST_F(UnknownOutcomeTest, WhereOnlyAHelloWasRefusedNothingIsUnknown) {
  for (const Code code : {Code::unavailable, Code::not_active}) {
    lb_.change([code](FakeLb& lb) { lb.refuse_hello = code; });
    const Said said = ask(checkout_);
    EXPECT_EQ(said.code, 4);
    expect_message(said);
    EXPECT_EQ(said.doc()["outcome_unknown"], false) << said.out;
    EXPECT_FALSE(said.doc().contains("handle"));
    EXPECT_EQ(said.err.find("unknown"), std::string::npos) << said.err;
    EXPECT_EQ(said.err.find("release"), std::string::npos) << said.err;
  }
  EXPECT_EQ(lb_.count(OpKind::checkout), 0U);
  lb_.change([](FakeLb& lb) { lb.silent = true; });
  EXPECT_EQ(ask(checkout_).doc()["outcome_unknown"], false);
}

TEST_F(UnknownOutcomeTest, RunGivesBackWhatItMayHaveBeenGranted) {
  // Its answers are lost until the release comes.
  lb_.change([](FakeLb& lb) { lb.lose_checkouts = true; });
  const std::string mark = dir_ + "/mark";
  const Said said =
      ask({"run", "--firm", "1000", "--product", "7", "--timeout", "300ms", "--", "touch", mark});
  EXPECT_EQ(said.code, 4);
  expect_message(said);
  EXPECT_FALSE(std::filesystem::exists(mark));
  EXPECT_EQ(lb_.count(OpKind::checkout), 1U);
  EXPECT_EQ(lb_.count(OpKind::release), 1U);
  EXPECT_EQ(lb_.seats_held(), 0U);
  EXPECT_EQ(said.doc()["outcome_unknown"], false) << said.out;
  EXPECT_NE(said.err.find("given back"), std::string::npos) << said.err;
}

TEST_F(UnknownOutcomeTest, RunNamesTheHandleThatItCouldNotGiveBack) {
  lose_answers(true);
  const Said said = ask({"run", "--firm", "1000", "--product", "7", "--timeout", "300ms", "--", "true"});
  EXPECT_EQ(said.code, 4);
  expect_message(said);
  const std::string handle = said.doc().value("handle", "");
  EXPECT_NE(said.err.find("tercet release " + handle), std::string::npos) << said.err;
  EXPECT_EQ(handle.size(), 32U);
}

/// The checkout's output, as a shell gives it to us.
Said check_out_to(std::ostream& out, const std::string& config) {
  std::ostringstream err;
  Said said;
  said.code = run_command(
      {"checkout", "--firm", "1000", "--product", "7", "--timeout", "300ms", "--config", config}, out, err);
  said.err = err.str();
  return said;
}

TEST_F(UnknownOutcomeTest, ASeatWhoseHandleCannotBePrintedIsGivenBack) {
  std::ofstream full("/dev/full");
  const Said said = check_out_to(full, config_);
  EXPECT_EQ(said.code, 1);
  expect_message(said);
  EXPECT_EQ(lb_.count(OpKind::checkout), 1U);
  EXPECT_EQ(lb_.seats_held(), 0U);
  EXPECT_NE(said.err.find("was given back"), std::string::npos) << said.err;
}

TEST_F(UnknownOutcomeTest, AHandleThatCannotBePrintedNorReleasedIsOnStderr) {
  lb_.change([](FakeLb& lb) { lb.lose_releases = true; });
  std::ofstream full("/dev/full");
  const Said said = check_out_to(full, config_);
  EXPECT_EQ(said.code, 1);
  expect_message(said);
  const size_t at = said.err.find("tercet release ");
  ASSERT_NE(at, std::string::npos) << said.err;
  EXPECT_TRUE(client::parse_handle(said.err.substr(at + 15, 32)).has_value()) << said.err;
}

TEST(StandardDescriptors, OnesThatAreClosedAreNotTakenBySockets) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(STDIN_FILENO);
    ::close(STDOUT_FILENO);
    keep_standard_descriptors();
    const int next = ::socket(AF_INET, SOCK_DGRAM, 0);
    const bool good = next > STDERR_FILENO && ::write(STDOUT_FILENO, "x", 1) < 0 && errno == EBADF;
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tercet::command
