#include "dataplane/steer/order.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "quorum/testing.h"

namespace tercet::dataplane {
namespace {

using quorum::testing::SmallCell;

struct Answer {
  ClientRef client;
  OpKind kind;
  Code code;
  uint32_t request;
  std::vector<uint8_t> body;
};

Handle handle_of(uint8_t n) {
  Handle handle;
  handle.bytes.fill(n);
  return handle;
}
ClientRef client_of(uint16_t port) {
  ClientRef client;
  client.endpoint.port = port;
  return client;
}
std::vector<uint8_t> op(OpKind kind, uint8_t handle, uint32_t request, Bytes body = {}) {
  OpHeader header{};
  header.kind = static_cast<uint8_t>(kind);
  header.length = static_cast<uint16_t>(sizeof(header) + body.size());
  header.request = request;
  std::memcpy(header.handle, handle_of(handle).bytes.data(), sizeof(header.handle));
  std::vector<uint8_t> bytes(kOpMax);
  put(bytes, header);
  put_bytes(MutBytes(bytes).subspan(sizeof(header)), body);
  bytes.resize(header.length);
  return bytes;
}
std::vector<uint8_t> release(uint8_t handle, uint32_t request) {
  return op(OpKind::release, handle, request);
}
std::vector<uint8_t> read_licenses() {
  const ReadBody body{};
  return op(OpKind::read_licenses, 0, 1, bytes_of(body));
}
std::vector<uint8_t> query_of(const std::vector<std::vector<uint8_t>>& ops) {
  std::vector<uint8_t> bytes(kClientPlainMax);
  QueryWriter writer(bytes);
  for (const auto& one : ops) {
    EXPECT_TRUE(writer.add(one));
  }
  bytes.resize(writer.finish());
  return bytes;
}

/// Order in front of a small cell whose LB 1 is active.
class OrderTest : public ::testing::Test {
 protected:
  OrderTest() {
    for (const Slot slot : kSlots) {
      cell_.backend(slot).machine.as_book = true;
    }
    cell_.begin();
  }
  void send(uint16_t port, const std::vector<std::vector<uint8_t>>& ops) { take(port, query_of(ops)); }
  void take(uint16_t port, const std::vector<uint8_t>& plain) {
    order_.take(client_of(port), plain, cell_.now, cell_.lb(), reply_, outbox_);
  }
  void run(int ms = 8) {
    for (int i = 0; i < ms; ++i) {
      cell_.step();
      for (; told_ < cell_.told.size(); ++told_) {
        const auto& one = cell_.told[told_];
        order_.deliver({one.kind, one.read, one.whole_tag, one.seq, one.result}, reply_, outbox_);
      }
    }
  }
  std::vector<Answer> answers() {
    reply_.finish(outbox_);
    std::vector<Answer> all;
    for (const auto& letter : quorum::testing::take_letters(outbox_)) {
      EXPECT_TRUE(letter.to.empty()) << "to a client, never to a server";
      Bytes rest;
      EXPECT_EQ(parse_reply(letter.bytes, rest), Drop::none);
      ReplyView view;
      while (next_reply(rest, view)) {
        all.push_back(
            {letter.client, view.kind, view.code, view.request, {view.body.begin(), view.body.end()}});
      }
    }
    return all;
  }
  SmallCell cell_;
  SteerCounters counters_;
  OrderOptions options_{4, 16, 1'000, 2'000, 3'000};
  Order order_{options_, counters_};
  Reply reply_{counters_};
  Outbox outbox_{64};
  size_t told_ = 0;
};

TEST_F(OrderTest, NormalCase1AQueryGetsAPlaceAndTheAnswerOfTwo) {
  send(1, {release(1, 1)});
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(order_.in_flight(), 1U);
  run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].client, client_of(1));
  EXPECT_EQ(all[0].kind, OpKind::release);
  EXPECT_EQ(all[0].code, Code::granted);
  EXPECT_EQ(all[0].request, 1U);
  EXPECT_EQ(all[0].body.size(), sizeof(OpResult));
  EXPECT_EQ(order_.in_flight(), 0U);
  EXPECT_EQ(counters_.decided, 1U);
}

TEST_F(OrderTest, NormalCase1ARepeatInFlightIsDroppedAndAnsweredOnceAtTheNewAddress) {
  send(1, {release(1, 1)});
  const Seq last = cell_.lb().last_ordered();
  send(2, {release(1, 1)});
  EXPECT_EQ(cell_.lb().last_ordered(), last) << "ordered once";
  EXPECT_EQ(counters_.repeats_dropped, 1U);
  run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].client, client_of(2)) << "the client moved meanwhile";
}

