// One thing wrong with a bundle whose manifest fits: the claim that fails, and its reason.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/index_head.h"
#include "merkle/key_change_list.h"
#include "merkle/proof.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_bundle.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_verify.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::TestBundle;
using testing::TestLog;
using testing::WholeLog;
using Content = BundleEntry::Content;

using BundleRefusalsTest = testing::BentBundleTest;

TEST_F(BundleRefusalsTest, TheWholeLogIsWell) {
  const BundleReport report = Verify(WholeLog(log_));
  for (const BundleClaim claim :
       {BundleClaim::kFile, BundleClaim::kHead, BundleClaim::kEntries, BundleClaim::kContents,
        BundleClaim::kTags, BundleClaim::kScope, BundleClaim::kCompleteness}) {
    EXPECT_THAT(Told(report, claim), HasSubstr("PASS: ")) << ClaimName(claim);
  }
}

TEST_F(BundleRefusalsTest, ContentIsWhereAnEventIs) {
  EXPECT_THAT(WithEntry(1, [](BundleEntry& e) { e.content = Content::kNone; }),
              HasSubstr("FAIL: entry 1: no content, though an event stands behind it"));
  EXPECT_THAT(WithEntry(0, [](BundleEntry& e) { e.content = Content::kGone; }),
              HasSubstr("FAIL: entry 0: content of an entry that has none"));
  EXPECT_THAT(WithEntry(1, [](BundleEntry& e) { e.content = Content::kGone; }),
              HasSubstr("1 WITHHELD: not there, and no entry here says why"));
}

TEST_F(BundleRefusalsTest, WhatIsErasedIsSaidToBeByTheEntryThatNamesIt) {
  const uint64_t by = log_.AddErasure({{2, 2}});
  EXPECT_THAT(WithEntry(2, [](BundleEntry& e) { e.content = Content::kGone; }),
              HasSubstr(absl::StrCat("1 erased by entry ", by)));
  EXPECT_THAT(WithEntry(1, [](BundleEntry& e) { e.content = Content::kGone; }),
              HasSubstr("1 WITHHELD"));
}

TEST_F(BundleRefusalsTest, WhatIsShownIsWhatTheLeafCommitsTo) {
  const std::string why = "FAIL: entry 2: what is shown is not what its leaf commits to";
  EXPECT_THAT(WithEntry(2, [](BundleEntry& e) { e.units.pop_back(); }), HasSubstr(why));
  EXPECT_THAT(WithEntry(2, [](BundleEntry& e) { ++e.units[0].path.occurrence; }), HasSubstr(why));
  EXPECT_THAT(WithEntry(2, [](BundleEntry& e) { e.units[1].bytes = e.units[0].bytes; }),
              HasSubstr(why));
  EXPECT_THAT(WithEntry(2, [](BundleEntry& e) { e.header.bytes.remove_suffix(1); }),
              HasSubstr(why));
  EXPECT_THAT(WithEntry(2,
                        [](BundleEntry& e) {
                          e.units[0].rule = 7;
                          e.units[0].hash = LeafHash("x");
                        }),
              HasSubstr(why));
}

TEST_F(BundleRefusalsTest, TheLedgerSaysOfTheEventWhatItSays) {
  EXPECT_THAT(Sealed([](Leaf& leaf, Opening&) { ++leaf.event_time_us; }),
              HasSubstr("its time is not the event's"));
  for (const int part : {0, 1, 2}) {
    SCOPED_TRACE(part);
    TestLog fresh;
    std::swap(log_, fresh);
    log_.AddEvents(2);
    EXPECT_THAT(Sealed([&](Leaf& leaf, Opening& opening) {
                  EntryHeader header = ParseHeader(opening.header).value();
                  if (part == 0) header.event_id += "x";
                  if (part == 1) header.stream_id += "x";
                  if (part == 2) ++header.stream_sequence;
                  opening.header = EncodeHeader(header).value();
                  Commit(opening, leaf);
                }),
                HasSubstr("its header names another event"));
  }
}

