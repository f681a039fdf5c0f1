// Covers: ledger/payload_dictionary
#include "ledger/payload_compression.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "ledger/payload_dictionary.h"
#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

std::string Coding(const std::string& system, const std::string& code) {
  return "\x0a\x40" + system + "\x1a\x06" + code;
}

std::string Event() {
  std::string event;
  for (int i = 0; i < 6; ++i) {
    event += Coding("http://dicom.nema.org/resources/ontology/DCM", "11015" + std::to_string(i));
    event += Coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "TREAT");
  }
  return event;
}

TEST(PayloadCompressionTest, WhatWasCompressedComesBack) {
  std::string plain = Event();
  while (plain.size() <= 2 * kMaxEventBytes / 3) {
    const std::string frame = CompressPayload(plain);
    ASSERT_FALSE(frame.empty());
    EXPECT_LT(frame.size(), plain.size());
    ASSERT_OK_AND_ASSIGN(const std::string back, DecompressPayload(frame));
    EXPECT_EQ(back, plain);
    plain += plain;
  }
}

TEST(PayloadCompressionTest, TheDictionaryShortensAnEventThatRepeatsNothing) {
  const std::string plain = Coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2") +
                            Coding("http://hl7.org/fhir/restful-interaction", "read");
  const std::string frame = CompressPayload(plain);
  ASSERT_FALSE(frame.empty());
  EXPECT_LT(frame.size(), plain.size() / 2);
}

// Stored payloads depend on every byte of it.
TEST(PayloadCompressionTest, DictionaryOneNeverChanges) {
  EXPECT_EQ(Sha256({PayloadDictionary1()}).ToHex(),
            "861cdbb7ac3986c670e14b1c3c580033593f144b0b17f32acb776b7c58d1d59c");
}

TEST(PayloadCompressionTest, NoiseIsNotCompressed) {
  std::mt19937 random(7);
  std::string noise(500, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  EXPECT_EQ(CompressPayload(noise), "");
  EXPECT_EQ(CompressPayload(""), "");
}

TEST(PayloadCompressionTest, WhatIsNoFrameIsRefused) {
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  const std::string frame = CompressPayload(Event());
  EXPECT_THAT(DecompressPayload(""), is_lost);
  EXPECT_THAT(DecompressPayload("not a frame at all"), is_lost);
  EXPECT_THAT(DecompressPayload(frame + "x"), is_lost);
  for (size_t i = 0; i < frame.size(); ++i) {
    EXPECT_THAT(DecompressPayload(frame.substr(0, i)), is_lost) << i;
  }
}

// Claims four gigabytes: magic number, descriptor with an 8-byte content size, then nothing.
TEST(PayloadCompressionTest, AFrameThatClaimsTooMuchIsRefusedBeforeMemoryIsTaken) {
  const std::string claim = std::string("\x28\xb5\x2f\xfd\xe0", 5) + std::string(8, '\x7f');
  EXPECT_THAT(DecompressPayload(claim), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(PayloadCompressionTest, TheLargestPayloadFits) {
  const std::string plain(kMaxCompressiblePayloadBytes, 'a');
  ASSERT_OK_AND_ASSIGN(const std::string back, DecompressPayload(CompressPayload(plain)));
  EXPECT_EQ(back.size(), plain.size());
  EXPECT_THAT(DecompressPayload(CompressPayload(plain + "a")),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace auditledger
