#include "merkle/ed25519_verify.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::BytesFromHex;
using ::auditledger::testing::StatusIs;

TEST(Ed25519VerifyTest, EveryWycheproofCase) {
  REQUIRE_SHARED(testing::VectorPath("ed25519/wycheproof_ed25519_test.json"));
  const auto vectors = testing::ReadVectors("ed25519/wycheproof_ed25519_test.json");
  int valid = 0;
  int invalid = 0;
  for (const auto& group : vectors["testGroups"]) {
    const std::string key = BytesFromHex(group["publicKey"]["pk"]);
    for (const auto& test : group["tests"]) {
      const absl::Status status =
          VerifyEd25519(key, BytesFromHex(test["msg"]), BytesFromHex(test["sig"]));
      const bool want = test["result"] == "valid";
      (want ? valid : invalid)++;
      EXPECT_EQ(status.ok(), want) << "tcId " << test["tcId"] << ": " << status;
      EXPECT_EQ(ERR_peek_error(), 0u) << "tcId " << test["tcId"] << " left an error behind";
    }
  }
  EXPECT_EQ(valid, 88);
  EXPECT_EQ(invalid, 63);
}

// RFC 8032 section 7.1, TEST 1 (the empty message) and TEST 2.
TEST(Ed25519VerifyTest, Rfc8032) {
  const std::string key1 =
      BytesFromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const std::string signature1 = BytesFromHex(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
      "b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_OK(VerifyEd25519(key1, "", signature1));
  EXPECT_THAT(VerifyEd25519(key1, "x", signature1), StatusIs(StatusCode::kDataLoss));
  const std::string key2 =
      BytesFromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature2 = BytesFromHex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
      "1d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_OK(VerifyEd25519(key2, "\x72", signature2));
  EXPECT_THAT(VerifyEd25519(key1, "\x72", signature2), StatusIs(StatusCode::kDataLoss));
}

TEST(Ed25519VerifyTest, WrongLengthsAreToldApartFromWrongSignatures) {
  const std::string key(32, 'k');
  const std::string signature(64, 's');
  EXPECT_THAT(VerifyEd25519(key.substr(1), "m", signature),
              StatusIs(StatusCode::kInvalidArgument, ::testing::HasSubstr("public key")));
  EXPECT_THAT(VerifyEd25519(key, "m", signature.substr(1)),
              StatusIs(StatusCode::kInvalidArgument, ::testing::HasSubstr("signature")));
  EXPECT_THAT(VerifyEd25519(key, "m", signature + "s"), StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