TEST_F(BundleRefusalsTest, WhatIsWithheldIsNotCompared) {
  // The header would name another event: of what is withheld nothing is said.
  auto [leaf, opening] = log_.Seal(testing::TestEvent(9), std::nullopt);
  EntryHeader header = ParseHeader(opening.header).value();
  header.event_id += "x";
  header.stream_id += "x";
  ++header.stream_sequence;
  ++leaf.event_time_us;
  opening.header = EncodeHeader(header).value();
  Commit(opening, leaf);
  const uint64_t index = log_.AddLeaf(leaf, opening);
  const auto withhold = [&](BundleEntry& entry, uint32_t field, uint32_t subfield = 0) {
    for (BundlePart& unit : entry.units) {
      if (unit.path.field != field) continue;
      if (subfield != 0 && unit.path.subfield != subfield) continue;
      unit.rule = 1;
      unit.hash = UnitHashFromSalt(unit.salt, unit.bytes);
    }
  };
  EXPECT_THAT(WithEntry(index,
                        [&](BundleEntry& e) {
                          withhold(e, kRecordedField);
                          withhold(e, kEventIdField);
                          withhold(e, kSourceField);
                        }),
              HasSubstr("PASS: "));
  // The observer withheld, the stream's name and number are compared.
  EXPECT_THAT(WithEntry(index,
                        [&](BundleEntry& e) {
                          withhold(e, kRecordedField);
                          withhold(e, kEventIdField);
                          withhold(e, kSourceField, 1);
                        }),
              HasSubstr("its header names another event"));
  EXPECT_THAT(WithEntry(index,
                        [&](BundleEntry& e) {
                          withhold(e, kRecordedField);
                          withhold(e, kSourceField);
                        }),
              HasSubstr("its header names another event"));
}

TEST_F(BundleRefusalsTest, WhatIsShownIsAnEvent) {
  EXPECT_THAT(Sealed([](Leaf& leaf, Opening& opening) {
                opening.header = "x";
                Commit(opening, leaf);
              }),
              HasSubstr("what is shown is not an event"));
}

TEST_F(BundleRefusalsTest, UnitsThatAreNoEventAreRefused) {
  // Two units in another order, committed to in that order.
  BundleEntry entry = testing::TestBundleEntry(log_, 4);
  std::swap(entry.units[0], entry.units[1]);
  Leaf leaf = entry.leaf;
  leaf.recorded_at_us = log_.NextTime();
  leaf.commitment = CommitmentsOf(entry).entry;
  const uint64_t index = log_.AddLeaf(leaf, std::nullopt);
  TestBundle bundle = WholeLog(log_, [&](BundleEntry& e) {
    if (e.index != index) return;
    e.content = Content::kOpened;
    e.header = entry.header;
    e.units = entry.units;
  });
  EXPECT_THAT(Claim(bundle, BundleClaim::kContents), HasSubstr("what is shown is not an event"));
}

TEST_F(BundleRefusalsTest, TagsAndSignaturesAreTheEventsOwn) {
  EXPECT_THAT(Sealed([](Leaf& leaf, Opening&) { leaf.tags.pop_back(); }, BundleClaim::kTags),
              HasSubstr("its tags are not those of its event"));
  TestLog fresh;
  std::swap(log_, fresh);
  log_.AddSignedEvent(testing::TestEvent(1), 9);
  EXPECT_THAT(Claim(WholeLog(log_), BundleClaim::kSenders), HasSubstr("PASS: 1 entries"));
  EXPECT_THAT(Sealed(
                  [](Leaf& leaf, Opening& opening) {
                    EntryHeader header = ParseHeader(opening.header).value();
                    header.signature = EmitterSignature{testing::TestPublicKey(9),
                                                        testing::TestSignature(9, "other")};
                    opening.header = EncodeHeader(header).value();
                    Commit(opening, leaf);
                  },
                  BundleClaim::kSenders),
              HasSubstr("its emitter's signature does not verify"));
}

TEST_F(BundleRefusalsTest, LeavesKeepTheRulesAndTimesRise) {
  EXPECT_THAT(Sealed([](Leaf& leaf, Opening&) { leaf.body = "x"; }, BundleClaim::kEntries),
              HasSubstr("breaks a rule of its kind"));
  TestLog fresh;
  std::swap(log_, fresh);
  log_.AddEvents(2);
  EXPECT_THAT(
      Sealed([](Leaf& leaf, Opening&) { leaf.recorded_at_us -= 1000; }, BundleClaim::kEntries),
      HasSubstr("was recorded no later than the one before it"));
}

