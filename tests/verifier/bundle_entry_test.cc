// An entry of a bundle, and its frame: what is written parses, and nothing else does.
// Covers: verifier/bundle_framing
#include "verifier/bundle_entry.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "verifier/bundle_framing.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_scope.h"

namespace auditledger {
namespace {

using testing::StatusIs;
using testing::TestLog;

class BundleEntryTest : public ::testing::Test {
 protected:
  BundleEntryTest() { log_.AddEvents(3); }

  BundleEntry Opened(uint8_t header_rule, uint32_t withheld_field) {
    BundleEntry entry;
    entry.index = 2;
    entry.leaf_bytes = log_.leaves()[2];
    entry.leaf = ParseLeaf(entry.leaf_bytes).value();
    const auto rule_of = [&](const UnitView& unit) -> uint8_t {
      return unit.path.field == withheld_field ? 9 : kShown;
    };
    EXPECT_OK(OpenInto(ViewOf(*log_.openings()[2]), {header_rule, rule_of}, entry));
    return entry;
  }

  TestLog log_;
};

TEST_F(BundleEntryTest, WhateverIsWithheldTheCommitmentIsTheLeafs) {
  for (const uint8_t header_rule : {uint8_t{0}, uint8_t{3}}) {
    for (const uint32_t field : {0u, kEventIdField, kAgentField, kSourceField, 11u}) {
      const BundleEntry entry = Opened(header_rule, field);
      const std::string record = EncodeBundleEntry(entry);
      const BundleEntry parsed = ParseBundleEntry(record).value();
      EXPECT_EQ(EncodeBundleEntry(parsed), record);
      EXPECT_EQ(CommitmentsOf(parsed).entry, *parsed.leaf.commitment);
    }
  }
}

TEST_F(BundleEntryTest, NothingOfWhatIsWithheldIsInTheRecord) {
  const std::string shown = EncodeBundleEntry(Opened(0, 0));
  const std::string withheld = EncodeBundleEntry(Opened(0, kAgentField));
  const std::string name = "Dr. Example";
  ASSERT_NE(shown.find(name), std::string::npos);
  EXPECT_EQ(withheld.find(name), std::string::npos);
  EXPECT_EQ(withheld.find(log_.openings()[2]->seed), std::string::npos);
  EXPECT_EQ(shown.find(log_.openings()[2]->seed), std::string::npos);
}

TEST_F(BundleEntryTest, NoShorterOrLongerRecordParses) {
  const std::string record = EncodeBundleEntry(Opened(0, kAgentField));
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(ParseBundleEntry(record.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseBundleEntry(record + '\0').ok());
}

template <typename Parse>
void ExpectNoOtherLength(const std::string& record, const Parse& parse) {
  EXPECT_TRUE(parse(record).ok());
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(parse(record.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(parse(record + '\0').ok());
}

TEST(BundleProofsTest, NoShorterOrLongerRecordParses) {
  const std::vector<Hash> hashes = {LeafHash("a"), LeafHash("b")};
  ExpectNoOtherLength(EncodeInclusionRun({3, 5, hashes}), ParseInclusionRun);
  ExpectNoOtherLength(EncodeEarlierHead("note", hashes), ParseEarlierHead);
  ExpectNoOtherLength(EncodeCustodyRecord("receipt", "event", hashes), ParseCustodyRecord);
  // A timestamp has the form of a record of custody.
  ExpectNoOtherLength(EncodeCustodyRecord("note", "token", hashes), ParseBundleTimestamp);
  EXPECT_FALSE(ParseInclusionRun(EncodeInclusionRun({5, 5, {}})).ok());
  EXPECT_FALSE(ParseInclusionRun(EncodeInclusionRun({6, 5, {}})).ok());
  EXPECT_TRUE(ParseInclusionRun(EncodeInclusionRun({6, kMaxBundleNumber, {}})).ok());
  EXPECT_FALSE(ParseInclusionRun(EncodeInclusionRun({6, kMaxBundleNumber + 1, {}})).ok());
  const std::string proof("\0\2abrest", 8);
  EXPECT_EQ(ParseCompletenessRecord(proof).value().type, "ab");
  EXPECT_EQ(ParseCompletenessRecord(proof).value().bytes, "rest");
  EXPECT_FALSE(ParseCompletenessRecord(std::string("\0\2a", 3)).ok());
  EXPECT_FALSE(ParseCompletenessRecord(std::string("\0\1\xff", 3)).ok());
  EXPECT_FALSE(ParseCompletenessRecord("").ok());
}

TEST_F(BundleEntryTest, WhatNoEntryMaySay) {
  const std::string record = EncodeBundleEntry(Opened(0, 0));
  const auto with = [&](size_t at, char byte) {
    std::string changed = record;
    changed[at] = byte;
    return ParseBundleEntry(changed).ok();
  };
  EXPECT_TRUE(with(0, 1));
  EXPECT_FALSE(with(0, 2)) << "a role";
  EXPECT_FALSE(with(1, 1)) << "an index over 2^53";
  EXPECT_FALSE(with(11, 2)) << "a leaf of another version";
  const size_t content = 11 + log_.leaves()[2].size();
  EXPECT_FALSE(with(content, 4)) << "a form of content";
  EXPECT_FALSE(with(content, 3)) << "and trailing bytes";
  BundleEntry withheld = Opened(0, 0);
  withheld.content = BundleEntry::Content::kWithheld;
  withheld.rule = 1;
  ExpectNoOtherLength(EncodeBundleEntry(withheld), ParseBundleEntry);
  withheld.rule = kShown;
  EXPECT_FALSE(ParseBundleEntry(EncodeBundleEntry(withheld)).ok());
}

TEST_F(BundleEntryTest, AHeaderCutShortIsNoEntryWithoutUnits) {
  BundleEntry entry = Opened(0, 0);
  entry.content = BundleEntry::Content::kGone;
  std::string record = EncodeBundleEntry(entry);
  record.back() = static_cast<char>(BundleEntry::Content::kOpened);
  for (const char* rule : {"\0", "\1"}) {
    EXPECT_FALSE(ParseBundleEntry(record + std::string(rule, 1) + std::string(2, '\0')).ok());
  }
}

TEST(BundleFrameTest, SectionsAndTheirRecords) {
  std::string file(BundleMagic());
  AppendBundleRecord(BundleSection::kScope, "s", file);
  AppendBundleRecord(BundleSection::kEntries, "", file);
  AppendBundleRecord(BundleSection::kEntries, "ab", file);
  const BundleFrame frame = ParseBundleFrame(file).value();
  EXPECT_EQ(frame.of(BundleSection::kEntries).records, 2);
  EXPECT_EQ(frame.of(BundleSection::kEntries).content_bytes, 2);
  std::vector<std::string> found;
  for (const absl::string_view record : RecordsOf(frame, BundleSection::kEntries)) {
    found.emplace_back(record);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"", "ab"}));
  EXPECT_EQ(OnlyRecord(frame, BundleSection::kScope), "s");
  EXPECT_EQ(RecordsOf(frame, BundleSection::kHead).begin(),
            RecordsOf(frame, BundleSection::kHead).end());
}

TEST(BundleFrameTest, ARecordAtTheLimitAndBeyond) {
  std::string file(BundleMagic());
  AppendBundleRecord(BundleSection::kScope, std::string(kMaxBundleRecordBytes, 'x'), file);
  EXPECT_OK(ParseBundleFrame(file));
  std::string over(BundleMagic());
  AppendBundleRecord(BundleSection::kScope, std::string(kMaxBundleRecordBytes + 1, 'x'), over);
  EXPECT_THAT(ParseBundleFrame(over), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(BundleFrameTest, SectionsNeverDescendAndAreKnown) {
  std::string file(BundleMagic());
  AppendBundleRecord(BundleSection::kHead, "", file);
  AppendBundleRecord(BundleSection::kScope, "", file);
  EXPECT_EQ(ParseBundleFrame(file).status().message(), "section");
  EXPECT_EQ(ParseBundleFrame(std::string(BundleMagic()) + '\x0e').status().message(), "section");
  EXPECT_EQ(ParseBundleFrame(std::string(BundleMagic()) + '\x01').status().message(), "truncated");
  EXPECT_EQ(ParseBundleFrame("").status().message(), "magic");
}

}  // namespace
}  // namespace auditledger
