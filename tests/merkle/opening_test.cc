#include "merkle/opening.h"

#include <functional>
#include <map>

#include "gtest/gtest.h"
#include "merkle/commitment.h"
#include "merkle/erasure_entries.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::SealVectors;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kDiffers = absl::StatusCode::kDataLoss;

// The ordinary access of events.json, whose leaf and opening belong together.
class VerifyOpeningTest : public ::testing::Test {
 protected:
  VerifyOpeningTest() {
    const nlohmann::json file = SealVectors("events.json");
    const nlohmann::json& vector = file["vectors"][2];
    index_key_ = Bytes(file["index_key"]);
    leaf_ = ParseLeaf(Bytes(vector["leaf"])).value();
    opening_ = ParseOpening(Bytes(vector["opening"])).value();
  }

  void ChangeHeader(const std::function<void(EntryHeader&)>& change) {
    EntryHeader header = ParseHeader(opening_.header).value();
    change(header);
    opening_.header = EncodeHeader(header).value();
    Recommit();
  }
  // Makes the leaf commit to the opening again, after a change to it.
  void Recommit() {
    const std::vector<Unit> units = CutUnits(opening_.event).value();
    leaf_.commitment = EntryCommitment(HeaderHash(opening_.seed, opening_.header),
                                       EventCommitment(DigestUnits(opening_.seed, units)));
  }
  absl::Status Verify() const { return VerifyOpening(leaf_, opening_, index_key_); }

  std::string index_key_;
  Leaf leaf_;
  Opening opening_;
};

TEST_F(VerifyOpeningTest, AcceptsWhatBelongsTogether) {
  EXPECT_OK(Verify());
  EXPECT_OK(VerifyOpening(leaf_, opening_, std::nullopt));
}

// One that is wrong, or cannot even be read, is told at its own place among many.
TEST_F(VerifyOpeningTest, ManyAtOnceAreEachJudgedAlone) {
  constexpr size_t kMany = 40;
  const HmacKey key(index_key_);
  Leaf wrong_leaf = leaf_;
  wrong_leaf.commitment->bytes[0] ^= 1;
  Opening unreadable = opening_;
  unreadable.event += '\xff';
  for (size_t bad = 0; bad < kMany; ++bad) {
    std::vector<const Leaf*> leaves(kMany, &leaf_);
    std::vector<OpeningView> openings(kMany, ViewOf(opening_));
    leaves[bad] = &wrong_leaf;
    openings[(bad + 1) % kMany] = ViewOf(unreadable);
    const std::vector<OpenedEntry> entries = VerifyOpenings(leaves, openings, &key);
    ASSERT_EQ(entries.size(), kMany);
    for (size_t i = 0; i < kMany; ++i) {
      if (i == bad) {
        EXPECT_THAT(entries[i].status, StatusIs(kDiffers, HasSubstr("commitment")));
      } else if (i == (bad + 1) % kMany) {
        EXPECT_THAT(entries[i].status, StatusIs(kInvalid));
      } else {
        EXPECT_OK(entries[i].status);
      }
    }
  }
}

TEST_F(VerifyOpeningTest, NoticesAnotherSeedHeaderOrEvent) {
  for (std::string Opening::*part : {&Opening::seed, &Opening::header, &Opening::event}) {
    const Opening good = opening_;
    (opening_.*part).back() ^= 1;  // the last byte of each part is free to change
    EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("commitment")));
    opening_ = good;
  }
}

TEST_F(VerifyOpeningTest, NoticesALeafThatCommitsToSomethingElse) {
  leaf_.commitment->bytes[0] ^= 1;
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("commitment")));
}

TEST_F(VerifyOpeningTest, NoticesALeafThatTellsAnotherTime) {
  ++leaf_.event_time_us;
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("event time")));
  leaf_.event_time_us = 0;
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("event time")));
}

TEST_F(VerifyOpeningTest, NoticesAHeaderThatNamesAnotherEventThoughCommittedTo) {
  const Opening good = opening_;
  ChangeHeader([](EntryHeader& header) { header.event_id += "'"; });
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("header: its event id is not the event's")));
  opening_ = good;
  ChangeHeader([](EntryHeader& header) { header.stream_id.clear(); });
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("header: its stream is not the event's")));
  opening_ = good;
  ChangeHeader([](EntryHeader& header) { ++header.stream_sequence; });
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("header: its sequence is not the event's")));
}

TEST_F(VerifyOpeningTest, TheRestOfAHeaderIsTheLedgersOwn) {
  ChangeHeader([](EntryHeader& header) {
    header.principal = "spiffe://another";
    header.flags = ~uint64_t{0};
    header.received_at_us = 1;
    header.signature.reset();
  });
  EXPECT_OK(Verify());
}