TEST_F(BundleRefusalsTest, CoverageThatAnEntryContradicts) {
  const auto told = [&](uint64_t last, std::vector<std::pair<uint64_t, uint64_t>> gaps) {
    TestBundle bundle = WholeLog(log_);
    bundle.Add(BundleSection::kCoverage, FormatStreamCoverage({"spiffe://test/ehr", "ehr-1/0", 1,
                                                               last, std::move(gaps), false}));
    return Claim(bundle, BundleClaim::kCoverage);
  };
  EXPECT_THAT(told(5, {}), HasSubstr("CANNOT TELL: the ledger's word: 1 streams, 0 gaps"));
  EXPECT_THAT(told(4, {}), HasSubstr("entry 4 arrived, and coverage says that it did not"));
  EXPECT_THAT(told(9, {{3, 4}}), HasSubstr("FAIL: entry 2 arrived"));
  EXPECT_THAT(told(9, {{1, 1}, {6, 7}}), HasSubstr("CANNOT TELL"));
  // An event that is not numbered contradicts no gap, nor one whose header is withheld.
  v1::AuditEvent event;
  event.set_event_id("e");
  event.mutable_source()->set_stream_id("ehr-1/0");
  log_.AddEvent(event.SerializeAsString());
  EXPECT_THAT(told(9, {{0, 0}}), HasSubstr("CANNOT TELL"));
  // Nor does another event of a number that is taken: it was refused, and is kept as evidence.
  event.mutable_source()->set_stream_sequence(40);
  log_.AddConflict(1, event.SerializeAsString());
  EXPECT_THAT(told(9, {}), HasSubstr("CANNOT TELL"));
  TestBundle bundle = WholeLog(log_, [](BundleEntry& entry) {
    if (entry.content != Content::kOpened) return;
    entry.header.rule = 1;
    entry.header.hash = HeaderHashFromSalt(entry.header.salt, entry.header.bytes);
  });
  bundle.Add(BundleSection::kCoverage,
             FormatStreamCoverage({"spiffe://test/ehr", "ehr-1/0", 1, 1, {}, false}));
  EXPECT_THAT(Claim(bundle, BundleClaim::kCoverage), HasSubstr("CANNOT TELL"));
}

TEST_F(BundleRefusalsTest, AHeaderMayBeWithheld) {
  const auto withhold = [](BundleEntry& entry) {
    entry.header.rule = 1;
    entry.header.hash = HeaderHashFromSalt(entry.header.salt, entry.header.bytes);
  };
  EXPECT_THAT(WithEntry(2, withhold), HasSubstr("PASS: "));
  EXPECT_THAT(WithEntry(2, withhold, BundleClaim::kSenders), HasSubstr("no emitter signed"));
}

TEST_F(BundleRefusalsTest, HeadsAreOfSizesThatABrowserCountsTo) {
  EXPECT_OK(ParseUncheckedHead(log_.CheckpointSaying(kMaxBundleNumber, LeafHash("x"))));
  EXPECT_FALSE(ParseUncheckedHead(log_.CheckpointSaying(kMaxBundleNumber + 1, LeafHash("x"))).ok());
}

TEST_F(BundleRefusalsTest, EntriesBesideARangeAreContext) {
  TestBundle bundle = WholeLog(log_, [](BundleEntry& entry) {
    if (entry.index < 1 || entry.index >= 3) entry.role = BundleEntry::Role::kContext;
  });
  BundleScope scope;
  scope.query = {BundleQuery::Kind::kRange, 1, 3, 0, 0, "", {}};
  scope.size = log_.size();
  scope.matched = 2;
  scope.context = 3;
  bundle.records[0].second = FormatBundleScope(scope);
  EXPECT_THAT(Claim(bundle, BundleClaim::kScope), HasSubstr("PASS: "));
  EXPECT_EQ(Claim(bundle, BundleClaim::kCompleteness), "PASS: entries 1 to 2 are all here");
  EXPECT_EQ(Claim(WholeLog(log_), BundleClaim::kCompleteness),
            "PASS: all 5 entries of the log are here");
}

TEST_F(BundleRefusalsTest, ContextBehindARangeNeedsNoNeighbours) {
  TestBundle bundle = WholeLog(log_, [](BundleEntry& entry) {
    if (entry.index < 1 || entry.index >= 3) entry.role = BundleEntry::Role::kContext;
  });
  std::erase_if(bundle.records, [](const auto& record) {
    if (record.first == BundleSection::kInclusion) return true;
    if (record.first != BundleSection::kEntries) return false;
    return ParseBundleEntry(record.second)->index == 3;
  });
  for (const LeafRange& range : {LeafRange{0, 3}, LeafRange{4, 5}}) {
    bundle.Add(
        BundleSection::kInclusion,
        EncodeInclusionRun({range.begin, range.end, RangeProof(range, log_.size(), log_).value()}));
  }
  BundleScope scope;
  scope.query = {BundleQuery::Kind::kRange, 1, 3, 0, 0, "", {}};
  scope.size = log_.size();
  scope.matched = 2;
  scope.context = 2;
  bundle.records[0].second = FormatBundleScope(scope);
  EXPECT_EQ(Claim(bundle, BundleClaim::kCompleteness), "PASS: entries 1 to 2 are all here");
}

