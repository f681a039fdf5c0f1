#include "ledger/secret_string.h"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <utility>

namespace auditledger {
namespace {

const std::string kShort = "tiny secret";                              // inside the object
const std::string kLong = "a secret that is too long for the object";  // on the heap

// Whether the object's own bytes, where a short string stands, hold `needle`.
bool ObjectHolds(const SecretString& secret, const std::string& needle) {
  const std::string raw(reinterpret_cast<const char*>(&secret), sizeof(secret));
  return raw.find(needle) != std::string::npos;
}

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
    EXPECT_FALSE(ObjectHolds(from, kShort.substr(1)));
    SecretString other(text);
    SecretString assigned(kShort + "2");
    assigned = std::move(other);
    EXPECT_EQ(assigned.Reveal(), text);
    EXPECT_FALSE(ObjectHolds(other, kShort.substr(1)));
    assigned = std::move(assigned);
    EXPECT_EQ(assigned.Reveal(), text);
  }
}

TEST(SecretStringTest, DestructionWipesTheObject) {
  alignas(SecretString) char room[sizeof(SecretString)];
  auto* secret = new (room) SecretString(kShort);
  ASSERT_TRUE(ObjectHolds(*secret, kShort));
  secret->~SecretString();
  EXPECT_EQ(std::string(room, sizeof(room)).find(kShort.substr(1)), std::string::npos);
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
