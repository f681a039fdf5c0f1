#include "merkle/erasure_entries.h"

#include "gtest/gtest.h"
#include "merkle/leaf.h"
#include "merkle/tags.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using testing::HashOf;
using ::testing::HasSubstr;
using testing::SealVectors;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

EntryRanges RangesIn(const nlohmann::json& fields) {
  EntryRanges ranges;
  for (const auto& range : fields) {
    ranges.push_back({range[0].get<uint64_t>(), range[1].get<uint64_t>()});
  }
  return ranges;
}

ErasureScope ScopeIn(const nlohmann::json& fields) {
  return {static_cast<ErasureReason>(fields[0].get<int>()), RangesIn(fields[1])};
}

// The leaf around `body` parses back to it, and is of `kind`.
void ExpectLeaf(const nlohmann::json& vector, EntryKind kind, const std::string& body) {
  ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(Bytes(vector["leaf"])));
  EXPECT_EQ(leaf.kind, kind);
  EXPECT_EQ(leaf.body, body);
  EXPECT_TRUE(CarriesEvent(leaf.kind));
  EXPECT_EQ(LeafHash(Bytes(vector["leaf"])), HashOf(vector["leaf_hash"]));
}

TEST(ErasureEntries, ErasureIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("erasures.json");
  ASSERT_FALSE(file["erasure"].empty());
  for (const nlohmann::json& vector : file["erasure"]) {
    const Erasure erasure{ScopeIn(vector["fields"]), vector["fields"][2].get<uint64_t>()};
    ASSERT_OK_AND_ASSIGN(const std::string body, EncodeErasure(erasure));
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const Erasure parsed, ParseErasure(body));
    EXPECT_EQ(parsed, erasure);
    ExpectLeaf(vector, EntryKind::kErasure, body);
  }
}

TEST(ErasureEntries, RequestIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("erasures.json");
  ASSERT_FALSE(file["erasure_request"].empty());
  for (const nlohmann::json& vector : file["erasure_request"]) {
    const ErasureScope request = ScopeIn(vector["fields"]);
    ASSERT_OK_AND_ASSIGN(const std::string body, EncodeErasureRequest(request));
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const ErasureScope parsed, ParseErasureRequest(body));
    EXPECT_EQ(parsed, request);
    ExpectLeaf(vector, EntryKind::kErasureRequest, body);
  }
}

TEST(ErasureEntries, LegalHoldIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("erasures.json");
  ASSERT_FALSE(file["legal_hold"].empty());
  for (const nlohmann::json& vector : file["legal_hold"]) {
    const nlohmann::json& fields = vector["fields"];
    LegalHold hold;
    hold.lifts = fields[0] == 2;
    if (hold.lifts) {
      hold.placed = fields[1].get<uint64_t>();
    } else {
      hold.ranges = RangesIn(fields[1]);
    }
    ASSERT_OK_AND_ASSIGN(const std::string body, EncodeLegalHold(hold));
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const LegalHold parsed, ParseLegalHold(body));
    EXPECT_EQ(parsed, hold);
    ExpectLeaf(vector, EntryKind::kLegalHold, body);
  }
}

TEST(ErasureEntries, HostileBodiesAreRefused) {
  testing::ExpectHostileRefused("erasure", [](const nlohmann::json& vector) {
    return ParseErasure(Bytes(vector["bytes"])).status();
  });
  testing::ExpectHostileRefused("erasure_request", [](const nlohmann::json& vector) {
    return ParseErasureRequest(Bytes(vector["bytes"])).status();
  });
  testing::ExpectHostileRefused("legal_hold", [](const nlohmann::json& vector) {
    return ParseLegalHold(Bytes(vector["bytes"])).status();
  });
}

