// One thing wrong with a bundle whose manifest fits: the claim that fails, and its reason.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/tlog_proof.h"
#include "merkle/wire.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_bundle.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_verify.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::TestBundle;
using testing::TestCustodyEvent;
using testing::TestLog;
using testing::WholeLog;
using Content = BundleEntry::Content;

class BundleRefusalsTest : public ::testing::Test {
 protected:
  BundleRefusalsTest() { log_.AddEvents(4); }

  BundleReport Verify(TestBundle bundle, const std::string& manifest = "") {
    bundle.Add(BundleSection::kManifest,
               manifest.empty() ? FormatBundleManifest(bundle.Manifest()) : manifest);
    file_ = bundle.Bytes();
    return VerifyFile();
  }
  BundleReport VerifyFile() {
    BundleInput input;
    input.bytes = file_;
    input.index_key = log_.index_key();
    return VerifyBundle(input, MakePin(log_.origin(), log_.verifier().ToVkey()).value());
  }
  static std::string Told(const BundleReport& report, BundleClaim claim) {
    const ClaimFinding& found = report.findings.of(claim);
    return absl::StrCat(ClaimResultName(found.result), ": ", found.reason);
  }
  std::string Claim(const TestBundle& bundle, BundleClaim claim) {
    return Told(Verify(bundle), claim);
  }
  // Of a bundle in which an entry is written otherwise.
  std::string WithEntry(uint64_t index, const std::function<void(BundleEntry&)>& change,
                        BundleClaim claim = BundleClaim::kContents) {
    return Claim(WholeLog(log_,
                          [&](BundleEntry& entry) {
                            if (entry.index == index) change(entry);
                          }),
                 claim);
  }
  // Of a bundle of a log whose last entry is sealed otherwise.
  std::string Sealed(const std::function<void(Leaf&, Opening&)>& change,
                     BundleClaim claim = BundleClaim::kContents) {
    auto [leaf, opening] = log_.Seal(testing::TestEvent(log_.size()), std::nullopt);
    change(leaf, opening);
    log_.AddLeaf(leaf, opening);
    return Claim(WholeLog(log_), claim);
  }
  static void Commit(const Opening& opening, Leaf& leaf) {
    const std::vector<UnitView> units = CutUnitViews(opening.event).value();
    leaf.commitment = EntryCommitment(HeaderHash(opening.seed, opening.header),
                                      EventCommitment(DigestUnits(opening.seed, units)));
  }

