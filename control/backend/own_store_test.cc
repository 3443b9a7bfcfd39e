#include "control/backend/own_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "backend/store/log_format.h"
#include "backend/store/scratch_dir.h"
#include "control/backend/set_aside.h"
#include "quorum/testing.h"

namespace tercet::control {
namespace {

class OwnStoreTest : public testing::Test {
 protected:
  OwnStoreTest() {
    options_.dir = dir_.path();
    options_.boot_id = "boot-a";
    options_.segment_bytes = 2U << 20U;
    options_.acceptor.cell = CellId{7};
    options_.acceptor.slot = Slot::two;
    put("container.json", "key");
  }
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  void put(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  /// A life, until the next call or end().
  void begin() {
    end();
    machine_ = std::make_unique<quorum::testing::ToyMachine>();
    auto opened = OwnStore::open(options_, *machine_);
    ASSERT_TRUE(opened) << opened.error();
    store_ = std::move(*opened);
  }
  void end() {
    store_.reset();
    machine_.reset();
  }
  std::string refusal() {
    end();
    quorum::testing::ToyMachine machine;
    const auto opened = OwnStore::open(options_, machine);
    EXPECT_FALSE(opened);
    return opened ? "" : opened.error();
  }
  /// One durable promise.
  void promise(uint64_t epoch) {
    PromiseRecord record;
    record.epoch = epoch;
    record.instance = 1;
    store::Log& log = store_->log();
    const store::Lsn lsn =
        log.append(static_cast<uint8_t>(RecordType::promise), bytes_of(record), {}, store::Log::Sync::always);
    ASSERT_NE(lsn, store::kNotTaken);
    log.flush();
    while (log.reap() < lsn && !log.failed()) {
      std::this_thread::yield();
    }
  }
  [[nodiscard]] uint64_t promised() { return store_->acceptor().promised().value; }
  [[nodiscard]] Incarnation life() { return store_->acceptor().incarnation(); }
  void flip_in_log() const {
    std::fstream file(path("log-000000.tlog"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.put('\x7F');
  }
  void expect_given_up(const std::string& folder) const {
    EXPECT_TRUE(store_->acceptor().amnesiac());
    EXPECT_FALSE(store_->lost().empty());
    EXPECT_TRUE(store_->acceptor().log().empty());
    EXPECT_EQ(store_->acceptor().promised().value, 0U);
    EXPECT_TRUE(std::filesystem::exists(path(folder)));
    EXPECT_TRUE(std::filesystem::exists(path("container.json")));
    EXPECT_TRUE(std::filesystem::exists(path("log-000000.tlog"))) << "an empty log has begun";
  }

  store::ScratchDir dir_;
  OwnStore::Options options_;
  std::unique_ptr<quorum::testing::ToyMachine> machine_;
  std::unique_ptr<OwnStore> store_;
};

TEST_F(OwnStoreTest, ANewDiskGoesOnWhereItWas) {
  begin();
  EXPECT_TRUE(store_->lost().empty());
  EXPECT_FALSE(store_->acceptor().amnesiac());
  const Incarnation first = life();
  promise(6);
  begin();  // killed
  EXPECT_EQ(life(), first);
  EXPECT_EQ(promised(), 6U);
  EXPECT_EQ(store_->records(), 1U);
  EXPECT_TRUE(store_->close());
  begin();
  EXPECT_EQ(life(), first);
  EXPECT_EQ(promised(), 6U);
  EXPECT_TRUE(store_->warnings().empty());
}

TEST_F(OwnStoreTest, ACorruptLogIsGivenUpAndAnotherLifeBegins) {
  begin();
  const Incarnation first = life();
  promise(6);
  end();
  flip_in_log();
  begin();
  EXPECT_NE(life(), first);
  expect_given_up("lost-1/log-000000.tlog");
  ASSERT_EQ(store_->warnings().size(), 1U);
  EXPECT_NE(store_->warnings()[0].find("corrupt: log-000000.tlog sector 0: damaged"), std::string::npos);
  EXPECT_NE(store_->warnings()[0].find("lost-1"), std::string::npos);
  promise(10);  // its log is a real one
  const Incarnation second = life();
  begin();
  EXPECT_EQ(life(), second) << "the same disk as before";
  EXPECT_EQ(promised(), 10U);
  EXPECT_TRUE(store_->acceptor().amnesiac()) << "until its log says that it was admitted";
  EXPECT_EQ(store_->lost(), "its disk follows one that was lost");
  end();
  flip_in_log();
  begin();
  expect_given_up("lost-2/log-000000.tlog");
}

TEST_F(OwnStoreTest, ALogOrAnIdentityThatIsGoneOrDamagedIsTheSame) {
  begin();
  promise(6);
  end();
  std::filesystem::remove(path("log-000000.tlog"));
  begin();
  expect_given_up("lost-1/identity");
  end();
  put("identity", "nonsense");
  begin();
  expect_given_up("lost-2/log-000000.tlog");
  end();
  std::filesystem::remove(path("identity"));
  begin();
  expect_given_up("lost-3/log-000000.tlog");
  end();
  flip_in_log();
  begin();
  promise(6);
  end();
  flip_in_log();
  begin();
  ASSERT_EQ(store_->warnings().size(), 2U);
  EXPECT_NE(store_->warnings()[1].find("still holds lost-1, "), std::string::npos) << store_->warnings()[1];
}

TEST_F(OwnStoreTest, WithMemoryDurabilityAMachineThatWentDownTookVotesAlong) {
  options_.durability = store::Durability::memory;
  begin();
  promise(6);
  begin();
  EXPECT_TRUE(store_->lost().empty()) << "a kill takes nothing from the page cache";
  options_.boot_id = "boot-b";
  begin();
  expect_given_up("lost-1/log-000000.tlog");
  EXPECT_TRUE(store_->close());
  options_.boot_id = "boot-c";
  begin();
  EXPECT_FALSE(std::filesystem::exists(path("lost-2"))) << "it was stopped cleanly";
}

TEST_F(OwnStoreTest, AStartThatWasInterruptedWhileItGaveTheDiskUpGoesOnWithThat) {
  begin();
  promise(6);
  end();
  SettingAside aside(dir_.path(), draw_identity(CellId{7}, Slot::two));
  for (int i = 0; i < 3; ++i) {  // up to the switch: the log still lies here
    ASSERT_TRUE(aside.step());
  }
  ASSERT_TRUE(std::filesystem::exists(path("log-000000.tlog")));
  begin();
  EXPECT_EQ(life(), aside.identity().incarnation);
  expect_given_up("lost-1/log-000000.tlog");
  EXPECT_FALSE(std::filesystem::exists(path("lost-2")));
}

TEST_F(OwnStoreTest, OfAnotherStoresLogNothingIsConcludedAndNothingTouched) {
  begin();
  promise(6);
  end();
  const store::ScratchDir other;
  const std::string mine = options_.dir;
  options_.dir = other.path();
  begin();
  promise(6);
  end();
  options_.dir = mine;
  std::filesystem::copy_file(other.path() + "/log-000000.tlog", path("log-000000.tlog"),
                             std::filesystem::copy_options::overwrite_existing);
  const std::string said = refusal();
  EXPECT_NE(said.find("belongs to another store"), std::string::npos) << said;
  EXPECT_NE(said.find("left as they are"), std::string::npos) << said;
  EXPECT_FALSE(std::filesystem::exists(path("lost-1")));
}

TEST_F(OwnStoreTest, AFaultyDiskStopsTheLogAndIsKnownToBeWellAgain) {
  options_.fault_file = path("fault");
  begin();
  promise(6);
  EXPECT_EQ(store_->turn(), "");
  EXPECT_EQ(store_->probe(), "");
  put("fault", "full\n");
  EXPECT_NE(store_->turn().find("full"), std::string::npos);
  promise(10);
  EXPECT_EQ(store_->log().state(), store::LogState::full);
  EXPECT_NE(store_->probe(), "");
  store_->note_stopped();
  put("fault", "ok\n");
  EXPECT_NE(store_->turn().find("ok"), std::string::npos);
  EXPECT_EQ(store_->probe(), "");
  EXPECT_EQ(store_->log().append(2, as_bytes("x")), store::kNotTaken) << "the log that stopped stays so";
  begin();
  EXPECT_EQ(promised(), 6U) << "what was durable is there, and nothing else";
  EXPECT_TRUE(store_->lost().empty());
  promise(18);
  EXPECT_FALSE(store_->log().failed());
}

TEST_F(OwnStoreTest, ASyncThatFailedWithMemoryDurabilityLeavesADoubt) {
  options_.fault_file = path("fault");
  options_.durability = store::Durability::memory;
  begin();
  promise(6);
  put("fault", "eio");
  store_->turn();
  promise(10);
  EXPECT_EQ(store_->log().state(), store::LogState::failed);
  store_->note_stopped();
  put("fault", "ok");
  begin();
  expect_given_up("lost-1/log-000000.tlog");
}

TEST_F(OwnStoreTest, ADiskThatWasGivenUpIsAnotherInTheNextLifeAlsoAfterACleanStop) {
  begin();
  const Incarnation first = life();
  promise(6);
  EXPECT_TRUE(store_->give_up());
  EXPECT_TRUE(store_->close());
  begin();
  EXPECT_NE(life(), first);
  expect_given_up("lost-1/log-000000.tlog");
  const Incarnation second = life();
  begin();
  EXPECT_EQ(life(), second) << "once";
}

TEST_F(OwnStoreTest, ADiskThatIsFullAtTheStartIsRefused) {
  options_.fault_file = path("fault");
  put("fault", "full");
  const std::string said = refusal();
  EXPECT_NE(said.find("No space left"), std::string::npos) << said;
  EXPECT_NE(said.find("make room"), std::string::npos) << said;
  put("fault", "ok");
  begin();
}

}  // namespace
}  // namespace tercet::control