TEST_F(VerifyOpeningTest, NoticesAMissingAForeignAndASurplusTagGivenTheKey) {
  const std::vector<Hash> good = leaf_.tags;
  leaf_.tags.pop_back();
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("tags")));
  EXPECT_OK(VerifyOpening(leaf_, opening_, std::nullopt));  // who has no key cannot tell
  leaf_.tags = good;
  leaf_.tags.back().bytes[31] ^= 1;
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("tags")));
  leaf_.tags = good;
  leaf_.tags.insert(leaf_.tags.begin(), Hash{});
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("tags")));
  leaf_.tags = good;
  EXPECT_THAT(VerifyOpening(leaf_, opening_, std::string(kIndexKeyBytes, 'k')),
              StatusIs(kDiffers, HasSubstr("tags")));
}

TEST_F(VerifyOpeningTest, RefusesAnIndexKeyOfAnotherLength) {
  EXPECT_THAT(VerifyOpening(leaf_, opening_, "short"), StatusIs(kInvalid, HasSubstr("index key")));
}

TEST_F(VerifyOpeningTest, RefusesAnEventThatIsNotCanonicalThoughCommittedTo) {
  opening_.event += opening_.event;
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("not ascending")));
}

TEST_F(VerifyOpeningTest, RefusesAHeaderThatDoesNotParseThoughCommittedTo) {
  opening_.header += '\0';
  Recommit();
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("header")));
}

TEST_F(VerifyOpeningTest, RefusesAnEventWhoseTimeOrKeysCannotBeRead) {
  const Leaf leaf = leaf_;
  EntryHeader header = ParseHeader(opening_.header).value();
  header.stream_id = header.event_id = "";  // as the events below have it
  header.stream_sequence = 0;
  opening_.header = EncodeHeader(header).value();
  opening_.event = std::string("\x22\x04\x0a\x02\x0a\x00", 6);  // seconds are a string
  Recommit();
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("recorded")));
  opening_.event = std::string("\x72\x03\x0a\x01\xff", 5);  // a patient that is not UTF-8
  leaf_ = leaf;
  leaf_.event_time_us = 0;
  Recommit();
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("UTF-8")));
}

TEST_F(VerifyOpeningTest, AnEventsLeafHasACommitmentAndNoBody) {
  leaf_.body = "hidden";
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("leaf body")));
  leaf_.body.clear();
  leaf_.commitment.reset();
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("leaf commitment")));
}

TEST_F(VerifyOpeningTest, AConflictsLeafIsCheckedLikeTheRefusedEvents) {
  leaf_.kind = EntryKind::kConflict;
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("conflict")));
  leaf_.body = EncodeConflict({7});
  EXPECT_OK(Verify());
  leaf_.tags.pop_back();
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("tags")));
  leaf_.event_time_us = 0;
  EXPECT_THAT(Verify(), StatusIs(kDiffers, HasSubstr("event time")));
}

TEST_F(VerifyOpeningTest, ErasuresRequestsAndHoldsCarryAnEventBesideTheirBody) {
  const ErasureScope scope{ErasureReason::kOther, {{3, 4}}};
  const std::pair<EntryKind, std::string> entries[] = {
      {EntryKind::kErasure, EncodeErasure({scope, 7}).value()},
      {EntryKind::kErasureRequest, EncodeErasureRequest(scope).value()},
      {EntryKind::kLegalHold, EncodeLegalHold({}).value()}};
  for (const auto& [kind, body] : entries) {
    SCOPED_TRACE(EntryKindName(kind));
    leaf_.kind = kind;
    leaf_.body = body;
    EXPECT_OK(Verify());
    leaf_.body.pop_back();
    EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr(kind == EntryKind::kLegalHold ? "legal hold"
                                                                                     : "erasure")));
  }
}

TEST_F(VerifyOpeningTest, NoOtherKindHasAnEvent) {
  for (const uint8_t kind : {0, 2, 3, 4, 7, 8, 9, 42}) {
    leaf_.kind = static_cast<EntryKind>(kind);
    EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("carries no event")));
  }
}

TEST(Opening, IsWhatTheVectorsSayAndOpensItsLeaf) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const Opening opening{Bytes(vector["seed"]), Bytes(vector["header"]), Bytes(vector["event"])};
    ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeOpening(opening));
    EXPECT_EQ(bytes, Bytes(vector["opening"]));
    ASSERT_OK_AND_ASSIGN(const Opening parsed, ParseOpening(bytes));
    EXPECT_EQ(parsed, opening);
    ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(Bytes(vector["leaf"])));
    EXPECT_OK(VerifyOpening(leaf, opening, Bytes(file["index_key"])));
  }
}

TEST(Opening, VerifiesDiffersOrIsMalformedAsTheVectorsSay) {
  const nlohmann::json file = SealVectors("openings.json");
  const std::map<std::string, absl::StatusCode> codes = {
      {"verified", absl::StatusCode::kOk}, {"differs", kDiffers}, {"malformed", kInvalid}};
  std::map<std::string, int> seen;
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const std::string verdict = vector["verdict"];
    ++seen[verdict];
    ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(Bytes(vector["leaf"])));
    ASSERT_OK_AND_ASSIGN(const Opening opening, ParseOpening(Bytes(vector["opening"])));
    const absl::Status status = VerifyOpening(leaf, opening, Bytes(file["index_key"]));
    EXPECT_EQ(status.code(), codes.at(verdict)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(vector["blames"].get<std::string>()));
  }
  EXPECT_EQ(seen.size(), codes.size());
}

