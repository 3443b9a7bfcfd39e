#pragma once
// Records: what a step of the acceptor wants appended to the log, in order. The caller hands them to its log,
// then clears. Keeps its storage, so that a warm one does not allocate.

#include <span>
#include <vector>

#include "wire/record.h"

namespace tercet::quorum {

class Records {
 public:
  struct Record {
    RecordType type = RecordType::entry;
    bool must_sync = false;  ///< durable on the disk even in `memory` durability: promises, admissions
    uint32_t offset = 0;
    uint32_t size = 0;
  };
  Records() {
    records_.reserve(1024);
    bytes_.reserve(256 << 10);
  }
  void add_entry(const EntryView& entry) {
    const size_t at = grow(RecordType::entry, false, entry_size(entry.op.size()));
    write_entry(entry, {bytes_.data() + at, entry_size(entry.op.size())});
  }
  void add_promise(const PromiseRecord& promise) { add(RecordType::promise, true, bytes_of(promise)); }
  void add_admitted(const AdmittedRecord& admitted) { add(RecordType::admitted, true, bytes_of(admitted)); }
  void add_commit(const CommitRecord& commit) { add(RecordType::commit, false, bytes_of(commit)); }

  [[nodiscard]] std::span<const Record> records() const { return records_; }
  [[nodiscard]] Bytes bytes(const Record& r) const { return {bytes_.data() + r.offset, r.size}; }
  [[nodiscard]] bool empty() const { return records_.empty(); }
  /// Of all payloads.
  [[nodiscard]] size_t bytes_total() const { return bytes_.size(); }
  void clear() {
    records_.clear();
    bytes_.clear();
  }

 private:
  void add(RecordType type, bool must_sync, Bytes payload) {
    const size_t at = grow(type, must_sync, payload.size());
    std::memcpy(bytes_.data() + at, payload.data(), payload.size());
  }
  size_t grow(RecordType type, bool must_sync, size_t size) {
    const size_t at = bytes_.size();
    bytes_.resize(at + size);
    records_.push_back({type, must_sync, static_cast<uint32_t>(at), static_cast<uint32_t>(size)});
    return at;
  }
  std::vector<Record> records_;
  std::vector<uint8_t> bytes_;
};

}  // namespace tercet::quorum
