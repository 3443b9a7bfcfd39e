#include "wire/prepare.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

using golden::kCellMs;
using golden::kIncarnation;
using golden::kInstance;
using golden::kWallMs;
constexpr Epoch kOld = make_epoch(7, ServerId::lb1);
constexpr Epoch kNew = make_epoch(8, ServerId::lb2);
const Hash128 kL{0x0706050403020100, 0x0F0E0D0C0B0A0908};
const Hash128 kS{0x1716151413121110, 0x1F1E1D1C1B1A1918};

TEST(Epochs, CounterAndLb) {
  EXPECT_EQ(kOld.value, 29U);
  EXPECT_EQ(kNew.value, 34U);
  EXPECT_LT(kOld, kNew);
  EXPECT_EQ(counter_of(kNew), 8U);
  EXPECT_EQ(lb_of(kOld), ServerId::lb1);
  EXPECT_EQ(lb_of(kNew), ServerId::lb2);
  EXPECT_NE(make_epoch(8, ServerId::lb1), kNew);
  EXPECT_FALSE(is_valid(Epoch{0}));
  EXPECT_FALSE(is_valid(Epoch{28}));
  EXPECT_FALSE(is_valid(Epoch{31}));
}

TEST(Ask, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("ask");
  AskView view;
  ASSERT_EQ(parse_ask(bytes, view), Drop::none);
  EXPECT_EQ(view.header->number, 77U);
  Ask ask{};
  ask.type = static_cast<uint8_t>(CellMessage::ask);
  ask.number = 77;
  ask.instance = kInstance;
  ask.stamp = 123456789U;
  EXPECT_TRUE(golden::same(bytes_of(ask), bytes));
  ask.reserved[1] = 1;
  EXPECT_EQ(parse_ask(bytes_of(ask), view), Drop::reserved);
}

Heard heard() {
  Heard h{};
  h.type = static_cast<uint8_t>(CellMessage::heard);
  h.flags = kMember | kCatchingUp;
  h.heard = 1;
  h.asked = 1;
  h.number = 77;
  h.stamp = 123456789U;
  h.promised = kOld.value;
  h.incarnation = kIncarnation;
  h.last = 44U;
  h.durable = 43U;
  h.durable_l = kL;
  h.commit = 42U;
  h.commit_s = kS;
  h.traits = kAsksRejoin;
  h.container = static_cast<uint8_t>(ContainerState::foreign);
  h.absent = 2;
  h.progress = 17U;
  h.wall_ms = kWallMs;
  h.load = 3;
  h.base = 33U;
  h.decided = 43U;
  return h;
}

TEST(Heard, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("heard");
  HeardView view;
  ASSERT_EQ(parse_heard(bytes, view), Drop::none);
  EXPECT_EQ(view.header->promised, kOld.value);
  EXPECT_EQ(view.header->commit_s.get(), kS);
  EXPECT_TRUE(golden::same(bytes_of(heard()), bytes));
}

TEST(Heard, RefusesFieldsOutOfRange) {
  const auto with = [&](auto change) {
    Heard h = heard();
    change(h);
    HeardView view;
    return parse_heard(bytes_of(h), view);
  };
  EXPECT_EQ(with([](Heard& h) { h.promised = 0U; }), Drop::none);  // it may have promised nothing yet
  EXPECT_EQ(with([](Heard& h) { h.promised = 4U; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.heard = 2; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.asked = 2; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.container = 4; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.absent = 8; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.traits = 8; }), Drop::reserved);
  EXPECT_EQ(with([](Heard& h) { h.traits = kAsksRejoin | kVacant | kNewcomer; }), Drop::none);
  EXPECT_EQ(with([](Heard& h) { h.stop = static_cast<uint8_t>(StopReason::io_error); }), Drop::none);
  EXPECT_EQ(with([](Heard& h) { h.stop = 3; }), Drop::reserved);
  EXPECT_EQ(with([](Heard& h) { h.last = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.base = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.decided = UINT64_MAX; }), Drop::malformed);
  EXPECT_EQ(with([](Heard& h) { h.wall_ms = UINT64_MAX; }), Drop::malformed);
}

TEST(Prepare, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("prepare");
  PrepareView view;
  ASSERT_EQ(parse_prepare(bytes, view), Drop::none);
  EXPECT_EQ(view.header->instance, kInstance);
  Prepare prepare{};
  prepare.type = static_cast<uint8_t>(CellMessage::prepare);
  prepare.epoch = kNew.value;
  prepare.instance = kInstance;
  EXPECT_TRUE(golden::same(bytes_of(prepare), bytes));
  prepare.epoch = 0U;
  EXPECT_EQ(parse_prepare(bytes_of(prepare), view), Drop::malformed);
  prepare.epoch = 35U;  // low bits 3
  EXPECT_EQ(parse_prepare(bytes_of(prepare), view), Drop::malformed);
  prepare.epoch = kNew.value;
  prepare.reserved[6] = 1;
  EXPECT_EQ(parse_prepare(bytes_of(prepare), view), Drop::reserved);
}

