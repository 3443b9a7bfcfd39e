#include "wire/seal/order_proof.h"

#include <gtest/gtest.h>

namespace tercet::seal {
namespace {

TEST(OrderProof, ProvesThatOrderUnderThatKeyAndNoOther) {
  Key key;
  key.bytes.fill(7);
  Key other;
  other.bytes.fill(8);
  const std::string proof = order_proof(key, "force rejoin b2");
  EXPECT_EQ(proof.size(), 64U);
  EXPECT_TRUE(proves(key, "force rejoin b2", proof));
  EXPECT_FALSE(proves(key, "force rejoin b3", proof));
  EXPECT_FALSE(proves(other, "force rejoin b2", proof));
  EXPECT_FALSE(proves(key, "force rejoin b2", proof.substr(1)));
  EXPECT_FALSE(proves(key, "force rejoin b2", ""));
}

}  // namespace
}  // namespace tercet::seal
