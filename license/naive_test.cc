// The book and its naive second version on random operations: repeats, late copies, ends, full tables,
// revisions, undo. After every entry both must say the same; equal states must have equal digests and
// different ones different digests, whatever led there.

#include <algorithm>
#include <ostream>
#include <unordered_map>

#include "base/sanitized.h"
#include "license/book_fixture.h"
#include "license/naive_book.h"

namespace tercet::license {
namespace {

struct Dice {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  uint64_t below(uint64_t n) { return next() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
};

struct HashOf {
  size_t operator()(const Hash128& h) const { return h.low; }
};

/// What a run is like.
struct World {
  const char* name;
  BookOptions options;
  uint32_t quantity_max;
  uint64_t handles;
  unsigned entries;
  unsigned import_one_in;
  int64_t pause_ms;  ///< now and then
  uint64_t stations;
  friend void PrintTo(const World& world, std::ostream* out) { *out << world.name; }
};

struct Applied {
  EntryKind kind;
  int64_t cell, wall;
  Buffer op;
};

class Pair {
 public:
  Pair(const World& world, uint64_t seed)
      : world_(world),
        dice_{seed},
        book_(plain_checks(), world.options),
        naive_(plain_checks(), world.options) {}

  void run() {
    apply({EntryKind::genesis, now_, wall_, make_genesis({0xA1, 0xB2})});
    for (unsigned i = 0; i < world_.entries && !::testing::Test::HasFailure(); ++i) {
      if (dice_.one_in(40)) {
        take_back();
      }
      apply(draw());
      if (i % 64 == 0) {
        compare_lists();
      }
    }
  }
  [[nodiscard]] Hash128 digest() const { return book_.digest(); }
  [[nodiscard]] const std::vector<uint64_t>& codes() const { return codes_; }

