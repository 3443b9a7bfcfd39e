#pragma once
// Tests only: one backend whose log ends where nobody has the entries any more, and its peers, whom the test
// plays: what images they have, and what befalls those on the way. A step is two milliseconds, and what was
// sent in one is answered in the next.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/opening_rig.h"
#include "backend/replica.h"
#include "license/book_fixture.h"
#include "quorum/acceptor_rig.h"
#include "quorum/chain.h"

namespace tercet::backend {

inline constexpr license::BookOptions kRigBook{.leases_max = 4096, .tombstones_max = 1024};

/// As a peer has it in a file, and sends it.
struct TestImage {
  Seq seq;
  Hash128 l;
  Hash128 s;
  Hash128 digest;
  std::vector<uint8_t> bytes;
};

inline TestImage image_of(const quorum::testing::Story& story, Seq at) {
  BookMachine machine({kRigBook, false}, license::plain_checks());
  quorum::Checkpoint checkpoint;
  quorum::Members members;
  Hash128 s;
  for (Seq seq{1}; seq <= at; seq = next(seq)) {
    const EntryView entry = story.entry(seq);
    checkpoint.result.clear();
    machine.apply(entry, checkpoint.result);
    note_members(members, entry);
    checkpoint.s_before = s;
    s = quorum::next_s(s, story.l(seq), {checkpoint.result.data(), checkpoint.result.size()},
                       machine.digest());
  }
  const EntryView entry = story.entry(at);
  checkpoint.base = {at, entry.epoch, story.l(at), s, entry.cell, entry.wall, members};
  const ImageBase base = quorum::write_base(checkpoint);
  TestImage out{at, story.l(at), s, machine.digest(), {}};
  const Bytes head = bytes_of(base);
  out.bytes.assign(head.begin(), head.end());
  license::ImageWriter& image = machine.image();
  machine.capture();
  image.slice(1U << 20U);
  TERCET_CHECK(image.phase() == license::ImageWriter::Phase::complete, "a small book is captured in one go");
  out.bytes.insert(out.bytes.end(), image.written().begin(), image.written().end());
  return out;
}

class ImageRig : public license::BookFixture {
 protected:
  struct Peer {
    const TestImage* image = nullptr;  ///< that it offers
    bool down = false;
    bool has_entries = false;  ///< all of them
    /// What becomes of a piece, and of what its header says; false: it is lost.
    std::function<bool(ChunkHeader&, std::vector<uint8_t>&)> befalls;
  };
  struct Asked {
    ServerId whom;
    uint64_t checkpoint;
    uint64_t offset;
    MonoTime at;
  };

