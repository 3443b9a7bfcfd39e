// A backend that begins behind a checkpoint, each byte of which is damaged, one at a time (the long parts in
// steps): it opens with every entry that was durable, or says that its disk cannot be trusted. Never a book
// that is another one.

#include <algorithm>
#include <vector>

#include "backend/opening_rig.h"
#include "backend/replica.h"
#include "base/sanitized.h"
#include "license/plain_constituent.h"

namespace tercet::backend {
namespace {

constexpr license::BookOptions kSweepBook{.leases_max = 4096, .tombstones_max = 1024};

class CheckpointSweep : public testing::Test {
 protected:
  CheckpointSweep() {
    options_ = small_opening(false);
    options_.acceptor.keep_behind = 0;
    options_.acceptor.held = {.results = 256, .reads = 4};
    story_.genesis(kFirstEpoch).ops(kFirstEpoch, 30);
    CheckpointBody body{};
    story_.add(EntryKind::checkpoint, kFirstEpoch, bytes_of(body));
    at_ = story_.last();
    story_.ops(kFirstEpoch, 10);
  }
  void settle(Replica& replica, Opening& opening, std::span<const dataplane::Message> in) {
    Outbox out(256);
    Moment now{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 1};
    replica.poll(in, now, out);
    for (unsigned i = 0; i < 200; ++i) {
      disk_.wait();
      now.mono = now.mono + milliseconds(1);
      replica.poll({}, now, out);
      out.clear();
    }
    ASSERT_FALSE(opening.log->failed());
  }
  /// One life: takes the story, captures, hears what two votes had there, writes the image.
  void write() {
    BookMachine machine({kSweepBook, false}, license::plain_checks());
    Opening opening = open_log(disk_, machine, options_);
    ASSERT_TRUE(opening.sound()) << opening.why;
    while (!opening.log->ready()) {
      disk_.wait();
      opening.log->reap();
    }
    Replica replica(opening, machine, disk_, options_.log.store);
    take(replica, opening, 1, story_.last().value);
    UsableBody usable{};
    usable.checkpoint = at_.value;
    usable.s = opening.acceptor->log().s_at(at_).low;
    story_.add(EntryKind::usable, kFirstEpoch, bytes_of(usable));
    story_.ops(kFirstEpoch, 5);
    take(replica, opening, at_.value + 11, story_.last().value);
    ASSERT_EQ(replica.view().checkpoints.written, 1U);
    ASSERT_EQ(opening.acceptor->log().base().seq, at_);
    digest_ = machine.digest();
  }
  void take(Replica& replica, Opening& opening, uint64_t from, uint64_t to) {
    for (uint64_t first = from; first <= to; first += 8) {
      const auto bytes = quorum::testing::accept_of(story_, first, std::min(first + 7, to), kFirstEpoch);
      dataplane::Message message;
      message.plain = bytes;
      message.from_server = true;
      message.server = lb_of(kFirstEpoch);
      settle(replica, opening, {&message, 1});
    }
  }
  /// The one thing that is asked of every damage; true if it opened.
  bool open() {
    BookMachine machine({kSweepBook, false}, license::plain_checks());
    OpeningOptions options = options_;
    options.log_made = true;
    const Opening opening = open_log(disk_, machine, options);
    if (!opening.sound()) {
      EXPECT_EQ(opening.verdict, store::Verdict::corrupt) << opening.why;
      EXPECT_FALSE(opening.why.empty());
      return false;
    }
    EXPECT_EQ(opening.acceptor->log().last(), story_.last());
    EXPECT_TRUE(opening.acceptor->log().matches(story_.last(), story_.l(story_.last())));
    EXPECT_EQ(machine.digest(), digest_);
    return true;
  }
  store::MemoryDisk disk_;
  OpeningOptions options_;
  quorum::testing::Story story_;
  Seq at_;
  Hash128 digest_;
};

TEST_F(CheckpointSweep, EachByteOfTheImage) {
  write();
  ASSERT_TRUE(open());
  const store::FileId image = store::image_file(1);
  ASSERT_EQ(disk_.images(), std::vector<store::FileId>{image});
  const uint64_t size = disk_.size(image);
  unsigned refused = 0;
  for (uint64_t at = 0; at < size; at += kSanitized ? 13 : 1) {
    disk_.flip(image, at, 0x20);
    refused += open() ? 0U : 1U;
    disk_.flip(image, at, 0x20);
    if (HasFailure()) {
      FAIL() << "byte " << at;
    }
  }
  EXPECT_GT(refused, sizeof(ImageBase) / 13);
  EXPECT_TRUE(open());
}

TEST_F(CheckpointSweep, CutAtEachSector) {
  write();
  const store::FileId image = store::image_file(1);
  std::vector<uint8_t> whole(disk_.size(image));
  disk_.peek(image, 0, whole);
  for (uint64_t size = 0; size < whole.size(); size += store::kSectorBytes) {
    disk_.truncate(image, size);
    EXPECT_FALSE(open()) << size;
    disk_.lose(image);
    disk_.poke(image, 0, whole);
  }
  EXPECT_TRUE(open());
  disk_.lose(image);
  EXPECT_TRUE(open()) << "this log was short enough to be there from its first entry on";
  disk_.lose(0);
  EXPECT_FALSE(open());
}

}  // namespace
}  // namespace tercet::backend