PromiseHeader promise() {
  PromiseHeader p{};
  p.flags = kMember;
  p.admitted = 1;
  p.epoch = kNew.value;
  p.instance = kInstance;
  p.incarnation = kIncarnation;
  p.last_epoch = kOld.value;
  p.last = 42U;
  p.last_l = kL;
  p.commit = 41U;
  p.cell_ms = kCellMs;
  p.wall_ms = kWallMs;
  p.clock_ms = kWallMs + 5;
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    p.members[slot].incarnation = kIncarnation + slot + 1;
    p.members[slot].epoch = kOld.value;
    p.members[slot].seq = 1U;
  }
  return p;
}

TEST(Promise, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("promise");
  PromiseView view;
  ASSERT_EQ(parse_promise(bytes, view), Drop::none);
  EXPECT_EQ(view.header->last, 42U);
  EXPECT_EQ(view.header->last_l.get(), kL);
  EXPECT_EQ(view.header->members[2].incarnation, kIncarnation + 3);
  EXPECT_TRUE(view.introduction.empty());
  std::vector<uint8_t> out(kCellPlainMax);
  out.resize(write_promise(promise(), {}, out));
  EXPECT_TRUE(golden::same(out, bytes));
}

TEST(Promise, OfABlankBackendIntroducesIt) {
  const auto bytes = golden::load("promise_blank");
  PromiseView view;
  ASSERT_EQ(parse_promise(bytes, view), Drop::none);
  EXPECT_EQ(view.header->flags, kBlank);
  EXPECT_EQ(as_text(view.introduction), "3-111");
  PromiseHeader p{};
  p.flags = kBlank;
  p.epoch = kNew.value;
  p.instance = kInstance;
  p.incarnation = kIncarnation;
  p.clock_ms = kWallMs + 5;
  std::vector<uint8_t> out(kCellPlainMax);
  out.resize(write_promise(p, as_bytes("3-111"), out));
  EXPECT_TRUE(golden::same(out, bytes));
  EXPECT_EQ(write_promise(p, as_bytes("3-111"), MutBytes(out).first(out.size() - 1)), 0U);
}

TEST(Promise, RefusesFieldsOutOfRange) {
  const auto with = [&](auto change) {
    PromiseHeader p = promise();
    p.type = static_cast<uint8_t>(CellMessage::promise);
    change(p);
    PromiseView view;
    return parse_promise(bytes_of(p), view);
  };
  EXPECT_EQ(with([](PromiseHeader&) {}), Drop::none);
  EXPECT_EQ(with([](PromiseHeader& p) { p.introduction = 1; }), Drop::malformed);
  EXPECT_EQ(with([](PromiseHeader& p) { p.admitted = 2; }), Drop::malformed);
  EXPECT_EQ(with([](PromiseHeader& p) { p.epoch = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](PromiseHeader& p) { p.incarnation = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](PromiseHeader& p) { p.last_epoch = 0U; }), Drop::malformed);  // an entry has an epoch
  EXPECT_EQ(with([](PromiseHeader& p) { p.last = 0U; }), Drop::malformed);        // no entry has none
  EXPECT_EQ(with([](PromiseHeader& p) { p.members[1].epoch = 0U; }), Drop::malformed);
  EXPECT_EQ(with([](PromiseHeader& p) { p.members[1].incarnation = 0U; }), Drop::none) << "a vacant slot";
  EXPECT_EQ(with([](PromiseHeader& p) {
              p.members[1].incarnation = 0U;
              p.members[1].seq = 0U;
            }),
            Drop::malformed);
  EXPECT_EQ(with([](PromiseHeader& p) { p.members[1] = WireMember{}; }), Drop::none);
  EXPECT_EQ(with([](PromiseHeader& p) { p.clock_ms = UINT64_MAX; }), Drop::malformed);
}

TEST(Refused, ReadsGoldenAndWritesIt) {
  const auto bytes = golden::load("refused");
  RefusedView view;
  ASSERT_EQ(parse_refused(bytes, view), Drop::none);
  EXPECT_EQ(view.header->promised, kNew.value);
  Refused refused{};
  refused.type = static_cast<uint8_t>(CellMessage::refused);
  refused.flags = kMember;
  refused.of = static_cast<uint8_t>(CellMessage::accept);
  refused.epoch = kOld.value;
  refused.promised = kNew.value;
  refused.incarnation = kIncarnation;
  EXPECT_TRUE(golden::same(bytes_of(refused), bytes));
  refused.of = static_cast<uint8_t>(CellMessage::vote);  // nobody refuses a vote
  EXPECT_EQ(parse_refused(bytes_of(refused), view), Drop::malformed);
  refused.of = static_cast<uint8_t>(CellMessage::prepare);
  refused.promised = 0U;
  EXPECT_EQ(parse_refused(bytes_of(refused), view), Drop::malformed);
}

}  // namespace
}  // namespace tercet
