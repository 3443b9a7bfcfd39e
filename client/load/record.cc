#include "client/load/record.h"

#include <cerrno>
#include <cstring>

#include "client/listing.h"

namespace tercet::load {
namespace {

constexpr size_t kBufferSize = size_t{1} << 18U;

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::granted:
      return "granted";
    case Outcome::denied:
      return "denied";
    case Outcome::released:
      return "released";
    case Outcome::unknown:
      break;
  }
  return "unknown";
}

}  // namespace

const char* op_name(OpKind kind) {
  switch (kind) {
    case OpKind::checkout:
      return "checkout";
    case OpKind::renew:
      return "renew";
    case OpKind::release:
      return "release";
    default:
      return "read";
  }
}

Record::~Record() {
  if (file_ != nullptr) {
    flush();
    std::fclose(file_);
  }
}

tl::expected<void, std::string> Record::open(const std::string& path) {
  file_ = std::fopen(path.c_str(), "we");
  if (file_ == nullptr) {
    return tl::unexpected(path + ": " + std::strerror(errno) + ": name a file that can be written");
  }
  buffer_.reserve(kBufferSize + 512);
  return {};
}

void Record::add(const RecordLine& line) {
  if (file_ == nullptr) {
    return;
  }
  buffer_ += R"({"op":")";
  buffer_ += op_name(line.op);
  buffer_ +=
      R"(","handle":")" + client::text_of(line.handle) + R"(","outcome":")" + outcome_name(line.outcome);
  buffer_ += line.code.empty() ? R"(","code":null)" : R"(","code":")" + std::string(line.code) + '"';
  buffer_ += R"(,"request":)" + std::to_string(line.request);
  buffer_ += R"(,"sent_ns":)" + std::to_string(line.sent.ns) + R"(,"answered_ns":)" +
             std::to_string(line.answered.ns);
  buffer_ += R"(,"held_until_ns":)" + std::to_string(line.held_until.ns) + "}\n";
  if (buffer_.size() >= kBufferSize) {
    flush();
  }
}

bool Record::flush() {
  if (file_ == nullptr) {
    return true;
  }
  if (!failed_ && !buffer_.empty()) {
    failed_ =
        std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size() || std::fflush(file_) != 0;
  }
  buffer_.clear();
  return !failed_;
}

}  // namespace tercet::load
