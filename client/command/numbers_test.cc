// Numbers on the command line are decimal: 010 is neither eight nor ten, it is refused.

#include "client/command/command_rig.h"

namespace tercet::command {
namespace {

class NumbersTest : public CommandTest {};

TEST_F(NumbersTest, AreDecimalOrRefused) {
  lb_.start();
  const std::vector<std::vector<std::string>> verbs{
      {"checkout", "--firm", "1000", "--product", "7", "--tmr-id", "1"},
      {"run", "--firm", "1000", "--product", "7", "--tmr-id", "1", "--", "true"},
      {"bench", "--firm", "1000", "--product", "7", "--seconds", "100ms", "--clients", "1", "--outstanding",
       "1"},
      {"issue", "--issuer", dir_, "--request", "r", "--firm", "1", "--product", "1", "--quantity", "1",
       "--tmr-id", "1", "--units", "1", "-o", "f"},
      {"consume", std::string(32, 'a'), "--units", "1"},
  };
  unsigned numbers = 0;
  for (const auto& verb : verbs) {
    for (size_t i = 1; i < verb.size(); ++i) {
      if (verb[i].find_first_not_of("0123456789") != std::string::npos) {
        continue;
      }
      ++numbers;
      for (const std::string& wrong :
           {"0" + verb[i], "0x" + verb[i], "+" + verb[i], " " + verb[i], verb[i] + ".0", std::string("00")}) {
        auto words = verb;
        words[i] = wrong;
        const Said said = verb[0] == "issue" ? tercet(words) : ask(words, false);
        EXPECT_EQ(said.code, 2) << verb[0] << ' ' << verb[i - 1] << ' ' << wrong;
        expect_message(said);
        EXPECT_NE(said.err.find(verb[i - 1] + " = " + wrong + " is no number that fits there, in decimal"),
                  std::string::npos)
            << said.err;
      }
    }
  }
  EXPECT_EQ(numbers, 16U);
  EXPECT_EQ(lb_.count(OpKind::checkout), 0U);
  const Said hex = ask({"bench", "--seconds", "1", "--rate", "0x10"}, false);
  EXPECT_EQ(hex.code, 2);
  EXPECT_NE(hex.err.find("--rate = 0x10 is no number"), std::string::npos) << hex.err;
  EXPECT_EQ(ask({"checkout", "--firm", "1000", "--product", "7", "--tmr-id", "0"}).code, 0) << "0 is decimal";
}

}  // namespace
}  // namespace tercet::command
