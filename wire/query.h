#pragma once
// Client ↔ LB, in plain (sealed by wire/seal): Hello, HelloAck, Query, Reply. The first byte is the MessageType.

#include "base/bytes.h"
#include "base/endian.h"
#include "wire/ids.h"
#include "wire/limits.h"
#include "wire/op.h"

namespace tercet {

enum class ClientMessage : uint8_t { hello = 1, hello_ack = 2, query = 3, reply = 4 };

/// A client process's first word.
struct Hello {
  uint8_t type;
  uint8_t version;  ///< of the query protocol: 1
  Le16 reserved;
  Le32 nonce;       ///< comes back, so that an old answer is not taken for a new one
};
static_assert(sizeof(Hello) == 8);

/// The last decided cell time and the limits in force.
struct HelloAck {
  uint8_t type;
  uint8_t code;       ///< Code: granted; not_active, unavailable: no time known yet
  Le16 queries_max;   ///< per datagram
  Le32 nonce;
  Le64 cell_ms;
  Le64 wall_ms;
  Le32 lease_min_ms;
  Le32 lease_max_ms;
  Le32 replay_window_ms;
  Le32 reserved;
};
static_assert(sizeof(HelloAck) == 40);

/// 1..n operations (wire/op.h) follow, back to back.
struct QueryHeader {
  uint8_t type;
  uint8_t count;
  Le16 reserved;
};
static_assert(sizeof(QueryHeader) == 4);
inline constexpr size_t kQueriesMax = 16;
static_assert(sizeof(QueryHeader) + kOpMax <= kClientPlainMax);

/// 1..n answers follow.
struct ReplyHeader {
  uint8_t type;
  uint8_t count;
  Le16 reserved;
};
static_assert(sizeof(ReplyHeader) == 4);

/// One answer, in front of its body: OpResult (mutating, code ≤ 39), a page (reads), StatusPage, or nothing.
struct ReplyItem {
  uint8_t kind;     ///< OpKind of what was asked
  uint8_t code;     ///< Code; for mutating ones the body's code again
  Le16 length;      ///< of the body
  Le32 request;
  uint8_t handle[16];  ///< as the client sent it
};
static_assert(sizeof(ReplyItem) == 24);
static_assert(sizeof(ReplyHeader) + sizeof(ReplyItem) + kReadAnswerMax <= kClientPlainMax);

/// A piece of the status document (JSON, UTF-8), behind a ReplyItem.
struct StatusPage {
  Le32 version;
  Le32 total;
  Le32 offset;
};
static_assert(sizeof(StatusPage) == 12);

struct ReplyView {
  OpKind kind{};
  Code code{};
  uint32_t request = 0;
  Handle handle;
  Bytes body;
};
/// Takes the next answer off the front of `rest`; false at the end or when malformed.
bool next_reply(Bytes& rest, ReplyView& out);

}  // namespace tercet
