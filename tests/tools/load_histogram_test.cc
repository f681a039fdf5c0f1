#include "tools/load_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace auditledger {
namespace {

TEST(LoadHistogramTest, AnEmptyOneHasNoLatency) {
  const LoadHistogram histogram;
  EXPECT_EQ(histogram.Count(), 0u);
  EXPECT_EQ(histogram.Percentile(0.5), 0u);
  EXPECT_EQ(histogram.Max(), 0u);
}

TEST(LoadHistogramTest, SmallValuesAreExact) {
  LoadHistogram histogram;
  for (uint64_t ns = 1; ns <= 200; ++ns) histogram.Record(ns);
  EXPECT_EQ(histogram.Percentile(0.5), 100u);
  EXPECT_EQ(histogram.Percentile(0.99), 198u);
  EXPECT_EQ(histogram.Percentile(1), 200u);
  EXPECT_EQ(histogram.Percentile(0), 1u);
}

TEST(LoadHistogramTest, PercentilesOfRandomLatenciesAreAtMostA128thTooHigh) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<uint64_t> values;
  LoadHistogram histogram;
  std::lognormal_distribution<double> latency(13, 2);  // median 0.4 ms, a tail of seconds
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<uint64_t>(latency(random)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(share * static_cast<double>(values.size()) + 0.999999);
    const uint64_t exact = values[std::max<size_t>(rank, 1) - 1];
    EXPECT_GE(histogram.Percentile(share), exact) << share;
    EXPECT_LE(histogram.Percentile(share), exact + exact / 128 + 1) << share;
  }
  EXPECT_EQ(histogram.Max(), values.back());
}

TEST(LoadHistogramTest, BucketsMeetWithoutGapAtEveryPowerOfTwo) {
  for (int bits = 1; bits < 42; ++bits) {
    const uint64_t edge = uint64_t{1} << bits;
    for (const uint64_t value : {edge - 1, edge, edge + 1}) {
      LoadHistogram histogram;
      histogram.Record(value);
      histogram.Record(uint64_t{1} << 50);  // so that the maximum does not hide the bucket's end
      EXPECT_GE(histogram.Percentile(0.5), value);
      EXPECT_LE(histogram.Percentile(0.5), value + value / 128);
    }
  }
}

TEST(LoadHistogramTest, WhatIsBeyondTheLastBucketKeepsItsMaximum) {
  LoadHistogram histogram;
  histogram.Record(5, 99);
  histogram.Record(uint64_t{1} << 60);
  EXPECT_EQ(histogram.Percentile(0.99), 5u);
  EXPECT_EQ(histogram.Percentile(1), uint64_t{1} << 60);
}

TEST(LoadHistogramTest, MergedIsAsRecordedInOne) {
  LoadHistogram one, other, both;
  for (uint64_t i = 0; i < 1000; ++i) {
    (i % 2 == 0 ? one : other).Record(i * i);
    both.Record(i * i);
  }
  one.Merge(other);
  EXPECT_EQ(one.Count(), both.Count());
  EXPECT_EQ(one.Max(), both.Max());
  for (const double share : {0.1, 0.5, 0.9, 0.99}) {
    EXPECT_EQ(one.Percentile(share), both.Percentile(share));
  }
}

}  // namespace
}  // namespace auditledger
