#include "quorum/acceptor_rig.h"

namespace tercet::quorum {
namespace {

// ---- reads

class AcceptorReads : public AcceptorTest {
 protected:
  void read(const Story& story, uint64_t behind, Epoch epoch, uint8_t readers = 7) {
    AcceptOptions options;
    options.query = "who?";
    options.readers = readers;
    b_.hear(lb_of(epoch), accept_of(story, behind + 1, behind, epoch, options));
  }
  size_t answers() {
    letters_ = b_.letters();
    return only<AnswerView>(letters_).size();
  }
  std::vector<Letter> letters_;
};

TEST_F(AcceptorReads, AnsweredWithLAtItsPlaceTheWholeOrItsHash) {
  settle(base_, 5);
  read(base_, 5, kE1, 1);
  b_.tick();
  ASSERT_EQ(answers(), 1U);
  const AnswerView whole = only<AnswerView>(letters_)[0];
  EXPECT_EQ(whole.header->place, 5U);
  EXPECT_EQ(whole.header->place_l.get(), base_.l(Seq{5}));
  EXPECT_EQ(whole.header->epoch, kE1.value);
  EXPECT_EQ(whole.header->slot, 3U);
  EXPECT_EQ(whole.header->generation, 9U);
  EXPECT_EQ(hash128(whole.body), whole.header->hash.get());
  EXPECT_EQ(whole.body.size(), 8U);
  const Hash128 hash = whole.header->hash.get();
  Bench two(Slot::two);
  two.take(base_, 1, 5, kE1);
  two.poll();
  AcceptOptions options;
  options.query = "who?";
  options.readers = 3;  // the whole comes from backend 1
  two.hear(ServerId::lb1, accept_of(base_, 6, 5, kE1, options));
  two.tick();
  const std::vector<Letter> letters = two.letters();
  ASSERT_EQ(only<AnswerView>(letters).size(), 1U);
  EXPECT_TRUE(only<AnswerView>(letters)[0].body.empty());
  EXPECT_EQ(only<AnswerView>(letters)[0].header->hash.get(), hash);
}

TEST_F(AcceptorReads, HeldUntilItsPlaceIsDurable) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  read(base_, 5, kE1);
  b_.tick();
  EXPECT_EQ(answers(), 0U);
  b_.sync();
  b_.tick();
  EXPECT_EQ(answers(), 1U);
}

TEST_F(AcceptorReads, WhoIsNotAskedOrStandsElsewhereDoesNotAnswer) {
  settle(base_, 4);
  read(base_, 4, kE1, 6);  // backends 2 and 3
  read(base_, 3, kE1);     // its book is past there
  b_.tick();
  EXPECT_EQ(answers(), 0U);
  EXPECT_EQ(b_.acceptor.counters().reads_late, 1U);
}

TEST_F(AcceptorReads, Review3_11TheEpochThatAskedMustStillBePromised) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  read(base_, 5, kE1);
  b_.hear(ServerId::lb2, prepare_of(kE2, 0xA2));
  b_.poll();
  EXPECT_EQ(answers(), 0U) << "held, then promised away";
  read(base_, 5, kE1);
  b_.poll();
  EXPECT_EQ(answers(), 0U);
  read(base_, 5, kE3);  // a higher one that it has not promised: no entry of it is here
  b_.poll();
  EXPECT_EQ(answers(), 0U);
}

TEST_F(AcceptorReads, ReviewA8AnAnswerAtAPlaceThatWasCutNeverLeaves) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  read(base_, 5, kE1);
  b_.take(base_.until(4).start(kE2, Slot::two), 5, 5, kE2);
  b_.poll();
  EXPECT_EQ(answers(), 0U);
}

TEST_F(AcceptorReads, ADivergentOneDoesNotAnswerReads) {
  settle(base_, 5);
  b_.hear(ServerId::lb1, keepalive_of(base_, kE1, 5, {123, 0}));
  ASSERT_TRUE(b_.acceptor.divergent());
  read(base_, 5, kE1);
  b_.poll();
  EXPECT_EQ(answers(), 0U);
}

TEST_F(AcceptorReads, MoreThanItHoldsAreLateNotLost) {
  settle(base_, 4);
  b_.take(base_, 5, 5, kE1);
  for (int i = 0; i < 20; ++i) {
    read(base_, 5, kE1);
  }
  EXPECT_EQ(b_.acceptor.counters().reads_late, 12U);
  b_.sync();
  b_.tick();
  b_.sync();
  b_.tick();
  EXPECT_EQ(answers(), 8U);
}

}  // namespace
}  // namespace tercet::quorum