TEST_F(BundleRefusalsTest, TheChangesOfTheKeyAreOneList) {
  const std::string list = FormatKeyChangeList({log_.origin(), log_.size(), {}});
  for (const auto& [count, told] : {std::pair(1, "PASS"), std::pair(2, "FAIL: not well formed")}) {
    TestBundle bundle;
    for (const auto& [section, record] : WholeLog(log_).records) {
      if (section == BundleSection::kEntries && bundle.records.size() == 2) {
        for (int i = 0; i < count; ++i) bundle.Add(BundleSection::kKeyChanges, list);
      }
      bundle.Add(section, record);
    }
    EXPECT_THAT(Claim(bundle, BundleClaim::kFile), HasSubstr(told)) << count;
  }
}

TEST_F(BundleRefusalsTest, WithoutCoverageNothingIsSaidOfGaps) {
  EXPECT_EQ(Claim(WholeLog(log_), BundleClaim::kCoverage),
            "CANNOT TELL: the bundle says nothing about gaps");
}

TEST_F(BundleRefusalsTest, TheScopeCountsWhatIsThere) {
  TestBundle bundle = WholeLog(log_);
  const auto told = [&](const std::function<void(BundleScope&)>& change) {
    BundleScope scope = ParseBundleScope(WholeLog(log_).records[0].second).value();
    change(scope);
    bundle.records[0].second = FormatBundleScope(scope);
    return Claim(bundle, BundleClaim::kScope);
  };
  EXPECT_THAT(told([](BundleScope& s) { ++s.matched; }), HasSubstr("FAIL: the scope counts 6"));
  EXPECT_THAT(told([](BundleScope& s) { ++s.context; }), HasSubstr("FAIL: the scope counts 5"));
  EXPECT_THAT(told([](BundleScope& s) {
                s.rules = {{3, "", "", 0, 0, 1}};
              }),
              HasSubstr("FAIL: rule 3 does not withhold what the scope says"));
  EXPECT_THAT(told([](BundleScope& s) { s.rules = {{3, "", "", 0, 0, 0}}; }), HasSubstr("PASS"));
  EXPECT_THAT(WithEntry(
                  1,
                  [](BundleEntry& e) {
                    e.content = Content::kWithheld;
                    e.rule = 4;
                  },
                  BundleClaim::kScope),
              HasSubstr("FAIL: rule 4 does not withhold what the scope says"));
}

TEST_F(BundleRefusalsTest, TagsAreNotCheckedWhereWhatTheyComeFromIsWithheld) {
  v1::AuditEvent event;
  event.set_event_id("e");
  event.mutable_emergency_access()->set_override_id("btg-1");
  event.add_patient()->set_reference("Patient/1");
  event.add_agent()->mutable_who()->set_reference("Practitioner/1");
  event.mutable_agent(0)->set_requestor(true);
  const uint64_t index = log_.AddEvent(event.SerializeAsString());
  for (const uint32_t field : {kEmergencyAccessField, kPatientField, kAgentField, kEventIdField}) {
    const auto withhold = [&](BundleEntry& entry) {
      for (BundlePart& unit : entry.units) {
        if (unit.path.field != field) continue;
        unit.rule = 1;
        unit.hash = UnitHashFromSalt(unit.salt, unit.bytes);
      }
    };
    EXPECT_THAT(WithEntry(index, withhold, BundleClaim::kTags),
                HasSubstr(field == kEventIdField ? "PASS: 5 of 5" : "CANNOT TELL: 4 of 5"))
        << field;
  }
}

TEST_F(BundleRefusalsTest, ARangeMayNotEndBeyondTheHead) {
  TestBundle bundle = WholeLog(log_);
  BundleScope scope;
  scope.query.kind = BundleQuery::Kind::kRange;
  scope.query.end = 9;
  scope.size = scope.matched = log_.size();
  bundle.records[0].second = FormatBundleScope(scope);
  EXPECT_EQ(Claim(bundle, BundleClaim::kCompleteness), "FAIL: the range ends beyond the head");
}

