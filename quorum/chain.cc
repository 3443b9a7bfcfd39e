#include "quorum/chain.h"

#include "base/check.h"
#include "wire/cell_message.h"

namespace tercet::quorum {
namespace {

struct LInput {
  WireHash previous;
  Le64 seq;
  Le64 epoch;
  Le64 cell_ms;
  Le64 wall_ms;
  Le64 kind;
};

struct SInput {
  WireHash previous;
  WireHash l;
  WireHash book_digest;
  Le64 result_size;
};

template <class Input, size_t kTail>
Hash128 hash_with(const Input& input, Bytes tail) {
  uint8_t buffer[sizeof(Input) + kTail];
  TERCET_CHECK(tail.size() <= kTail, "chain: an operation or result within its limit");
  std::memcpy(buffer, &input, sizeof(Input));
  if (!tail.empty()) {
    std::memcpy(buffer + sizeof(Input), tail.data(), tail.size());
  }
  return hash128({buffer, sizeof(Input) + tail.size()});
}

}  // namespace

Hash128 next_l(const Hash128& previous, const EntryView& entry) {
  const LInput input{previous,
                     entry.seq.value,
                     entry.epoch.value,
                     as_unsigned(entry.cell.ms),
                     as_unsigned(entry.wall.ms),
                     static_cast<uint64_t>(entry.kind)};
  return hash_with<LInput, kOpMax>(input, entry.op);
}

Hash128 next_s(const Hash128& previous, const Hash128& l, Bytes result, const Hash128& book_digest) {
  const SInput input{previous, l, book_digest, result.size()};
  return hash_with<SInput, kResultMax>(input, result);
}

}  // namespace tercet::quorum
