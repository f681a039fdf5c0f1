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

const std::string kSecret(32, 'k');
const std::string kSeed(32, 's');
const std::string kNonce(kPayloadNonceBytes, 'n');
constexpr char kOrigin[] = "example.org/ledger";
const Hash kCommitment = Sha256({"commitment"});
const Payload kPayload{kSeed, "header", "the event"};

absl::StatusOr<std::string> Encrypt(absl::string_view secret, absl::string_view nonce,
                                    absl::string_view origin, const Hash& commitment,
                                    const Payload& payload) {
  return PayloadKeys(secret).Encrypt(nonce, origin, commitment,
                                     {payload.seed, payload.header, payload.event});
}

TEST(PayloadCipherTest, RecordIsThatOfTheHeaderToTheByte) {
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(HmacSha256(kSecret, {"auditledger/payload-key/v1\0"s}).view()));
  std::string expected = "\1\1"s + kNonce;
  const std::string associated =
      "auditledger/payload/v1\0\0\x12"s + kOrigin + std::string(kCommitment.view());
  ASSERT_OK(cipher.Seal(kNonce, associated, {"\0\1"s + kSeed + "\0\6headerthe event"s}, expected));
  ASSERT_OK_AND_ASSIGN(const std::string record,
                       Encrypt(kSecret, kNonce, kOrigin, kCommitment, kPayload));
  EXPECT_EQ(record, expected);
  ASSERT_OK_AND_ASSIGN(const Payload read, DecryptPayload(kSecret, kOrigin, kCommitment, record));
  EXPECT_EQ(read, kPayload);
}

TEST(PayloadCipherTest, WhatRepeatsItselfIsStoredShorter) {
  Payload payload{kSeed, "header", ""};
  while (payload.event.size() < 1200) payload.event += "Patient/1 Encounter/1 ";
  ASSERT_OK_AND_ASSIGN(const std::string record,
                       Encrypt(kSecret, kNonce, kOrigin, kCommitment, payload));
  EXPECT_LT(record.size(), 250);
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(HmacSha256(kSecret, {"auditledger/payload-key/v1\0"s}).view()));
  ASSERT_OK_AND_ASSIGN(
      const std::string plain,
      cipher.Open(kNonce,
                  "auditledger/payload/v1\0\0\x12"s + kOrigin + std::string(kCommitment.view()),
                  absl::string_view(record).substr(2 + kNonce.size())));
  EXPECT_EQ(plain.substr(0, 2 + kSeed.size()), "\1\1"s + kSeed) << "zstd, seed given";
  ASSERT_OK_AND_ASSIGN(const Payload read, DecryptPayload(kSecret, kOrigin, kCommitment, record));
  EXPECT_EQ(read, payload);
}

TEST(PayloadCipherTest, ADerivedSeedIsNotStored) {
  const Payload payload{
      std::string(HmacSha256(kSecret, {"auditledger/commitment-seed/v1\0"s}).view()), "header",
      "e"};
  EXPECT_EQ(PayloadKeys(kSecret).CommitmentSeed(), payload.seed);
  ASSERT_OK_AND_ASSIGN(const std::string record,
                       Encrypt(kSecret, kNonce, kOrigin, kCommitment, payload));
  EXPECT_EQ(record.size(), 2 + 12 + "\0\0\0\6headere"s.size() + 16);
  ASSERT_OK_AND_ASSIGN(const Payload read, DecryptPayload(kSecret, kOrigin, kCommitment, record));
  EXPECT_EQ(read, payload);
}

