#pragma once
// A backend's own store: the folder of its configuration, from the lock on it to an acceptor and a log that
// run, and back to the identity that a clean stop leaves.
//
//   identity ─► known ───────────────► open_log ─► sound: go on
//            ├► blank: a new disk ────►     │
//            └► not to be trusted ─┐        └► corrupt ─┐
//                                  ▼                    ▼
//                      its files are set aside; a new incarnation begins an empty log (amnesiac)
//
// A disk of which nothing is known (it cannot be read, it is another cell's, of another version) is left as
// it is, and the start refused.
//
// Threads: the control thread's, but for the disk and the log, which are the polling thread's while that
// runs.

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "backend/opening.h"
#include "backend/store/fault_disk.h"
#include "backend/store/ring_disk.h"
#include "control/backend/identity.h"

namespace tercet::control {

class OwnStore {
 public:
  struct Options {
    std::string dir;
    store::Durability durability = store::Durability::fsync;
    std::string boot_id;     ///< of the running kernel; empty: it does not tell
    std::string fault_file;  ///< what the disk is to do (fault_disk.h) stands there; empty: no such layer
    uint32_t segment_bytes = store::Log::Options{}.segment_bytes;
    quorum::Acceptor::Options acceptor;  ///< cell, slot, introduction; the rest is filled in here
  };
  /// Opens, recovers, waits until the log can be written. `machine` is new and outlives it. The error is one
  /// line with what to do.
  static tl::expected<std::unique_ptr<OwnStore>, std::string> open(const Options& options,
                                                                   quorum::Machine& machine);

  [[nodiscard]] quorum::Acceptor& acceptor() { return *opening_.acceptor; }
  [[nodiscard]] store::Log& log() { return *opening_.log; }
  /// For the replica: what was opened, on which disk.
  [[nodiscard]] const backend::Opening& opening() const { return opening_; }
  [[nodiscard]] store::StoreId store() const { return identity_.store; }
  store::Disk& disk();
  /// For the log: how the disk is written, how many records there were.
  [[nodiscard]] std::string manner() const { return files_->manner() + (fixed_ ? ", fixed buffers" : ""); }
  [[nodiscard]] uint64_t records() const { return opening_.records; }
  /// Lines for the log on what was found: a torn end, a disk that was given up.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  /// Why this backend has to be admitted again, one line; empty: it need not.
  [[nodiscard]] const std::string& lost() const { return lost_; }

  /// Readable when the disk has something; -1: it needs no watching.
  [[nodiscard]] int bell() { return disk().bell(); }
  /// Commits leave by `ring` from now on, until detach().
  void attach(FileRing& ring);
  void detach() { ring_disk_->detach(); }

  /// Now and then: what the fault file says. The line to log, if that has changed.
  std::string turn();
  /// The log has stopped: what the next life must know of it is written down, as soon as the disk takes it.
  /// To be called until that life begins.
  void note_stopped();
  /// This disk is to be taken for lost, whatever its log looks like: the next life begins another. False if
  /// that could not be written down: ask again.
  bool give_up();
  /// Whether the folder takes writes again: empty, or why not.
  [[nodiscard]] std::string probe() const;
  /// The clean stop, when nobody polls any more: false if not all of it could be made durable in time.
  bool close();

 private:
  explicit OwnStore(Options options) : options_(std::move(options)) {}
  tl::expected<void, std::string> open_disk();
  tl::expected<void, std::string> find(quorum::Machine& machine);
  tl::expected<void, std::string> begin_anew(const Identity& identity, const std::string& why,
                                             quorum::Machine& machine);
  tl::expected<void, std::string> begin_log();
  void read_log(quorum::Machine& machine);

  Options options_;
  Identity identity_;
  bool fixed_ = false;  ///< the ring knows the log's buffers
  bool noted_ = false;  ///< the identity says what note_stopped() had to say
  std::vector<std::string> warnings_;
  std::string lost_;
  store::DiskFault fault_ = store::DiskFault::ok;
  std::unique_ptr<store::FileDisk> files_;
  std::unique_ptr<store::RingDisk>
      ring_disk_;  ///< files_, and the ring of the thread that serves, if it has one
  std::unique_ptr<store::FaultDisk> fault_disk_;
  backend::Opening opening_;  ///< last: it writes to the others
};

}  // namespace tercet::control
