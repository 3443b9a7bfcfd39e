#pragma once
// Client ↔ LB, in plain (sealed by wire/seal): Hello, HelloAck, Query, Reply. The first byte is the
// ClientMessage.

#include "base/bytes.h"
#include "base/endian.h"
#include "wire/drop.h"
#include "wire/ids.h"
#include "wire/limits.h"
#include "wire/op.h"

namespace tercet {

enum class ClientMessage : uint8_t { hello = 1, hello_ack = 2, query = 3, reply = 4 };

inline constexpr uint8_t kQueryVersion = 1;  ///< of the query protocol

/// A client process's first word.
struct Hello {
  uint8_t type;
  uint8_t version;  ///< kQueryVersion
  Le16 reserved;
  Le32 nonce;  ///< comes back, so that an old answer is not taken for a new one
};
static_assert(sizeof(Hello) == 8);

/// The last decided cell time and the limits in force.
struct HelloAck {
  uint8_t type;
  uint8_t code;      ///< Code: granted; not_active, unavailable: no time known yet
  Le16 queries_max;  ///< per datagram
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
  uint8_t kind;  ///< OpKind of what was asked
  uint8_t code;  ///< Code; for mutating ones the body's code again
  Le16 length;   ///< of the body
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

/// An LB looks at this first: which of Hello and Query came. Unknown types and empty plaintexts are a Drop.
Drop client_message(Bytes plain, ClientMessage& out);

/// Null, with the reason in `drop`, unless `plain` is exactly one Hello (HelloAck).
const Hello* parse_hello(Bytes plain, Drop& drop);
const HelloAck* parse_hello_ack(Bytes plain, Drop& drop);

struct QueryView {
  uint8_t count = 0;
  OpView first;  ///< most have no other: read once
  Bytes ops;
};
/// Reads a Query: 1..kQueriesMax operations that parse_op accepts, and nothing behind them.
Drop parse_query(Bytes plain, QueryView& out);
/// Walks the operations of a parsed Query, which stays where it is meanwhile.
class QueryWalk {
 public:
  explicit QueryWalk(const QueryView& view) : view_(view), rest_(view.ops) {}
  bool next(OpView& out);

 private:
  const QueryView& view_;
  Bytes rest_;
};
/// Writes a Query into `out`, of which it uses no more than kClientPlainMax.
class QueryWriter {
 public:
  explicit QueryWriter(MutBytes out);
  /// `op` is one that parse_op accepts. False when it does not fit or there are kQueriesMax: finish this one.
  bool add(Bytes op);
  [[nodiscard]] uint8_t count() const { return count_; }
  size_t finish();  ///< size of the message, 0 if nothing was added

 private:
  MutBytes out_;
  size_t used_;
  uint8_t count_ = 0;
};

struct ReplyView {
  OpKind kind{};
  Code code{};
  uint32_t request = 0;
  Handle handle;
  Bytes body;
};
/// Reads a Reply: `answers` is what next_reply takes apart. Checked: the kinds are known, a body is empty or
/// of its kind's size (OpResult; at least a PageHeader, a StatusPage), a granted answer has one, and nothing
/// is left over.
Drop parse_reply(Bytes plain, Bytes& answers);
/// Takes the next answer off the front of `rest`; false at the end or when malformed.
bool next_reply(Bytes& rest, ReplyView& out);
/// Writes a Reply into `out`, of which it uses no more than kClientPlainMax.
class ReplyWriter {
 public:
  explicit ReplyWriter(MutBytes out);
  /// False when it does not fit: finish this one, begin the next.
  bool add(const ReplyView& answer);
  [[nodiscard]] uint8_t count() const { return count_; }
  size_t finish();  ///< size of the message, 0 if nothing was added

 private:
  MutBytes out_;
  size_t used_;
  uint8_t count_ = 0;
};

}  // namespace tercet