TEST(ErasureEntries, AsManyRangesAsFitBesideAnEventsTags) {
  Erasure erasure;
  for (uint64_t i = 0; i < kMaxErasureRanges; ++i) erasure.scope.ranges.push_back({3 * i, 3 * i});
  ASSERT_OK_AND_ASSIGN(const std::string body, EncodeErasure(erasure));
  ASSERT_OK_AND_ASSIGN(const Erasure parsed, ParseErasure(body));
  EXPECT_EQ(parsed, erasure);
  Leaf leaf;
  leaf.kind = EntryKind::kErasure;
  leaf.commitment = Hash();
  leaf.body = body;
  for (size_t i = 0; i < kMaxTags; ++i) {
    Hash tag;
    tag.bytes[0] = static_cast<uint8_t>(i >> 8);
    tag.bytes[1] = static_cast<uint8_t>(i);
    leaf.tags.push_back(tag);
  }
  EXPECT_OK(EncodeLeaf(leaf));
  erasure.scope.ranges.push_back({9'000'000, 9'000'000});
  EXPECT_THAT(EncodeErasure(erasure), StatusIs(kInvalid, HasSubstr("2001 of them, at most 2000")));
  EXPECT_THAT(EncodeErasureRequest(erasure.scope), StatusIs(kInvalid, HasSubstr("at most 2000")));
  LegalHold hold;
  hold.ranges = erasure.scope.ranges;
  EXPECT_THAT(EncodeLegalHold(hold), StatusIs(kInvalid, HasSubstr("at most 2000")));
}

TEST(ErasureEntries, NothingThatWouldNotParseIsMade) {
  EXPECT_THAT(EncodeErasure({{ErasureReason::kOther, {}}, 1}),
              StatusIs(kInvalid, HasSubstr("there are none")));
  EXPECT_THAT(EncodeErasure({{static_cast<ErasureReason>(6), {{1, 1}}}, 1}),
              StatusIs(kInvalid, HasSubstr("reason: 6")));
  EXPECT_THAT(EncodeErasureRequest({ErasureReason::kOther, {{2, 1}}}),
              StatusIs(kInvalid, HasSubstr("ends before")));
  EXPECT_THAT(EncodeErasureRequest({ErasureReason::kOther, {{1, 2}, {3, 3}}}),
              StatusIs(kInvalid, HasSubstr("gap")));
}

TEST(ErasureEntries, RangesOfIndicesAndBack) {
  const EntryRanges ranges = RangesOf({2, 3, 4, 9, UINT64_MAX});
  EXPECT_EQ(ranges, (EntryRanges{{2, 4}, {9, 9}, {UINT64_MAX, UINT64_MAX}}));
  EXPECT_EQ(CountEntries(ranges), 5u);
  EXPECT_EQ(RangesText(ranges), "2-4, 9, 18446744073709551615");
  for (const uint64_t in : {uint64_t{2}, uint64_t{4}, uint64_t{9}, UINT64_MAX}) {
    EXPECT_TRUE(Contains(ranges, in)) << in;
  }
  for (const uint64_t out : {0, 1, 5, 8, 10}) EXPECT_FALSE(Contains(ranges, out)) << out;
  EXPECT_TRUE(RangesOf({}).empty());
  EXPECT_FALSE(Contains({}, 0));
}

TEST(ErasureEntries, WhatIsCutOffIsNamed) {
  const ErasureScope scope{ErasureReason::kOther, {{3, 4}}};
  const std::string request = EncodeErasureRequest(scope).value();
  EXPECT_THAT(ParseErasureRequest(""), StatusIs(kInvalid, HasSubstr("version: needs 1")));
  EXPECT_THAT(ParseErasureRequest(request.substr(0, 1)),
              StatusIs(kInvalid, HasSubstr("erasure reason: needs 1")));
  EXPECT_THAT(ParseErasureRequest(request.substr(0, 2)),
              StatusIs(kInvalid, HasSubstr("erasure ranges: needs 2")));
  for (const size_t left : {0, 15}) {
    EXPECT_THAT(ParseErasureRequest(request.substr(0, 4 + left)),
                StatusIs(kInvalid, HasSubstr("erasure ranges: needs 16")));
  }
  const std::string erasure = EncodeErasure({scope, 7}).value();
  EXPECT_THAT(ParseErasure(erasure.substr(0, erasure.size() - 8)),
              StatusIs(kInvalid, HasSubstr("erasure request: needs 8")));
}

TEST(ErasureEntries, ReasonsHaveNames) {
  for (int i = 1; i <= 5; ++i) {
    const auto reason = static_cast<ErasureReason>(i);
    ASSERT_OK_AND_ASSIGN(const ErasureReason parsed,
                         ParseErasureReasonName(ErasureReasonName(reason)));
    EXPECT_EQ(parsed, reason);
  }
  EXPECT_EQ(ErasureReasonName(static_cast<ErasureReason>(9)), "reason 9");
  EXPECT_EQ(ErasureReasonName(static_cast<ErasureReason>(0)), "reason 0");
  EXPECT_THAT(ParseErasureReasonName("because"),
              StatusIs(kInvalid, HasSubstr("subject-request, retention-over")));
}

}  // namespace
}  // namespace auditledger
