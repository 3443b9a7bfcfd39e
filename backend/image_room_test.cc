// Images on a disk that is nearly full: the log comes first. A checkpoint is put off, and an image that is to
// come from a peer waited for, until there is room for it and for the log's next two segments.

#include <map>

#include "backend/opening_rig.h"
#include "backend/replica.h"
#include "license/plain_constituent.h"
#include "quorum/acceptor_rig.h"

namespace tercet::backend {
namespace {

constexpr license::BookOptions kRoomBook{.leases_max = 4096, .tombstones_max = 1024};
/// Smaller than any image: a draft that gives way makes room for one.
constexpr store::Log::Options kTinyLog{.store = 0x524F'4F4D, .segment_bytes = 4096, .batch_bytes = 2048};

class ImageRoom : public testing::Test {
 protected:
  struct Node {
    explicit Node(Slot slot) {
      OpeningOptions options = small_opening(false);
      options.acceptor.slot = slot;
      options.acceptor.incarnation = quorum::testing::life_of(slot);
      options.acceptor.keep_behind = 0;
      options.acceptor.held = {.results = 256, .reads = 4};
      options.log = kTinyLog;
      opening = open_log(disk, machine, options);
      while (!opening.log->ready()) {
        disk.wait();
        opening.log->reap();
      }
      replica = std::make_unique<Replica>(opening, machine, disk, options.log.store);
    }
    [[nodiscard]] uint64_t used() {
      uint64_t sum = 0;
      for (store::FileId file = disk.files().first; file < disk.files().end; ++file) {
        sum += disk.size(file);
      }
      for (const store::FileId image : disk.images()) {
        sum += disk.size(image);
      }
      return sum;
    }
    /// What its log needs next, and no byte more.
    void fill_up() { disk.set_space(used() + opening.log->room_ahead()); }
    [[nodiscard]] Seq last() const { return opening.acceptor->log().last(); }

    store::MemoryDisk disk;
    BookMachine machine{BookMachineOptions{kRoomBook, false}, license::plain_checks()};
    Opening opening;
    std::unique_ptr<Replica> replica;
    Outbox out{256};
    std::vector<std::pair<ServerId, std::vector<uint8_t>>> inbox;
  };

  ImageRoom() { story_.genesis(kFirstEpoch); }
  Node& add(Slot slot) { return nodes_.try_emplace(server_of(slot), slot).first->second; }

  void step() {
    now_.mono = now_.mono + milliseconds(2);
    for (auto& [id, node] : nodes_) {
      node.disk.wait();
      const auto inbox = std::exchange(node.inbox, {});
      std::vector<dataplane::Message> in(inbox.size());
      for (size_t i = 0; i < in.size(); ++i) {
        in[i].plain = inbox[i].second;
        in[i].from_server = true;
        in[i].server = inbox[i].first;
      }
      node.replica->poll(in, now_, node.out);
      for (const quorum::testing::Letter& letter : quorum::testing::take_letters(node.out)) {
        for (unsigned to = 0; to < kServers; ++to) {
          if (letter.to.has(static_cast<ServerId>(to))) {
            deliver(id, static_cast<ServerId>(to), letter.bytes);
          }
        }
      }
    }
  }
  void steps(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      step();
    }
  }
  /// Whoever is none of ours has no entries.
  void deliver(ServerId from, ServerId to, const std::vector<uint8_t>& bytes) {
    if (const auto node = nodes_.find(to); node != nodes_.end()) {
      node->second.inbox.emplace_back(from, bytes);
      return;
    }
    const CellView view = quorum::testing::opened(bytes);
    if (const auto* missing = std::get_if<MissingView>(&view)) {
      EntriesHeader header{};
      header.type = static_cast<uint8_t>(CellMessage::entries);
      header.number = missing->header->number;
      header.first = missing->header->from;
      std::vector<uint8_t> none(kCellPlainMax);
      none.resize(EntriesWriter(none, header).finish());
      nodes_.at(from).inbox.emplace_back(to, none);
    }
  }
  /// The story's next entries, all before them decided.
  void take(Node& node, Seq to) {
    while (node.last() < to) {
      const Seq commit = node.last();
      quorum::testing::AcceptOptions options;
      options.commit = commit.value;
      options.commit_s = {node.opening.acceptor->log().s_at(commit).low, 0};
      node.inbox.emplace_back(
          lb_of(kFirstEpoch),
          quorum::testing::accept_of(story_, next(commit).value, next(commit).value, kFirstEpoch, options));
      for (unsigned i = 0; i < 100 && (node.last() == commit || !node.inbox.empty()); ++i) {
        step();
      }
      ASSERT_GT(node.last(), commit);
      ASSERT_FALSE(node.opening.log->failed()) << node.opening.log->state_text();
      steps(8);
    }
  }
  void ops(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      story_.op(kFirstEpoch, std::string(400, 'x'));
    }
  }
  /// Of slot one. Where it is.
  Seq checkpoint() {
    story_.add(EntryKind::checkpoint, kFirstEpoch, bytes_of(CheckpointBody{}));
    return story_.last();
  }
  void usable(Node& node, Seq at) {
    UsableBody body{};
    body.checkpoint = at.value;
    body.s = node.opening.acceptor->log().s_at(at).low;
    story_.add(EntryKind::usable, kFirstEpoch, bytes_of(body));
    ops(2);
    take(node, story_.last());
    steps(30);
  }
  /// Its log begins behind a checkpoint then: where.
  Seq begin_behind_checkpoint(Node& node) {
    ops(20);
    const Seq at = checkpoint();
    ops(2);
    take(node, story_.last());
    usable(node, at);
    EXPECT_EQ(node.opening.acceptor->log().base().seq, at);
    return at;
  }