// Receipts carry the seed: with an old copy of the log it must not open what was erased.
TEST(PayloadCipherTest, TheSeedDoesNotOpenTheRecord) {
  for (const std::string& seed : {kSeed, PayloadKeys(kSecret).CommitmentSeed()}) {
    ASSERT_OK_AND_ASSIGN(const std::string record,
                         Encrypt(kSecret, kNonce, kOrigin, kCommitment, {seed, "h", "e"}));
    EXPECT_THAT(DecryptPayload(seed, kOrigin, kCommitment, record),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(PayloadCipherTest, OpensOnlyUnderItsOwnSecretOriginAndCommitment) {
  ASSERT_OK_AND_ASSIGN(const std::string record,
                       Encrypt(kSecret, kNonce, kOrigin, kCommitment, kPayload));
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  EXPECT_THAT(DecryptPayload(std::string(32, 't'), kOrigin, kCommitment, record), is_lost);
  EXPECT_THAT(DecryptPayload(kSecret, "example.org/other", kCommitment, record), is_lost);
  EXPECT_THAT(DecryptPayload(kSecret, kOrigin, Sha256({"other"}), record), is_lost);
  for (size_t i = 0; i < record.size(); ++i) {
    std::string damaged = record;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    EXPECT_THAT(DecryptPayload(kSecret, kOrigin, kCommitment, damaged), is_lost) << i;
    EXPECT_THAT(DecryptPayload(kSecret, kOrigin, kCommitment, record.substr(0, i)), is_lost) << i;
  }
}

TEST(PayloadCipherTest, OneSecretUsedTwiceGivesUnrelatedRecordsUnderTwoNonces) {
  ASSERT_OK_AND_ASSIGN(const std::string first,
                       Encrypt(kSecret, kNonce, kOrigin, kCommitment, kPayload));
  ASSERT_OK_AND_ASSIGN(const std::string second,
                       Encrypt(kSecret, std::string(12, 'm'), kOrigin, kCommitment, kPayload));
  EXPECT_NE(first.substr(14), second.substr(14));
}

TEST(PayloadCipherTest, HeaderHasAtMostWhatItsLengthFieldHolds) {
  for (const size_t size : {size_t{0}, size_t{65535}}) {
    const Payload payload{kSeed, std::string(size, 'h'), ""};
    ASSERT_OK_AND_ASSIGN(const std::string record,
                         Encrypt(kSecret, kNonce, kOrigin, kCommitment, payload));
    ASSERT_OK_AND_ASSIGN(const Payload read, DecryptPayload(kSecret, kOrigin, kCommitment, record));
    EXPECT_EQ(read, payload);
  }
  EXPECT_THAT(Encrypt(kSecret, kNonce, kOrigin, kCommitment, {kSeed, std::string(65536, 'h'), ""}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PayloadCipherTest, RefusesSecretsSeedsAndNoncesOfOtherLengths) {
  const auto is_invalid = StatusIs(absl::StatusCode::kInvalidArgument);
  for (const size_t size : {0u, 31u, 33u}) {
    const std::string other(size, 's');
    EXPECT_THAT(Encrypt(other, kNonce, kOrigin, kCommitment, kPayload), is_invalid);
    EXPECT_THAT(DecryptPayload(other, kOrigin, kCommitment, "x"), is_invalid);
    EXPECT_THAT(Encrypt(kSecret, kNonce, kOrigin, kCommitment, {other, "h", "e"}), is_invalid);
  }
  for (const size_t size : {0u, 11u, 13u}) {
    EXPECT_THAT(Encrypt(kSecret, std::string(size, 'n'), kOrigin, kCommitment, kPayload),
                is_invalid);
  }
}

TEST(PayloadCipherTest, RefusesAWellSealedPlaintextOfAnotherForm) {
  const std::string associated =
      "auditledger/payload/v1\0\0\x12"s + kOrigin + std::string(kCommitment.view());
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(HmacSha256(kSecret, {"auditledger/payload-key/v1\0"s}).view()));
  for (const std::string& plaintext :
       {""s, "\1\0\0\0x"s, "\0"s, "\0\2\0\0x"s, "\0\0\0"s, "\0\0\0\2h"s,
        "\0\1"s + std::string(31, 's'), "\0\1"s + std::string(33, '\xff')}) {
    std::string record = "\1\1"s + kNonce;
    ASSERT_OK(cipher.Seal(kNonce, associated, {plaintext}, record));
    EXPECT_THAT(DecryptPayload(kSecret, kOrigin, kCommitment, record),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace auditledger
