#include "client/load/worker.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "wire/listing.h"

namespace tercet::load {

using client::Grant;
using client::RequestId;

tl::expected<Mix, std::string> Mix::parse(std::string_view text) {
  Mix mix;
  std::string_view rest = text;
  bool good = true;
  uint64_t sum = 0;
  for (size_t i = 0; i < mix.shares.size() && good; ++i) {
    const char* end = rest.data() + rest.size();
    const auto [at, error] = std::from_chars(rest.data(), end, mix.shares[i]);
    good = error == std::errc() && mix.shares[i] <= 1'000'000;
    sum += mix.shares[i];
    rest = {at, static_cast<size_t>(end - at)};
    if (i + 1 < mix.shares.size()) {
      good = good && rest.starts_with(':');
      rest.remove_prefix(good ? 1 : 0);
    }
  }
  if (!good || !rest.empty() || sum == 0) {
    return tl::unexpected("\"" + std::string(text) +
                          "\" is no mix: write four shares, checkout:renew:read:release, as in 1:8:4:1");
  }
  return mix;
}

HeldSeat* Worker::find(const Handle& handle) {
  for (HeldSeat& seat : seats_) {
    if (seat.handle == handle) {
      return &seat;
    }
  }
  return nullptr;
}

void Worker::drop(const Handle& handle) {
  if (HeldSeat* seat = find(handle)) {
    *seat = seats_.back();
    seats_.pop_back();
  }
}

void Worker::drop_ended(BootTime now) {
  for (size_t i = 0; i < seats_.size();) {
    // A doubtful one is released in any case: it may still be granted there.
    if (!seats_[i].doubtful && seats_[i].held_until <= now) {
      seats_[i] = seats_.back();
      seats_.pop_back();
      ++lost_;
    } else {
      ++i;
    }
  }
}

std::optional<Op> Worker::next_release(BootTime now) {
  drop_ended(now);
  if (seats_.empty()) {
    return std::nullopt;
  }
  HeldSeat& seat = seats_[0];
  return Op::release(seat.handle, ++seat.number);
}

Op Worker::next(const Mix& mix, const client::Wanted& wanted, uint64_t dice, const Handle& fresh,
                BootTime now) {
  drop_ended(now);
  for (HeldSeat& seat : seats_) {
    if (seat.doubtful) {
      return Op::release(seat.handle, ++seat.number);
    }
  }
  enum : size_t { kCheckout, kRenew, kRead, kRelease };
  const bool holds = !seats_.empty();
  const bool room = seats_.size() < kSeatsMax;
  std::array<uint64_t, 4> shares{room ? mix.shares[kCheckout] : 0, holds ? mix.shares[kRenew] : 0,
                                 mix.shares[kRead], holds ? mix.shares[kRelease] : 0};
  uint64_t sum = shares[0] + shares[1] + shares[2] + shares[3];
  if (sum == 0) {
    // Nothing of the mix applies: what makes it apply again.
    shares[holds ? kRelease : kCheckout] = sum = 1;
  } else if (!holds && mix.shares[kCheckout] == 0 && mix.shares[kRenew] + mix.shares[kRelease] > 0) {
    // A mix without checkouts needs a seat to renew all the same.
    shares = {1, 0, 0, 0};
    sum = 1;
  }
  uint64_t pick = dice % sum;
  size_t what = 0;
  while (pick >= shares[what]) {
    pick -= shares[what++];
  }
  HeldSeat* oldest = nullptr;
  for (HeldSeat& seat : seats_) {
    if (oldest == nullptr || seat.held_until < oldest->held_until) {
      oldest = &seat;
    }
  }
  switch (what) {
    case kCheckout:
      // The texts were checked before the run.
      return *Op::checkout(fresh, 1, wanted);
    case kRenew:
      return Op::renew(oldest->handle, ++oldest->number, 0);
    case kRelease:
      return Op::release(oldest->handle, ++oldest->number);
    default: {
      ReadBody body{};
      read_of_ = oldest != nullptr ? oldest->handle : Handle{};
      std::memcpy(body.handle, read_of_.bytes.data(), sizeof body.handle);
      return Op::read(oldest != nullptr ? OpKind::read_lease : OpKind::read_licenses, tag_, ++reads_, body);
    }
  }
}

void Worker::answered(const RequestId& id, Code code, Bytes body, BootTime first_sent, RecordLine& line) {
  line.handle = is_read(id.kind) ? read_of_ : id.handle;
  if (id.kind == OpKind::read_lease && code == Code::granted && body.size() >= sizeof(PageHeader)) {
    PageHeader header;
    std::memcpy(&header, body.data(), sizeof header);
    code = static_cast<Code>(header.code);  // UNKNOWN_HANDLE stands in the page alone
  }
  line.outcome = code != Code::granted        ? Outcome::denied
                 : id.kind == OpKind::release ? Outcome::released
                                              : Outcome::granted;
  line.code = code == Code::granted ? std::string_view{} : name_of(code);
  HeldSeat* seat = find(id.handle);
  const auto grant = client::grant_of(body, first_sent);
  switch (id.kind) {
    case OpKind::checkout:
      if (code == Code::granted && grant) {
        seats_.push_back({id.handle, id.number, grant->held_until, false});
        line.held_until = grant->held_until;
      }
      break;
    case OpKind::renew:
      if (seat == nullptr) {
        break;
      }
      if (code == Code::granted && grant) {
        seat->held_until = later(seat->held_until, grant->held_until);
      }
      line.held_until = seat->held_until;
      if (code == Code::unknown_handle || code == Code::revoked) {
        line.held_until = {};
        drop(id.handle);
        ++lost_;
      }
      break;
    case OpKind::release:
      if (code != Code::stale) {
        drop(id.handle);  // released, or unknown there: either way nothing is held
      } else if (seat != nullptr) {
        seat->doubtful = true;
      }
      break;
    default:
      if (const HeldSeat* of = find(read_of_)) {
        line.held_until = of->held_until;
      }
      break;
  }
}

void Worker::gave_up(const RequestId& id, RecordLine& line) {
  line.handle = is_read(id.kind) ? read_of_ : id.handle;
  line.outcome = Outcome::unknown;
  HeldSeat* seat = find(id.handle);
  switch (id.kind) {
    case OpKind::checkout:
      // The client does not hold it, but the cell may have granted it.
      seats_.push_back({id.handle, id.number, {}, true});
      break;
    case OpKind::renew:
      if (seat != nullptr) {
        line.held_until = seat->held_until;
        seat->doubtful = true;
      }
      break;
    case OpKind::release:
      if (seat != nullptr) {
        seat->doubtful = true;
      }
      break;
    default:
      break;
  }
}

}  // namespace tercet::load
