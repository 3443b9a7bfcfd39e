#include "dataplane/steer/in_flight.h"

#include <gtest/gtest.h>

namespace tercet::dataplane {
namespace {

OpView op_of(uint32_t request) {
  OpView op;
  op.kind = OpKind::release;
  op.request = request;
  return op;
}

TEST(InFlight, ATagFindsItsClientUntilItIsFreed) {
  InFlight table(2);
  ClientRef client;
  client.access_id = 5;
  const quorum::Tag tag = table.add(client, op_of(9));
  InFlight::Query* query = table.find(tag);
  ASSERT_NE(query, nullptr);
  EXPECT_EQ(query->client, client);
  EXPECT_EQ(query->request, 9U);
  EXPECT_EQ(query->kind, OpKind::release);
  EXPECT_EQ(table.used(), 1U);
  table.free(tag);
  EXPECT_EQ(table.find(tag), nullptr);
  EXPECT_EQ(table.used(), 0U);
}

TEST(InFlight, ALateAnswerOfASlotsFormerUseFindsNobody) {
  InFlight table(1);
  const quorum::Tag old = table.add({}, op_of(1));
  table.free(old);
  const quorum::Tag now = table.add({}, op_of(2));
  EXPECT_EQ(now.slot, old.slot);
  EXPECT_NE(now.generation, old.generation);
  EXPECT_EQ(table.find(old), nullptr);
  ASSERT_NE(table.find(now), nullptr);
  EXPECT_EQ(table.find(now)->request, 2U);
}

TEST(InFlight, TagsOfNoSlotFindNobody) {
  InFlight table(2);
  EXPECT_EQ(table.find({}), nullptr);
  EXPECT_EQ(table.find({2, 0}), nullptr);
  EXPECT_EQ(table.find({0, 0}), nullptr) << "free";
}

TEST(InFlight, FullIsSaidAndEverySlotIsUsed) {
  InFlight table(3);
  std::vector<quorum::Tag> tags;
  while (!table.full()) {
    tags.push_back(table.add({}, op_of(1)));
  }
  EXPECT_EQ(tags.size(), 3U);
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) {
    EXPECT_NE(table.at(slot), nullptr);
    EXPECT_EQ(table.find(table.tag_of(slot)), table.at(slot));
  }
  table.free(tags[1]);
  EXPECT_FALSE(table.full());
  EXPECT_EQ(table.at(tags[1].slot), nullptr);
}

}  // namespace
}  // namespace tercet::dataplane