TEST(Opening, PartsOverTheirLimitsAreRefused) {
  const std::string seed(kSeedBytes, 's');
  EXPECT_OK(EncodeOpening({seed, std::string(65535, 'h'), std::string(kMaxEventBytes, 'e')}));
  EXPECT_THAT(EncodeOpening({seed + "s", "", ""}), StatusIs(kInvalid, HasSubstr("seed")));
  EXPECT_THAT(EncodeOpening({"", "", ""}), StatusIs(kInvalid, HasSubstr("seed")));
  EXPECT_THAT(EncodeOpening({seed, std::string(65536, 'h'), ""}),
              StatusIs(kInvalid, HasSubstr("header")));
  EXPECT_THAT(EncodeOpening({seed, "", std::string(kMaxEventBytes + 1, 'e')}),
              StatusIs(kInvalid, HasSubstr("event")));
}

TEST(ReceiptExtra, IsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    if (!vector.contains("receipt_extra")) continue;
    const Opening opening{Bytes(vector["seed"]), Bytes(vector["header"]), ""};
    ReceiptExtra extra{Bytes(vector["leaf"]), opening};
    ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeReceiptExtra(extra));
    EXPECT_EQ(bytes, Bytes(vector["receipt_extra"]));
    ASSERT_OK_AND_ASSIGN(const ReceiptExtra parsed, ParseReceiptExtra(bytes));
    EXPECT_EQ(parsed.leaf, extra.leaf);
    EXPECT_EQ(parsed.opening, opening);
    extra.opening.reset();
    ASSERT_OK_AND_ASSIGN(const std::string closed, EncodeReceiptExtra(extra));
    EXPECT_EQ(closed, Bytes(vector["receipt_extra_without_opening"]));
    ASSERT_OK_AND_ASSIGN(const ReceiptExtra parsed_closed, ParseReceiptExtra(closed));
    EXPECT_FALSE(parsed_closed.opening.has_value());
  }
}

TEST(ReceiptExtra, CarriesNoEventAndNoOversizeLeaf) {
  const Opening with_event{std::string(kSeedBytes, 's'), "", "e"};
  EXPECT_THAT(EncodeReceiptExtra({"leaf", with_event}), StatusIs(kInvalid, HasSubstr("no event")));
  EXPECT_OK(EncodeReceiptExtra({std::string(kMaxLeafBytes, 'l'), std::nullopt}));
  EXPECT_THAT(EncodeReceiptExtra({std::string(kMaxLeafBytes + 1, 'l'), std::nullopt}),
              StatusIs(kInvalid, HasSubstr("receipt leaf")));
}

TEST(Opening, HostileBytesAreRefused) {
  testing::ExpectHostileRefused("opening", [](const nlohmann::json& vector) {
    return ParseOpening(Bytes(vector["bytes"])).status();
  });
  testing::ExpectHostileRefused("receipt", [](const nlohmann::json& vector) {
    return ParseReceiptExtra(Bytes(vector["bytes"])).status();
  });
  testing::ExpectHostileRefused("bundle", [](const nlohmann::json& vector) {
    return ParsePayloadBundle(Bytes(vector["bytes"]), vector["width"]).status();
  });
}

TEST(PayloadBundle, IsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("bundles.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    std::vector<std::optional<Opening>> openings(vector["width"].get<size_t>());
    for (size_t i = 0; i < vector["openings"].size(); ++i) {
      const std::string bytes = Bytes(vector["openings"][i]);
      if (!bytes.empty()) openings[i] = ParseOpening(bytes).value();
    }
    ASSERT_OK_AND_ASSIGN(const std::string bundle, EncodePayloadBundle(openings));
    EXPECT_EQ(bundle, Bytes(vector["bundle"]));
    ASSERT_OK_AND_ASSIGN(const auto parsed, ParsePayloadBundle(bundle, openings.size()));
    EXPECT_EQ(parsed, openings);
  }
}

TEST(PayloadBundle, HoldsOneToTwoHundredFiftySixEntries) {
  using Openings = std::vector<std::optional<Opening>>;
  EXPECT_OK(EncodePayloadBundle(Openings(256)));
  EXPECT_THAT(EncodePayloadBundle(Openings(257)), StatusIs(kInvalid, HasSubstr("width")));
  EXPECT_THAT(EncodePayloadBundle(Openings()), StatusIs(kInvalid, HasSubstr("width")));
}

TEST(PayloadPath, StandsBesideTheEntryBundles) {
  EXPECT_EQ(PayloadPath(0, 256), "payload/000");
  EXPECT_EQ(PayloadPath(1067, 256), "payload/x001/067");
  EXPECT_EQ(PayloadPath(1234067, 7), "payload/x001/x234/067.p/7");
}

}  // namespace
}  // namespace auditledger
