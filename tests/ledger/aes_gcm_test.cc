#include "ledger/aes_gcm.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

// Test case 16 of the GCM specification (McGrew, Viega), which NIST validates against.
constexpr char kKey[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr char kNonce[] = "cafebabefacedbaddecaf888";
constexpr char kAssociated[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr char kPlaintext[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr char kSealed[] =
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";

std::string Hex(const char* hex) { return absl::HexStringToBytes(hex); }

TEST(AesGcmTest, GivesThePublishedCiphertextHoweverThePlaintextIsDivided) {
  const std::string plaintext = Hex(kPlaintext);
  for (size_t cut = 0; cut <= plaintext.size(); ++cut) {
    AesGcm cipher;
    ASSERT_OK(cipher.SetKey(Hex(kKey)));
    std::string out = "before";
    const absl::string_view view(plaintext);
    ASSERT_OK(
        cipher.Seal(Hex(kNonce), Hex(kAssociated), {view.substr(0, cut), view.substr(cut)}, out));
    ASSERT_EQ(out, "before" + Hex(kSealed));
  }
}

TEST(AesGcmTest, OpensItAgainAndAgainWithOneKey) {
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(Hex(kKey)));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string opened,
                         cipher.Open(Hex(kNonce), Hex(kAssociated), Hex(kSealed)));
    EXPECT_EQ(opened, Hex(kPlaintext));
    std::string again;
    ASSERT_OK(cipher.Seal(Hex(kNonce), Hex(kAssociated), {opened}, again));
    EXPECT_EQ(again, Hex(kSealed));
  }
}

TEST(AesGcmTest, RefusesEveryFlippedByteAndStaysUsable) {
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(Hex(kKey)));
  for (size_t i = 0; i < Hex(kSealed).size(); ++i) {
    std::string sealed = Hex(kSealed);
    sealed[i] = static_cast<char>(sealed[i] ^ 1);
    EXPECT_THAT(cipher.Open(Hex(kNonce), Hex(kAssociated), sealed),
                StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(cipher.Open(Hex(kNonce), "other", Hex(kSealed)),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_OK(cipher.Open(Hex(kNonce), Hex(kAssociated), Hex(kSealed)));
}

TEST(AesGcmTest, RefusesOtherLengthsAndAMissingKey) {
  AesGcm cipher;
  std::string out;
  EXPECT_THAT(cipher.Seal(Hex(kNonce), "", {"x"}, out),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  for (size_t size : {kAesGcmKeyBytes - 1, kAesGcmKeyBytes + 1}) {
    EXPECT_THAT(cipher.SetKey(std::string(size, 'k')),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  ASSERT_OK(cipher.SetKey(Hex(kKey)));
  for (size_t size : {kAesGcmNonceBytes - 1, kAesGcmNonceBytes + 1}) {
    EXPECT_THAT(cipher.Seal(std::string(size, 'n'), "", {"x"}, out),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(cipher.Open(Hex(kNonce), "", std::string(kAesGcmTagBytes - 1, 't')),
              StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK(cipher.Seal(Hex(kNonce), "", {}, out));
  EXPECT_EQ(out.size(), kAesGcmTagBytes);
  ASSERT_OK_AND_ASSIGN(const std::string nothing, cipher.Open(Hex(kNonce), "", out));
  EXPECT_TRUE(nothing.empty());
}

}  // namespace
}  // namespace auditledger
