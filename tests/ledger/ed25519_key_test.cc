#include "ledger/ed25519_key.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "merkle/ed25519_verify.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

// RFC 8032 section 7.1, test 2.
constexpr char kSeed[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
constexpr char kPublic[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
constexpr char kSignature[] =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

TEST(Ed25519KeyTest, SignsAsRfc8032AndTheSameEachTime) {
  ASSERT_OK_AND_ASSIGN(const Ed25519Key key, Ed25519Key::FromSeed(absl::HexStringToBytes(kSeed)));
  EXPECT_EQ(absl::BytesToHexString(key.public_key()), kPublic);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string signature, key.Sign("\x72"));
    EXPECT_EQ(absl::BytesToHexString(signature), kSignature);
    EXPECT_OK(VerifyEd25519(key.public_key(), "\x72", signature));
  }
}

TEST(Ed25519KeyTest, RefusesSeedsOfOtherLengths) {
  for (const size_t size : {size_t{0}, kEd25519SeedBytes - 1, kEd25519SeedBytes + 1}) {
    EXPECT_THAT(Ed25519Key::FromSeed(std::string(size, 's')),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace auditledger
