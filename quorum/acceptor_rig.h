#pragma once
// For the acceptor's tests: one backend on a bench, and the messages that an LB or a peer sends it.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "quorum/acceptor.h"
#include "quorum/testing.h"

namespace tercet::quorum {

using testing::accept_of;
using testing::AcceptOptions;
using testing::ask_of;
using testing::Bench;
using testing::kLives;
using testing::Letter;
using testing::life_of;
using testing::message_of;
using testing::only;
using testing::prepare_of;
using testing::Story;

inline std::vector<uint8_t> keepalive_of(const Story& story, Epoch epoch, uint64_t commit = 0, Hash128 s = {},
                                         bool fit = true, uint64_t instance = 0xA1) {
  Keepalive message{};
  message.flags = fit ? kFit : 0;
  message.heartbeat_us = 10'000;
  message.epoch = epoch.value;
  message.instance = instance;
  message.next = story.last().value + 1;
  message.last_l = story.l(story.last());
  message.commit = commit;
  message.commit_s = s;
  message.stamp = 4711;
  return message_of(CellMessage::keepalive, message);
}
inline std::vector<uint8_t> missing_of(uint64_t from, uint64_t to, uint8_t datagrams = 8, uint32_t number = 1,
                                       const Hash128& to_l = {}) {
  Missing message{};
  message.to_l = to_l;
  message.datagrams = datagrams;
  message.number = number;
  message.from = from;
  message.to = to;
  return message_of(CellMessage::missing, message);
}
inline std::vector<uint8_t> entries_of(const Story& story, uint64_t from, uint64_t to, uint64_t commit,
                                       uint32_t number) {
  EntriesHeader header{};
  header.number = number;
  header.first = from;
  header.prev_l = story.l(Seq{from - 1});
  header.commit = commit;
  std::vector<uint8_t> bytes(kCellPlainMax);
  EntriesWriter writer(bytes, header);
  for (uint64_t seq = from; seq <= to; ++seq) {
    EXPECT_TRUE(writer.add(story.entry(Seq{seq})));
  }
  bytes.resize(writer.finish());
  return bytes;
}
inline AcceptOptions with_commit(const Story& story, uint64_t commit) {
  AcceptOptions options;
  options.commit = commit;
  options.commit_s = {story.s(Seq{commit}).low, 0};
  return options;
}
/// "1-3" for a vote on 1..3, "none" without one.
inline std::string votes_text(const std::vector<Letter>& letters) {
  std::string text;
  for (const VoteView& vote : only<VoteView>(letters)) {
    text += (text.empty() ? "" : " ") + std::to_string(vote.header->first.get()) + "-" +
            std::to_string(vote.header->first + vote.header->count - 1);
  }
  return text.empty() ? "none" : text;
}

class AcceptorTest : public ::testing::Test {
 protected:
  /// Backend 1 holds `story` up to `to`, voted and told.
  void settle(const Story& story, uint64_t to, Epoch epoch = kE1) {
    b_.take(story, 1, to, epoch);
    b_.poll();
  }
  Heard heard(ServerId lb = ServerId::lb2) {
    b_.hear(lb, ask_of(5));
    const std::vector<Letter> letters = b_.letters();
    const auto views = only<HeardView>(letters);
    EXPECT_EQ(views.size(), 1U);
    return *views.at(0).header;
  }
  Bench b_{Slot::one};
  const Story base_ = Story().genesis(kE1).ops(kE1, 4);
};

}  // namespace tercet::quorum
