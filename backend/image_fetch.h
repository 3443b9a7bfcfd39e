#pragma once
// ImageFetch: the image of a peer's checkpoint → the book, where the log that we lack is not to be had any
// more (DESIGN §2 "Lagging"). The receiver sets the pace: it asks for a window of pieces, and for the next
// one when all are there and some time has passed. The pieces go to a draft on the disk and into the book;
// the log begins behind it once that file is durable. Nothing is voted on it before it was measured
// (Acceptor).
//
// A source that is silent for long is left, and what it gave is kept: where the same image is to be had
// again, from it or from another peer, the transfer goes on behind that. What is no right book is dropped.
// Which image is asked for next, and when, is quorum/image_choice.h's. The book is in pieces meanwhile; it is
// given back (built anew from the log, or opened anew) only when the log could go on without an image. A disk
// without room for the image (and for the log's next segments) is waited for. Threads: the replica's.

#include <optional>
#include <vector>

#include "backend/checkpoints.h"
#include "backend/image_sender.h"

namespace tercet::backend {

class ImageFetch {
 public:
  struct Counters {
    uint64_t begun = 0;
    uint64_t installed = 0;
    uint64_t resumed = 0;
    uint64_t failed = 0;
    uint64_t bytes = 0;
  };
  /// One image on its way, for people.
  struct Transfer {
    ServerId from = ServerId::b1;
    Seq seq;             ///< of the checkpoint; 0: there is none
    uint64_t here = 0;   ///< bytes that are in the book …
    uint64_t total = 0;  ///< … of so many; 0: its source has not told yet
    [[nodiscard]] unsigned percent() const {
      return total == 0 ? 0 : static_cast<unsigned>(here * 100 / total);
    }
  };
  ImageFetch(quorum::Acceptor& acceptor, quorum::Machine& machine, Checkpoints& checkpoints);

  void on(const ChunkView& view, ServerId from, MonoTime now);
  /// Begins, asks, goes on; returns when to call again at the latest.
  MonoTime poll(MonoTime now, Outbox& out);
  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// The disk has none for the image that it needs: it looks again now and then.
  [[nodiscard]] bool waits_for_room() const { return waits_for_room_; }
  [[nodiscard]] Transfer transfer() const;
  /// The last one that failed since one was installed, as far as it had come.
  [[nodiscard]] const Transfer& last_failed() const { return last_failed_; }

 private:
  enum class Phase : uint8_t {
    idle,
    fetching,
    resting,  ///< what is before at_ is here, and has no source
    publishing,
  };
  bool take_up(MonoTime now);
  void begin();
  void ask_of(const quorum::PeerImage& image, MonoTime now);
  void drop();
  void rest(quorum::ImageEnd end, MonoTime now);
  void fail(quorum::ImageEnd end, MonoTime now);
  void no_book(MonoTime now);
  void give_book_back(MonoTime now);
  void wait_for_room(MonoTime now);
  [[nodiscard]] bool waits_for_source() const;
  [[nodiscard]] size_t window_size() const;
  [[nodiscard]] bool window_is_here() const;
  void use_window(MonoTime now);
  bool use(Bytes bytes);
  bool finish();
  void ask(MonoTime now, Outbox& out);

  quorum::Acceptor& acceptor_;
  quorum::Machine& machine_;
  Checkpoints& checkpoints_;
  Phase phase_ = Phase::idle;
  quorum::PeerImage source_;
  uint32_t number_ = 0;
  uint64_t total_ = 0;  ///< of the image; 0: not known yet
  uint64_t at_ = 0;     ///< the window begins here; what is before is in the book
  uint32_t here_ = 0;   ///< pieces of the window that have come, a bit each
  std::vector<uint8_t> window_;
  size_t drafted_ = 0;        ///< of the window: the draft has it
  uint64_t source_from_ = 0;  ///< what lies before is another source's, or an earlier try's
  bool resumed_ = false;
  MonoTime asked_at_;
  MonoTime heard_at_;
  MonoTime ask_at_;
  MonoTime begin_at_;  ///< not before
  bool waits_for_room_ = false;
  std::optional<quorum::Checkpoint> checkpoint_;
  bool has_book_ = false;  ///< lent to us, and in pieces: from the first window on
  Counters counters_;
  Transfer last_failed_;
};

}  // namespace tercet::backend
