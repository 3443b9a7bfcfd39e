#include "dataplane/steer/order.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/mutant.h"
#include "wire/cell_message.h"
#include "wire/listing.h"

namespace tercet::dataplane {
namespace {

Code code_of(quorum::Admit admit) {
  switch (admit) {
    case quorum::Admit::taken:
      return Code::granted;
    case quorum::Admit::busy:
      return Code::busy;
    case quorum::Admit::unavailable:
      return Code::unavailable;
    default:
      return Code::not_active;
  }
}

Code code_of_result(Bytes result) {
  const auto* r = header_of<OpResult>(result);
  return r == nullptr ? Code::bad_request : static_cast<Code>(r->code);
}

Code code_of_page(Bytes page) {
  const auto* p = header_of<PageHeader>(page);
  return p == nullptr ? Code::bad_request : static_cast<Code>(p->code);
}

}  // namespace

void Order::prefetch(Bytes plain) const {
  constexpr size_t kHandleAt = sizeof(QueryHeader) + offsetof(OpHeader, handle);
  if (plain.size() >= sizeof(QueryHeader) + sizeof(OpHeader)) {
    Handle handle;
    std::memcpy(handle.bytes.data(), plain.data() + kHandleAt, sizeof(handle.bytes));
    repeats_.prefetch(handle);
  }
}

void Order::take(const ClientRef& client, Bytes plain, const Moment& now, quorum::Proposer& proposer,
                 Reply& reply, Outbox& out) {
  ClientMessage type{};
  if (client_message(plain, type) != Drop::none) {
    ++counters_.drop_malformed;
    return;
  }
  Drop drop = Drop::none;
  if (type == ClientMessage::hello) {
    const Hello* message = parse_hello(plain, drop);
    if (message == nullptr) {
      ++counters_.drop_malformed;
      return;
    }
    ++counters_.hellos;
    reply.finish(out);
    hello(client, *message, proposer, now, out);
    return;
  }
  QueryView query;
  if (type != ClientMessage::query || parse_query(plain, query) != Drop::none) {
    ++counters_.drop_malformed;
    return;
  }
  QueryWalk walk(query);
  OpView op;
  while (walk.next(op)) {
    ++counters_.queries;
    operation(client, op, now, proposer, reply, out);
  }
}

void Order::hello(const ClientRef& client, const Hello& hello, const quorum::Proposer& proposer,
                  const Moment& now, Outbox& out) {
  const MutBytes room = out.open();
  if (room.empty()) {
    ++counters_.drop_no_room;
    return;
  }
  HelloAck ack{};
  ack.type = static_cast<uint8_t>(ClientMessage::hello_ack);
  // Time is the last *decided* one: a zombie's own idea of it would defeat STALE.
  const bool active = proposer.active();
  const Code code = code_of(proposer.greets(now.mono));
  count_refusal(code);
  ack.code = static_cast<uint8_t>(code);
  ack.queries_max = kQueriesMax;
  ack.nonce = hello.nonce;
  ack.cell_ms = active ? as_unsigned(proposer.decided_cell().ms) : 0;
  ack.wall_ms = active ? as_unsigned(proposer.decided_wall().ms) : 0;
  ack.lease_min_ms = options_.lease_min_ms;
  ack.lease_max_ms = options_.lease_max_ms;
  ack.replay_window_ms = options_.replay_window_ms;
  put(room, ack);
  out.close(client, sizeof(ack));
}

void Order::count_refusal(Code code) {
  counters_.busy += code == Code::busy ? 1U : 0U;
  counters_.unavailable += code == Code::unavailable ? 1U : 0U;
  counters_.not_active += code == Code::not_active ? 1U : 0U;
}

void Order::operation(const ClientRef& client, const OpView& op, const Moment& now,
                      quorum::Proposer& proposer, Reply& reply, Outbox& out) {
  const ReplyView refusal{op.kind, Code::busy, op.request, op.handle, {}};
  const auto refuse = [&](Code code) {
    count_refusal(code);
    ReplyView answer = refusal;
    answer.code = code;
    reply.add(client, answer, out);
  };
  if (op.kind == OpKind::status) {
    status(client, op, reply, out);
    return;
  }
  if (in_flight_.full()) {
    refuse(Code::busy);
    return;
  }
  if (is_read(op.kind)) {
    if (proposer.active() && !proposer.serving(now.mono)) {
      refuse(Code::unavailable);
      return;
    }
    ++counters_.reads;
    const quorum::Tag tag = in_flight_.add(client, op);
    const quorum::Admit admit = proposer.read(op.all, tag);
    if (admit != quorum::Admit::taken) {
      in_flight_.free(tag);
      refuse(code_of(admit));
    }
    return;
  }
  Repeats::Entry* known = repeats_.find(op.handle);
  if (known != nullptr && known->request == op.request && !planted(Mutant::duplicate_answered_twice)) {
    if (known->answered) {
      ++counters_.repeats_answered;
      const Bytes result = repeats_.answer_of(*known);
      reply.add(client, {op.kind, code_of_result(result), op.request, op.handle, result}, out);
      return;
    }
    InFlight::Query* waiting = in_flight_.find(known->tag);
    if (waiting != nullptr) {
      waiting->client = client;  // it may have moved to another address meanwhile
      if (proposer.active() && !proposer.serving(now.mono)) {
        refuse(Code::unavailable);  // its outcome is unknown, and it is not to wait in silence
      } else {
        ++counters_.repeats_dropped;
      }
      return;
    }
  }
  const quorum::Tag tag = in_flight_.add(client, op);
  const quorum::Admit admit = proposer.propose(bounded(op), tag, now);
  if (admit != quorum::Admit::taken) {
    in_flight_.free(tag);
    refuse(code_of(admit));
    return;
  }
  if (known == nullptr || op.request > known->request) {
    repeats_.note(op.handle, op.request, tag);
  }
}

/// The operation as it is ordered: a lease that was asked for lies within this cell's limits, which the
/// client was told at its Hello. 0 stays 0: the license's own.
Bytes Order::bounded(const OpView& op) {
  const size_t at = lease_at(op.kind);
  if (at == 0) {
    return op.all;
  }
  Le32 lease;
  std::memcpy(&lease, op.all.data() + at, sizeof(lease));
  const uint32_t within = bounded_lease(lease.get(), options_.lease_min_ms, options_.lease_max_ms);
  if (lease.get() == within) {
    return op.all;
  }
  lease = within;
  std::copy(op.all.begin(), op.all.end(), bounded_.begin());
  std::memcpy(bounded_.data() + at, &lease, sizeof(lease));
  return {bounded_.data(), op.all.size()};
}

void Order::deliver(const quorum::Outcome& outcome, Reply& reply, Outbox& out) {
  const InFlight::Query* query = in_flight_.find(outcome.tag);
  if (query == nullptr) {
    return;
  }
  if (outcome.kind == quorum::Outcome::Kind::unavailable) {
    ++counters_.unavailable;
    reply.add(*query, Code::unavailable, {}, out);
  } else if (outcome.read) {
    reply.add(*query, code_of_page(outcome.result), outcome.result, out);
  } else {
    ++counters_.decided;
    repeats_.answer(query->handle, query->request, outcome.result);
    reply.add(*query, code_of_result(outcome.result), outcome.result, out);
  }
  in_flight_.free(outcome.tag);
}

void Order::tell_all(Code code, bool over, Reply& reply, Outbox& out) {
  for (uint32_t slot = 0; slot < in_flight_.capacity(); ++slot) {
    const InFlight::Query* query = in_flight_.at(slot);
    if (query == nullptr) {
      continue;
    }
    reply.add(*query, code, {}, out);
    if (over) {
      repeats_.forget(query->handle, query->request);
      in_flight_.free(in_flight_.tag_of(slot));
    }
  }
}

void Order::status(const ClientRef& client, const OpView& op, Reply& reply, Outbox& out) {
  const auto* body = header_of<StatusBody>(op.body);
  const StatusDocument* document = status_ == nullptr ? nullptr : &status_->read();
  if (body == nullptr || document == nullptr || document->size == 0) {
    reply.add(client, {op.kind, Code::unavailable, op.request, op.handle, {}}, out);
    return;
  }
  // A document that was replaced between two pages: the client sees another version and begins again.
  const uint32_t offset = std::min(body->offset.get(), document->size);
  uint8_t page[kReadAnswerMax];
  const uint32_t size =
      std::min<uint32_t>(document->size - offset, static_cast<uint32_t>(kReadAnswerMax - sizeof(StatusPage)));
  StatusPage header;
  header.version = document->version;
  header.total = document->size;
  header.offset = offset;
  std::memcpy(page, &header, sizeof(header));
  std::memcpy(page + sizeof(header), document->text.data() + offset, size);
  reply.add(client, {op.kind, Code::granted, op.request, op.handle, {page, sizeof(header) + size}}, out);
}

}  // namespace tercet::dataplane
