#pragma once
// A request: its bytes, when it is transmitted (again), which answers are its own, and what its answer is
// worth. Pure: times come in as arguments, nothing is sent here.
//
//   R1 A request keeps its handle, number and bytes over all its transmissions, so that a repeat changes
//   nothing. R2 A lease is counted from the request's first transmission, so that the client stops before the
//   cell can give the
//      seat to another (DESIGN §2, Time).
//   R3 UNAVAILABLE and silence mean "outcome unknown", BUSY and NOT_ACTIVE "not taken in": after each of them
//   the same
//      request is repeated.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "client/boot_time.h"
#include "client/limits.h"
#include "wire/op.h"
#include "wire/query.h"

namespace tercet::client {

/// What names one request for ever.
struct RequestId {
  OpKind kind{};
  Handle handle;
  uint32_t number = 0;
  bool operator==(const RequestId&) const = default;
};

/// An operation's bytes, as they go into a Query.
class Op {
 public:
  [[nodiscard]] Bytes bytes() const { return {bytes_.data(), size_}; }
  [[nodiscard]] RequestId id() const;
  /// Writes the cell time of the first transmission into it. Not after that.
  void stamp(CellTime sent);
  /// Moves the lease that a checkout or renew asks for between `least_ms` and `most_ms`, the limits that the
  /// cell has in force. One that asks for none (0: the license's default) stays so. Not after stamp().
  void bound_lease(uint32_t least_ms, uint32_t most_ms);

  // Builders. Texts are checked where they can be wrong; everything else fits by type.
  static tl::expected<Op, std::string> checkout(const Handle& handle, uint32_t number,
                                                const struct Wanted& wanted);
  static Op renew(const Handle& handle, uint32_t number, uint32_t lease_ms);
  static Op release(const Handle& handle, uint32_t number);
  static Op consume(const Handle& handle, uint32_t number, uint64_t total);
  static tl::expected<Op, std::string> import_constituent(const Handle& handle, uint32_t number,
                                                          std::string_view jws);
  static tl::expected<Op, std::string> import_notice(const Handle& handle, uint32_t number,
                                                     std::string_view jws);
  static Op read(OpKind kind, const Handle& tag, uint32_t number, const ReadBody& body);
  static Op status(const Handle& tag, uint32_t number, uint32_t offset, uint32_t version);

 private:
  static tl::expected<Op, std::string> import(OpKind kind, const Handle& handle, uint32_t number,
                                              std::string_view jws);
  void begin(OpKind kind, const Handle& handle, uint32_t number);
  void append(Bytes body);
  size_t size_ = 0;
  std::array<uint8_t, kOpMax> bytes_{};
};

/// What a checkout asks for, and who asks.
struct Wanted {
  uint32_t firm = 0;
  uint32_t product = 0;
  uint32_t tmr_id = 0;    ///< 0: any that matches
  uint32_t lease_ms = 0;  ///< 0: the license's default
  uint64_t features = 0;
  std::string user{}, host{}, process{}, version{}, station{};
};
/// Shortens process, version, host and user, the longest first and between UTF-8 characters, until all texts
/// fit kHolderTextMax; takes control characters out, and puts '?' for what is no UTF-8. The station is left
/// alone, since it decides seats; so does the host where there is no station: it is shortened last.
void fit_texts(Wanted& wanted);

/// Round trips seen, for the first retransmission: RFC 6298's estimator with our own bounds.
class RoundTrip {
 public:
  /// Of a request that was transmitted once.
  void sample(Duration round_trip);
  /// Of one that was transmitted again: which copy was answered is unknown, so it only widens the estimate.
  void sample_unsure(Duration since_first);
  [[nodiscard]] Duration first_resend() const;

 private:
  Duration smoothed_{};
  Duration spread_{};
};

/// Estimates the cell's time from the last one heard. Never ahead of it by more than kCellAheadMax.
class CellClock {
 public:
  /// `cell` was heard in answer to something sent at `asked`.
  void heard(CellTime cell, BootTime asked);
  void set_window(Duration replay_window);
  /// True at first, and when a stamp would come near STALE: say Hello before anything ordered.
  [[nodiscard]] bool stale(BootTime now) const;
  [[nodiscard]] CellTime at(BootTime now) const;
  void forget() { known_ = false; }

 private:
  bool known_ = false;
  CellTime cell_;
  BootTime asked_;
  Duration window_ = kReplayWindowDefault;
};

struct Patience {
  Duration timeout = kTimeoutDefault;  ///< from the first transmission
  unsigned unavailable = 0;            ///< gives up after this many UNAVAILABLE; 0: only at the timeout
};

/// The life of one request, from before its first transmission to its answer or its end.
class Attempt {
 public:
  Attempt(const RequestId& id, const Patience& patience, BootTime now)
      : id_(id), patience_(patience), deadline_(now + patience.timeout), send_at_(now) {}

  /// When transmit_due() or ended() will next be true.
  [[nodiscard]] BootTime next() const { return earlier(send_at_, deadline_); }
  [[nodiscard]] bool transmit_due(BootTime now) const { return now >= send_at_ && now < deadline_; }
  void transmitted(BootTime now, Duration first_resend);
  [[nodiscard]] bool ended(BootTime now) const { return gave_up_ || now >= deadline_; }

  enum class Verdict : uint8_t {
    not_mine,  ///< of another request, or a copy of an answer that was dealt with
    again,     ///< UNAVAILABLE, BUSY, NOT_ACTIVE: repeated later, or ended()
    answered,
  };
  Verdict take(const ReplyView& reply, BootTime now);

  [[nodiscard]] const RequestId& id() const { return id_; }
  [[nodiscard]] BootTime first_sent() const { return first_sent_; }
  [[nodiscard]] BootTime deadline() const { return deadline_; }
  [[nodiscard]] unsigned transmissions() const { return transmissions_; }
  /// The last of UNAVAILABLE, BUSY and NOT_ACTIVE that was heard; UNAVAILABLE, once heard, stays: the outcome
  /// is unknown.
  [[nodiscard]] std::optional<Code> refusal() const { return refusal_; }
  [[nodiscard]] std::optional<Duration> first_unavailable() const { return first_unavailable_; }
  [[nodiscard]] unsigned unavailable_heard() const { return unavailable_heard_; }

 private:
  RequestId id_;
  Patience patience_;
  BootTime deadline_;
  BootTime send_at_;
  BootTime first_sent_;
  Duration interval_{};
  Duration repeat_{};  ///< the pause after the last refusal
  unsigned transmissions_ = 0;
  unsigned unavailable_heard_ = 0;
  bool refused_since_sent_ = false;  ///< each transmission is refused at most once
  bool gave_up_ = false;
  std::optional<Code> refusal_;
  std::optional<Duration> first_unavailable_;
};

/// A grant's numbers, with the moment at which the client itself stops (R2).
struct Grant {
  OpResult result;
  BootTime first_sent;
  BootTime held_until;
};
/// `body` of a mutating request's answer; nothing if it is too short. A denial's `held_until` is first_sent.
std::optional<Grant> grant_of(Bytes body, BootTime first_sent);

}  // namespace tercet::client
