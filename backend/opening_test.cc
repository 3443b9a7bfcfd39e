#include "backend/opening.h"

#include "backend/opening_rig.h"

namespace tercet::backend {
namespace {

using quorum::testing::Story;
using quorum::testing::ToyMachine;
using store::Verdict;

class OpeningTest : public testing::Test {
 protected:
  OpeningTest() { story_.genesis(kFirstEpoch).ops(kFirstEpoch, 9); }
  void write() {
    LogWriter log(disk_);
    log.promise(kFirstEpoch);
    log.batch();
    for (Seq at{1}; at <= story_.last(); at = next(at)) {
      log.entry(story_.entry(at));
      log.batch();
    }
    log.commit(Seq{5}, story_.s(Seq{5}));
    log.batch();
  }
  Opening open(bool log_made = true) { return open_log(disk_, machine_, small_opening(log_made)); }

  Story story_;
  store::MemoryDisk disk_;
  ToyMachine machine_;
};

TEST_F(OpeningTest, ANewDiskBeginsALog) {
  Opening opening = open(false);
  ASSERT_TRUE(opening.sound()) << opening.why;
  EXPECT_TRUE(opening.acceptor->log().empty());
  EXPECT_FALSE(opening.log->ready());
  while (disk_.wait()) {
    opening.log->reap();
  }
  EXPECT_TRUE(opening.log->ready());
}

TEST_F(OpeningTest, AcceptorAndMachineStandAtTheLogsEndAndTheLogGoesOnThere) {
  write();
  Opening opening = open();
  ASSERT_TRUE(opening.sound()) << opening.why;
  EXPECT_EQ(opening.verdict, Verdict::clean);
  EXPECT_EQ(opening.records, 12U);
  const quorum::Acceptor& acceptor = *opening.acceptor;
  EXPECT_TRUE(acceptor.log().matches(story_.last(), story_.l(story_.last())));
  EXPECT_EQ(acceptor.log().s_at(story_.last()), story_.s(story_.last()));
  EXPECT_EQ(acceptor.durable_seq(), story_.last());
  EXPECT_EQ(acceptor.commit(), Seq{5});
  EXPECT_EQ(acceptor.promised(), kFirstEpoch);
  EXPECT_FALSE(acceptor.divergent());
  EXPECT_EQ(opening.log->appended(), 12U);
}

TEST_F(OpeningTest, ATornEndIsCutAndSaidSo) {
  write();
  const store::LogEnd end = open().end;
  machine_.reset();
  {
    LogWriter log(disk_, end);
    for (int i = 0; i < 12; ++i) {
      log.entry(Story(story_).op(kFirstEpoch, std::string(400, 'x')).entry(Seq{11}));
    }
    log.torn_batch(1);  // of a dozen sectors each is old or new
  }
  const Opening opening = open();
  ASSERT_TRUE(opening.sound()) << opening.why;
  EXPECT_EQ(opening.verdict, Verdict::torn);
  EXPECT_NE(opening.why.find("was cut"), std::string::npos);
  EXPECT_EQ(opening.acceptor->log().last(), story_.last());
}

TEST_F(OpeningTest, OfADamagedLogNothingIsUsed) {
  write();
  disk_.flip(0, 5 * store::kSectorBytes + 100, 1);
  const Opening opening = open();
  EXPECT_FALSE(opening.sound());
  EXPECT_EQ(opening.verdict, Verdict::corrupt);
  EXPECT_NE(opening.why.find("sector 5"), std::string::npos) << opening.why;
  EXPECT_EQ(opening.log, nullptr);
  EXPECT_EQ(machine_.resets, 0U) << "the machine is left alone";
}

TEST_F(OpeningTest, RecordsThatCannotFollowEachOtherAreDamageToo) {
  LogWriter log(disk_);
  log.entry(story_.entry(Seq{1}));
  log.entry(story_.entry(Seq{3}));
  log.batch();
  EXPECT_EQ(open().verdict, Verdict::corrupt);
}

TEST_F(OpeningTest, ALogThatIsGoneIsCorruptAndADiskThatCannotBeReadIsNothing) {
  EXPECT_EQ(open().verdict, Verdict::corrupt) << "it had been made";
  write();
  disk_.fail_reads_at(0, 0);
  const Opening opening = open();
  EXPECT_EQ(opening.verdict, Verdict::unreadable);
  EXPECT_FALSE(opening.sound());
}

TEST_F(OpeningTest, ANewDiskOnWhichThereAreRecordsIsNotTouched) {
  write();
  const Opening opening = open(false);
  EXPECT_EQ(opening.verdict, Verdict::unreadable);
  EXPECT_FALSE(opening.sound());
}

}  // namespace
}  // namespace tercet::backend
