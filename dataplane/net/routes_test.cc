#include "dataplane/net/routes.h"

#include <gtest/gtest.h>

namespace tercet::dataplane {
namespace {

constexpr Ipv4 kOwn{198, 18, 4, 10};

std::string via(const RouteTable& routes, const Ipv4& to) {
  const Ipv4 next = routes.find(to);
  return next == kNowhere ? "none" : address_text(endpoint_of(next, 0));
}

TEST(RouteTable, OnlyOurOwnNetworkWithoutAny) {
  const RouteTable routes(kOwn, 24);
  EXPECT_EQ(via(routes, {198, 18, 4, 200}), "198.18.4.200");
  EXPECT_EQ(via(routes, {198, 18, 5, 1}), "none");
}

TEST(RouteTable, TheLongestPrefixDecidesInWhateverOrderTheyCame) {
  const StaticRoute given[] = {
      {{}, 0, {198, 18, 4, 254}},
      {{198, 19, 0, 0}, 16, {198, 18, 4, 1}},
      {{198, 19, 7, 0}, 24, {198, 18, 4, 2}},
      {{198, 19, 7, 7}, 32, {198, 18, 4, 3}},
      {{198, 18, 4, 128}, 25, {198, 18, 4, 4}},  // a part of our own network, behind a router
      {{198, 16, 0, 0}, 14, {198, 18, 4, 5}},    // holds our own network: the own one is longer
  };
  for (int turn = 0; turn < 2; ++turn) {
    RouteTable routes(kOwn, 24);
    for (size_t i = 0; i < std::size(given); ++i) {
      routes.add(given[turn == 0 ? i : std::size(given) - 1 - i]);
    }
    EXPECT_EQ(via(routes, {203, 0, 113, 7}), "198.18.4.254");
    EXPECT_EQ(via(routes, {198, 19, 1, 1}), "198.18.4.1");
    EXPECT_EQ(via(routes, {198, 19, 7, 1}), "198.18.4.2");
    EXPECT_EQ(via(routes, {198, 19, 7, 7}), "198.18.4.3");
    EXPECT_EQ(via(routes, {198, 18, 4, 20}), "198.18.4.20");
    EXPECT_EQ(via(routes, {198, 18, 4, 129}), "198.18.4.4");
    EXPECT_EQ(via(routes, {198, 17, 0, 1}), "198.18.4.5");
  }
}

TEST(RouteTable, OfTwoForTheSameNetworkTheFirstStays) {
  RouteTable routes(kOwn, 24);
  routes.add({{}, 0, {198, 18, 4, 1}});
  routes.add({{}, 0, {198, 18, 4, 2}});
  EXPECT_EQ(via(routes, {203, 0, 113, 7}), "198.18.4.1");
}

TEST(RouteTable, BitsBehindThePrefixDoNotCount) {
  RouteTable routes(kOwn, 24);
  routes.add({{198, 19, 7, 99}, 24, {198, 18, 4, 1}});
  EXPECT_EQ(via(routes, {198, 19, 7, 1}), "198.18.4.1");
}

TEST(RouteTable, AHostWithoutANetworkReachesAllByItsGateway) {
  RouteTable routes(kOwn, 32);
  routes.add({{}, 0, {198, 18, 4, 1}});
  EXPECT_EQ(via(routes, {198, 18, 4, 11}), "198.18.4.1");
  EXPECT_TRUE(routes.on_link({198, 18, 4, 1}));
  EXPECT_FALSE(routes.on_link({198, 18, 4, 2}));
}

TEST(RouteTable, BroadcastAddressesOfOurNetwork) {
  const RouteTable routes(kOwn, 22);  // 198.18.4.0 to 198.18.7.255
  EXPECT_TRUE(routes.is_directed_broadcast({198, 18, 7, 255}));
  EXPECT_TRUE(routes.is_directed_broadcast({198, 18, 4, 0}));
  EXPECT_FALSE(routes.is_directed_broadcast({198, 18, 5, 255}));
  EXPECT_FALSE(routes.is_directed_broadcast({198, 18, 3, 255}));
  const RouteTable pair(kOwn, 31);
  EXPECT_FALSE(pair.is_directed_broadcast({198, 18, 4, 10}));
  EXPECT_FALSE(pair.is_directed_broadcast({198, 18, 4, 11}));
}

}  // namespace
}  // namespace tercet::dataplane
