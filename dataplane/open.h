#pragma once
// Open: what came in (RxBurst) → authenticated Messages, in place. The datagram's header says whose key opens
// it: a client's, another server's, or a resignation's. What does not prove itself is counted under its Drop
// reason and forgotten; nothing is ever answered to it.
//
// Used by the polling thread that owns the keyring. No allocation.

#include <array>
#include <cstdint>

#include "base/counters.h"
#include "base/fixed.h"
#include "dataplane/port/burst.h"
#include "dataplane/routes.h"
#include "dataplane/service.h"
#include "dataplane/wiretap.h"
#include "wire/seal/keyring.h"

namespace tercet::dataplane {

/// Written by the polling thread, read by the control thread.
struct OpenCounters {
  Counter messages;            ///< opened and handed on
  Counter resignations;        ///< of the other LB: authentic
  Counter query_keys_derived;  ///< clients whose key was not at hand
  Counter drops[kDrops];       ///< by Drop reason (index 0 stays 0)
  [[nodiscard]] uint64_t dropped() const;
};

class Opener {
 public:
  using Messages = FixedVector<Message, kBurstMax>;
  using Resignations = FixedVector<seal::Resignation, 8>;

  explicit Opener(seal::Keyring& keyring, Wiretap& tap = Wiretap::nobody()) : keyring_(keyring), tap_(tap) {}
  /// One of several polling threads: a server is heard on its own lane (`routes`) alone, never on a clients'.
  /// Each keyring has a window against replays of its own, and only who sends from the server's address to
  /// ours comes to the same one as the server: elsewhere a recorded datagram would be new.
  Opener(seal::Keyring& keyring, const Routes& routes, Wiretap& tap = Wiretap::nobody())
      : keyring_(keyring), tap_(tap), routes_(routes), by_lane_(true) {}

  /// Opens every datagram of `burst`. `messages` and `resignations` are cleared first; their bytes are the
  /// burst's.
  void open(RxBurst& burst, Messages& messages, Resignations& resignations);
  [[nodiscard]] const OpenCounters& counters() const { return counters_; }
  [[nodiscard]] const WiretapCounters& tapped() const { return tap_.counters(); }

 private:
  void open_one(RxDatagram& datagram, uint32_t key_place, Messages& messages, Resignations& resignations);
  void drop(Drop reason) { counters_.drops[static_cast<size_t>(reason)].add(); }

  [[nodiscard]] bool astray(const RxDatagram& datagram) const;

  seal::Keyring& keyring_;
  Wiretap& tap_;
  Routes routes_;
  bool by_lane_ = false;
  std::array<uint32_t, kBurstMax> key_places_{};  ///< [datagram] of the burst: as prefetch_query_key() said
  OpenCounters counters_;
};

}  // namespace tercet::dataplane
