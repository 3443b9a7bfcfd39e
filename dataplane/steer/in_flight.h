#pragma once
// In-flight queries: Tag (slot + generation) → the client that waits. The slot index travels through the
// window and back, so that nothing is hashed on the way; the generation tells a late answer from the slot's
// next use.

#include <vector>

#include "base/huge_vector.h"
#include "quorum/window.h"
#include "wire/client_ref.h"
#include "wire/op.h"

namespace tercet::dataplane {

class InFlight {
 public:
  struct Query {
    bool used = false;
    uint32_t generation = 0;
    ClientRef client;
    OpKind kind{};
    uint32_t request = 0;
    Handle handle;
  };
  explicit InFlight(size_t capacity) : queries_(capacity) {
    free_.reserve(capacity);
    for (size_t i = capacity; i > 0; --i) {
      free_.push_back(static_cast<uint32_t>(i - 1));
    }
  }
  [[nodiscard]] bool full() const { return free_.empty(); }
  [[nodiscard]] size_t used() const { return queries_.size() - free_.size(); }
  [[nodiscard]] size_t capacity() const { return queries_.size(); }
  /// Not when full().
  quorum::Tag add(const ClientRef& client, const OpView& op) {
    const uint32_t slot = free_.back();
    free_.pop_back();
    Query& query = queries_[slot];
    query.used = true;
    query.client = client;
    query.kind = op.kind;
    query.request = op.request;
    query.handle = op.handle;
    return {slot, query.generation};
  }
  /// Null when the tag's use is over.
  Query* find(quorum::Tag tag) {
    if (tag.slot >= queries_.size()) {
      return nullptr;
    }
    Query& query = queries_[tag.slot];
    return query.used && query.generation == tag.generation ? &query : nullptr;
  }
  /// By slot, for telling all that wait; null where none does.
  Query* at(uint32_t slot) { return queries_[slot].used ? &queries_[slot] : nullptr; }
  [[nodiscard]] quorum::Tag tag_of(uint32_t slot) const { return {slot, queries_[slot].generation}; }
  void free(quorum::Tag tag) {
    Query& query = queries_[tag.slot];
    query.used = false;
    ++query.generation;
    free_.push_back(tag.slot);
  }

 private:
  HugeVector<Query> queries_;
  std::vector<uint32_t> free_;
};

}  // namespace tercet::dataplane
