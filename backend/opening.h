#pragma once
// Opening: the one way from a disk to an acceptor and a log that go on where they were, the same for the
// server and the simulator. What the disk is worth is decided here: its records either all make sense, in
// order, or none of them is used.
//
//   Disk ─ load_image ─► book, Acceptor::restore           (where there is an image: the newest one)
//        ─ recover ─► records ─ Acceptor::replay ─► Acceptor::recovered ─► Machine at the log's end
//                  └► verdict, LogEnd ────────────► Log, which appends from there
//
// What follows from a bad verdict is the caller's business: a disk that is `corrupt` is given up as a whole
// and followed by an empty one of another incarnation (Acceptor::Options::amnesiac); of one that is
// `unreadable` nothing is known, and nothing may be concluded.

#include <memory>
#include <string>

#include "backend/store/log.h"
#include "backend/store/recover.h"
#include "quorum/acceptor.h"
#include "quorum/machine.h"

namespace tercet::backend {

struct OpeningOptions {
  quorum::Acceptor::Options acceptor;
  store::Log::Options log;  ///< `store` names the disk: the log of another one is not read
  /// The log was there before any promise or vote could leave; without it the disk may be empty, and may hold
  /// no record.
  bool log_made = false;
};

struct Opening {
  store::Verdict verdict = store::Verdict::clean;
  std::string why;  ///< torn, corrupt, unreadable: one line
  uint64_t records = 0;
  store::LogEnd end;
  store::Lsn older = 0;  ///< records up to this one the image has made useless; 0: there is no image
  /// Null unless sound(). The log begins its first segment itself: nothing is durable before Log::ready().
  std::unique_ptr<quorum::Acceptor> acceptor;
  std::unique_ptr<store::Log> log;

  [[nodiscard]] bool sound() const { return acceptor != nullptr; }
};

/// Reads the whole log, waiting for the disk (start-up only). `machine` is new or reset, and is touched only
/// if the log is sound; it and `disk` outlive what is returned.
Opening open_log(store::Disk& disk, quorum::Machine& machine, const OpeningOptions& options);

}  // namespace tercet::backend
