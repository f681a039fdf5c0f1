#include "ledger/random.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

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

// Small draws come from a pool that is wiped as it is used: no byte twice, and none of the wiped.
TEST(RandomTest, DrawsOfAllSizesAreFresh) {
  std::set<std::string> seen;
  for (size_t round = 0; round < 20; ++round) {
    for (size_t count = 16; count <= 300; ++count) {
      const std::string bytes = Random::System().Bytes(count);
      ASSERT_EQ(bytes.size(), count);
      for (size_t at = 0; at + 16 <= count; at += 16) {
        EXPECT_TRUE(seen.insert(bytes.substr(at, 16)).second) << count << " bytes, at " << at;
      }
    }
  }
  EXPECT_EQ(seen.count(std::string(16, '\0')), 0u);
}

TEST(RandomTest, ThreadsDoNotShareDraws) {
  std::vector<std::string> drawn(4);
  std::vector<std::thread> threads;
  for (std::string& one : drawn) {
    threads.emplace_back([&one] { one = Random::System().Bytes(32); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(drawn.begin(), drawn.end()).size(), drawn.size());
}

}  // namespace
}  // namespace auditledger
