#include "control/lb/hooks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
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

/// A file that is gone with its owner.
class Path {
 public:
  Path() { close(mkstemp(name_)); }
  ~Path() { unlink(name_); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  [[nodiscard]] std::string text() const { return read_all(name_); }
  [[nodiscard]] std::string str() const { return name_; }

 private:
  char name_[32] = "/tmp/tercet-hooks.XXXXXX";
};

double seconds_of(const std::function<void()>& what) {
  const auto before = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

TEST(Hooks, BeginSaysStandbyForAFormerLife) {
  const Path path;
  Hooks hooks("", "echo $TERCET_STATE $TERCET_EPOCH $TERCET_CAUSE > " + path.str());
  hooks.begin();
  hooks.finish();
  EXPECT_EQ(path.text(), "standby 0 start\n");
}

TEST(Hooks, AtTheEndAllThatWaitedRuns) {
  const Path path;
  const std::string line = "echo $TERCET_STATE $TERCET_CAUSE >> " + path.str();
  Hooks hooks("sleep 0.3; " + line, line);
  hooks.transition(true, Epoch{13}, "killed");
  hooks.transition(false, Epoch{13}, "stopped");
  EXPECT_LT(seconds_of([&] { hooks.finish(); }), 2);
  EXPECT_EQ(path.text(), "active killed\nstandby stopped\n");
}

TEST(Hooks, AtTheEndOneThatHangsIsStoppedWithAllThatItStartedAndTheNextRuns) {
  const Path path;
  Hooks hooks("sleep 61.25 & sleep 61.25; true", "echo $TERCET_STATE > " + path.str());
  hooks.transition(true, Epoch{13}, "killed");
  hooks.transition(false, Epoch{13}, "stopped");
  const double took = seconds_of([&] { hooks.finish(); });
  EXPECT_GE(took, Hooks::kPatienceMs / 1000.0);
  EXPECT_LT(took, Hooks::kPatienceMs / 1000.0 + 2);
  EXPECT_EQ(path.text(), "standby\n");
  EXPECT_NE(std::system("pgrep -f 'sleep 61.25$' > /dev/null"), 0);
}

TEST(Hooks, WithoutACommandNothingRuns) {
  Hooks hooks("", "");
  hooks.transition(true, Epoch{13}, "killed");
  hooks.turn();
  SUCCEED();
}

}  // namespace
}  // namespace tercet::control
