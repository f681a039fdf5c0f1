#include "ledger/secret_string.h"

#include <gtest/gtest.h>

#include <utility>

namespace auditledger {
namespace {

const std::string kShort = "tiny secret";
const std::string kLong = "a secret that is too long for std::string itself";

TEST(SecretStringTest, ShowsWhatItWasGiven) {
  for (const std::string& text : {std::string(), kShort, kLong}) {
    EXPECT_EQ(SecretString(text).Reveal(), text);
  }
}

TEST(SecretStringTest, AMoveLeavesNothingBehind) {
  for (const std::string& text : {kShort, kLong}) {
    SecretString from(text);
    const SecretString constructed(std::move(from));
    EXPECT_EQ(constructed.Reveal(), text);
    EXPECT_TRUE(from.Reveal().empty());  // NOLINT(bugprone-use-after-move)
    SecretString other(text);
    SecretString assigned(kShort + "2");
    assigned = std::move(other);
    EXPECT_EQ(assigned.Reveal(), text);
    EXPECT_TRUE(other.Reveal().empty());  // NOLINT(bugprone-use-after-move)
    assigned = std::move(assigned);
    EXPECT_EQ(assigned.Reveal(), text);
  }
}

TEST(SecretStringTest, WipingClearsTheWholeBuffer) {
  std::string value = kLong;
  const char* buffer = value.data();
  const size_t size = value.size();
  WipeString(value);
  EXPECT_TRUE(value.empty());
  ASSERT_EQ(value.data(), buffer) << "not reallocated";
  value.resize(size);
  EXPECT_EQ(value.find_first_not_of('\0'), std::string::npos);
}

}  // namespace
}  // namespace auditledger