 private:
  Applied draw() {
    const uint64_t pace = dice_.below(100);
    const int64_t step = pace < 60   ? 0
                         : pace < 90 ? static_cast<int64_t>(dice_.below(400))
                         : pace < 99
                             ? static_cast<int64_t>(dice_.below(3'000))
                             : static_cast<int64_t>(dice_.below(static_cast<uint64_t>(world_.pause_ms)));
    now_ += step;
    wall_ += step;
    Applied next{EntryKind::op, now_, wall_, {}};
    if (dice_.one_in(30)) {
      next.kind = EntryKind::tick;
    } else if (dice_.one_in(90)) {
      const auto slot = static_cast<uint8_t>(dice_.below(dice_.one_in(20) ? 4 : 3));
      const auto gone = static_cast<uint8_t>(dice_.one_in(20) ? 2 : dice_.one_in(3) ? 1 : 0);
      const ConstituentGoneBody body{.slot = slot, .gone = gone, .reserved = {}};
      next.kind = EntryKind::constituent_gone;
      next.op.assign(bytes_of(body).begin(), bytes_of(body).end());
    } else if (dice_.one_in(6) && !sent_.empty()) {
      next.op = sent_[dice_.below(sent_.size())];  // a copy, late or not
    } else if (dice_.one_in(50) && !sent_.empty()) {
      next.op = sent_[dice_.below(sent_.size())];
      next.op[dice_.below(next.op.size())] ^= static_cast<uint8_t>(1U << dice_.below(8));
    } else if (dice_.one_in(world_.import_one_in)) {
      next.op = revision_ > 40 && dice_.one_in(40) ? draw_notice() : draw_import();
      sent_.push_back(next.op);
    } else {
      next.op = draw_op();
      sent_.push_back(next.op);
    }
    if (sent_.size() > 400) {
      sent_.erase(sent_.begin(), sent_.begin() + 200);
    }
    return next;
  }
  Buffer draw_import() {
    PlainConstituent p;
    p.issuer = dice_.one_in(20) ? (revision_ > 20 ? 0xB2 : 1) : 0xA1;
    p.good = dice_.one_in(20) ? 0 : 1;
    const uint64_t slot = dice_.below(dice_.one_in(10) ? 5 : 3);
    const bool first = slot > 2 || newest_[slot] == 0 || dice_.one_in(15);
    std::memset(p.container_key,
                static_cast<int>(first ? 0x11 * (1 + slot) : 0x40 + slot * 0x20 + newest_[slot]),
                sizeof p.container_key);
    p.firm = 10;
    p.product = static_cast<uint32_t>(20 + dice_.below(3));
    p.tmr_id = static_cast<uint32_t>(dice_.below(4));
    p.revision = static_cast<uint32_t>(1 + dice_.below(1 + revision_++ / 40));
    const uint64_t kind = p.tmr_id + p.product;
    p.quantity = dice_.one_in(30) ? 1 : static_cast<uint32_t>(1 + (kind + p.revision) % world_.quantity_max);
    p.features = dice_.one_in(30) ? 0xFF : 0xF + (kind % 3) * 16;
    if (kind % 5 == 4) {
      p.quantity = 0;
      p.mode = static_cast<uint8_t>(LicenseMode::no_user_limit);
    } else if (kind % 5 >= 2 && p.revision % 8 != 7) {  // now and then another revision's mode is another
      p.mode = static_cast<uint8_t>(kind % 5 == 2 ? LicenseMode::station_share : LicenseMode::exclusive);
    }
    if (dice_.one_in(40)) {
      p.mode = static_cast<uint8_t>(dice_.below(6));
    }
    p.lease_ms = static_cast<uint32_t>(2'000 + 1'000 * (kind % 4));
    if (kind % 4 == 1) {
      p.valid_until_ms =
          static_cast<uint64_t>(kWall + world_.pause_ms * 4 * p.revision) + 400'000 * (kind % 7);
    } else if (kind % 4 == 2 && p.revision % 2 == 1) {
      p.valid_from_ms = static_cast<uint64_t>(kWall + world_.pause_ms * 8 * p.revision);
    }
    if (kind % 4 == 3) {
      p.usage_period_ms = static_cast<uint64_t>(world_.pause_ms) * (1 + p.revision % 6);
    }
    if (kind % 3 == 1) {
      p.metered = dice_.one_in(30) ? 2 : 1;
      p.units = 12 * p.revision + kind;
    }
    return make_op(OpKind::import_constituent,
                   handle_of(dice_.one_in(9) ? dice_.below(4) : 1'000 + dice_.below(5'000)),
                   static_cast<uint32_t>(1 + dice_.below(2)), sent_at(), bytes_of(p));
  }
  Buffer draw_notice() {
    PlainNotice n;
    n.issuer = dice_.one_in(20) ? 1 : 0xA1;
    n.good = dice_.one_in(20) ? 0 : 1;
    n.kind = dice_.one_in(12) ? 0 : dice_.one_in(30) ? 2 : 1;
    n.slot = static_cast<uint8_t>(dice_.below(dice_.one_in(30) ? 4 : 3));
    n.others_cell = dice_.one_in(20) ? 1 : 0;
    n.firm = 10;
    n.product = static_cast<uint32_t>(20 + dice_.below(3));
    n.tmr_id = static_cast<uint32_t>(dice_.below(4));
    // Mostly the next container of the slot, in place of some before it.
    uint8_t& newest = newest_[n.slot % 3U];
    const auto first = static_cast<uint8_t>(0x11 * (n.slot + 1));
    n.revoked[0] = dice_.one_in(10) ? 0x11 : first;
    for (size_t i = 1; i < std::size(n.revoked) && i <= newest; ++i) {
      n.revoked[i] = static_cast<uint8_t>(0x40 + n.slot * 0x20 + newest + 1 - i);
    }
    n.container = static_cast<uint8_t>(0x40 + n.slot * 0x20 + newest + 1);
    const bool sound = n.issuer == 0xA1 && n.good == 1 && n.kind == 1 && n.others_cell == 0 && n.tmr_id != 0;
    newest = static_cast<uint8_t>(newest + (sound && newest < 0x1E ? 1 : 0));
    if (dice_.one_in(15)) {
      n.container = n.revoked[dice_.below(2)];
    }
    return make_op(OpKind::import_notice, handle_of(1'000 + dice_.below(5'000)),
                   static_cast<uint32_t>(1 + dice_.below(2)), sent_at(), bytes_of(n));
  }
  int64_t sent_at() {
    const uint64_t how = dice_.below(60);
    if (how < 57) {
      return now_ - static_cast<int64_t>(std::min<uint64_t>(dice_.below(300), static_cast<uint64_t>(now_)));
    }
    return how == 57   ? now_ + static_cast<int64_t>(dice_.below(2'500))
           : how == 58 ? std::max<int64_t>(0, now_ - 299'000 - static_cast<int64_t>(dice_.below(2'500)))
                       : static_cast<int64_t>(dice_.below(static_cast<uint64_t>(now_) + 700'000));
  }
  Buffer draw_op() {
    const uint64_t h = dice_.below(world_.handles) + (dice_.one_in(3) ? 100'000 * dice_.below(400) : 0);
    auto& number = requests_[h];
    if (!dice_.one_in(5)) {
      ++number;
    }
    const uint32_t request = std::max(1U, number);
    const uint64_t what = dice_.below(12);
    if (what >= 10) {
      ConsumeBody b{};
      b.total = dice_.one_in(60) ? dice_.next() : dice_.below(4 + request * 3ULL);
      return make_op(OpKind::consume, handle_of(h), request, sent_at(), bytes_of(b));
    }
    if (what < 5) {
      CheckoutBody b{};
      b.firm = dice_.one_in(30) ? 11 : 10;
      b.product = static_cast<uint32_t>(20 + dice_.below(3));
      b.tmr_id = dice_.one_in(4) ? static_cast<uint32_t>(dice_.below(4)) : 0;
      b.lease_ms = dice_.one_in(3) ? static_cast<uint32_t>(900 + dice_.below(5'000)) : 0;
      b.features = dice_.one_in(4) ? dice_.below(64) : 0;
      const std::string station = "s" + std::to_string(dice_.below(world_.stations));
      const std::string host = dice_.one_in(40) ? "" : station;
      const bool named = dice_.one_in(2);
      const std::string text = "ann" + host + (named ? station : "");
      b.user_size = 3;
      b.host_size = static_cast<uint8_t>(host.size());
      b.station_size = static_cast<uint8_t>(named ? station.size() : 0);
      Buffer bytes(sizeof b);
      std::memcpy(bytes.data(), &b, sizeof b);
      bytes.insert(bytes.end(), text.begin(), text.end());
      return make_op(OpKind::checkout, handle_of(h), request, sent_at(), bytes);
    }
    if (what < 8) {
      RenewBody b{};
      b.lease_ms = dice_.one_in(3) ? static_cast<uint32_t>(900 + dice_.below(8'000)) : 0;
      return make_op(OpKind::renew, handle_of(h), request, sent_at(), bytes_of(b));
    }
    return make_op(OpKind::release, handle_of(h), request, sent_at(), {});
  }

  void apply(const Applied& a) {
    EntryView entry;
    entry.seq = next(book_.applied());
    entry.cell = CellTime{a.cell};
    entry.wall = WallTime{a.wall};
    entry.kind = a.kind;
    entry.op = a.op;
    before_.push_back(naive_);
    if (before_.size() > 30) {
      before_.erase(before_.begin());
    }
    Result result;
    book_.apply(entry, result);
    const auto expected = naive_.apply(entry);
    ASSERT_TRUE(equal({result.data(), result.size()}, expected)) << describe(a, result, expected);
    if (a.kind == EntryKind::op) {
      ++codes_[result[0]];
    }
    check_state();
  }
  /// Takes entries back; what comes after is something else, as when a log was cut.
  void take_back() {
    const auto n = std::min<uint64_t>(before_.size(), 1 + dice_.below(25));
    if (book_.applied().value <= n + 1) {
      return;
    }
    for (uint64_t i = 0; i < n; ++i) {
      ASSERT_TRUE(book_.undo());
      naive_ = before_.back();
      before_.pop_back();
      check_state();
    }
  }
  void check_state() {
    ASSERT_EQ(book_.leases_live(), naive_.leases_live());
    ASSERT_EQ(book_.more_due(), naive_.more_due());
    const std::string dump = naive_.dump();
    const Hash128 state = hash128(as_bytes(dump), 1);
    const Hash128 digest = book_.digest();
    ASSERT_EQ(digest_of_.try_emplace(state, digest).first->second, digest) << "equal states, other digests";
    ASSERT_EQ(state_of_.try_emplace(digest, state).first->second, state) << "other states, equal digests";
    for (const auto& [key, held] : naive_.licenses()) {
      const uint32_t index = book_.state().licenses().find(key.firm, key.product, key.tmr_id);
      ASSERT_NE(index, kNone);
      ASSERT_EQ(index, held.order);
      ASSERT_EQ(book_.state().leases().seated(index), naive_.seats_in_use(key));
    }
  }
  /// Whole listings, page by page.
  void compare_lists() {
    std::vector<uint32_t> seen;
    uint64_t cursor = 0;
    do {
      ReadBody body{};
      body.cursor = cursor;
      Buffer out(kReadAnswerMax);
      out.resize(book_.read(make_op(OpKind::read_leases, Handle{}, 0, 0, bytes_of(body)), out));
      const PageView page = page_of(out);
      Bytes rest = page.rows;
      LeaseItem item;
      while (next_lease(rest, item)) {
        uint32_t prefix;
        std::memcpy(&prefix, item.row->handle_prefix, sizeof prefix);
        seen.push_back(prefix);
        ASSERT_EQ(item.holder.user.size(), 3u);
      }
      cursor = page.header->next;
    } while (cursor != 0);
    std::vector<uint32_t> expected;
    for (const auto& [handle, holder] : naive_.holders()) {
      uint32_t prefix;
      std::memcpy(&prefix, handle.bytes.data(), sizeof prefix);
      expected.push_back(prefix);
    }
    std::ranges::sort(seen);
    std::ranges::sort(expected);
    ASSERT_EQ(seen, expected);
    ASSERT_EQ(book_.digest(), book_.recomputed_digest());
    compare_usage();
  }
  void compare_usage() {
    std::map<NaiveBook::Key, NaiveBook::Held> expected = naive_.licenses();
    std::map<Code, uint64_t> to_nobody = naive_.denied_to_nobody();
    uint64_t cursor = 0;
    do {
      ReadBody body{};
      body.cursor = cursor;
      Buffer out(kReadAnswerMax);
      out.resize(book_.read(make_op(OpKind::read_usage, Handle{}, 0, 0, bytes_of(body)), out));
      const PageView page = page_of(out);
      Bytes rest = page.rows;
      UsageItem item;
      while (next_usage(rest, item)) {
        std::map<Code, uint64_t> denied;
        for (const DenialCount& d : item.denied) {
          denied[static_cast<Code>(d.code)] = d.count;
        }
        if (item.row->mode == 0) {
          ASSERT_EQ(denied, to_nobody);
          to_nobody.clear();
          continue;
        }
        const NaiveBook::Key key{item.row->firm, item.row->product, item.row->tmr_id};
        ASSERT_TRUE(expected.contains(key));
        const NaiveBook::Held& held = expected.at(key);
        ASSERT_EQ(denied, held.denied);
        ASSERT_EQ(item.row->peak, held.peak);
        ASSERT_EQ(item.row->units_used, held.units_used);
        ASSERT_EQ(item.row->usage_from_ms, held.first_use);
        expected.erase(key);
      }
      cursor = page.header->next;
    } while (cursor != 0);
    ASSERT_TRUE(expected.empty());
    ASSERT_TRUE(to_nobody.empty());
  }
  static std::string describe(const Applied& a, const Result& got, const std::vector<uint8_t>& expected) {
    std::string out = "kind " + std::to_string(a.op.empty() ? 0 : a.op[0]) + " got";
    for (const uint8_t byte : got) {
      out += " " + std::to_string(byte);
    }
    out += "\nexpected";
    for (const uint8_t byte : expected) {
      out += " " + std::to_string(byte);
    }
    return out;
  }

  static constexpr int64_t kWall = 1'700'000'000'000;
  World world_;
  Dice dice_;
  Book book_;
  NaiveBook naive_;
  std::vector<NaiveBook> before_;
  std::vector<Buffer> sent_;
  std::map<uint64_t, uint32_t> requests_;
  std::unordered_map<Hash128, Hash128, HashOf> digest_of_;
  std::unordered_map<Hash128, Hash128, HashOf> state_of_;
  std::vector<uint64_t> codes_ = std::vector<uint64_t>(256);
  uint64_t revision_ = 0;
  std::array<uint8_t, 3> newest_{};  ///< containers that slots had after the first
  int64_t now_ = 5'000;
  int64_t wall_ = kWall;
};

const World kSmall{
    "small", {.leases_max = 6, .tombstones_max = 65, .undo_entries = 64, .undo_bytes = 1U << 17U},
    3,       30,
    30'000,  15,
    700'000, 4};
const World kRoomy{
    "roomy", {.leases_max = 64, .tombstones_max = 4'000, .undo_entries = 64, .undo_bytes = 1U << 18U},
    4,       60,
    15'000,  15,
    100'000, 9};
const World kCrowd{
    "crowd", {.leases_max = 500, .tombstones_max = 900, .undo_entries = 64, .undo_bytes = 1U << 20U},
    400,     400,
    6'000,   12,
    10'000,  90};

class NaiveTest : public ::testing::TestWithParam<std::tuple<World, uint64_t>> {};

TEST_P(NaiveTest, Agrees) {
  auto [world, seed] = GetParam();
  world.entries /= kSanitized ? 6 : 1;
  Pair pair(world, seed);
  pair.run();
}
const auto kName = [](const auto& info) {
  return std::string(std::get<0>(info.param).name) + std::to_string(std::get<1>(info.param));
};
INSTANTIATE_TEST_SUITE_P(Small, NaiveTest,
                         ::testing::Combine(::testing::Values(kSmall), ::testing::Values(1, 2, 3)), kName);
INSTANTIATE_TEST_SUITE_P(Roomy, NaiveTest,
                         ::testing::Combine(::testing::Values(kRoomy), ::testing::Values(4, 5)), kName);
INSTANTIATE_TEST_SUITE_P(Crowd, NaiveTest,
                         ::testing::Combine(::testing::Values(kCrowd), ::testing::Values(6, 7)), kName);

TEST(NaiveReach, TheSameRunTwiceIsTheSameAndReachesEveryAnswer) {
  World world = kSmall;
  world.entries = 25'000;
  Pair a(world, 42);
  Pair b(world, 42);
  Pair c(world, 7);
  a.run();
  b.run();
  c.run();
  EXPECT_EQ(a.digest(), b.digest());
  for (const Code code : {Code::granted,
                          Code::no_such_license,
                          Code::only_one_constituent,
                          Code::no_free_seat,
                          Code::expired,
                          Code::not_yet_valid,
                          Code::feature_not_licensed,
                          Code::unknown_handle,
                          Code::stale,
                          Code::bad_request,
                          Code::bad_signature,
                          Code::unknown_issuer,
                          Code::foreign_container,
                          Code::repeated,
                          Code::properties_differ,
                          Code::older_revision,
                          Code::malformed,
                          Code::book_full,
                          Code::unsupported_mode,
                          Code::station_busy,
                          Code::usage_period_over,
                          Code::no_units_left,
                          Code::revoked,
                          Code::container_revoked}) {
    const auto at = static_cast<size_t>(code);
    EXPECT_GT(a.codes()[at] + c.codes()[at], 0u) << name_of(code);
  }
}

}  // namespace
}  // namespace tercet::license
