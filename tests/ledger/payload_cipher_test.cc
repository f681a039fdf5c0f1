#include "ledger/payload_cipher.h"

#include <gtest/gtest.h>

#include <set>

#include "ledger/aes_gcm.h"
#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using namespace std::string_literals;

const std::string kSeed(32, 's');
const std::string kNonce(kPayloadNonceBytes, 'n');
constexpr char kOrigin[] = "example.org/ledger";
const Hash kCommitment = Sha256({"commitment"});
const Payload kPayload{"header", "the event"};

TEST(PayloadCipherTest, RecordIsThatOfTheHeaderToTheByte) {
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(HmacSha256(kSeed, {"auditledger/payload-key/v1\0"s}).view()));
  std::string expected = "\1\1"s + kNonce;
  const std::string associated =
      "auditledger/payload/v1\0\0\x12"s + kOrigin + std::string(kCommitment.view());
  ASSERT_OK(cipher.Seal(kNonce, associated, {"\0\0\6headerthe event"s}, expected));
  ASSERT_OK_AND_ASSIGN(const std::string record,
                       EncryptPayload(kSeed, kNonce, kOrigin, kCommitment, kPayload));
  EXPECT_EQ(record, expected);
  ASSERT_OK_AND_ASSIGN(const Payload read, DecryptPayload(kSeed, kOrigin, kCommitment, record));
  EXPECT_EQ(read, kPayload);
}

TEST(PayloadCipherTest, OpensOnlyUnderItsOwnSeedOriginAndCommitment) {
  ASSERT_OK_AND_ASSIGN(const std::string record,
                       EncryptPayload(kSeed, kNonce, kOrigin, kCommitment, kPayload));
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  EXPECT_THAT(DecryptPayload(std::string(32, 't'), kOrigin, kCommitment, record), is_lost);
  EXPECT_THAT(DecryptPayload(kSeed, "example.org/other", kCommitment, record), is_lost);
  EXPECT_THAT(DecryptPayload(kSeed, kOrigin, Sha256({"other"}), record), is_lost);
  for (size_t i = 0; i < record.size(); ++i) {
    std::string damaged = record;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    EXPECT_THAT(DecryptPayload(kSeed, kOrigin, kCommitment, damaged), is_lost) << i;
    EXPECT_THAT(DecryptPayload(kSeed, kOrigin, kCommitment, record.substr(0, i)), is_lost) << i;
  }
}

TEST(PayloadCipherTest, OneSeedUsedTwiceGivesUnrelatedRecordsUnderTwoNonces) {
  ASSERT_OK_AND_ASSIGN(const std::string first,
                       EncryptPayload(kSeed, kNonce, kOrigin, kCommitment, kPayload));
  ASSERT_OK_AND_ASSIGN(const std::string second,
                       EncryptPayload(kSeed, std::string(12, 'm'), kOrigin, kCommitment, kPayload));
  EXPECT_NE(first.substr(14), second.substr(14));
}

TEST(PayloadCipherTest, HeaderHasAtMostWhatItsLengthFieldHolds) {
  for (const size_t size : {size_t{0}, size_t{65535}}) {
    const Payload payload{std::string(size, 'h'), ""};
    ASSERT_OK_AND_ASSIGN(const std::string record,
                         EncryptPayload(kSeed, kNonce, kOrigin, kCommitment, payload));
    ASSERT_OK_AND_ASSIGN(const Payload read, DecryptPayload(kSeed, kOrigin, kCommitment, record));
    EXPECT_EQ(read, payload);
  }
  EXPECT_THAT(EncryptPayload(kSeed, kNonce, kOrigin, kCommitment, {std::string(65536, 'h'), ""}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PayloadCipherTest, RefusesSeedsAndNoncesOfOtherLengths) {
  const auto is_invalid = StatusIs(absl::StatusCode::kInvalidArgument);
  for (const size_t size : {0u, 31u, 33u}) {
    const std::string seed(size, 's');
    EXPECT_THAT(EncryptPayload(seed, kNonce, kOrigin, kCommitment, kPayload), is_invalid);
    EXPECT_THAT(DecryptPayload(seed, kOrigin, kCommitment, "x"), is_invalid);
  }
  for (const size_t size : {0u, 11u, 13u}) {
    EXPECT_THAT(EncryptPayload(kSeed, std::string(size, 'n'), kOrigin, kCommitment, kPayload),
                is_invalid);
  }
}

TEST(PayloadCipherTest, RefusesAWellSealedPlaintextOfAnotherForm) {
  const std::string associated =
      "auditledger/payload/v1\0\0\x12"s + kOrigin + std::string(kCommitment.view());
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(HmacSha256(kSeed, {"auditledger/payload-key/v1\0"s}).view()));
  for (const std::string& plaintext : {""s, "\1\0\0x"s, "\0\0"s, "\0\0\2h"s}) {
    std::string record = "\1\1"s + kNonce;
    ASSERT_OK(cipher.Seal(kNonce, associated, {plaintext}, record));
    EXPECT_THAT(DecryptPayload(kSeed, kOrigin, kCommitment, record),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace auditledger
