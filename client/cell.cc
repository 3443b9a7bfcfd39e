#include "client/cell.h"

#include <algorithm>
#include <cstring>

#include "base/time_text.h"

namespace tercet::client {
namespace {

/// A listing of more pages than this is a server gone wrong: 10 million leases at 10 a page.
constexpr unsigned kPagesMax = 1'000'000;
constexpr uint32_t kStatusMax = 4U << 20U;

Failure malformed(const std::string& what) {
  Failure failure;
  failure.kind = Failure::Kind::malformed;
  failure.message = what;
  return failure;
}

Failure denial(Code code, const OpResult& result, OpKind kind) {
  Failure failure;
  failure.kind = Failure::Kind::denied;
  failure.code = code;
  failure.result = result;
  failure.message = explain(code, result, kind);
  return failure;
}

/// STALE that the cell did not say itself: what it answered is no answer to this request.
Failure stale(const std::string& message) {
  Failure failure;
  failure.kind = Failure::Kind::denied;
  failure.code = Code::stale;
  failure.message = message;
  return failure;
}

/// A handle's last answer is every earlier request's, too, also one of the same number of another process
/// (DESIGN §2, Idempotence): whether `result` is worth what `kind` asks for.
bool is_answer_to(OpKind kind, const OpResult& result) {
  if ((result.flags & kLaterAnswer) != 0) {
    return false;
  }
  const bool units = (result.flags & kUnitsLeft) != 0;
  if (units || kind == OpKind::consume) {
    return units && kind == OpKind::consume;
  }
  const bool holds = result.lease_ms != 0;
  return kind == OpKind::import_constituent || kind == OpKind::import_notice ||
         holds == (kind != OpKind::release);
}

bool is_wanted(const Wanted& wanted, const Lease& lease) {
  return lease.firm == wanted.firm && lease.product == wanted.product &&
         (wanted.tmr_id == 0 || lease.tmr_id == wanted.tmr_id);
}

/// The outcome of a checkout of `handle` is unknown: what can be done about that is the advice then. Our
/// messages are "<what is wrong>: <what to do>", and no advice has a colon.
void leave_open(Failure& failure, const Handle& handle) {
  constexpr std::string_view kUnknown = "outcome of this request is unknown";
  const std::string name = text_of(handle);
  std::string what = failure.message.substr(0, failure.message.rfind(": "));
  if (what.find(kUnknown) == std::string::npos) {
    what += " (the " + std::string(kUnknown) + ")";
  }
  failure.message = what + ": tercet release " + name +
                    " gives the seat back should it have been granted, the same checkout with --handle " +
                    name + " asks for it again";
  failure.outcome_unknown = true;
  failure.handle = handle;
}

/// Whether a checkout that failed so can have been granted.
bool may_hold(const Failure& failure) {
  return failure.outcome_unknown || failure.kind == Failure::Kind::malformed;
}

constexpr const char* kHandleIsOver =
    "this handle was used and its seat is given back or has ended: check one out with a fresh handle";
constexpr const char* kHandleOfAnother =
    "this handle holds a seat of another license: check one out with a fresh handle";

/// Above what any process counts to on a handle.
constexpr uint32_t kLastOfAll = 1U << 31U;

}  // namespace

std::string explain(Code code, const OpResult& result, OpKind kind) {
  const std::string in_use = std::to_string(result.in_use.get());
  const std::string quantity = std::to_string(result.quantity.get());
  switch (code) {
    case Code::no_such_license:
      return "no such license in this cell: look with tercet licenses --all";
    case Code::only_one_constituent:
      return "only one of the license's three constituents is present: import it again or bring a backend "
             "back";
    case Code::no_free_seat:
      return "no free seat, " + in_use + " of " + quantity + " are in use: try later, or see tercet leases";
    case Code::expired:
      return "the license has expired: import a newer one";
    case Code::not_yet_valid:
      return "the license is not valid yet: see its valid_from with tercet licenses --all";
    case Code::usage_period_over:
      return "the license's usage period is over: import a newer one";
    case Code::feature_not_licensed:
      return "a feature that was asked for is not licensed: ask for fewer";
    case Code::no_units_left:
      return std::to_string(result.features.get()) +
             " units of the license are left, too few for this: use fewer, or import a revision with more";
    case Code::station_busy:
      return "this station holds a seat of the license already, and may hold one only: release that one";
    case Code::unknown_handle:
      return "nobody holds a seat under this handle: it was released or has expired; check one out anew";
    case Code::revoked:
      if (kind == OpKind::import_constituent || kind == OpKind::import_notice) {
        return "the license was withdrawn by its issuer: have another one issued";
      }
      return "the license was withdrawn by its issuer, and the seat with it: ask whoever administers "
             "licenses";
    case Code::stale:
      return "the request came too late to be carried out: try again";
    case Code::bad_request:
      if (kind == OpKind::checkout && result.tmr_id != 0) {
        return "the license counts stations, and the checkout names neither a station nor a host: name one";
      }
      return "a value is out of its range: a lease is 1s to 24h, and within what the license allows";
    case Code::bad_signature:
      return "it was altered after it was signed: get the file anew from its issuer";
    case Code::unknown_issuer:
      return "its issuer is unknown to this cell, or is not the one that issued the license before: the cell "
             "takes "
             "licenses of the issuers in its configuration, and each license of one of them";
    case Code::foreign_container:
      return "it is bound to a container that is not this cell's: have it issued for this cell's requests";
    case Code::container_revoked:
      return "it is bound to a container that another has taken the place of (a reissue): import what was "
             "issued for the new one";
    case Code::repeated:
      return "the cell has it already: nothing to do";
    case Code::properties_differ:
      return "its properties differ from its other constituents': import one license file as it was issued";
    case Code::older_revision:
      return "the cell has a newer revision of it: import the newest file";
    case Code::malformed:
      return "it is no constituent of ours: get the file anew from its issuer";
    case Code::unsupported_mode:
      return "its allocation mode is not served by this version: issue it with another mode";
    case Code::book_full:
      // What license/limits.h allows. Licenses cannot be removed in this version.
      if (kind == OpKind::import_notice) {
        return "the cell's book is full (64 containers that others have taken the place of)";
      }
      return kind == OpKind::import_constituent
                 ? "the cell's book is full (4,096 licenses, 256 of one product): have one license "
                   "issued with a greater --quantity in place of several, or with another Product Code"
                 : "the cell's book is full (1,000,000 leases): release seats that nobody uses, or "
                   "wait until their leases end";
    case Code::granted:
    case Code::busy:
    case Code::not_active:
    case Code::unavailable:
      break;
  }
  return std::string("denied with ") + name_of(code) + ": see the manual";
}

void SeatState::take(const Grant& grant) {
  tmr_id = grant.result.tmr_id;
  lease_ms = grant.result.lease_ms;
  features = grant.result.features;
  first_sent = grant.first_sent;
  held_until = later(held_until, grant.held_until);
  lease_end = {static_cast<int64_t>(grant.result.lease_end_wall_ms.get())};
}

Failure Cell::failure_of(const Answer& answer, bool mutating, Duration timeout) {
  Failure failure;
  failure.first_unavailable = answer.first_unavailable;
  failure.outcome_unknown = mutating && answer.transmissions > 0;
  const char* unknown = failure.outcome_unknown ? " (the outcome of this request is unknown)" : "";
  switch (answer.end) {
    case Answer::End::unavailable:
      failure.kind = Failure::Kind::unavailable;
      failure.code = Code::unavailable;
      failure.message = std::string("no quorum, fewer than two backends vote") + unknown +
                        ": see tercet status, then ask again";
      break;
    case Answer::End::busy:
      failure.code = Code::busy;
      failure.message = "no answer but BUSY within " + to_text(timeout) + unknown + ": ask again later";
      break;
    case Answer::End::not_active:
      failure.code = Code::not_active;
      failure.message = "no answer, no load balancer is active (NOT_ACTIVE for " + to_text(timeout) + ")" +
                        unknown + ": see tercet status";
      break;
    case Answer::End::interrupted:
      failure.kind = Failure::Kind::interrupted;
      failure.message = std::string("interrupted") + unknown + ": ask again";
      break;
    case Answer::End::answered:
    case Answer::End::no_answer:
      failure.message = "no answer within " + to_text(timeout) + unknown +
                        ": check that the virtual IP can be reached, the client's key and the cell's state";
      break;
  }
  return failure;
}

tl::expected<Grant, Failure> Cell::mutate(const Op& op) {
  const Answer answer = channel_.ask(op, patience_);
  if (answer.end != Answer::End::answered) {
    return tl::unexpected(failure_of(answer, true, patience_.timeout));
  }
  const auto grant = grant_of(answer.body, answer.first_sent);
  const OpKind kind = op.id().kind;
  if (grant && (grant->result.flags & kLaterAnswer) != 0) {
    return tl::unexpected(stale(kind == OpKind::checkout
                                    ? kHandleIsOver
                                    : "another process went on with this handle: see tercet lease"));
  }
  if (answer.code != Code::granted) {
    return tl::unexpected(denial(answer.code, grant ? grant->result : OpResult{}, kind));
  }
  if (!grant || grant->result.code != 0) {
    return tl::unexpected(malformed("a grant without its numbers: is the server of the same version?"));
  }
  if (!is_answer_to(kind, grant->result)) {
    return tl::unexpected(stale("another process asked something else with this handle: see tercet lease"));
  }
  if (kind == OpKind::checkout && boot_now() >= grant->held_until) {
    return tl::unexpected(stale("the seat's lease ended before its grant came: try again"));
  }
  return *grant;
}

void Cell::catch_up(SeatState& seat) {
  channel_.forget_time();
  if (const auto row = lease(seat.handle)) {
    seat.number = std::max(seat.number, row->last_request);
  }
}

tl::expected<Grant, Failure> Cell::checkout(const Wanted& wanted, std::optional<Handle> handle,
                                            SeatState& seat) {
  if (handle) {
    return checkout_own(wanted, *handle, seat);
  }
  for (int tries = 0;; ++tries) {
    seat = SeatState{};
    seat.handle = Channel::new_handle();
    const auto op = Op::checkout(seat.handle, ++seat.number, wanted);
    if (!op) {
      Failure failure;
      failure.kind = Failure::Kind::usage;
      failure.message = op.error();
      return tl::unexpected(failure);
    }
    auto grant = mutate(*op);
    if (grant) {
      seat.take(*grant);
      return grant;
    }
    if (may_hold(grant.error())) {
      leave_open(grant.error(), seat.handle);
    }
    if (grant.error().code != Code::stale || tries > 0) {
      return grant;
    }
    channel_.forget_time();
  }
}

tl::expected<Grant, Failure> Cell::checkout_own(const Wanted& wanted, const Handle& handle, SeatState& seat) {
  seat = SeatState{};
  seat.handle = handle;
  const auto before = lease(handle);
  if (before) {
    if (!is_wanted(wanted, *before)) {
      return tl::unexpected(stale(kHandleOfAnother));
    }
    seat.number = std::max(before->last_request, 1U) - 1;  // a repeat of that is told its whole answer
  } else if (before.error().code != Code::unknown_handle) {
    return tl::unexpected(before.error());
  }
  tl::expected<Grant, Failure> grant;
  for (int tries = 0;; ++tries) {
    const auto op = Op::checkout(handle, ++seat.number, wanted);
    if (!op) {
      Failure failure;
      failure.kind = Failure::Kind::usage;
      failure.message = op.error();
      return tl::unexpected(failure);
    }
    grant = mutate(*op);
    if (grant) {
      break;
    }
    if (may_hold(grant.error())) {
      leave_open(grant.error(), handle);
    }
    // Only what the cell itself found too late or too early is worth another try: it has no such handle.
    if (grant.error().code != Code::stale || before) {
      return grant;
    }
    if (tries > 0) {
      grant.error().message = kHandleIsOver;
      return grant;
    }
    channel_.forget_time();
  }
  // A copy of this request may have been granted long ago and be over, or another process's be held: what
  // the book has now is what counts.
  const auto held = lease(handle);
  if (!held) {
    Failure failure = held.error();
    if (failure.code == Code::unknown_handle) {
      return tl::unexpected(stale(kHandleIsOver));
    }
    leave_open(failure, handle);
    return tl::unexpected(failure);
  }
  const Duration left = held->end_cell - held->cell;
  if (left <= Duration{}) {
    return tl::unexpected(stale(kHandleIsOver));
  }
  if (!is_wanted(wanted, *held)) {
    return tl::unexpected(stale(kHandleOfAnother));
  }
  grant->held_until = earlier(grant->held_until, grant->first_sent + left);
  seat.take(*grant);
  return grant;
}

tl::expected<Grant, Failure> Cell::renew(SeatState& seat, uint32_t lease_ms) {
  for (int tries = 0;; ++tries) {
    auto grant = mutate(Op::renew(seat.handle, ++seat.number, lease_ms));
    if (grant) {
      seat.take(*grant);
      return grant;
    }
    if (grant.error().code != Code::stale || tries > 0) {
      return grant;
    }
    catch_up(seat);
  }
}

tl::expected<Grant, Failure> Cell::release(SeatState& seat) {
  for (int tries = 0;; ++tries) {
    auto grant = mutate(Op::release(seat.handle, ++seat.number));
    if (grant || grant.error().code != Code::stale || tries > 0) {
      return grant;
    }
    catch_up(seat);
  }
}

tl::expected<Grant, Failure> Cell::consume(SeatState& seat, uint64_t total) {
  for (int tries = 0;; ++tries) {
    auto grant = mutate(Op::consume(seat.handle, ++seat.number, total));
    if (grant || grant.error().code != Code::stale || tries > 0) {
      return grant;
    }
    catch_up(seat);
  }
}

bool Cell::give_back(SeatState& seat) {
  const auto done = release(seat);
  return done || done.error().code == Code::unknown_handle;
}

tl::expected<Grant, Failure> Cell::release_unknown(const Handle& handle) {
  SeatState seat;
  seat.handle = handle;
  // Not 1: this must be a new request whatever else comes, or came, on the handle.
  seat.number = kLastOfAll;
  return release(seat);
}

tl::expected<Grant, Failure> Cell::import_constituent(std::string_view jws) {
  return import([&] { return Op::import_constituent(Channel::new_handle(), 1, jws); });
}

tl::expected<Grant, Failure> Cell::import_notice(std::string_view jws) {
  return import([&] { return Op::import_notice(Channel::new_handle(), 1, jws); });
}

tl::expected<Grant, Failure> Cell::import(const std::function<tl::expected<Op, std::string>()>& make) {
  for (int tries = 0;; ++tries) {
    const auto op = make();
    if (!op) {
      Failure failure;
      failure.kind = Failure::Kind::usage;
      failure.message = op.error();
      return tl::unexpected(failure);
    }
    auto grant = mutate(*op);
    if (grant || grant.error().code != Code::stale || tries > 0) {
      return grant;
    }
    channel_.forget_time();
  }
}

template <class Row, class Parse>
tl::expected<std::vector<Row>, Failure> Cell::pages(OpKind kind, bool all, Parse parse) {
  std::vector<Row> rows;
  uint64_t cursor = 0;
  for (unsigned i = 0; i < kPagesMax; ++i) {
    ReadBody body{};
    body.cursor = cursor;
    body.all = all ? 1 : 0;
    const Answer answer = channel_.ask(Op::read(kind, Channel::new_handle(), 1, body), patience_);
    if (answer.end != Answer::End::answered) {
      return tl::unexpected(failure_of(answer, false, patience_.timeout));
    }
    if (answer.code != Code::granted) {
      return tl::unexpected(denial(answer.code, {}, kind));
    }
    auto page = parse(kind, answer.body);
    if (!page) {
      return tl::unexpected(malformed(page.error()));
    }
    std::move(page->rows.begin(), page->rows.end(), std::back_inserter(rows));
    if (page->next == 0) {
      return rows;
    }
    if (page->next == cursor) {
      return tl::unexpected(malformed("a listing that goes in circles: is the server of the same version?"));
    }
    cursor = page->next;
  }
  return tl::unexpected(malformed("a listing without end: is the server of the same version?"));
}

tl::expected<std::vector<License>, Failure> Cell::licenses(bool all) {
  return pages<License>(OpKind::read_licenses, all, parse_licenses);
}
tl::expected<std::vector<ContainerInfo>, Failure> Cell::containers(bool all) {
  return pages<ContainerInfo>(OpKind::read_containers, all, parse_containers);
}
tl::expected<std::vector<Lease>, Failure> Cell::leases() {
  return pages<Lease>(OpKind::read_leases, false, parse_leases);
}

tl::expected<std::vector<UsageInfo>, Failure> Cell::usage() {
  return pages<UsageInfo>(OpKind::read_usage, false, parse_usage);
}

tl::expected<Lease, Failure> Cell::lease(const Handle& handle) {
  ReadBody body{};
  std::memcpy(body.handle, handle.bytes.data(), sizeof body.handle);
  const Answer answer = channel_.ask(Op::read(OpKind::read_lease, Channel::new_handle(), 1, body), patience_);
  if (answer.end != Answer::End::answered) {
    return tl::unexpected(failure_of(answer, false, patience_.timeout));
  }
  if (answer.code != Code::granted) {
    return tl::unexpected(denial(answer.code, {}, OpKind::read_lease));
  }
  auto page = parse_leases(OpKind::read_lease, answer.body);
  if (!page) {
    return tl::unexpected(malformed(page.error()));
  }
  // The denial may stand in the page alone: to an LB the answer of a read is opaque.
  if (page->code != Code::granted) {
    return tl::unexpected(denial(page->code, {}, OpKind::read_lease));
  }
  if (page->rows.size() != 1) {
    return tl::unexpected(malformed("a lease that is not one row: is the server of the same version?"));
  }
  page->rows.front().cell = page->cell;
  return std::move(page->rows.front());
}

tl::expected<std::string, Failure> Cell::status() {
  std::string document;
  uint32_t version = 0;
  for (unsigned restarts = 0; restarts < 100;) {
    const Answer answer = channel_.ask(
        Op::status(Channel::new_handle(), 1, static_cast<uint32_t>(document.size()), version), patience_);
    if (answer.end != Answer::End::answered) {
      return tl::unexpected(failure_of(answer, false, patience_.timeout));
    }
    if (answer.code != Code::granted || answer.body.size() < sizeof(StatusPage)) {
      return tl::unexpected(malformed("a status without its page: is the server of the same version?"));
    }
    StatusPage page;
    std::memcpy(&page, answer.body.data(), sizeof page);
    const Bytes text = Bytes(answer.body).subspan(sizeof page);
    if (page.version != version || page.offset != document.size()) {
      // The document changed between two pages, or another LB answered: begin again.
      ++restarts;
      document.clear();
      if (page.offset != 0) {
        version = 0;
        continue;
      }
      version = page.version;
    }
    document += as_text(text);
    if (page.total > kStatusMax || document.size() > page.total ||
        (text.empty() && document.size() < page.total)) {
      return tl::unexpected(
          malformed("a status whose pages do not fit together: is the server of the same version?"));
    }
    if (document.size() == page.total) {
      return document;
    }
  }
  return tl::unexpected(malformed("a status that changes faster than it can be read: ask again"));
}

}  // namespace tercet::client
