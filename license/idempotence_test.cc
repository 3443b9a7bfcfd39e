// DESIGN §2 "Idempotence", row by row: late and doubled copies of every kind of request, before and after the
// end of what they asked for. A repeat gets the same bytes and changes nothing; a copy that comes when its
// handle is done with seats nobody, whatever ended it.

#include <map>
#include <ostream>

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

/// A request of each kind; of the two notices each, as they do different things.
enum class Sent : uint8_t { checkout, renew, release, consume, constituent, withdrawal, replacement };

constexpr Sent kSent[] = {Sent::checkout,    Sent::renew,      Sent::release,    Sent::consume,
                          Sent::constituent, Sent::withdrawal, Sent::replacement};
/// What imports something needs no seat, and its handle never has one.
constexpr bool is_import(Sent sent) { return sent >= Sent::constituent; }
constexpr uint64_t kHandle = 7;
constexpr int64_t kLeaseMs = 5'000;
constexpr int64_t kOverMs = kLeaseMs + 1'000;  // with its grace

const char* name_of_sent(Sent sent) {
  constexpr const char* kNames[] = {"checkout",    "renew",      "release",    "consume",
                                    "constituent", "withdrawal", "replacement"};
  return kNames[static_cast<size_t>(sent)];
}

PlainNotice withdrawal(uint32_t product) {
  PlainNotice n;
  n.issuer = 0xA1;
  n.firm = 10;
  n.product = product;
  n.tmr_id = 1;
  return n;
}
/// Of slot 2's container, whose key is filled with 0x22 at first.
PlainNotice replacement(uint8_t by, uint8_t of) {
  PlainNotice n = withdrawal(20);
  n.kind = static_cast<uint8_t>(CheckedNotice::Kind::container);
  n.slot = 1;
  n.container = by;
  n.revoked[0] = of;
  return n;
}

class IdempotenceTest : public BookFixture, public ::testing::WithParamInterface<Sent> {
 protected:
  void SetUp() override {
    genesis();
    license(5, 1, [](PlainConstituent& p) {
      p.metered = 1;
      p.units = 100;
    });
    pass(1);
  }
  [[nodiscard]] Buffer request(Sent sent, uint32_t number, uint64_t handle = kHandle) const {
    ConsumeBody use{};
    use.total = 10U * number;
    const auto op = [&](OpKind kind, Bytes body) {
      return make_op(kind, handle_of(handle), number, now_, body);
    };
    switch (sent) {
      case Sent::checkout:
        return checkout_op(handle, number, now_, {.lease_ms = kLeaseMs, .user = "ann"});
      case Sent::renew:
        return renew_op(handle, number, now_, 0);
      case Sent::release:
        return op(OpKind::release, {});
      case Sent::consume:
        return op(OpKind::consume, bytes_of(use));
      case Sent::constituent:
        return op(OpKind::import_constituent, bytes_of(constituent(0, 5, 9)));
      case Sent::withdrawal:
        return op(OpKind::import_notice, bytes_of(withdrawal(20)));
      default:
        return op(OpKind::import_notice, bytes_of(replacement(0x52, 0x22)));
    }
  }
  /// Applies a copy that must change nothing.
  OpResult copy(const Buffer& op) {
    const Hash128 before = tick_digest();
    const OpResult out = apply_op(op);
    EXPECT_EQ(book_.digest(), before) << "a copy changed something";
    return out;
  }
  /// The digest at the present time: a first entry of a time changes that, and ends what is over.
  Hash128 tick_digest() {
    tick();
    return book_.digest();
  }
  [[nodiscard]] uint32_t seats() const { return book_.state().leases().seated(0); }
  /// What `kind` needs before it: a seat, as request 1. The number of the request that comes then.
  uint32_t prepare(Sent sent) {
    if (sent == Sent::checkout || is_import(sent)) {
      return 1;
    }
    EXPECT_EQ(code(apply_op(request(Sent::checkout, 1))), Code::granted);
    return 2;
  }
  static void expect_same(const OpResult& a, const OpResult& b) {
    EXPECT_TRUE(equal(bytes_of(a), bytes_of(b)));
  }
  static void expect_later(OpResult told, const OpResult& last) {
    EXPECT_EQ(told.flags & kLaterAnswer, kLaterAnswer);
    told.flags = static_cast<uint8_t>(told.flags & ~kLaterAnswer);
    expect_same(told, last);
  }
};

