#pragma once
// Reads a message as a server or client would, every byte that a view hands out, so that a sanitizer sees a
// view that leaves its bytes. For the tests of damaged input and the fuzz test.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "wire/cell.h"
#include "wire/listing.h"
#include "wire/query.h"

namespace tercet::golden {

/// Keeps the sum from being optimised away, and with it the reads.
inline volatile uint64_t g_touched = 0;

inline void touch(Bytes bytes) {
  uint64_t sum = 0;
  for (const uint8_t byte : bytes) {
    sum += byte;
  }
  g_touched = g_touched + sum;
}
inline void touch(std::string_view text) { touch(as_bytes(text)); }

inline void touch_op(const OpView& op) {
  touch(op.all);
  touch(op.body);
  if (op.kind == OpKind::checkout) {
    const HolderText text = holder_text(op);
    for (const std::string_view part : {text.user, text.host, text.process, text.version, text.station}) {
      touch(part);
    }
  }
}

inline void touch_entry(const EntryView& entry) {
  touch(entry.op);
  OpView op;
  GenesisView genesis;
  if (entry.kind == EntryKind::op && parse_op(entry.op, op)) {
    touch_op(op);
  }
  if (entry.kind == EntryKind::genesis && parse_genesis(entry.op, genesis)) {
    touch(genesis.issuers);
    for (const Bytes introduction : genesis.introductions) {
      touch(introduction);
    }
  }
}

/// Walks what parse_cell handed out; returns the number of parts that were walked.
struct TouchCell {
  size_t operator()(const AcceptView& view) const {
    AcceptWalk walk(view);
    AcceptEntry item;
    size_t n = 0;
    for (; walk.next(item); ++n) {
      item.is_read ? touch(item.query) : touch_entry(item.entry);
    }
    EXPECT_EQ(n, view.header->items.get());
    return n;
  }
  size_t operator()(const VoteView& view) const {
    VoteWalk walk(view);
    Ballot ballot;
    size_t n = 0;
    for (; walk.next(ballot); ++n) {
      touch(ballot.result);
    }
    EXPECT_EQ(n, view.header->count.get());
    return n;
  }
  size_t operator()(const EntriesView& view) const {
    EntriesWalk walk(view);
    EntryView entry;
    size_t n = 0;
    for (; walk.next(entry); ++n) {
      touch_entry(entry);
    }
    EXPECT_EQ(n, view.header->count.get());
    return n;
  }
  size_t operator()(const AnswerView& view) const {
    touch(view.body);
    touch(bytes_of(*view.header));
    return 0;
  }
  size_t operator()(const PromiseView& view) const {
    touch(view.introduction);
    touch(bytes_of(*view.header));
    return 0;
  }
  template <class View>
  size_t operator()(const View& view) const {
    touch(bytes_of(*view.header));
    return 0;
  }
};

/// True if it is a message between servers.
inline bool touch_cell(Bytes plain) {
  CellView view;
  if (parse_cell(plain, view) != Drop::none) {
    return false;
  }
  std::visit(TouchCell{}, view);
  return true;
}

/// True if it is a page of a listing.
inline bool touch_page(Bytes answer) {
  PageView page;
  if (!parse_page(answer, page)) {
    return false;
  }
  size_t rows = 0;
  LicenseItem license;
  ContainerItem container;
  LeaseItem lease;
  UsageItem usage;
  switch (static_cast<OpKind>(page.header->kind)) {
    case OpKind::read_licenses:
      for (Bytes rest = page.rows; next_license(rest, license); ++rows) {
        touch(bytes_of(*license.row));
        touch(license.name);
      }
      break;
    case OpKind::read_containers:
      for (Bytes rest = page.rows; next_container(rest, container); ++rows) {
        touch(bytes_of(*container.row));
        touch(container.serial);
      }
      break;
    case OpKind::read_usage:
      for (Bytes rest = page.rows; next_usage(rest, usage); ++rows) {
        touch(bytes_of(*usage.row));
        touch(usage.name);
        for (const DenialCount& denied : usage.denied) {
          touch(bytes_of(denied));
        }
      }
      break;
    default:
      for (Bytes rest = page.rows; next_lease(rest, lease); ++rows) {
        touch(bytes_of(*lease.row));
        touch(lease.holder.user);
        touch(lease.holder.station);
      }
  }
  EXPECT_EQ(rows, page.header->rows.get());
  return true;
}

/// True if it is a message between client and LB.
inline bool touch_client(Bytes plain) {
  ClientMessage type{};
  if (client_message(plain, type) != Drop::none) {
    return false;
  }
  Drop drop = Drop::none;
  QueryView query;
  Bytes answers;
  switch (type) {
    case ClientMessage::hello:
      if (const Hello* hello = parse_hello(plain, drop)) {
        touch(bytes_of(*hello));
      }
      break;
    case ClientMessage::hello_ack:
      if (const HelloAck* ack = parse_hello_ack(plain, drop)) {
        touch(bytes_of(*ack));
      }
      break;
    case ClientMessage::query:
      drop = parse_query(plain, query);
      if (drop == Drop::none) {
        unsigned n = 0;
        OpView op;
        for (QueryWalk walk(query); walk.next(op); ++n) {
          touch_op(op);
        }
        EXPECT_EQ(n, query.count);
      }
      break;
    case ClientMessage::reply:
      drop = parse_reply(plain, answers);
      if (drop == Drop::none) {
        ReplyView answer;
        while (next_reply(answers, answer)) {
          touch(answer.body);
          if (is_read(answer.kind)) {
            touch_page(answer.body);
          }
        }
        EXPECT_TRUE(answers.empty());
      }
      break;
  }
  return drop == Drop::none;
}

/// A copy in a heap block of exactly its size, so that a read past its end is one that a sanitizer sees.
class Exact {
 public:
  explicit Exact(Bytes bytes) : size_(bytes.size()), data_(new uint8_t[bytes.size()]) {
    if (!bytes.empty()) {
      std::memcpy(data_.get(), bytes.data(), bytes.size());
    }
  }
  [[nodiscard]] MutBytes bytes() { return {data_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> data_;
};

/// Gives `bytes` to every parser; true if any of them took it.
inline bool touch_any(Bytes bytes) {
  OpView op;
  if (parse_op(bytes, op)) {
    touch_op(op);
  }
  EntryView entry;
  if (parse_entry(bytes, entry) != 0) {
    touch_entry(entry);
  }
  // A page has no type of its own: it stands in an answer. Its first byte is a read's kind, which no message
  // has.
  const bool page = touch_page(bytes);
  const bool cell = touch_cell(bytes);
  const bool client = touch_client(bytes);
  return page || cell || client;
}

}  // namespace tercet::golden