TEST_F(OrderTest, IdempotenceARepeatGetsTheSameWholeAnswerWithoutBeingOrdered) {
  send(1, {release(1, 1)});
  run();
  const std::vector<Answer> first = answers();
  const Seq last = cell_.lb().last_ordered();
  send(1, {release(1, 1)});
  const std::vector<Answer> again = answers();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].body, first.at(0).body);
  EXPECT_EQ(again[0].code, first[0].code);
  EXPECT_EQ(cell_.lb().last_ordered(), last);
  EXPECT_EQ(counters_.repeats_answered, 1U);
}

#ifdef TERCET_TEST_FAULTS
TEST_F(OrderTest, ThePlantedBugOrdersADuplicate) {
  send(1, {release(1, 1)});
  run();
  const Seq last = cell_.lb().last_ordered();
  plant(Mutant::duplicate_answered_twice);
  send(1, {release(1, 1)});
  plant(Mutant::none);
  EXPECT_GT(cell_.lb().last_ordered(), last);
}
#endif

TEST_F(OrderTest, AnotherRequestOrHandleIsNoRepeat) {
  send(1, {release(1, 2)});
  const Seq last = cell_.lb().last_ordered();
  send(1, {release(1, 3)});
  send(1, {release(2, 2)});
  EXPECT_EQ(cell_.lb().last_ordered().value, last.value + 2);
  // An older number than the newest is the book's to judge.
  send(1, {release(1, 1)});
  EXPECT_EQ(cell_.lb().last_ordered().value, last.value + 3);
}

TEST_F(OrderTest, QueriesOfOneDatagramAreAnsweredInOne) {
  send(1, {release(1, 1), release(2, 1), release(3, 1)});
  run();
  reply_.finish(outbox_);
  EXPECT_EQ(outbox_.parcels().size(), 1U);
  EXPECT_EQ(answers().size(), 3U);
}

TEST_F(OrderTest, MoreThanMayBeInFlightAreBusy) {
  send(1, {release(1, 1), release(2, 1), release(3, 1), release(4, 1), release(5, 1)});
  std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].code, Code::busy);
  EXPECT_TRUE(all[0].body.empty());
  EXPECT_EQ(counters_.busy, 1U);
  run();
  EXPECT_EQ(answers().size(), 4U);
}

TEST_F(OrderTest, Review2_12BelowTwoVotersItSaysUnavailableAndARepeatIsNotLeftInSilence) {
  cell_.lost = [](const SmallCell::Flight& f) {
    return f.from == ServerId::b2 || f.to == ServerId::b2 || f.from == ServerId::b3 || f.to == ServerId::b3;
  };
  send(1, {release(1, 1)});  // in the window before anybody knows
  run(400);
  EXPECT_TRUE(answers().empty());
  send(1, {release(2, 1), read_licenses(), release(1, 1)});
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 3U);
  for (const Answer& one : all) {
    EXPECT_EQ(one.code, Code::unavailable);
  }
  EXPECT_EQ(counters_.unavailable, 3U);
  // It may yet be decided, and then its client is told.
  cell_.lost = [](const SmallCell::Flight&) { return false; };
  run(400);
  const std::vector<Answer> later = answers();
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].code, Code::granted);
}

