#include "wire/query.h"

#include <algorithm>

#include "base/check.h"
#include "wire/cell_message.h"
#include "wire/listing.h"

namespace tercet {
namespace {

template <class Header>
Drop take(Bytes plain, ClientMessage type, const Header*& out) {
  out = header_of<Header>(plain);
  if (out == nullptr) {
    return Drop::too_short;
  }
  if (plain.size() > kClientPlainMax) {
    return Drop::too_long;
  }
  return out->type == static_cast<uint8_t>(type) ? Drop::none : Drop::unknown_type;
}

template <class Header>
Drop take_one(Bytes plain, ClientMessage type, const Header*& out) {
  if (const Drop drop = take(plain, type, out); drop != Drop::none) {
    return drop;
  }
  if (out->reserved != 0) {
    return Drop::reserved;
  }
  return plain.size() == sizeof(Header) ? Drop::none : Drop::malformed;
}

bool answer_fits(OpKind kind, Code code, size_t size) {
  if (size == 0) {
    return code != Code::granted;
  }
  if (is_mutating(kind)) {
    return size == sizeof(OpResult);
  }
  if (is_read(kind)) {
    return size >= sizeof(PageHeader) && size <= kReadAnswerMax;
  }
  return kind == OpKind::status && size >= sizeof(StatusPage) && size <= kReadAnswerMax;
}

MutBytes for_client(MutBytes out) { return out.first(std::min(out.size(), kClientPlainMax)); }

}  // namespace

Drop client_message(Bytes plain, ClientMessage& out) {
  if (plain.empty()) {
    return Drop::too_short;
  }
  out = static_cast<ClientMessage>(plain[0]);
  return out >= ClientMessage::hello && out <= ClientMessage::reply ? Drop::none : Drop::unknown_type;
}

const Hello* parse_hello(Bytes plain, Drop& drop) {
  const Hello* hello = nullptr;
  drop = take_one(plain, ClientMessage::hello, hello);
  if (drop == Drop::none && hello->version != kQueryVersion) {
    drop = Drop::version;
  }
  return drop == Drop::none ? hello : nullptr;
}

const HelloAck* parse_hello_ack(Bytes plain, Drop& drop) {
  const HelloAck* ack = nullptr;
  drop = take_one(plain, ClientMessage::hello_ack, ack);
  if (drop == Drop::none && (ack->cell_ms > kTimeMsMax || ack->wall_ms > kTimeMsMax)) {
    drop = Drop::malformed;
  }
  return drop == Drop::none ? ack : nullptr;
}

Drop parse_query(Bytes plain, QueryView& out) {
  const QueryHeader* header = nullptr;
  if (const Drop drop = take(plain, ClientMessage::query, header); drop != Drop::none) {
    return drop;
  }
  if (header->reserved != 0) {
    return Drop::reserved;
  }
  if (header->count == 0 || header->count > kQueriesMax) {
    return Drop::malformed;
  }
  out.count = header->count;
  out.ops = plain.subspan(sizeof(QueryHeader));
  if (!parse_op(out.ops, out.first)) {
    return Drop::malformed;
  }
  Bytes rest = out.ops.subspan(out.first.all.size());
  for (unsigned i = 1; i < header->count; ++i) {
    OpView op;
    if (!parse_op(rest, op)) {
      return Drop::malformed;
    }
    rest = rest.subspan(op.all.size());
  }
  return rest.empty() ? Drop::none : Drop::malformed;
}

bool QueryWalk::next(OpView& out) {
  if (rest_.size() == view_.ops.size()) {
    out = view_.first;
  } else if (!parse_op(rest_, out)) {
    return false;
  }
  rest_ = rest_.subspan(out.all.size());
  return true;
}

QueryWriter::QueryWriter(MutBytes out) : out_(for_client(out)), used_(sizeof(QueryHeader)) {
  TERCET_CHECK(out_.size() >= sizeof(QueryHeader), "a Query's header fits");
}

bool QueryWriter::add(Bytes op) {
  if (count_ == kQueriesMax || out_.size() - used_ < op.size()) {
    return false;
  }
  used_ += put_bytes(out_.subspan(used_), op);
  ++count_;
  return true;
}

size_t QueryWriter::finish() {
  QueryHeader header{};
  header.type = static_cast<uint8_t>(ClientMessage::query);
  header.count = count_;
  put(out_, header);
  return count_ == 0 ? 0 : used_;
}

Drop parse_reply(Bytes plain, Bytes& answers) {
  const ReplyHeader* header = nullptr;
  if (const Drop drop = take(plain, ClientMessage::reply, header); drop != Drop::none) {
    return drop;
  }
  if (header->reserved != 0) {
    return Drop::reserved;
  }
  answers = plain.subspan(sizeof(ReplyHeader));
  Bytes rest = answers;
  ReplyView answer;
  for (unsigned i = 0; i < header->count; ++i) {
    if (!next_reply(rest, answer)) {
      return Drop::malformed;
    }
  }
  return header->count != 0 && rest.empty() ? Drop::none : Drop::malformed;
}

bool next_reply(Bytes& rest, ReplyView& out) {
  const auto* item = header_of<ReplyItem>(rest);
  if (item == nullptr || item->length > rest.size() - sizeof(ReplyItem)) {
    return false;
  }
  const auto kind = static_cast<OpKind>(item->kind);
  const auto code = static_cast<Code>(item->code);
  if (!(is_mutating(kind) || is_read(kind) || kind == OpKind::status) ||
      !answer_fits(kind, code, item->length)) {
    return false;
  }
  out.kind = kind;
  out.code = code;
  out.request = item->request;
  std::memcpy(out.handle.bytes.data(), item->handle, sizeof item->handle);
  out.body = rest.subspan(sizeof(ReplyItem), item->length);
  rest = rest.subspan(sizeof(ReplyItem) + item->length);
  return true;
}

ReplyWriter::ReplyWriter(MutBytes out) : out_(for_client(out)), used_(sizeof(ReplyHeader)) {
  TERCET_CHECK(out_.size() >= sizeof(ReplyHeader), "a Reply's header fits");
}

bool ReplyWriter::add(const ReplyView& answer) {
  TERCET_CHECK(answer_fits(answer.kind, answer.code, answer.body.size()),
               "an answer has the form of its kind");
  if (count_ == UINT8_MAX || out_.size() - used_ < sizeof(ReplyItem) + answer.body.size()) {
    return false;
  }
  ReplyItem item{};
  item.kind = static_cast<uint8_t>(answer.kind);
  item.code = static_cast<uint8_t>(answer.code);
  item.length = static_cast<uint16_t>(answer.body.size());
  item.request = answer.request;
  std::memcpy(item.handle, answer.handle.bytes.data(), sizeof item.handle);
  put(out_.subspan(used_), item);
  used_ += sizeof item;
  used_ += put_bytes(out_.subspan(used_), answer.body);
  ++count_;
  return true;
}

size_t ReplyWriter::finish() {
  ReplyHeader header{};
  header.type = static_cast<uint8_t>(ClientMessage::reply);
  header.count = count_;
  put(out_, header);
  return count_ == 0 ? 0 : used_;
}

}  // namespace tercet
