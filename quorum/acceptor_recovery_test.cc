#include "quorum/acceptor_rig.h"

namespace tercet::quorum {
namespace {

// ---- recovery

class AcceptorRecovery : public AcceptorTest {
 protected:
  /// A new life of the process over the same disk; false as replay says.
  bool restart(testing::ToyMachine& machine) {
    again_ = std::make_unique<Acceptor>(Bench::default_options(Slot::one));
    for (const auto& [type, bytes] : b_.disk) {
      if (!again_->replay(type, bytes)) {
        return false;
      }
    }
    again_->recovered(machine);
    return true;
  }
  std::unique_ptr<Acceptor> again_;
};

TEST_F(AcceptorRecovery, ComesBackWithTheSameLogPromiseCommitAndBook) {
  const Story ours = Story(base_).ops(kE1, 2);
  settle(ours, 7);
  const Story theirs = Story(base_).start(kE2, Slot::two).ops(kE2, 3);
  b_.take(theirs, 6, 7, kE2);  // cuts: entry 6 replaces 6 and all later ones
  b_.poll();
  b_.take(theirs, 8, 9, kE2, with_commit(theirs, 8));
  b_.poll();
  b_.hear(ServerId::lb1, prepare_of(kE3, 0xA1));
  b_.poll();
  testing::ToyMachine machine;
  ASSERT_TRUE(restart(machine));
  EXPECT_EQ(again_->log().last(), Seq{9});
  EXPECT_TRUE(again_->log().matches(Seq{9}, theirs.l(Seq{9})));
  EXPECT_EQ(again_->log().s_at(Seq{9}), theirs.s(Seq{9}));
  EXPECT_EQ(again_->promised(), kE3);
  EXPECT_EQ(again_->commit(), Seq{8});
  EXPECT_EQ(again_->durable_seq(), Seq{9});
  EXPECT_EQ(machine.digest(), b_.machine.digest());
  EXPECT_TRUE(again_->member());
  EXPECT_FALSE(again_->divergent());
}

TEST_F(AcceptorRecovery, ThePromiseMadeByAnAcceptSurvivesToo) {
  settle(base_, 5);
  b_.take(Story(base_).start(kE2, Slot::one), 6, 6, kE2);
  b_.poll();
  testing::ToyMachine machine;
  ASSERT_TRUE(restart(machine));
  EXPECT_EQ(again_->promised(), kE2);
}

TEST_F(AcceptorRecovery, ReviewA19ABookThatRecomputesAnotherSThanTheStoredOneIsDivergent) {
  b_.take(base_, 1, 4, kE1);
  b_.poll();
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  b_.poll();
  testing::ToyMachine machine;
  machine.corrupt_at = Seq{3};
  ASSERT_TRUE(restart(machine));
  EXPECT_TRUE(again_->divergent());
}

TEST_F(AcceptorRecovery, RecordsThatCannotFollowAreNotTrusted) {
  b_.take(base_, 1, 4, kE1);
  b_.poll();
  b_.take(base_, 5, 5, kE1, with_commit(base_, 4));
  b_.poll();
  const auto disk = b_.disk;
  struct Case {
    const char* what;
    std::function<void(decltype(b_.disk)&)> damage;
  };
  const Case cases[] = {
      {"an entry is missing in the middle", [](auto& d) { d.erase(d.begin() + 1); }},
      {"an entry replaces one that is decided", [](auto& d) { d.push_back(d[2]); }},
      {"an entry is cut short", [](auto& d) { d[1].second.pop_back(); }},
      {"an entry is too long", [](auto& d) { d[1].second.push_back(0); }},
      {"an empty record", [](auto& d) { d[1].second.clear(); }},
      {"a commit beyond the log", [](auto& d) { d.insert(d.begin(), d.back()); }},
      {"a commit cut short", [](auto& d) { d.back().second.pop_back(); }},
      {"a promise cut short",
       [](auto& d) {
         d.push_back({RecordType::promise, std::vector<uint8_t>(sizeof(PromiseRecord) - 1)});
       }},
      {"a type that does not exist", [](auto& d) { d[1].first = static_cast<RecordType>(9); }},
  };
  for (const Case& one : cases) {
    b_.disk = disk;
    one.damage(b_.disk);
    testing::ToyMachine machine;
    EXPECT_FALSE(restart(machine)) << one.what;
  }
  b_.disk = disk;
  testing::ToyMachine machine;
  EXPECT_TRUE(restart(machine));
}

}  // namespace
}  // namespace tercet::quorum