TEST_F(OrderTest, TellAllReachesEverybodyOnceAndForgetsWhenItIsOver) {
  send(1, {release(1, 1)});
  send(2, {release(2, 1)});
  order_.tell_all(Code::unavailable, /*over=*/false, reply_, outbox_);
  EXPECT_EQ(answers().size(), 2U);
  EXPECT_EQ(order_.in_flight(), 2U) << "their outcomes may still come";
  order_.tell_all(Code::not_active, /*over=*/true, reply_, outbox_);
  EXPECT_EQ(answers().size(), 2U);
  EXPECT_EQ(order_.in_flight(), 0U);
  // A repeat is ordered anew: its outcome was unknown.
  const Seq last = cell_.lb().last_ordered();
  send(1, {release(1, 1)});
  EXPECT_GT(cell_.lb().last_ordered(), last);
}

TEST_F(OrderTest, ALateOutcomeOfASlotsFormerUseAnswersNobody) {
  send(1, {release(1, 1)});
  order_.tell_all(Code::not_active, true, reply_, outbox_);
  answers();
  const OpResult result{};
  order_.deliver({quorum::Outcome::Kind::decided, false, quorum::Tag{0, 0}, Seq{2}, bytes_of(result)}, reply_,
                 outbox_);
  order_.deliver({quorum::Outcome::Kind::decided, false, quorum::Tag{}, Seq{2}, bytes_of(result)}, reply_,
                 outbox_);
  EXPECT_TRUE(answers().empty());
}