TEST_P(IdempotenceTest, ADoubledRequestIsAnsweredWithTheSameBytes) {
  const Buffer op = request(GetParam(), prepare(GetParam()));
  const OpResult first = apply_op(op);
  EXPECT_EQ(code(first), Code::granted);
  for (const int64_t later : {0, 1, 400, 2'000}) {
    pass(later);
    expect_same(copy(op), first);
  }
}

TEST_P(IdempotenceTest, ACopyBehindALaterRequestIsToldThatOnesAnswer) {
  const uint32_t number = prepare(GetParam());
  const Buffer op = request(GetParam(), number);
  apply_op(op);
  const OpResult last = apply_op(request(Sent::release, number + 5));
  for (const int64_t later : {0, 100}) {
    pass(later);
    expect_later(copy(op), last);
  }
  EXPECT_EQ(seats(), 0u);
}

TEST_P(IdempotenceTest, ACopyBehindARenewalIsToldThatOnesAnswer) {
  const uint32_t number = prepare(GetParam());
  const Buffer op = request(GetParam(), number);
  apply_op(op);
  const OpResult last = apply_op(request(Sent::renew, number + 1));
  EXPECT_EQ(code(last) == Code::granted, GetParam() != Sent::release && !is_import(GetParam()));
  pass(100);
  expect_later(copy(op), last);
}

TEST_P(IdempotenceTest, ACopyAfterTheEndSeatsNobody) {
  const Buffer op = request(GetParam(), prepare(GetParam()));
  const OpResult first = apply_op(op);
  const uint64_t used = book_.state().usage(0).units_used;
  pass(kOverMs);
  tick();
  ASSERT_EQ(seats(), 0u);
  for (const int64_t later : {0, 1'000, 100'000}) {
    pass(later);
    expect_same(copy(op), first);
    EXPECT_EQ(seats(), 0u);
  }
  EXPECT_EQ(book_.state().usage(0).units_used, used);
}

TEST_P(IdempotenceTest, ACopyWhileItsLeaseIsOverButNotYetEndedSeatsNobody) {
  const Buffer op = request(GetParam(), prepare(GetParam()));
  apply_op(op);
  pass(kOverMs);
  apply_op(op);  // the first entry that reaches the end is the copy itself
  EXPECT_EQ(seats(), 0u);
  EXPECT_EQ(book_.state().leases().find(handle_of(kHandle)), kNone);
}

TEST_P(IdempotenceTest, ACopyThatIsTooLateIsStaleAndLeavesNothing) {
  const Buffer op = request(GetParam(), prepare(GetParam()));
  apply_op(op);
  apply_op(request(Sent::release, 9));
  pass(kReplayWindow.ms());
  tick();
  ASSERT_EQ(book_.state().tombstones().find(handle_of(kHandle)), kNone);
  const auto remembered = book_.state().tombstones().size();
  EXPECT_EQ(code(copy(op)), Code::stale);
  EXPECT_EQ(book_.state().tombstones().size(), remembered);
  EXPECT_EQ(seats(), 0u);
}

TEST_P(IdempotenceTest, AFirstCopyThatComesAfterHalfTheWindowIsStale) {
  const uint32_t number = prepare(GetParam());
  Buffer op = request(GetParam(), number);
  if (number == 2) {  // what it needs lives on meanwhile
    apply_op(renew_op(kHandle, 1'000, now_, 24 * 3'600'000));
    op = request(GetParam(), 1'001);
  }
  pass(kSentAgeMax.ms());
  const OpResult in_time = apply_op(op);
  EXPECT_NE(code(in_time), Code::stale);
  ASSERT_TRUE(book_.undo());
  pass(1);
  EXPECT_EQ(code(copy(op)), Code::stale);
  EXPECT_EQ(seats(), number == 2 ? 1u : 0u);
}

TEST_P(IdempotenceTest, ACopyAheadOfTimeIsStaleForEver) {
  const uint32_t number = prepare(GetParam());
  now_ += 1'001;
  const Buffer op = request(GetParam(), number);
  now_ -= 1'001;
  const OpResult early = apply_op(op);
  EXPECT_EQ(code(early), Code::stale);
  pass(500);
  expect_same(copy(op), early);
  EXPECT_EQ(seats(), number == 2 ? 1u : 0u);
}

TEST_P(IdempotenceTest, ADenialStaysOneThoughItsReasonHasGone) {
  const Sent sent = GetParam();
  const auto notice = [this](const PlainNotice& n, uint64_t handle = kHandle) {
    return make_op(OpKind::import_notice, handle_of(handle), 1, now_, bytes_of(n));
  };
  Buffer op;
  switch (sent) {
    case Sent::checkout:
      for (uint64_t h = 100; h < 105; ++h) {
        checkout(h);
      }
      op = request(sent, 1);
      break;
    case Sent::renew:
    case Sent::release:
      op = request(sent, 1);  // nobody has that handle
      break;
    case Sent::consume:
      prepare(sent);
      op = request(sent, 50);  // 500 units
      break;
    case Sent::constituent:
      op = request(sent, 1);
      import(constituent(1, 6, 9));  // another quantity: the two differ
      break;
    case Sent::withdrawal:
      op = notice(withdrawal(21));  // of a license that is not there
      break;
    case Sent::replacement:
      op = notice(replacement(0x53, 0x52));  // of a container that has not come yet
  }
  const OpResult denied = apply_op(op);
  ASSERT_NE(code(denied), Code::granted);
  switch (sent) {
    case Sent::checkout:
      release(100, 2);
      break;
    case Sent::consume:
      license(5, 1, [](PlainConstituent& p) {
        p.metered = 1;
        p.units = 1'000;
        p.revision = 2;
      });
      break;
    case Sent::constituent: {
      PlainConstituent newer = constituent(1, 5, 9);
      newer.revision = 2;
      import(newer);
      break;
    }
    case Sent::withdrawal:
      license(5, 1, [](PlainConstituent& p) { p.product = 21; });
      break;
    case Sent::replacement:
      ASSERT_EQ(code(apply_op(notice(replacement(0x52, 0x22), 3'000))), Code::granted);
      break;
    default:
      break;
  }
  const auto before = seats();
  for (const int64_t later : {0, 1'000}) {
    pass(later);
    expect_same(copy(op), denied);
  }
  EXPECT_EQ(seats(), before);
  if (sent != Sent::consume) {
    apply_op(request(Sent::checkout, 40));
    EXPECT_EQ(seats(), before) << "its handle is done with";
  }
}

class OvertakingTest : public IdempotenceTest {};

TEST_P(OvertakingTest, WhatCameBeforeItsCheckoutLeavesThatNothing) {
  const Buffer late = request(Sent::checkout, 1);
  const OpResult first = apply_op(request(GetParam(), 2));
  EXPECT_EQ(code(first), is_import(GetParam()) ? Code::granted : Code::unknown_handle);
  for (const int64_t later : {int64_t{0}, int64_t{10}, kOverMs}) {
    pass(later);
    expect_later(copy(late), first);
  }
  EXPECT_EQ(seats(), 0u);
  EXPECT_EQ(book_.state().usage(0).units_used, 0u);
}

TEST_P(IdempotenceTest, ARepeatOfTheSameRequestSentAnewIsTheSameRequest) {
  // A client may not, but an LB that took over cannot know: the number says what is the same, not the bytes.
  const uint32_t number = prepare(GetParam());
  const OpResult first = apply_op(request(GetParam(), number));
  pass(200);
  expect_same(copy(request(GetParam(), number)), first);
}

INSTANTIATE_TEST_SUITE_P(Kinds, IdempotenceTest, ::testing::ValuesIn(kSent),
                         [](const auto& each) { return name_of_sent(each.param); });

/// All but the checkout itself.
INSTANTIATE_TEST_SUITE_P(Kinds, OvertakingTest, ::testing::ValuesIn(std::span(kSent).subspan(1)),
                         [](const auto& each) { return name_of_sent(each.param); });

class AnyOrderTest : public BookFixture, public ::testing::WithParamInterface<uint64_t> {
 protected:
  uint64_t below(uint64_t n) {
    uint64_t z = (dice_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return (z ^ (z >> 31U)) % n;
  }
  uint64_t dice_ = GetParam() * 1'000'003;
};

// A network that repeats, reorders and delays what one client sent: whatever comes of it, there is at most
// one seat, none once it was given back or had ended, no unit is used twice, and nobody is told two things.
TEST_P(AnyOrderTest, OneClientsRequestsInAnyOrderAndNumber) {
  genesis();
  license(5, 1, [](PlainConstituent& p) {
    p.metered = 1;
    p.units = 1'000;
  });
  for (unsigned run = 0; run < 60; ++run) {
    const uint64_t handle = 1'000 + run;
    const uint64_t used_before = book_.state().usage(0).units_used;
    std::vector<Buffer> sent{checkout_op(handle, 1, now_, {.lease_ms = 3'000})};
    uint64_t total = 0;
    for (uint32_t number = 2; number < 8; ++number) {
      ConsumeBody body{};
      total += below(5);
      body.total = total;
      const auto at = now_ + static_cast<int64_t>(below(1'000));
      sent.push_back(below(2) == 0 ? renew_op(handle, number, at, 0)
                                   : make_op(OpKind::consume, handle_of(handle), number, at, bytes_of(body)));
    }
    sent.push_back(make_op(OpKind::release, handle_of(handle), 8, now_ + 900, {}));
    std::map<uint32_t, OpResult> told;
    bool over = false;
    for (unsigned n = 0; n < 60; ++n) {
      pass(static_cast<int64_t>(below(n % 10 == 9 ? 2'500 : 60)));
      if (below(12) == 0) {
        tick();
      }
      // In order for the most part; late and doubled ones between.
      const auto newest = std::min<uint64_t>(sent.size() - 1, n / 6);
      const Buffer& op = sent[below(3) == 0 ? below(sent.size()) : newest];
      OpView view;
      ASSERT_TRUE(parse_op(op, view));
      const OpResult r = apply_op(op);
      const bool seated = book_.state().leases().find(view.handle) != kNone;
      over = over || book_.state().tombstones().find(view.handle) != kNone;
      ASSERT_FALSE(over && seated) << "seated again";
      ASSERT_LE(book_.state().leases().seated(0), 1u);
      ASSERT_LE(book_.state().usage(0).units_used - used_before, total);
      if ((r.flags & kLaterAnswer) != 0) {
        continue;
      }
      const auto [it, first] = told.try_emplace(view.request, r);
      ASSERT_TRUE(first || equal(bytes_of(it->second), bytes_of(r))) << "told two things";
    }
    ASSERT_EQ(book_.digest(), book_.recomputed_digest());
    pass(10'000);
    tick();
    ASSERT_FALSE(book_.leases_live());
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, AnyOrderTest, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace tercet::license
