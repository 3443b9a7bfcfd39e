#pragma once
// --record FILE: a JSON line for each finished request, for a checker that shares no code with the servers.
// Also those outside the measured time: the first seats of a mix that renews, and the releases at the end. So
// a record has more lines than the report counts requests.
//
//   {"op":"checkout","handle":"<32 hex>","outcome":"granted","code":null,"request":1,
//    "sent_ns":N,"answered_ns":N,"held_until_ns":N}
//
// Times are this machine's CLOCK_BOOTTIME. `sent_ns`: first transmission; `answered_ns`: the answer, or when
// the client gave up; `held_until_ns`: when the client itself stops holding the seat, 0 when it holds none. A
// release gives the seat up at its first transmission. `code`: of a denial, or of what ended an unknown
// outcome; null else.

#include <cstdio>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "client/request.h"

namespace tercet::load {

enum class Outcome : uint8_t { granted, denied, released, unknown };

struct RecordLine {
  OpKind op{};
  Handle handle;
  Outcome outcome{};
  std::string_view code;  ///< "" where there is none
  uint32_t request = 0;
  client::BootTime sent, answered, held_until;
};

class Record {
 public:
  Record() = default;
  ~Record();
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  tl::expected<void, std::string> open(const std::string& path);
  void add(const RecordLine& line);
  /// False when the disk took less than it was given (from then on nothing is written).
  bool flush();

 private:
  std::FILE* file_ = nullptr;
  bool failed_ = false;
  std::string buffer_;
};

/// "checkout", "renew", "release"; every read is "read".
const char* op_name(OpKind kind);

}  // namespace tercet::load
