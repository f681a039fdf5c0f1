#include "merkle/header.h"

#include "gtest/gtest.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::HeaderOf;
using testing::SealVectors;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

void ExpectHeader(const nlohmann::json& fields, const std::string& bytes) {
  const EntryHeader header = HeaderOf(fields);
  ASSERT_OK_AND_ASSIGN(const std::string encoded, EncodeHeader(header));
  EXPECT_EQ(encoded, bytes);
  ASSERT_OK_AND_ASSIGN(const EntryHeader parsed, ParseHeader(bytes));
  EXPECT_EQ(parsed, header);
}

TEST(Header, IsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("headers.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    ExpectHeader(vector["fields"], Bytes(vector["header"]));
  }
  const nlohmann::json events = SealVectors("events.json");
  for (const nlohmann::json& vector : events["vectors"]) {
    ExpectHeader(vector["header_fields"], Bytes(vector["header"]));
  }
}

TEST(Header, HostileBytesAreRefused) {
  testing::ExpectHostileRefused("header", [](const nlohmann::json& vector) {
    return ParseHeader(Bytes(vector["bytes"])).status();
  });
}

TEST(Header, AStringOverItsLengthFieldIsRefusedByName) {
  for (std::string EntryHeader::*field :
       {&EntryHeader::principal, &EntryHeader::stream_id, &EntryHeader::event_id}) {
    EntryHeader header;
    (header.*field).assign(65535, 'x');
    EXPECT_OK(EncodeHeader(header));
    (header.*field) += 'x';
    EXPECT_THAT(EncodeHeader(header), StatusIs(kInvalid, HasSubstr("65536 bytes, at most 65535")));
  }
}

TEST(Header, ASignatureOfAnotherLengthIsRefused) {
  EntryHeader header;
  header.signature = EmitterSignature{std::string(32, 'k'), std::string(64, 's')};
  EXPECT_OK(EncodeHeader(header));
  header.signature->public_key.pop_back();
  EXPECT_THAT(EncodeHeader(header), StatusIs(kInvalid, HasSubstr("signature")));
  header.signature = EmitterSignature{std::string(32, 'k'), std::string(65, 's')};
  EXPECT_THAT(EncodeHeader(header), StatusIs(kInvalid, HasSubstr("signature")));
}

TEST(Header, FlagsHaveNames) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(FlagNames(0), Names{});
  EXPECT_EQ(FlagNames(kFlagClockSkew | kFlagProfile), (Names{"CLOCK_SKEW", "PROFILE"}));
  EXPECT_EQ(FlagNames(kFlagSecretsMasked), Names{"SECRETS_MASKED"});
  EXPECT_EQ(FlagNames(kFlagLate | kFlagNoZone | kFlagNoPurpose | kFlagNoPatient | kFlagNoNetwork |
                      kFlagNoRequestorId | kFlagUnknownEnum | kFlagUnknownFields),
            (Names{"LATE", "NO_ZONE", "NO_PURPOSE", "NO_PATIENT", "NO_NETWORK", "NO_REQUESTOR_ID",
                   "UNKNOWN_ENUM", "UNKNOWN_FIELDS"}));
  EXPECT_EQ(FlagNames(1u << 11 | uint64_t{1} << 63), (Names{"BIT_11", "BIT_63"}));
}

}  // namespace
}  // namespace auditledger
