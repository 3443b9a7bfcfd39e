#pragma once
// A simulated client that asks one thing at a time: which operation comes next, what its answer changes.
// Pure: the bench hands it times and dice and moves its bytes.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/fixed.h"
#include "client/load/record.h"
#include "client/request.h"

namespace tercet::load {

using client::Attempt;
using client::BootTime;
using client::Op;

/// Shares of checkout, renew, read and release.
struct Mix {
  std::array<uint32_t, 4> shares{1, 8, 4, 1};
  static tl::expected<Mix, std::string> parse(std::string_view text);
};

/// A client holds at most this many seats.
inline constexpr size_t kSeatsMax = 4;

struct HeldSeat {
  Handle handle;
  uint32_t number = 0;
  BootTime held_until;
  bool doubtful = false;  ///< what was last asked of it has no known outcome: released next
};

class Worker {
 public:
  /// Chooses the next operation by `mix` among those that apply (a renewal needs a seat; the seat nearest to
  /// its end is chosen). `fresh`: a random handle, used for a checkout. Drops seats whose time has passed:
  /// see lost().
  Op next(const Mix& mix, const client::Wanted& wanted, uint64_t dice, const Handle& fresh, BootTime now);
  /// The release of one held seat; nothing when none is held.
  std::optional<Op> next_release(BootTime now);

  /// What an answer of the cell means. `line` is filled except for `op`, `request` and times.
  void answered(const client::RequestId& id, Code code, Bytes body, BootTime first_sent, RecordLine& line);
  /// The request got no answer in time.
  void gave_up(const client::RequestId& id, RecordLine& line);

  [[nodiscard]] size_t held() const { return seats_.size(); }
  [[nodiscard]] const FixedVector<HeldSeat, kSeatsMax + 1>& seats() const { return seats_; }
  /// Seats that ended other than by release.
  [[nodiscard]] uint64_t lost() const { return lost_; }
  void set_tag(const Handle& tag) { tag_ = tag; }

 private:
  HeldSeat* find(const Handle& handle);
  void drop(const Handle& handle);
  void drop_ended(BootTime now);

  Handle tag_;  ///< names this worker's reads
  uint32_t reads_ = 0;
  Handle read_of_;  ///< the handle that the last read asked about
  uint64_t lost_ = 0;
  FixedVector<HeldSeat, kSeatsMax + 1> seats_;  ///< one more: a checkout whose outcome is unknown
};

}  // namespace tercet::load
