#pragma once
// Replica: the backend's Service. An Accept goes to the acceptor, what it wants kept goes to the log, and
// what waits for durability leaves when the log says so. One thread.
//
//   open > Replica::poll > Acceptor::step > Machine::apply → Records > Log::append, flush > Disk::write
//   Log::reap → Lsn > Acceptor::durable > tick → Vote > send
//
// Beside it, in slices: checkpoints.h writes images, image_sender.h and image_fetch.h carry them to a peer.

#include "backend/image_fetch.h"
#include "backend/opening.h"
#include "dataplane/service.h"
#include "dataplane/snapshot.h"
#include "quorum/acceptor.h"

namespace tercet::backend {

/// What a backend shows of itself.
struct ReplicaView {
  bool known = false;
  const char* state = "starting";
  Incarnation incarnation;
  Epoch promised;
  Seq last;
  Seq durable;
  Seq commit;
  uint64_t digest = 0;  ///< S(commit), 64 bits
  bool divergent = false;
  /// It must not go on as this incarnation: its log ends below what an LB saw it vote, or another has its
  /// place.
  bool lost = false;
  /// The book can only be had by opening everything anew.
  bool reopen = false;
  bool leases_live = false;
  ContainerState container = ContainerState::here;
  uint64_t messages = 0;
  uint64_t drop_malformed = 0;
  uint64_t drop_log_full = 0;
  uint64_t batches = 0;
  uint64_t sectors = 0;
  Seq checkpoint;  ///< of the newest image; 0: none
  Checkpoints::Counters checkpoints;
  ImageFetch::Counters fetched;
  ImageFetch::Transfer image;         ///< another backend's, on its way into the book
  ImageFetch::Transfer image_failed;  ///< the last that did not get there, while none has since
  /// Bytes that had to be free for its last image, its own or a peer's, and were not; 0: they were.
  uint64_t room_wanted = 0;
  bool waits_for_room = false;  ///< for a peer's: until then it cannot vote
  quorum::Acceptor::Counters acceptor;
};

class Replica : public dataplane::Service {
 public:
  /// What was opened on `disk`, with the machine that stands at its log's end: all outlive the replica.
  Replica(const Opening& opening, BookMachine& machine, store::Disk& disk, store::StoreId store);

  MonoTime poll(std::span<const dataplane::Message> in, const Moment& now, Outbox& out) override;
  void unreachable(ServerId, const Moment&) override {}
  void resigned(ServerId lb, Epoch epoch, const Moment& now) override;

  void show_to(dataplane::Snapshot<ReplicaView>* view) { view_ = view; }
  /// What its container is, as the control thread sees it (acceptor.h: introduce).
  using Introduced = FixedVector<uint8_t, kIntroductionMax>;
  void hear_of_container(dataplane::Snapshot<Introduced>* introduced) { introduced_ = introduced; }
  [[nodiscard]] ReplicaView view() const;
  /// One line on why it does not vote, or empty.
  [[nodiscard]] std::string_view stopped() const {
    return log_.failed() ? log_.state_text() : std::string_view{};
  }

 private:
  bool keep();
  void reap();
  void step(const dataplane::Message& message, const Moment& now, quorum::Acceptor::Output& output);

  quorum::Acceptor& acceptor_;
  BookMachine& machine_;
  store::Log& log_;
  store::Disk& disk_;
  quorum::Records records_;
  size_t kept_ = 0;      ///< of records_: the log has taken them
  store::Lsn lsn_base_;  ///< the log's Lsn before the acceptor's first record
  Checkpoints checkpoints_;
  ImageSender sender_;
  ImageFetch fetch_;
  dataplane::Snapshot<ReplicaView>* view_ = nullptr;
  dataplane::Snapshot<Introduced>* introduced_ = nullptr;
  MonoTime publish_at_;
  uint64_t messages_ = 0;
  uint64_t drop_malformed_ = 0;
  uint64_t drop_log_full_ = 0;
};

}  // namespace tercet::backend