  TestLog log_;
  std::string file_;
};

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
  const auto withhold = [&](BundleEntry& entry, uint32_t field) {
    for (BundlePart& unit : entry.units) {
      if (unit.path.field != field) continue;
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
  for (const uint32_t field : {kEmergencyAccessField, kPatientField, kAgentField}) {
    const auto withhold = [&](BundleEntry& entry) {
      for (BundlePart& unit : entry.units) {
        if (unit.path.field != field) continue;
        unit.rule = 1;
        unit.hash = UnitHashFromSalt(unit.salt, unit.bytes);
      }
    };
    EXPECT_THAT(WithEntry(index, withhold, BundleClaim::kTags), HasSubstr("CANNOT TELL: 4 of 5"))
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

// --- custody ---

class BundleCustodyTest : public BundleRefusalsTest {
 protected:
  BundleCustodyTest() : bundle_(WholeLog(log_)), size_(log_.size()) {
    manifest_ = FormatBundleManifest(bundle_.Manifest());
    bundle_.Add(BundleSection::kManifest, manifest_);
  }

  // An event as the next entry, and the record of it.
  std::string Record(const v1::AuditEvent& event,
                     const std::function<void(TlogProof&)>& change = {},
                     EntryKind kind = EntryKind::kEvent) {
    const std::string bytes = event.SerializeAsString();
    const uint64_t index =
        kind == EntryKind::kEvent ? log_.AddEvent(bytes) : log_.AddConflict(1, bytes);
    TlogProof proof = ParseTlogProof(log_.ReceiptFor(index, index + 1)).value();
    if (change) change(proof);
    return EncodeCustodyRecord(FormatTlogProof(proof), bytes,
                               ConsistencyProof(size_, index + 1, log_).value());
  }
  std::string Made() { return Record(TestCustodyEvent(manifest_, "export")); }
  std::string Custody(const std::vector<std::string>& records) {
    TestBundle bundle = bundle_;
    for (const std::string& record : records) bundle.Add(BundleSection::kCustody, record);
    file_ = bundle.Bytes();
    return Told(VerifyFile(), BundleClaim::kCustody);
  }

  TestBundle bundle_;
  uint64_t size_;
  std::string manifest_;
};

TEST_F(BundleCustodyTest, MadeAndHandedOn) {
  EXPECT_EQ(Custody({}), "CANNOT TELL: nothing shows that the log knows of this bundle");
  const std::string made = Made();
  EXPECT_EQ(Custody({made}), "PASS: recorded as entry 5 by spiffe://test/ehr");
  const std::string on = Record(TestCustodyEvent(manifest_, "hand-over"));
  EXPECT_EQ(Custody({made, on}), "PASS: recorded as entry 5 by spiffe://test/ehr; hand-overs: 1");
  EXPECT_EQ(Custody({on}), "FAIL: record 1: out of order");
  EXPECT_EQ(Custody({made, made}), "FAIL: record 2: out of order");
  EXPECT_EQ(Custody({made, on, on}), "FAIL: record 3: out of order");
}

TEST_F(BundleCustodyTest, AReceiptIsOfThisLogAndOpens) {
  const v1::AuditEvent event = TestCustodyEvent(manifest_, "export");
  EXPECT_EQ(Custody({"x"}), "FAIL: record 1: not well formed");
  EXPECT_EQ(Custody({Record(event, [](TlogProof& p) { p.extra.reset(); })}),
            "FAIL: record 1: not well formed");
  EXPECT_EQ(Custody({Record(event,
                            [](TlogProof& p) {
                              ReceiptExtra extra = ParseReceiptExtra(*p.extra).value();
                              extra.opening.reset();
                              p.extra = EncodeReceiptExtra(extra).value();
                            })}),
            "FAIL: record 1: not well formed");
  EXPECT_EQ(Custody({Record(event, [](TlogProof& p) { p.path[0] = LeafHash("x"); })}),
            "FAIL: record 1: it is not in the log");
  EXPECT_EQ(Custody({Record(event, [](TlogProof& p) { --p.index; })}),
            "FAIL: record 1: it is not in the log");
  TestLog::Options options;
  options.key = 7;
  TestLog thief(options);
  EXPECT_EQ(
      Custody({Record(
          event, [&](TlogProof& p) { p.checkpoint = thief.Sign(ParseNote(p.checkpoint)->text); })}),
      "FAIL: record 1: its head is not signed by the log's key");
}

TEST_F(BundleCustodyTest, ItsHeadExtendsTheBundles) {
  const std::string kept = Made();
  CustodyRecord record = ParseCustodyRecord(kept).value();
  record.proof[0] = LeafHash("x");
  EXPECT_EQ(Custody({EncodeCustodyRecord(record.receipt, record.event, record.proof)}),
            "FAIL: record 1: its head does not extend the bundle's");
}

TEST_F(BundleCustodyTest, AnEntryUnderTheBundlesOwnHeadIsNone) {
  EXPECT_EQ(
      Custody({EncodeCustodyRecord(log_.ReceiptFor(3, size_), log_.openings()[3]->event, {})}),
      "FAIL: record 1: it names another bundle");
}

TEST_F(BundleCustodyTest, ItsEventIsAnEventAndNamesTheManifest) {
  const v1::AuditEvent event = TestCustodyEvent(manifest_, "export");
  EXPECT_EQ(Custody({Record(event, {}, EntryKind::kConflict)}),
            "FAIL: record 1: its event is not what its leaf commits to");
  const std::string made = Made();
  const CustodyRecord record = ParseCustodyRecord(made).value();
  EXPECT_EQ(Custody({EncodeCustodyRecord(record.receipt, log_.openings()[1]->event, record.proof)}),
            "FAIL: record 1: its event is not what its leaf commits to");
  EXPECT_EQ(Custody({Record(TestCustodyEvent(manifest_ + " ", "export"))}),
            "FAIL: record 1: it names another bundle");
  v1::AuditEvent elsewhere = event;  // the digest is another field's
  elsewhere.mutable_original()->set_sha256(elsewhere.entity(0).content_sha256());
  elsewhere.clear_entity();
  EXPECT_EQ(Custody({Record(elsewhere)}), "FAIL: record 1: it names another bundle");
}

TEST_F(BundleCustodyTest, WhatIsReadOfItsEventIsReadStrictly) {
  const auto custody_of = [&](std::string event) {
    const uint64_t index = log_.AddEvent(event);
    return Custody({EncodeCustodyRecord(log_.ReceiptFor(index, index + 1), event,
                                        ConsistencyProof(size_, index + 1, log_).value())});
  };
  const std::string digest(Sha256({manifest_}).view());
  const auto coding = [](absl::string_view system, absl::string_view code) {
    std::string bytes;
    PutLengthDelimited(bytes, 1, system);
    PutLengthDelimited(bytes, 3, code);
    std::string concept_bytes;
    PutLengthDelimited(concept_bytes, 1, bytes);
    return concept_bytes;
  };
  const auto event_of = [&](absl::string_view code, uint32_t digest_field) {
    std::string event;
    PutLengthDelimited(event, 8, code);
    if (digest_field == 12) PutLengthDelimited(event, 12, digest);
    std::string entity;
    if (digest_field == 19) PutLengthDelimited(entity, 12, digest);
    PutLengthDelimited(event, 19, entity);
    return event;
  };
  EXPECT_THAT(custody_of(event_of(coding(kCustodySystem, "export"), 19)), HasSubstr("PASS: "));
  EXPECT_EQ(custody_of(event_of(coding(kCustodySystem, "export"), 12)),
            "FAIL: record 1: it names another bundle");
  const std::string malformed = "FAIL: record 1: not well formed";
  EXPECT_EQ(custody_of(event_of("\xff", 19)), malformed);
  EXPECT_EQ(custody_of(event_of(coding(kCustodySystem, "\xff"), 19)), malformed);
  EXPECT_EQ(custody_of(event_of(coding("\xff", "export"), 19)), malformed);
}

TEST_F(BundleCustodyTest, ItsSendersNameIsText) {
  const std::string event = TestCustodyEvent(manifest_, "export").SerializeAsString();
  auto [leaf, opening] = log_.Seal(event, std::nullopt);
  EntryHeader header = ParseHeader(opening.header).value();
  header.principal = "\xff";
  opening.header = EncodeHeader(header).value();
  Commit(opening, leaf);
  const uint64_t index = log_.AddLeaf(leaf, opening);
  EXPECT_EQ(Custody({EncodeCustodyRecord(log_.ReceiptFor(index, index + 1), event,
                                         ConsistencyProof(size_, index + 1, log_).value())}),
            "FAIL: record 1: not well formed");
}

TEST_F(BundleCustodyTest, ItHasOneCodeOfCustody) {
  v1::AuditEvent none = TestCustodyEvent(manifest_, "export");
  none.clear_code();
  EXPECT_EQ(Custody({Record(none)}), "FAIL: record 1: out of order");
  v1::AuditEvent two = TestCustodyEvent(manifest_, "export");
  *two.mutable_code(0)->add_coding() = two.code(0).coding(0);
  EXPECT_EQ(Custody({Record(two)}), "FAIL: record 1: out of order");
  v1::AuditEvent foreign = TestCustodyEvent(manifest_, "export");
  foreign.mutable_code(0)->mutable_coding(0)->set_system("urn:other");
  EXPECT_EQ(Custody({Record(foreign)}), "FAIL: record 1: out of order");
  v1::AuditEvent beside = TestCustodyEvent(manifest_, "export");
  v1::Coding& other = *beside.mutable_code(0)->add_coding();
  other.set_system("urn:other");
  other.set_code("hand-over");
  EXPECT_THAT(Custody({Record(beside)}), HasSubstr("PASS: "));
}

}  // namespace
}  // namespace auditledger