TEST_F(BundleRefusalsTest, EachSectionIsOfItsForm) {
  const std::pair<BundleSection, std::string> records[] = {
      {BundleSection::kScope, "{}"},
      {BundleSection::kHead, "x"},
      {BundleSection::kKeyChanges, "x"},
      {BundleSection::kEntries, "x"},
      {BundleSection::kInclusion, "x"},
      {BundleSection::kConsistency, "x"},
      {BundleSection::kConsistency, EncodeEarlierHead("no note", {})},
      {BundleSection::kCompleteness, "x"},
      {BundleSection::kCompleteness, std::string("\0\1\xff", 3)},
      {BundleSection::kTimestamps, "x"},
      {BundleSection::kTimestamps, std::string("\0\0\0\1x\0\0\0\0\0", 10)},
      {BundleSection::kCoverage, "{}"},
      {BundleSection::kGlossary, "{}"},
      {BundleSection::kCertificate, "\xff"},
      {BundleSection::kManifest, "{}"}};
  for (const auto& [section, content] : records) {
    TestBundle bundle;
    bool placed = false;
    for (const auto& [at, record] : WholeLog(log_).records) {
      if (at > section && !placed) bundle.Add(section, content);
      placed = placed || at > section;
      const bool only = section == BundleSection::kScope || section == BundleSection::kHead;
      if (at != section || !only) bundle.Add(at, record);
    }
    if (!placed) bundle.Add(section, content);
    const std::string manifest = section == BundleSection::kManifest ? content : "";
    if (!manifest.empty()) bundle.records.pop_back();
    EXPECT_EQ(Told(Verify(bundle, manifest), BundleClaim::kFile),
              absl::StrCat("FAIL: not well formed: ", SectionName(section)))
        << content;
  }
}

TEST_F(BundleRefusalsTest, ProofsAreOfTheEntriesThatAreThere) {
  TestBundle bundle = WholeLog(log_);
  bundle.records.back().second = EncodeInclusionRun({1, log_.size() + 1, {}});
  EXPECT_EQ(Claim(bundle, BundleClaim::kFile), "FAIL: not well formed: inclusion");
  bundle.records.back().second = EncodeInclusionRun({0, 2, {}});  // two that touch are one
  bundle.Add(BundleSection::kInclusion, EncodeInclusionRun({2, log_.size(), {}}));
  EXPECT_EQ(Claim(bundle, BundleClaim::kFile), "FAIL: not well formed: inclusion");
}

TEST_F(BundleRefusalsTest, TimestampsThatAreThereAreSaidToBeUnchecked) {
  TestBundle bundle = WholeLog(log_);
  bundle.Add(BundleSection::kTimestamps, EncodeCustodyRecord(log_.CheckpointAt(1), "token", {}));
  EXPECT_THAT(Claim(bundle, BundleClaim::kTimestamps), HasSubstr("1 timestamps, not checked"));
}

TEST_F(BundleRefusalsTest, AnIndexHeadCoversWhatIsBeforeIt) {
  log_.AddSystem(EntryKind::kIndexHead, EncodeIndexHead({5, LeafHash("map")}));
  EXPECT_THAT(Claim(WholeLog(log_), BundleClaim::kEntries), HasSubstr("PASS: "));
  log_.AddSystem(EntryKind::kIndexHead, EncodeIndexHead({7, LeafHash("map")}));
  EXPECT_THAT(Claim(WholeLog(log_), BundleClaim::kEntries),
              HasSubstr("FAIL: entry 6 breaks a rule of its kind"));
}

TEST_F(BundleRefusalsTest, TheManifestListsWhatIsThereAndNoMore) {
  const TestBundle bundle = WholeLog(log_);
  const auto told = [&](const std::function<void(BundleManifest&)>& change) {
    BundleManifest manifest = bundle.Manifest();
    change(manifest);
    return Told(Verify(bundle, FormatBundleManifest(manifest)), BundleClaim::kFile);
  };
  EXPECT_THAT(told([](BundleManifest&) {}), HasSubstr("PASS: "));
  const std::string why = "FAIL: section entries is not what the manifest says";
  EXPECT_EQ(told([](BundleManifest& m) { ++m.sections[2].records; }), why);
  EXPECT_EQ(told([](BundleManifest& m) { ++m.sections[2].bytes; }), why);
  EXPECT_EQ(told([](BundleManifest& m) { m.sections[2].root = Hash(); }), why);
  EXPECT_EQ(told([](BundleManifest& m) { m.sections[2].section = "glossary"; }), why);
  EXPECT_EQ(told([](BundleManifest& m) { m.sections.resize(2); }), why);
  EXPECT_EQ(told([](BundleManifest& m) { m.sections.push_back(m.sections[0]); }),
            "FAIL: the manifest lists a section that is not there");
}

}  // namespace
}  // namespace auditledger
