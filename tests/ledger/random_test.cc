#include "ledger/random.h"

#include <gtest/gtest.h>

#include <set>

namespace auditledger {
namespace {

TEST(RandomTest, GivesAsManyBytesAsAskedAndNotTheSameTwice) {
  EXPECT_TRUE(Random::System().Bytes(0).empty());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string bytes = Random::System().Bytes(32);
    EXPECT_EQ(bytes.size(), 32u);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
  EXPECT_EQ(Random::System().Bytes(1 << 20).size(), size_t{1} << 20);
}

}  // namespace
}  // namespace auditledger
