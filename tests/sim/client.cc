#include "tests/sim/client.h"

#include <cstring>

#include "wire/cell_message.h"
#include "wire/query.h"

namespace tercet::sim {

void Client::choose(MonoTime now) {
  if (holds_ && held_until_ <= now) {
    holds_ = false;  // it knows that it has run out
  }
  if (holds_ && options_.hasty && random_.chance(0.1)) {
    holds_ = false;  // its process is gone, and the seat is left to run out
  }
  if (takes_back_) {
    takes_back_ = false;
    begin(OpKind::release, now);
  } else if (!import_.empty()) {
    begin(OpKind::import_constituent, now);
  } else if (random_.chance(0.25)) {
    begin(OpKind::read_licenses, now);
  } else if (!holds_) {
    begin(OpKind::checkout, now);
  } else if (renewals_ > 0) {
    --renewals_;
    begin(OpKind::renew, now);
  } else {
    begin(OpKind::release, now);
  }
}

void Client::begin(OpKind kind, MonoTime now) {
  ++stats_.requests;
  kind_ = kind;
  if (kind != OpKind::renew && kind != OpKind::release) {
    for (uint8_t& byte : handle_.bytes) {
      byte = static_cast<uint8_t>(random_.next());
    }
    request_ = 1;
  } else {
    handle_ = seat_;
    request_ = ++seat_request_;
  }
  phase_ = Phase::waiting;
  first_sent_ = now;
  next_send_ = now;
  backoff_ = milliseconds(3);
  patience_ = options_.give_up;
  if (options_.hasty && kind == OpKind::checkout && random_.chance(0.2)) {
    patience_ = {};  // it would not send twice
  }
  sent_cell_ms_ = cell_anchor_ms_ + (now - cell_anchor_at_).ms();
  if (kind == OpKind::release) {
    checkers_.gave_back(handle_, now);  // from here on it no longer relies on the seat
    holds_ = false;
  }
}

void Client::write_request(std::vector<uint8_t>& out) const {
  uint8_t op[128] = {};
  OpHeader header{};
  header.kind = static_cast<uint8_t>(kind_);
  header.request = request_;
  header.sent_cell_ms = as_unsigned(sent_cell_ms_);
  std::memcpy(header.handle, handle_.bytes.data(), 16);
  size_t size = sizeof(header);
  if (kind_ == OpKind::checkout) {
    CheckoutBody body{};
    body.firm = options_.firm;
    body.product = options_.product;
    body.lease_ms = static_cast<uint32_t>(options_.lease.ms());
    body.user_size = 3;
    std::memcpy(op + size, &body, sizeof(body));
    std::memcpy(op + size + sizeof(body), "sim", 3);
    size += sizeof(body) + 3;
  } else if (kind_ == OpKind::import_constituent) {
    std::memcpy(op + size, import_.data(), import_.size());
    size += import_.size();
  } else if (kind_ == OpKind::renew) {
    RenewBody body{};
    std::memcpy(op + size, &body, sizeof(body));
    size += sizeof(body);
  } else if (kind_ == OpKind::read_licenses) {
    ReadBody body{};
    std::memcpy(op + size, &body, sizeof(body));
    size += sizeof(body);
  }
  header.length = static_cast<uint16_t>(size);
  std::memcpy(op, &header, sizeof(header));
  out.resize(kClientPlainMax);
  QueryWriter writer(out);
  if (!writer.add({op, size})) {
    checkers_.fail("the simulated client wrote a query that the wire refuses");
  }
  out.resize(writer.finish());
}

MonoTime Client::tick(MonoTime now, std::vector<uint8_t>& send) {
  send.clear();
  if (phase_ == Phase::hello) {
    if (now < next_send_) {
      return next_send_;
    }
    Hello hello{};
    hello.type = static_cast<uint8_t>(ClientMessage::hello);
    hello.version = kQueryVersion;
    hello.nonce = ++hello_nonce_;
    send.assign(bytes_of(hello).begin(), bytes_of(hello).end());
    next_send_ = now + milliseconds(50);
    return next_send_;
  }
  if (phase_ == Phase::thinking) {
    if (now < next_at_) {
      return next_at_;
    }
    choose(now);
  }
  if (now - first_sent_ > patience_) {
    give_up(now);
    return next_at_;
  }
  if (now < next_send_) {
    return next_send_;
  }
  write_request(send);
  ++stats_.transmissions;
  next_send_ = now + backoff_;
  backoff_ = Duration{backoff_.ns * 2 > milliseconds(200).ns ? milliseconds(200).ns : backoff_.ns * 2};
  return next_send_;
}

/// Outcome unknown: the seat may be held by this handle; it is left to run out, or, by a hasty one, released.
void Client::give_up(MonoTime now) {
  ++stats_.unknown;
  phase_ = Phase::thinking;
  next_at_ = now + random_.between({}, options_.think_max);
  if (options_.hasty && kind_ == OpKind::checkout) {
    takes_back_ = true;
    seat_ = handle_;
    seat_request_ = 1;
    next_at_ = now;
  }
}

void Client::receive(const uint8_t* data, size_t size, MonoTime now) {
  const Bytes plain{data, size};
  ClientMessage type{};
  if (client_message(plain, type) != Drop::none) {
    checkers_.fail("a client received what is no message");
    return;
  }
  if (type == ClientMessage::hello_ack) {
    Drop drop = Drop::none;
    const HelloAck* ack = parse_hello_ack(plain, drop);
    if (ack == nullptr || phase_ != Phase::hello || ack->nonce != hello_nonce_ || ack->code != 0) {
      return;
    }
    cell_anchor_ms_ = as_signed(ack->cell_ms);
    cell_anchor_at_ = now;
    phase_ = Phase::thinking;
    next_at_ = now + random_.between({}, options_.think_max);
    return;
  }
  Bytes answers;
  if (parse_reply(plain, answers) != Drop::none) {
    checkers_.fail("a client received a malformed reply");
    return;
  }
  ReplyView answer;
  while (next_reply(answers, answer)) {
    // A copy older than the handle's newest request is told that one's answer, and that it is (flag bit 0).
    const auto* result = header_of<OpResult>(answer.body);
    const bool of_later = result != nullptr && (result->flags & 1U) != 0;
    if (static_cast<uint8_t>(answer.code) < static_cast<uint8_t>(Code::busy) && is_mutating(answer.kind) &&
        !of_later) {
      checkers_.answered(answer.handle, answer.request, {answer.body.begin(), answer.body.end()});
    }
    if (phase_ != Phase::waiting || answer.handle != handle_ || answer.request != request_ ||
        answer.kind != kind_) {
      continue;
    }
    if (answer.code == Code::busy || answer.code == Code::not_active || answer.code == Code::unavailable) {
      stats_.unavailable += answer.code == Code::unavailable ? 1U : 0U;
      next_send_ = later(next_send_, now + milliseconds(20));
      continue;
    }
    finish(answer.code, {answer.body.begin(), answer.body.end()}, now);
  }
}

void Client::finish(Code code, const std::vector<uint8_t>& body, MonoTime now) {
  answered_at_ = now;
  phase_ = Phase::thinking;
  next_at_ = now + random_.between({}, options_.think_max);
  if (kind_ == OpKind::read_licenses) {
    ++stats_.reads;
    return;
  }
  if (code == Code::stale) {
    // Cell time stood still in an outage, and our idea of it ran ahead: ask for it again.
    ++stats_.denied;
    phase_ = Phase::hello;
    next_send_ = now;
    return;
  }
  if (kind_ == OpKind::import_constituent) {
    import_.clear();
    if (code != Code::granted && code != Code::repeated) {
      checkers_.fail(std::string("the import was refused: ") + name_of(code));
    }
    return;
  }
  const auto* result = header_of<OpResult>(body);
  if (result == nullptr) {
    checkers_.fail("an answer without a result");
    return;
  }
  if (code == Code::granted) {
    ++stats_.granted;
    if (kind_ == OpKind::release) {
      return;
    }
    if (kind_ == OpKind::checkout) {
      seat_ = handle_;
      seat_request_ = 1;
      renewals_ = static_cast<unsigned>(random_.below(4));
    }
    // Counted from the first transmission: it stops before the cell can give the seat to another.
    const MonoTime until = first_sent_ + milliseconds(result->lease_ms);
    if (until > now) {
      holds_ = true;
      held_until_ = until;
      checkers_.granted(handle_, result->tmr_id, now, until);
    }
    return;
  }
  ++stats_.denied;
  if (kind_ == OpKind::renew && held_until_ > now && code == Code::unknown_handle) {
    checkers_.lost_seat(handle_, name_of(code));
  }
  if (kind_ == OpKind::renew) {
    checkers_.gave_back(handle_, now);
    holds_ = false;
  }
}

}  // namespace tercet::sim
