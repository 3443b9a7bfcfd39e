#include "client/request.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "wire/utf8.h"

namespace tercet::client {
namespace {

/// Cuts `text` to at most `size` bytes, not inside a UTF-8 character.
void cut(std::string& text, size_t size) {
  if (text.size() <= size) {
    return;
  }
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  text.resize(size);
}

size_t text_size(const Wanted& w) {
  return w.user.size() + w.host.size() + w.process.size() + w.version.size() + w.station.size();
}

bool is_control(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }

}  // namespace

RequestId Op::id() const {
  OpHeader header;
  std::memcpy(&header, bytes_.data(), sizeof header);
  RequestId id{static_cast<OpKind>(header.kind), {}, header.request};
  std::memcpy(id.handle.bytes.data(), header.handle, sizeof header.handle);
  return id;
}

void Op::begin(OpKind kind, const Handle& handle, uint32_t number) {
  OpHeader header{};
  header.kind = static_cast<uint8_t>(kind);
  header.request = number;
  std::memcpy(header.handle, handle.bytes.data(), sizeof header.handle);
  size_ = 0;
  append(bytes_of(header));
}

void Op::append(Bytes body) {
  TERCET_CHECK(body.size() <= bytes_.size() - size_, "an operation fits kOpMax");
  if (!body.empty()) {
    std::memcpy(bytes_.data() + size_, body.data(), body.size());
  }
  size_ += body.size();
  const Le16 length(static_cast<uint16_t>(size_));
  std::memcpy(bytes_.data() + offsetof(OpHeader, length), &length, sizeof length);
}

void Op::stamp(CellTime sent) {
  const Le64 ms(static_cast<uint64_t>(std::max<int64_t>(sent.ms, 0)));
  std::memcpy(bytes_.data() + offsetof(OpHeader, sent_cell_ms), &ms, sizeof ms);
}

void Op::bound_lease(uint32_t least_ms, uint32_t most_ms) {
  const size_t at = lease_at(id().kind);
  if (at == 0 || least_ms > most_ms) {
    return;
  }
  Le32 lease;
  std::memcpy(&lease, bytes_.data() + at, sizeof lease);
  lease = bounded_lease(lease.get(), least_ms, most_ms);
  std::memcpy(bytes_.data() + at, &lease, sizeof lease);
}

tl::expected<Op, std::string> Op::checkout(const Handle& handle, uint32_t number, const Wanted& wanted) {
  if (text_size(wanted) > kHolderTextMax) {
    return tl::unexpected("the holder's texts are " + std::to_string(text_size(wanted)) +
                          " bytes together, at most " + std::to_string(kHolderTextMax) +
                          " go into a checkout: shorten the station");
  }
  for (const std::string* text :
       {&wanted.user, &wanted.host, &wanted.process, &wanted.version, &wanted.station}) {
    if (!is_clean_text(*text)) {
      return tl::unexpected(std::string(text == &wanted.station ? "the station" : "a holder's text") +
                            " is no UTF-8 or has a control character: write it in UTF-8, without them");
    }
  }
  CheckoutBody body{};
  body.firm = wanted.firm;
  body.product = wanted.product;
  body.tmr_id = wanted.tmr_id;
  body.lease_ms = wanted.lease_ms;
  body.features = wanted.features;
  body.user_size = static_cast<uint8_t>(wanted.user.size());
  body.host_size = static_cast<uint8_t>(wanted.host.size());
  body.process_size = static_cast<uint8_t>(wanted.process.size());
  body.version_size = static_cast<uint8_t>(wanted.version.size());
  body.station_size = static_cast<uint8_t>(wanted.station.size());
  Op op;
  op.begin(OpKind::checkout, handle, number);
  op.append(bytes_of(body));
  for (const std::string* text :
       {&wanted.user, &wanted.host, &wanted.process, &wanted.version, &wanted.station}) {
    op.append(as_bytes(*text));
  }
  return op;
}

Op Op::renew(const Handle& handle, uint32_t number, uint32_t lease_ms) {
  RenewBody body{};
  body.lease_ms = lease_ms;
  Op op;
  op.begin(OpKind::renew, handle, number);
  op.append(bytes_of(body));
  return op;
}

Op Op::release(const Handle& handle, uint32_t number) {
  Op op;
  op.begin(OpKind::release, handle, number);
  return op;
}

Op Op::consume(const Handle& handle, uint32_t number, uint64_t total) {
  ConsumeBody body{};
  body.total = total;
  Op op;
  op.begin(OpKind::consume, handle, number);
  op.append(bytes_of(body));
  return op;
}

tl::expected<Op, std::string> Op::import_constituent(const Handle& handle, uint32_t number,
                                                     std::string_view jws) {
  return import(OpKind::import_constituent, handle, number, jws);
}

tl::expected<Op, std::string> Op::import_notice(const Handle& handle, uint32_t number, std::string_view jws) {
  return import(OpKind::import_notice, handle, number, jws);
}

tl::expected<Op, std::string> Op::import(OpKind kind, const Handle& handle, uint32_t number,
                                         std::string_view jws) {
  if (jws.empty() || jws.size() > kOpMax - sizeof(OpHeader)) {
    return tl::unexpected(std::string(kind == OpKind::import_notice ? "a notice" : "a constituent") + " is " +
                          std::to_string(jws.size()) + " bytes long, 1 to " +
                          std::to_string(kOpMax - sizeof(OpHeader)) +
                          " can be ordered: issue it with shorter texts");
  }
  Op op;
  op.begin(kind, handle, number);
  op.append(as_bytes(jws));
  return op;
}

Op Op::read(OpKind kind, const Handle& tag, uint32_t number, const ReadBody& body) {
  TERCET_CHECK(is_read(kind), "a read");
  Op op;
  op.begin(kind, tag, number);
  op.append(bytes_of(body));
  return op;
}

Op Op::status(const Handle& tag, uint32_t number, uint32_t offset, uint32_t version) {
  StatusBody body{};
  body.offset = offset;
  body.version = version;
  Op op;
  op.begin(OpKind::status, tag, number);
  op.append(bytes_of(body));
  return op;
}

void fit_texts(Wanted& wanted) {
  const std::array<std::string*, 4> ours{&wanted.process, &wanted.version, &wanted.host, &wanted.user};
  for (std::string* text : ours) {
    std::erase_if(*text, is_control);
    *text = cleaned(*text);
  }
  while (text_size(wanted) > kHolderTextMax) {
    // Without a station the host decides seats: two hosts must not be cut to one.
    const auto worth = [&wanted](const std::string* text) {
      return std::pair(text != &wanted.host || !wanted.station.empty(), text->size());
    };
    std::string* longest = nullptr;
    for (std::string* text : ours) {
      if (!text->empty() && (longest == nullptr || worth(longest) < worth(text))) {
        longest = text;
      }
    }
    if (longest == nullptr) {
      return;  // the station alone is too long: Op::checkout says so
    }
    cut(*longest, longest->size() - 1);
  }
}

void RoundTrip::sample(Duration round_trip) {
  const int64_t sample = std::max<int64_t>(round_trip.ns, 0);
  if (smoothed_.ns == 0) {
    smoothed_.ns = sample;
    spread_.ns = sample / 2;
    return;
  }
  spread_.ns += (std::abs(smoothed_.ns - sample) - spread_.ns) / 4;
  smoothed_.ns += (sample - smoothed_.ns) / 8;
}

void RoundTrip::sample_unsure(Duration since_first) {
  // At most doubles what we wait: one lost datagram (or an outage) must not make the next loss expensive, yet
  // a cell that became slower is not flooded with copies for long.
  sample(Duration{std::min(since_first.ns, 2 * first_resend().ns)});
}

Duration RoundTrip::first_resend() const {
  const Duration wait{smoothed_.ns + std::max(4 * spread_.ns, smoothed_.ns)};
  return std::clamp(wait, kFirstResendMin, kResendMax);
}

void CellClock::heard(CellTime cell, BootTime asked) {
  if (known_ && cell < cell_) {
    return;  // a late answer: cell time never goes back (I8)
  }
  known_ = true;
  cell_ = cell;
  asked_ = asked;
}

void CellClock::set_window(Duration replay_window) {
  window_ = replay_window.ns > 0 ? replay_window : kReplayWindowDefault;
}

bool CellClock::stale(BootTime now) const { return !known_ || now - asked_ > window_ / 4; }

CellTime CellClock::at(BootTime now) const {
  const Duration since = std::clamp(now - asked_, Duration{}, kCellAheadMax);
  return cell_ + since;
}

void Attempt::transmitted(BootTime now, Duration first_resend) {
  if (transmissions_ == 0) {
    first_sent_ = now;
    deadline_ = now + patience_.timeout;
    interval_ = first_resend;
  } else {
    interval_ = std::min(interval_ * 2, kResendMax);
  }
  ++transmissions_;
  refused_since_sent_ = false;
  send_at_ = now + std::max(interval_, repeat_);
}

Attempt::Verdict Attempt::take(const ReplyView& reply, BootTime now) {
  if (transmissions_ == 0 || reply.kind != id_.kind || reply.request != id_.number ||
      reply.handle != id_.handle) {
    return Verdict::not_mine;
  }
  if (reply.code != Code::unavailable && reply.code != Code::busy && reply.code != Code::not_active) {
    return Verdict::answered;
  }
  if (refused_since_sent_) {
    return Verdict::not_mine;
  }
  refused_since_sent_ = true;
  const bool unavailable = reply.code == Code::unavailable;
  const Duration first = unavailable ? kUnavailableFirst : kRepeatFirst;
  repeat_ = repeat_.ns == 0 ? first : std::min(repeat_ * 2, kResendMax);
  send_at_ = now + repeat_;
  if (unavailable) {
    if (!first_unavailable_) {
      first_unavailable_ = now - first_sent_;
    }
    ++unavailable_heard_;
    gave_up_ = patience_.unavailable != 0 && unavailable_heard_ >= patience_.unavailable;
  }
  if (refusal_ != Code::unavailable) {
    refusal_ = reply.code;
  }
  return Verdict::again;
}

std::optional<Grant> grant_of(Bytes body, BootTime first_sent) {
  if (body.size() < sizeof(OpResult)) {
    return std::nullopt;
  }
  Grant grant;
  std::memcpy(&grant.result, body.data(), sizeof(OpResult));
  grant.first_sent = first_sent;
  grant.held_until = first_sent;
  if (grant.result.code == static_cast<uint8_t>(Code::granted)) {
    grant.held_until = first_sent + milliseconds(grant.result.lease_ms.get());
  }
  return grant;
}

}  // namespace tercet::client
