#pragma once
// The sessions of one peer that we have lately heard, each with its opening key and replay window. A session
// enters only with a datagram that proved authentic. A recorded datagram of a dead session does that too; so
// that recordings cannot push the live session out and then replay it, a session that leaves is remembered
// with its newest counter and, should it come back, starts behind that. That memory holds the last kRetired:
// who recorded more lives of a server than that can have a datagram heard twice, which the protocol bears (it
// expects repeats; heartbeats echo the other's session).

#include <array>
#include <cstdint>

#include "wire/ids.h"
#include "wire/seal/aead.h"
#include "wire/seal/replay.h"

namespace tercet::seal {

class PeerSessions {
 public:
  static constexpr unsigned kSessions = 8;
  static constexpr unsigned kRetired = 64;

  struct Entry {
    SessionId session;
    uint64_t used = 0;  ///< when it last brought something authentic and new; 0: empty
    ReplayWindow window;
    PreparedKey key;
  };

  /// The entry of `session`, or nullptr.
  [[nodiscard]] Entry* find(const SessionId& session);
  /// Of a session that is not held: whether `counter` may be new.
  [[nodiscard]] bool may_be_new(const SessionId& session, uint64_t counter) const;
  /// Takes the session in, in place of the one that was silent longest. Only after its datagram proved
  /// authentic.
  Entry& admit(const SessionId& session, const PreparedKey& key);
  /// Notes that `counter`, fresh and authentic, came.
  void accept(Entry& entry, uint64_t counter);
  ~PeerSessions();

 private:
  struct Retired {
    SessionId session;
    uint64_t newest = 0;
  };
  void retire(const Entry& entry);

  std::array<Entry, kSessions> entries_{};
  std::array<Retired, kRetired> retired_{};
  unsigned next_retired_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace tercet::seal
