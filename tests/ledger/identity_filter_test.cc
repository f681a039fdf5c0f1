#include "ledger/identity_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/testing/fake_random.h"

namespace auditledger {
namespace {

Mac128 RandomMac(Random& random) {
  Mac128 mac;
  const std::string bytes = random.Bytes(mac.size());
  std::copy(bytes.begin(), bytes.end(), mac.begin());
  return mac;
}

TEST(IdentityFilterTest, HasTenBitsAKeyInWholeBlocks) {
  EXPECT_EQ(FilterBytes(0), 64u);
  EXPECT_EQ(FilterBytes(51), 64u);   // 510 bits
  EXPECT_EQ(FilterBytes(52), 128u);  // 520 bits
  EXPECT_EQ(FilterBytes(65536), 81920u);
}

TEST(IdentityFilterTest, BlocksAscendWithTheKey) {
  Mac128 key{};
  EXPECT_EQ(FilterBlockOf(key, 1000), 0u);
  uint64_t last = 0;
  for (int high = 0; high < 256; ++high) {
    key[0] = static_cast<uint8_t>(high);
    const uint64_t block = FilterBlockOf(key, 1000);
    EXPECT_GE(block, last);
    last = block;
  }
  key.fill(0xff);
  EXPECT_EQ(FilterBlockOf(key, 1000), 999u);
  EXPECT_EQ(FilterBlockOf(key, 1), 0u);
}

TEST(IdentityFilterTest, NeverDeniesAKeyAndRarelyClaimsAnAbsentOne) {
  testing::FakeRandom random(5);
  constexpr int kKeys = 20000;
  std::vector<uint8_t> filter(FilterBytes(kKeys));
  const uint64_t blocks = filter.size() / kFilterBlockBytes;
  const auto block = [&](const Mac128& key) {
    return filter.data() + FilterBlockOf(key, blocks) * kFilterBlockBytes;
  };
  std::vector<Mac128> keys;
  for (int i = 0; i < kKeys; ++i) {
    keys.push_back(RandomMac(random));
    FilterAdd(keys.back(), block(keys.back()));
  }
  for (const Mac128& key : keys) ASSERT_TRUE(FilterMayContain(key, block(key)));
  int claimed = 0;
  for (int i = 0; i < kKeys; ++i) {
    const Mac128 absent = RandomMac(random);
    claimed += FilterMayContain(absent, block(absent)) ? 1 : 0;
  }
  EXPECT_LT(claimed, kKeys * 2 / 100);
  EXPECT_GT(claimed, 0) << "a filter that claims nothing was not asked";
}

}  // namespace
}  // namespace auditledger