TEST_F(OrderTest, ALeaseThatIsAskedForLiesWithinTheLimits) {
  const auto ordered = [&](OpKind kind, uint8_t handle, Bytes body) {
    send(1, {op(kind, handle, 1, body)});
    run();
    const auto& log = cell_.backend(Slot::one).acceptor.log();
    OpView view;
    const Bytes bytes = log.entry(log.last()).op;
    EXPECT_TRUE(parse_op(bytes, view));
    EXPECT_EQ(view.kind, kind);
    if (kind == OpKind::renew) {
      return header_of<RenewBody>(view.body)->lease_ms.get();
    }
    EXPECT_EQ(view.body.back(), 'x') << "the texts behind it are as they were";
    return header_of<CheckoutBody>(view.body)->lease_ms.get();
  };
  const auto checkout = [](uint32_t lease_ms) {
    CheckoutBody body{};
    body.product = 7;
    body.lease_ms = lease_ms;
    body.user_size = 1;
    std::vector<uint8_t> bytes(bytes_of(body).begin(), bytes_of(body).end());
    bytes.push_back('x');
    return bytes;
  };
  EXPECT_EQ(ordered(OpKind::checkout, 1, checkout(1'500)), 1'500U);
  EXPECT_EQ(ordered(OpKind::checkout, 2, checkout(90'000)), 2'000U);
  EXPECT_EQ(ordered(OpKind::checkout, 3, checkout(10)), 1'000U);
  EXPECT_EQ(ordered(OpKind::checkout, 4, checkout(0)), 0U) << "the license's own";
  RenewBody renew{};
  renew.lease_ms = 5'000U;
  EXPECT_EQ(ordered(OpKind::renew, 5, bytes_of(renew)), 2'000U);
}

TEST_F(OrderTest, AStandbyAnswersNotActive) {
  order_.take(client_of(1), query_of({release(1, 1), read_licenses()}), cell_.now, cell_.lb(1), reply_,
              outbox_);
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].code, Code::not_active);
  EXPECT_EQ(all[1].code, Code::not_active);
  EXPECT_EQ(order_.in_flight(), 0U);
  EXPECT_EQ(counters_.not_active, 2U);
}

TEST_F(OrderTest, AReadIsAnsweredAndNeverARepeat) {
  send(1, {read_licenses()});
  run();
  send(1, {read_licenses()});
  run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].kind, OpKind::read_licenses);
  EXPECT_EQ(all[0].body.size(), sizeof(PageHeader));
  EXPECT_EQ(counters_.reads, 2U);
  EXPECT_EQ(cell_.lb().commit(), Seq{1}) << "never ordered";
}

TEST_F(OrderTest, WhatIsMalformedIsCountedAndNotAnswered) {
  const std::vector<std::vector<uint8_t>> bad = {
      {},
      {9},
      {static_cast<uint8_t>(ClientMessage::query)},
      {static_cast<uint8_t>(ClientMessage::reply), 0, 0, 0},
      {static_cast<uint8_t>(ClientMessage::hello), kQueryVersion, 0},
      {static_cast<uint8_t>(ClientMessage::hello), kQueryVersion + 1, 0, 0, 0, 0, 0, 0},
  };
  for (const auto& plain : bad) {
    take(1, plain);
  }
  std::vector<uint8_t> cut = query_of({release(1, 1)});
  cut.pop_back();
  take(1, cut);
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(counters_.drop_malformed, bad.size() + 1);
  EXPECT_EQ(counters_.queries, 0U);
}

// ---- Hello

class HelloTest : public OrderTest {
 protected:
  HelloAck hello(const quorum::Proposer& lb) {
    Hello hello{};
    hello.type = static_cast<uint8_t>(ClientMessage::hello);
    hello.version = kQueryVersion;
    hello.nonce = 99;
    const Bytes bytes = bytes_of(hello);
    order_.take(client_of(1), bytes, cell_.now, const_cast<quorum::Proposer&>(lb), reply_, outbox_);
    const auto letters = quorum::testing::take_letters(outbox_);
    EXPECT_EQ(letters.size(), 1U);
    Drop drop = Drop::none;
    const HelloAck* ack = parse_hello_ack(letters.at(0).bytes, drop);
    EXPECT_NE(ack, nullptr);
    return *ack;
  }
};

TEST_F(HelloTest, Review3_10TellsTheLastDecidedTimeNotThisLbsIdeaOfIt) {
  const HelloAck before = hello(cell_.lb());
  EXPECT_EQ(before.code, static_cast<uint8_t>(Code::granted));
  EXPECT_EQ(before.nonce, 99U);
  EXPECT_EQ(before.cell_ms, as_unsigned(cell_.lb().decided_cell().ms));
  EXPECT_EQ(before.lease_max_ms, 2'000U);
  EXPECT_EQ(before.replay_window_ms, 3'000U);
  cell_.run(milliseconds(100));
  EXPECT_EQ(hello(cell_.lb()).cell_ms, before.cell_ms) << "nothing was decided since";
}

TEST_F(HelloTest, AStandbyKnowsNoTime) {
  const HelloAck ack = hello(cell_.lb(1));
  EXPECT_EQ(ack.code, static_cast<uint8_t>(Code::not_active));
  EXPECT_EQ(ack.cell_ms, 0U);
  EXPECT_EQ(counters_.not_active, 1U);
}

TEST_F(HelloTest, WithoutAQuorumItIsRefusedAndThatIsCounted) {
  cell_.lost = [](const quorum::testing::SmallCell::Flight& f) {
    return f.to == ServerId::lb1 && f.from != ServerId::b1;
  };
  cell_.run(milliseconds(800));
  ASSERT_TRUE(cell_.lb().active());
  EXPECT_EQ(hello(cell_.lb()).code, static_cast<uint8_t>(Code::unavailable));
  EXPECT_EQ(counters_.unavailable, 1U);
}

// ---- status

class StatusTest : public OrderTest {
 protected:
  void publish(size_t size, uint32_t version) {
    StatusDocument& document = documents_.draft();
    document.version = version;
    document.size = static_cast<uint32_t>(size);
    for (size_t i = 0; i < size; ++i) {
      document.text[i] = static_cast<char>('a' + (i + version) % 26);
    }
    documents_.publish();
  }
  Answer page(uint32_t offset) {
    StatusBody body{};
    body.offset = offset;
    send(1, {op(OpKind::status, 0, 1, bytes_of(body))});
    const std::vector<Answer> all = answers();
    EXPECT_EQ(all.size(), 1U);
    return all.at(0);
  }
  Snapshot<StatusDocument> documents_;
};

TEST_F(StatusTest, WithoutADocumentItIsUnavailable) {
  EXPECT_EQ(page(0).code, Code::unavailable);
  order_.status_from(&documents_);
  EXPECT_EQ(page(0).code, Code::unavailable) << "none was published yet";
}

TEST_F(StatusTest, PagesPutTogetherAreTheDocument) {
  order_.status_from(&documents_);
  publish(5'000, 3);
  std::string text;
  while (true) {
    const Answer answer = page(static_cast<uint32_t>(text.size()));
    ASSERT_EQ(answer.code, Code::granted);
    const auto* header = header_of<StatusPage>(answer.body);
    ASSERT_NE(header, nullptr);
    EXPECT_EQ(header->version, 3U);
    EXPECT_EQ(header->total, 5'000U);
    EXPECT_EQ(header->offset, text.size());
    if (answer.body.size() == sizeof(StatusPage)) {
      break;
    }
    text += as_text(Bytes(answer.body).subspan(sizeof(StatusPage)));
  }
  ASSERT_EQ(text.size(), 5'000U);
  for (size_t i = 0; i < text.size(); ++i) {
    ASSERT_EQ(text[i], static_cast<char>('a' + (i + 3) % 26));
  }
}

TEST_F(StatusTest, AnOffsetBehindTheEndIsAnEmptyPage) {
  order_.status_from(&documents_);
  publish(100, 1);
  for (const uint32_t offset : {100U, 101U, UINT32_MAX}) {
    const Answer answer = page(offset);
    EXPECT_EQ(answer.code, Code::granted);
    EXPECT_EQ(answer.body.size(), sizeof(StatusPage));
  }
}

TEST_F(StatusTest, ANewDocumentIsSeenByItsVersion) {
  order_.status_from(&documents_);
  publish(3'000, 1);
  EXPECT_EQ(header_of<StatusPage>(page(0).body)->version, 1U);
  publish(2'000, 2);
  EXPECT_EQ(header_of<StatusPage>(page(1'000).body)->version, 2U);
}

TEST_F(StatusTest, AStandbyAnswersStatusToo) {
  order_.status_from(&documents_);
  publish(100, 1);
  const StatusBody body{};
  order_.take(client_of(1), query_of({op(OpKind::status, 0, 1, bytes_of(body))}), cell_.now, cell_.lb(1),
              reply_, outbox_);
  ASSERT_EQ(answers().size(), 1U);
}

// ---- replies

TEST_F(OrderTest, AnAnswerThatFindsTheOutboxFullIsCountedTheClientAsksAgain) {
  send(1, {release(1, 1)});
  run();
  answers();
  while (!outbox_.open().empty()) {
    outbox_.close(ServerId::lb2, 1);
  }
  send(1, {release(1, 1)});
  EXPECT_EQ(counters_.drop_no_room, 1U);
  outbox_.clear();
  send(1, {release(1, 1)});
  EXPECT_EQ(answers().size(), 1U);
}

TEST_F(OrderTest, AnswersToSeveralClientsGoEachToItsOwn) {
  send(1, {release(1, 1)});
  send(2, {release(2, 1)});
  send(1, {release(3, 1)});
  run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].client, client_of(1));
  EXPECT_EQ(all[1].client, client_of(2));
  EXPECT_EQ(all[2].client, client_of(1));
}

}  // namespace
}  // namespace tercet::dataplane
