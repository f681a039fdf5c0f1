// The chain of custody of a bundle: entries of the log that name its manifest.
#include "verifier/bundle_custody.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/tlog_proof.h"
#include "merkle/wire.h"
#include "tests/verifier/test_bundle.h"
#include "verifier/bundle_verify.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::TestBundle;
using testing::TestCustodyEvent;
using testing::TestLog;
using testing::WholeLog;

class BundleCustodyTest : public testing::BentBundleTest {
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
  EXPECT_EQ(Custody({Record(event, [&](TlogProof& p) { p.checkpoint = log_.Sign("x\n"); })}),
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
