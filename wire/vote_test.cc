#include "wire/vote.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

const Hash128 kL{0x0706050403020100, 0x0F0E0D0C0B0A0908};
constexpr Epoch kEpoch = make_epoch(7, ServerId::lb1);

VoteHeader vote_header() {
  VoteHeader header{};
  header.flags = kMember | kLeasesLive;
  header.load = 3;
  header.container = static_cast<uint8_t>(ContainerState::gone);
  header.absent = 5;
  header.epoch = kEpoch.value;
  header.incarnation = golden::kIncarnation;
  header.first = 42U;
  header.wall_ms = golden::kWallMs;
  header.durable = 43U;
  return header;
}
AnswerHeader answer_header() {
  AnswerHeader header{};
  header.slot = 12;
  header.generation = 34;
  header.load = 3;
  header.epoch = kEpoch.value;
  header.incarnation = golden::kIncarnation;
  header.place = 42U;
  header.place_l = kL;
  return header;
}

TEST(Vote, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("vote");
  VoteView view;
  ASSERT_EQ(parse_vote(bytes, view), Drop::none);
  EXPECT_EQ(view.header->flags, kMember | kLeasesLive);
  EXPECT_EQ(view.header->last_l.get(), kL);
  EXPECT_EQ(view.header->durable, 43U);
  VoteWalk walk(view);
  Ballot first;
  Ballot second;
  Ballot none;
  ASSERT_TRUE(walk.next(first));
  ASSERT_TRUE(walk.next(second));
  EXPECT_FALSE(walk.next(none));
  EXPECT_EQ(first.seq, Seq{42});
  EXPECT_EQ(first.s, 0x5151515151515151U);
  EXPECT_EQ(first.result.size(), 48U);
  EXPECT_EQ(second.seq, Seq{43});
  EXPECT_TRUE(second.result.empty());

  std::vector<uint8_t> out(kCellPlainMax);
  VoteWriter writer(out, vote_header());
  ASSERT_TRUE(writer.add(first.s, first.result));
  ASSERT_TRUE(writer.add(second.s, second.result));
  EXPECT_EQ(writer.count(), 2);
  out.resize(writer.finish(kL));
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Vote, WriterStopsWhenFull) {
  std::vector<uint8_t> out(kCellPlainMax);
  const std::vector<uint8_t> result(kResultMax, 1);
  VoteWriter writer(out, vote_header());
  unsigned n = 0;
  while (writer.add(n, result)) {
    ++n;
  }
  EXPECT_EQ(n, (kCellPlainMax - sizeof(VoteHeader)) / (sizeof(VoteResult) + kResultMax));
  out.resize(writer.finish(kL));
  VoteView view;
  EXPECT_EQ(parse_vote(out, view), Drop::none);
  EXPECT_EQ(view.header->count, n);
}

TEST(Vote, RefusesFieldsOutOfRange) {
  const auto golden_bytes = golden::load("vote");
  const auto with = [&](auto change) {
    auto bytes = golden_bytes;
    change(*reinterpret_cast<VoteHeader*>(bytes.data()));
    VoteView view;
    return parse_vote(bytes, view);
  };
  EXPECT_EQ(with([](VoteHeader&) {}), Drop::none);
  EXPECT_EQ(with([](VoteHeader& h) { h.type = 1; }), Drop::unknown_type);
  EXPECT_EQ(with([](VoteHeader& h) { h.flags = 255; }), Drop::none);  // all eight bits are taken
  EXPECT_EQ(with([](VoteHeader& h) { h.count = 1; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.container = 4; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.absent = 8; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.count = 3; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.epoch = 3U; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.incarnation = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.first = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](VoteHeader& h) { h.wall_ms = UINT64_MAX; }), Drop::malformed);
}

TEST(Vote, RefusesResultAboveItsLimit) {
  std::vector<uint8_t> bytes(sizeof(VoteHeader) + sizeof(VoteResult) + kResultMax + 1);
  VoteHeader header = vote_header();
  header.type = static_cast<uint8_t>(CellMessage::vote);
  header.count = 1;
  put(bytes, header);
  bytes[sizeof(VoteHeader) + 8] = kResultMax + 1;
  VoteView view;
  EXPECT_EQ(parse_vote(bytes, view), Drop::malformed);
  bytes.pop_back();
  bytes[sizeof(VoteHeader) + 8] = kResultMax;
  EXPECT_EQ(parse_vote(bytes, view), Drop::none);
}

TEST(Answer, ReadsGoldenAndWritesIt) {
  for (const bool whole : {true, false}) {
    const auto bytes = golden::load(whole ? "answer" : "answer_hash");
    AnswerView view;
    ASSERT_EQ(parse_answer(bytes, view), Drop::none);
    EXPECT_EQ(view.header->length, 5);
    EXPECT_EQ(view.header->generation, 34U);
    EXPECT_EQ(view.header->place, 42U);
    EXPECT_EQ(view.header->hash.get(), hash128(as_bytes("hello")));
    EXPECT_EQ(as_text(view.body), whole ? "hello" : "");
    std::vector<uint8_t> out(kCellPlainMax);
    out.resize(write_answer(answer_header(), as_bytes("hello"), whole, out));
    EXPECT_TRUE(golden::same(out, bytes));
    EXPECT_EQ(write_answer(answer_header(), as_bytes("hello"), whole, MutBytes(out).first(out.size() - 1)),
              0U);
  }
}

TEST(Answer, RefusesFieldsOutOfRange) {
  const auto golden_bytes = golden::load("answer");
  const auto with = [&](auto change) {
    auto bytes = golden_bytes;
    change(*reinterpret_cast<AnswerHeader*>(bytes.data()));
    AnswerView view;
    return parse_answer(bytes, view);
  };
  EXPECT_EQ(with([](AnswerHeader&) {}), Drop::none);
  EXPECT_EQ(with([](AnswerHeader& h) { h.flags = 0; }), Drop::malformed);  // a body that was not announced
  EXPECT_EQ(with([](AnswerHeader& h) { h.flags = 2; }), Drop::reserved);
  EXPECT_EQ(with([](AnswerHeader& h) { h.length = 4; }), Drop::malformed);
  EXPECT_EQ(with([](AnswerHeader& h) { h.length = 6; }), Drop::malformed);
  EXPECT_EQ(with([](AnswerHeader& h) { h.incarnation = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](AnswerHeader& h) { h.place = UINT64_MAX; }), Drop::malformed);
  auto announced = golden::load("answer_hash");
  reinterpret_cast<AnswerHeader*>(announced.data())->length = kReadAnswerMax + 1;
  AnswerView view;
  EXPECT_EQ(parse_answer(announced, view), Drop::malformed);
}

}  // namespace
}  // namespace tercet