  quorum::testing::Story story_;
  std::map<ServerId, Node> nodes_;
  Moment now_{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 1};
};

TEST_F(ImageRoom, ACheckpointIsPutOffAndTheLogGoesOn) {
  Node& node = add(Slot::one);
  ops(5);
  take(node, story_.last());
  node.fill_up();
  checkpoint();
  take(node, story_.last());
  steps(30);
  EXPECT_EQ(node.replica->view().checkpoints.given_up, 1U);
  EXPECT_GT(node.replica->view().room_wanted, 0U);
  ops(5);  // more than a segment of them
  take(node, story_.last());
  EXPECT_FALSE(node.opening.log->failed()) << node.opening.log->state_text();

  node.disk.set_space(UINT64_MAX);
  const Seq at = checkpoint();
  ops(2);
  take(node, story_.last());
  usable(node, at);
  EXPECT_EQ(node.replica->view().checkpoints.written, 1U);
  EXPECT_EQ(node.replica->view().room_wanted, 0U);
}

TEST_F(ImageRoom, ADraftGivesWayWhenTheLogIsRefusedASegment) {
  Node& node = add(Slot::one);
  ops(5);
  take(node, story_.last());
  node.disk.set_space(node.used() + node.opening.log->room_ahead() + 3 * kTinyLog.segment_bytes);
  checkpoint();  // and nobody says what two votes had there
  take(node, story_.last());
  steps(30);
  ASSERT_EQ(node.replica->view().checkpoints.given_up, 0U);
  ASSERT_EQ(node.replica->view().room_wanted, 0U);
  for (unsigned i = 0; i < 100 && node.replica->view().checkpoints.given_up == 0; ++i) {
    ops(1);
    take(node, story_.last());
  }
  EXPECT_EQ(node.replica->view().checkpoints.given_up, 1U);
  ops(3);
  take(node, story_.last());
  EXPECT_FALSE(node.opening.log->failed()) << node.opening.log->state_text();
}

TEST_F(ImageRoom, AnImageFromAPeerIsWaitedForUntilThereIsRoom) {
  Node& source = add(Slot::one);
  const Seq at = begin_behind_checkpoint(source);

  Node& late = add(Slot::two);
  take(late, Seq{3});
  late.fill_up();
  late.inbox.emplace_back(lb_of(kFirstEpoch), quorum::keepalive_of(story_, kFirstEpoch));
  steps(4000);
  EXPECT_GT(late.replica->view().room_wanted, 0U);
  EXPECT_TRUE(late.replica->view().waits_for_room);
  EXPECT_EQ(late.replica->view().fetched.failed, 0U) << "no source is blamed for it";
  EXPECT_EQ(late.replica->view().fetched.installed, 0U);
  EXPECT_EQ(late.last(), Seq{3});
  EXPECT_FALSE(late.opening.log->failed());

  late.disk.set_space(UINT64_MAX);
  ImageFetch::Transfer seen;
  for (unsigned i = 0; i < 2000; ++i) {
    step();
    const ImageFetch::Transfer image = late.replica->view().image;
    seen = image.percent() != 0 ? image : seen;
  }
  EXPECT_EQ(seen.from, ServerId::b1);
  EXPECT_EQ(seen.seq, at);
  EXPECT_EQ(seen.percent(), 100U);
  EXPECT_EQ(late.replica->view().image.seq, Seq{}) << "nothing is under way any more";
  EXPECT_EQ(late.replica->view().image_failed.seq, Seq{});
  EXPECT_EQ(late.replica->view().fetched.installed, 1U);
  EXPECT_EQ(late.replica->view().room_wanted, 0U);
  EXPECT_FALSE(late.replica->view().waits_for_room);
  EXPECT_EQ(late.last(), story_.last());
  EXPECT_EQ(late.machine.digest(), source.machine.digest());
}

TEST_F(ImageRoom, ASourceThatFellSilentIsTold) {
  const Seq at = begin_behind_checkpoint(add(Slot::one));

  Node& late = add(Slot::two);
  take(late, Seq{3});
  late.inbox.emplace_back(lb_of(kFirstEpoch), quorum::keepalive_of(story_, kFirstEpoch));
  for (unsigned i = 0; i < 4000 && late.replica->view().image.seq != at; ++i) {
    step();
  }
  ASSERT_EQ(late.replica->view().image.seq, at);
  nodes_.erase(ServerId::b1);
  for (unsigned i = 0; i < 4000 && late.replica->view().image_failed.seq != at; ++i) {
    step();
  }
  EXPECT_EQ(late.replica->view().image_failed.seq, at);
  EXPECT_EQ(late.replica->view().image_failed.from, ServerId::b1);
}

}  // namespace
}  // namespace tercet::backend
