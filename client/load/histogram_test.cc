#include "client/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace tercet::load {
namespace {

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (int i = 0; i < 100; ++i) {
    h.add(i);
  }
  EXPECT_EQ(h.samples(), 100U);
  EXPECT_EQ(h.at(0.5), 49);
  EXPECT_EQ(h.at(0.99), 98);
  EXPECT_EQ(h.at(1.0), 99);
  EXPECT_EQ(h.at(0.0), 0);
  EXPECT_EQ(h.max(), 99);
}

TEST(Histogram, AgreesWithSortingWithinOnePercent) {
  std::mt19937_64 random(42);
  std::lognormal_distribution<double> latency(std::log(200'000.0), 2.0);
  Histogram h;
  std::vector<int64_t> all;
  for (int i = 0; i < 200'000; ++i) {
    const auto ns = static_cast<int64_t>(latency(random));
    h.add(ns);
    all.push_back(ns);
  }
  std::sort(all.begin(), all.end());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(all.size())));
    const auto exact = static_cast<double>(all[std::max<size_t>(rank, 1) - 1]);
    EXPECT_GE(static_cast<double>(h.at(q)), exact) << q;
    EXPECT_LE(static_cast<double>(h.at(q)), exact * 1.01) << q;
  }
  EXPECT_EQ(h.max(), all.back());
}

TEST(Histogram, HoldsTheExtremes) {
  Histogram h;
  EXPECT_EQ(h.at(0.5), 0);
  h.add(-5);
  EXPECT_EQ(h.at(1.0), 0);
  h.add(INT64_MAX);
  EXPECT_EQ(h.at(1.0), INT64_MAX);
  EXPECT_EQ(h.samples(), 2U);
}

TEST(Histogram, MergesAsIfItHadSeenBoth) {
  Histogram a, b, both;
  for (int i = 1; i < 1'000; ++i) {
    (i % 3 == 0 ? a : b).add(i * 977);
    both.add(i * 977);
  }
  a.merge(b);
  for (const double q : {0.01, 0.5, 0.999}) {
    EXPECT_EQ(a.at(q), both.at(q));
  }
  EXPECT_EQ(a.max(), both.max());
}

}  // namespace
}  // namespace tercet::load
