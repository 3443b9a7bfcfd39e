#pragma once
// What a client does with a cell, in terms of licenses: each call asks (once or page by page) over a Channel
// and gives the answer or a Failure that says whose fault it was. Not thread-safe, like its Channel.

#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "client/channel.h"
#include "client/listing.h"

namespace tercet::client {

struct Failure {
  enum class Kind : uint8_t {
    denied,       ///< `code` and `result` say why
    unavailable,  ///< the cell has no quorum
    no_answer,    ///< silence, or only BUSY / NOT_ACTIVE: `message` says which
    interrupted,
    malformed,  ///< an answer that no server of ours gives
    usage,      ///< the request itself cannot be sent
  };
  Kind kind = Kind::no_answer;
  Code code{};
  OpResult result{};
  std::string message;  ///< "<what is wrong>: <what to do>"
  std::optional<Duration> first_unavailable;
  bool outcome_unknown = false;  ///< a mutating request may have been, or still be, carried out
  /// Of a checkout whose outcome is unknown: it holds a seat, or may come to. Who has it can repeat that
  /// checkout or release it; nobody else can, so it is never dropped.
  std::optional<Handle> handle{};
};

/// A seat as this process knows it.
struct SeatState {
  Handle handle;
  uint32_t number = 0;  ///< of the last request on it
  uint32_t tmr_id = 0;
  uint32_t lease_ms = 0;
  uint64_t features = 0;
  BootTime first_sent;  ///< of the request that the lease counts from
  BootTime held_until;  ///< the client stops then
  WallTime lease_end;   ///< for people
  /// A renewal leaves two thirds of the lease for everything that can delay it.
  [[nodiscard]] BootTime renew_at() const { return first_sent + milliseconds(lease_ms) / 3; }
  /// Takes a grant's numbers over; a renew never makes a lease end earlier.
  void take(const Grant& grant);
};

class Cell {
 public:
  Cell(Channel& channel, const Patience& patience) : channel_(channel), patience_(patience) {}

  /// With a fresh handle; STALE (our idea of the cell's time was wrong) is tried once more, with another one.
  /// A failure of unknown outcome has the handle: the same checkout is repeated by giving it back here.
  /// With a `handle` of the caller's own, which another process may have used: its lease is read first. Held
  /// for such a license, it is the seat, and `seat.number` its last request; held for another one, or used
  /// and over, STALE. What is granted was read back as held.
  tl::expected<Grant, Failure> checkout(const Wanted& wanted, std::optional<Handle> handle, SeatState& seat);
  /// `seat.number` goes up; its times are those of the grant. `lease_ms` 0: as at checkout. STALE, also
  /// because another process went on with the handle, is tried once more.
  tl::expected<Grant, Failure> renew(SeatState& seat, uint32_t lease_ms);
  tl::expected<Grant, Failure> release(SeatState& seat);
  /// `total` units in all were used on this seat; `result.features` of the grant tells how many the license
  /// has left. The same total, or a lower one, uses none: whatever became of a request, asking again is
  /// harmless.
  tl::expected<Grant, Failure> consume(SeatState& seat, uint64_t total);
  /// Of a handle that nobody seems to hold: UNKNOWN_HANDLE, which the cell remembers, so that a checkout
  /// under way seats nobody. Frees the seat if it is held, or was taken since.
  tl::expected<Grant, Failure> release_unknown(const Handle& handle);
  /// Release of what nobody is going to use: whether nothing is held under the handle now, or will be.
  bool give_back(SeatState& seat);
  /// `result.slot` is the constituent's.
  tl::expected<Grant, Failure> import_constituent(std::string_view jws);
  tl::expected<Grant, Failure> import_notice(std::string_view jws);

  tl::expected<std::vector<License>, Failure> licenses(bool all);
  tl::expected<std::vector<ContainerInfo>, Failure> containers(bool all);
  tl::expected<std::vector<Lease>, Failure> leases();
  tl::expected<std::vector<UsageInfo>, Failure> usage();
  /// UNKNOWN_HANDLE is a denial.
  tl::expected<Lease, Failure> lease(const Handle& handle);
  /// The LB's status document (JSON text), assembled from its pages.
  tl::expected<std::string, Failure> status();

  /// What an Answer that brought no answer means.
  static Failure failure_of(const Answer& answer, bool mutating, Duration timeout);

 private:
  tl::expected<Grant, Failure> mutate(const Op& op);
  /// `make` gives it a fresh handle each time.
  tl::expected<Grant, Failure> import(const std::function<tl::expected<Op, std::string>()>& make);
  tl::expected<Grant, Failure> checkout_own(const Wanted& wanted, const Handle& handle, SeatState& seat);
  /// Before a request is tried again because of STALE: the cell's time is asked anew, and how far the handle
  /// is.
  void catch_up(SeatState& seat);
  template <class Row, class Parse>
  tl::expected<std::vector<Row>, Failure> pages(OpKind kind, bool all, Parse parse);

  Channel& channel_;
  Patience patience_;
};

/// Why a request was denied, for people: "no free seat: 5 of 5 are in use: …".
std::string explain(Code code, const OpResult& result, OpKind kind);

}  // namespace tercet::client
