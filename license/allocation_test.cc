// After construction the book never calls the allocator: not when it grows, not to undo, not to list. (An
// import's check may; here it does not.)

#include "license/book_fixture.h"
#include "tests/allocations/allocations.h"

namespace tercet::license {
namespace {

class AllocationTest : public BookFixture {
 protected:
  AllocationTest() : BookFixture({.leases_max = 5'000, .tombstones_max = 2'000, .undo_entries = 1'024}) {}
};

TEST_F(AllocationTest, NoneAfterConstruction) {
  genesis();
  license(4'000);
  std::vector<Buffer> ops;
  for (uint64_t h = 1; h <= 4'100; ++h) {
    ops.push_back(checkout_op(h, 1, now_, {.lease_ms = 2'000, .user = "ann"}));
  }
  for (uint64_t h = 1; h <= 4'000; ++h) {
    ops.push_back(h % 3 == 0 ? make_op(OpKind::release, handle_of(h), 2, now_, {}) : renew_op(h, 2, now_, 0));
  }
  ReadBody all{};
  all.all = 1;
  std::vector<Buffer> reads;
  for (const OpKind kind : {OpKind::read_licenses, OpKind::read_containers, OpKind::read_leases}) {
    reads.push_back(make_op(kind, Handle{}, 0, 0, bytes_of(all)));
  }
  PlainConstituent newer = constituent(0, 9);
  newer.tmr_id = 77;
  const Buffer import = make_op(OpKind::import_constituent, handle_of(9'999'999), 1, now_, bytes_of(newer));
  Buffer out(kReadAnswerMax);

  const uint64_t before = allocations_so_far();
  size_t bytes = 0;
  for (const Buffer& op : ops) {
    bytes += apply_raw(EntryKind::op, op).size();
  }
  apply_raw(EntryKind::op, import);
  for (int i = 0; i < 1'000; ++i) {
    bytes += book_.undo() ? 1 : 0;
  }
  for (const Buffer& read : reads) {
    bytes += book_.read(read, out);
  }
  pass(5'000);
  for (int i = 0; i < 100; ++i) {
    apply_raw(EntryKind::tick, {});
  }
  book_.settle(book_.applied());
  const uint64_t after = allocations_so_far();
  EXPECT_EQ(after, before);
  EXPECT_GT(bytes, ops.size() * sizeof(OpResult));
  EXPECT_FALSE(book_.leases_live());
}

}  // namespace
}  // namespace tercet::license
