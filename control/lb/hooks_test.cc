#include "control/lb/hooks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>

namespace tercet::control {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Hooks, RunInOrderAndKnowWhatHappened) {
  char name[] = "/tmp/tercet-hooks.XXXXXX";
  close(mkstemp(name));
  const std::string path = name;
  const std::string line = "echo $TERCET_STATE $TERCET_EPOCH $TERCET_CAUSE >> " + path;
  Hooks hooks("sleep 0.05; " + line, line);
  hooks.transition(true, Epoch{13}, "killed");
  hooks.transition(false, Epoch{13}, "higher_epoch");
  const std::string expected = "active 13 killed\nstandby 13 higher_epoch\n";
  const timespec pause{0, 5'000'000};
  for (int i = 0; i < 1'000 && read_all(path) != expected; ++i) {
    hooks.turn();
    nanosleep(&pause, nullptr);
  }
  EXPECT_EQ(read_all(path), expected);
  unlink(name);
}

TEST(Hooks, WithoutACommandNothingRuns) {
  Hooks hooks("", "");
  hooks.transition(true, Epoch{13}, "killed");
  hooks.turn();
  SUCCEED();
}

}  // namespace
}  // namespace tercet::control
