#include "quorum/held.h"

#include <gtest/gtest.h>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using testing::only;
using testing::Story;

/// A log of ten entries, of which as many are durable as the test says.
class HeldTest : public ::testing::Test {
 protected:
  HeldTest() {
    const Story story = Story().genesis(kE1).ops(kE1, 9);
    for (uint64_t seq = 1; seq <= 10; ++seq) {
      log_.append(story.entry(Seq{seq}), story.l(Seq{seq}), Lsn{seq});
      held_.result(Seq{seq}).resize(1);
      held_.result(Seq{seq})[0] = static_cast<uint8_t>(seq);
    }
  }
  /// "1-3" for a vote on 1..3; "promise"; "answer 5": a read at 5.
  std::vector<std::string> leaving(uint64_t durable, uint64_t lsn = 0) {
    Outbox out(64);
    const Held::Durable there{Lsn{lsn}, Seq{durable}};
    held_.send_promise(there, {}, out);
    held_.send_votes(there, {kMember, kE1, Incarnation{7}, {}}, ServerId::lb1, log_, out);
    held_.send_answers(there, out);
    std::vector<std::string> texts;
    for (const testing::Letter& letter : testing::take_letters(out)) {
      switch (static_cast<CellMessage>(letter.bytes[0])) {
        case CellMessage::vote: {
          const auto* h = header_of<VoteHeader>(letter.bytes);
          texts.push_back(std::to_string(h->first.get()) + "-" + std::to_string(h->first + h->count - 1));
          break;
        }
        case CellMessage::answer:
          texts.push_back("answer " + std::to_string(header_of<AnswerHeader>(letter.bytes)->place.get()));
          break;
        default:
          texts.emplace_back("promise");
      }
    }
    return texts;
  }
  void read_at(uint64_t place) {
    AnswerHeader header{};
    header.type = static_cast<uint8_t>(CellMessage::answer);
    header.place = place;
    held_.read(ServerId::lb1, Seq{place}, header, {});
  }
  void promise_at(uint64_t lsn) {
    PromiseHeader header{};
    header.type = static_cast<uint8_t>(CellMessage::promise);
    held_.promise(ServerId::lb2, Lsn{lsn}, header);
  }
  using Texts = std::vector<std::string>;

  LogView log_{{64, 1 << 14}};
  Held held_{{.results = 16, .reads = 2}};
};

TEST_F(HeldTest, I6VotesLeaveAsTheirEntriesBecomeDurableAndOnce) {
  held_.vote(Seq{3}, Seq{8}, true);
  EXPECT_EQ(leaving(2), Texts{});
  EXPECT_EQ(leaving(5), Texts{"3-5"});
  EXPECT_EQ(leaving(5), Texts{});
  EXPECT_EQ(leaving(10), Texts{"6-8"});
}

TEST_F(HeldTest, RepeatedAcceptsWidenWhatIsOwed) {
  held_.vote(Seq{5}, Seq{6}, true);
  held_.vote(Seq{3}, Seq{4}, false);
  held_.vote(Seq{6}, Seq{7}, false);
  EXPECT_EQ(leaving(10), Texts{"3-7"});
  held_.vote(Seq{4}, Seq{5}, false);
  EXPECT_EQ(leaving(10), Texts{"4-5"}) << "said before, asked for again";
  held_.vote(Seq{2}, Seq{3}, false);
  held_.vote(Seq{9}, Seq{10}, true);
  EXPECT_EQ(leaving(10), Texts{"9-10"}) << "a new epoch's are all that is owed";
}

TEST_F(HeldTest, I6AnAnswerWaitsForItsPlace) {
  read_at(4);
  read_at(6);
  EXPECT_FALSE(held_.takes_reads());
  EXPECT_EQ(leaving(3), Texts{});
  EXPECT_EQ(leaving(5), Texts{"answer 4"});
  EXPECT_TRUE(held_.takes_reads());
  EXPECT_EQ(leaving(6), Texts{"answer 6"});
}

TEST_F(HeldTest, I6APromiseWaitsForItsRecord) {
  promise_at(12);
  EXPECT_EQ(leaving(10, 11), Texts{});
  EXPECT_EQ(leaving(10, 12), Texts{"promise"});
  EXPECT_EQ(leaving(10, 13), Texts{});
}

TEST_F(HeldTest, NothingIsSaidOfWhatWasCut) {
  held_.vote(Seq{3}, Seq{8}, true);
  read_at(5);
  read_at(7);
  held_.cut(Seq{6});
  EXPECT_EQ(leaving(10), (Texts{"3-5", "answer 5"}));
}

TEST_F(HeldTest, AHigherPromiseForgetsAll) {
  held_.vote(Seq{3}, Seq{8}, true);
  read_at(5);
  promise_at(1);
  held_.forget();
  EXPECT_EQ(leaving(10, 10), Texts{});
}

TEST_F(HeldTest, OldResultsAreNotVotedOn) {
  Held few({.results = 4, .reads = 2});
  few.vote(Seq{1}, Seq{10}, true);
  Outbox out(64);
  few.send_votes({Lsn{10}, Seq{10}}, {kMember, kE1, Incarnation{7}, {}}, ServerId::lb1, log_, out);
  const std::vector<testing::Letter> letters = testing::take_letters(out);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(header_of<VoteHeader>(letters[0].bytes)->first, 7U);
}

TEST_F(HeldTest, WhatFindsNoRoomIsSaidLater) {
  held_.vote(Seq{1}, Seq{3}, true);
  Outbox none(1);
  ASSERT_FALSE(none.open().empty());
  none.close(ServerId::lb1, 1);
  held_.send_votes({Lsn{10}, Seq{10}}, {kMember, kE1, Incarnation{7}, {}}, ServerId::lb1, log_, none);
  EXPECT_EQ(leaving(10), Texts{"1-3"});
}

}  // namespace
}  // namespace tercet::quorum