  ImageRig() {
    const license::Buffer genesis_op = license::make_genesis();
    story_.add(EntryKind::genesis, kFirstEpoch, genesis_op);
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      const license::PlainConstituent p = constituent(slot, 4000);
      op(license::make_op(OpKind::import_constituent, license::handle_of(1'000'000 + slot), 1, 1000,
                          bytes_of(p)));
    }
    lends(1000);
    first_ = checkpoint(Slot::two);
    lends(200);
    second_ = checkpoint(Slot::three);
    usable(first_);
    usable(second_);
    lends(3);
    open();
  }
  void op(const license::Buffer& bytes) { story_.add(EntryKind::op, kFirstEpoch, bytes); }
  void lends(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      op(checkout_op(++lent_, 1, 1000, {.user = "user " + std::to_string(lent_), .host = "host"}));
    }
  }
  TestImage checkpoint(Slot slot) {
    CheckpointBody body{};
    body.slot = static_cast<uint8_t>(index(slot));
    story_.add(EntryKind::checkpoint, kFirstEpoch, bytes_of(body));
    return image_of(story_, story_.last());
  }
  void usable(const TestImage& image) {
    UsableBody body{};
    body.checkpoint = image.seq.value;
    body.s = image.s.low;
    story_.add(EntryKind::usable, kFirstEpoch, bytes_of(body));
  }

  /// What is on the disk becomes a backend.
  void open() {
    OpeningOptions options = small_opening(false);
    options.acceptor.incarnation = Incarnation{1};  // as license::make_genesis() names it
    options.acceptor.keep_behind = 0;
    options.acceptor.held = {.results = 256, .reads = 4};
    opening_ = open_log(disk_, machine_, options);
    ASSERT_TRUE(opening_.sound()) << opening_.why;
    while (!opening_.log->ready()) {
      disk_.wait();
      opening_.log->reap();
    }
    replica_ = std::make_unique<Replica>(opening_, machine_, disk_, options.log.store);
  }
  /// All anew, but for the story and its images.
  void restart() {
    replica_.reset();
    opening_ = {};
    disk_.power_loss(1);
    for (const store::FileId image : disk_.images()) {
      disk_.lose(image);
    }
    for (store::FileRange files = disk_.files(); files.first != files.end; ++files.first) {
      disk_.lose(files.first);
    }
    machine_.reset();
    peers_.clear();
    asked_.clear();
    in_.clear();
    leads_ = false;
    open();
  }
  /// The story's first entries come in Accepts, and with a Keepalive it hears how many more there are.
  void begin(Seq through) {
    for (uint64_t at = 1; at <= through.value; ++at) {
      in_.emplace_back(lb_of(kFirstEpoch), quorum::accept_of(story_, at, at, kFirstEpoch));
    }
    steps(20);
    ASSERT_EQ(last(), through);
    leads_ = true;
  }

  void step(Duration span = milliseconds(2)) {
    now_at_.mono = now_at_.mono + span;
    while (disk_.wait()) {
      dataplane_poll({});
    }
    if (leads_ && now_at_.mono >= keepalive_at_) {
      keepalive_at_ = now_at_.mono + milliseconds(50);
      in_.emplace_back(lb_of(kFirstEpoch), quorum::keepalive_of(story_, kFirstEpoch));
    }
    const auto in = std::exchange(in_, {});
    dataplane_poll(in);
    for (const quorum::testing::Letter& letter : quorum::testing::take_letters(out_)) {
      for (unsigned to = 0; to < kServers; ++to) {
        if (letter.to.has(static_cast<ServerId>(to))) {
          answer(static_cast<ServerId>(to), letter.bytes);
        }
      }
    }
  }
  void steps(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      step();
    }
  }
  /// Until `done`, at most for `span`. Whether it came to that.
  bool until(const std::function<bool()>& done, Duration span) {
    for (const MonoTime end = now_at_.mono + span; now_at_.mono < end && !done();) {
      step();
    }
    return done();
  }
  bool caught_up() const { return last() == story_.last() && !opening_.acceptor->catching_up(); }
  Seq last() const { return opening_.acceptor->log().last(); }
  uint64_t here() const { return replica_->view().fetched.bytes; }

  void dataplane_poll(const std::vector<std::pair<ServerId, std::vector<uint8_t>>>& letters) {
    std::vector<dataplane::Message> in(letters.size());
    for (size_t i = 0; i < in.size(); ++i) {
      in[i].plain = letters[i].second;
      in[i].from_server = true;
      in[i].server = letters[i].first;
    }
    replica_->poll(in, now_at_, out_);
  }

  Peer& b2() { return peers_[ServerId::b2]; }
  Peer& b3() { return peers_[ServerId::b3]; }

  quorum::testing::Story story_;
  TestImage first_, second_;  ///< the second is the newer one
  std::map<ServerId, Peer> peers_;
  std::vector<Asked> asked_;  ///< for pieces of images
  store::MemoryDisk disk_;
  BookMachine machine_{BookMachineOptions{kRigBook, false}, license::plain_checks()};
  Opening opening_;
  std::unique_ptr<Replica> replica_;
  Moment now_at_{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 1};
  std::vector<std::pair<ServerId, std::vector<uint8_t>>> in_;
  std::vector<std::pair<ServerId, std::vector<uint8_t>>> sent_;  ///< pieces of its own image

 private:
  void answer(ServerId who, const std::vector<uint8_t>& bytes) {
    const Peer& peer = peers_[who];
    const CellView view = quorum::testing::opened(bytes);
    if (const auto* fetch = std::get_if<FetchView>(&view)) {
      const Fetch& h = *fetch->header;
      asked_.push_back({who, h.checkpoint, h.offset, now_at_.mono});
      if (!peer.down) {
        give(who, peer, h);
      }
    } else if (const auto* missing = std::get_if<MissingView>(&view); missing != nullptr && !peer.down) {
      entries(who, peer, *missing->header);
    } else if (std::holds_alternative<ChunkView>(view)) {
      sent_.emplace_back(who, bytes);
    }
  }
  void entries(ServerId who, const Peer& peer, const Missing& h) {
    const uint64_t base = peer.image != nullptr ? peer.image->seq.value : 0;
    EntriesHeader header{};
    header.number = h.number;
    header.first = h.from;
    header.commit = story_.last().value;
    const bool has = peer.has_entries || (base != 0 && h.from > base);
    if (has) {
      header.prev_l = story_.l(Seq{h.from - 1});
    } else if (base != 0) {
      header.first = base + 1;
      header.prev_l = peer.image->l;
    }
    std::vector<uint8_t> out(kCellPlainMax);
    EntriesWriter writer(out, header);
    for (uint64_t seq = h.from; has && seq <= h.to && writer.add(story_.entry(Seq{seq})); ++seq) {
    }
    out.resize(writer.finish());
    in_.emplace_back(who, std::move(out));
  }
  void give(ServerId who, const Peer& peer, const Fetch& fetch) {
    uint64_t offset = fetch.offset;
    for (unsigned i = 0; i < fetch.datagrams; ++i) {
      ChunkHeader header{};
      header.type = static_cast<uint8_t>(CellMessage::chunk);
      header.number = fetch.number;
      header.checkpoint = fetch.checkpoint;
      std::vector<uint8_t> piece;
      const bool has = peer.image != nullptr && peer.image->seq == Seq{fetch.checkpoint};
      if (has) {
        const std::vector<uint8_t>& all = peer.image->bytes;
        if (offset >= all.size()) {
          return;
        }
        const size_t size = std::min<size_t>(kChunkBytes, all.size() - offset);
        const auto from = all.begin() + static_cast<std::ptrdiff_t>(offset);
        piece.assign(from, from + static_cast<std::ptrdiff_t>(size));
        header.offset = offset;
        header.total = all.size();
        offset += size;
      }
      if (peer.befalls && !peer.befalls(header, piece)) {
        continue;
      }
      header.size = static_cast<uint16_t>(piece.size());
      const Bytes head = bytes_of(header);
      std::vector<uint8_t> out(head.begin(), head.end());
      out.insert(out.end(), piece.begin(), piece.end());
      in_.emplace_back(who, std::move(out));
      if (!has) {
        return;
      }
    }
  }

  bool leads_ = false;
  MonoTime keepalive_at_;
  uint64_t lent_ = 0;
  Outbox out_{256};
};

}  // namespace tercet::backend
