// Evidence bundles of a TestLog, whole or bent: any part can be another than it should be.
#ifndef AUDITLEDGER_TESTS_VERIFIER_TEST_BUNDLE_H_
#define AUDITLEDGER_TESTS_VERIFIER_TEST_BUNDLE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"
#include "gtest/gtest.h"
#include "merkle/frontier.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "tests/testing/test_log.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_entry.h"
#include "verifier/bundle_framing.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_scope.h"
#include "verifier/bundle_verify.h"

namespace auditledger::testing {

// The records of a file, to be changed and put together again with a manifest that fits.
struct TestBundle {
  std::vector<std::pair<BundleSection, std::string>> records;

  void Add(BundleSection section, std::string content) {
    records.emplace_back(section, std::move(content));
  }
  // The manifest that lists what is there before it.
  BundleManifest Manifest() const {
    BundleManifest manifest;
    manifest.package = "package-1";
    for (const auto& [section, content] : records) {
      if (section > BundleSection::kCertificate) continue;
      const std::string name(SectionName(section));
      if (manifest.sections.empty() || manifest.sections.back().section != name) {
        manifest.sections.push_back({name, 0, 0, {}});
        frontier_ = {};
      }
      frontier_.Append(LeafHash(content));
      ListedSection& listed = manifest.sections.back();
      ++listed.records;
      listed.bytes += content.size();
      listed.root = frontier_.Root();
    }
    return manifest;
  }
  std::string Bytes() const {
    std::string out(BundleMagic());
    for (const auto& [section, content] : records) AppendBundleRecord(section, content, out);
    return out;
  }

 private:
  mutable Frontier frontier_;
};

// Of an entry, shown whole. `log` must outlive it.
inline BundleEntry TestBundleEntry(TestLog& log, uint64_t index) {
  BundleEntry entry;
  entry.index = index;
  entry.leaf_bytes = log.leaves()[index];
  entry.leaf = ParseLeaf(entry.leaf_bytes).value();
  if (!log.openings()[index]) return entry;
  const auto shown = [](const UnitView&) { return kShown; };
  if (!OpenInto(ViewOf(*log.openings()[index]), {kShown, shown}, entry).ok()) std::abort();
  return entry;
}

// All of the log, with `change` made to the entries before they are written.
inline TestBundle WholeLog(TestLog& log, const std::function<void(BundleEntry&)>& change = {}) {
  TestBundle out;
  BundleScope scope;
  scope.size = scope.examined = scope.matched = log.size();
  out.Add(BundleSection::kScope, FormatBundleScope(scope));
  out.Add(BundleSection::kHead, log.CheckpointAt(log.size()));
  for (uint64_t i = 0; i < log.size(); ++i) {
    BundleEntry entry = TestBundleEntry(log, i);
    if (change) change(entry);
    out.Add(BundleSection::kEntries, EncodeBundleEntry(entry));
  }
  out.Add(BundleSection::kInclusion, EncodeInclusionRun({0, log.size(), {}}));
  return out;
}

// The event of a step of custody.
inline v1::AuditEvent TestCustodyEvent(const std::string& manifest, const std::string& code) {
  v1::AuditEvent event;
  event.set_event_id(code);
  v1::Coding& coding = *event.add_code()->add_coding();
  coding.set_system(std::string(kCustodySystem));
  coding.set_code(code);
  event.mutable_source()->set_stream_id("custody");
  event.add_entity()->set_content_sha256(std::string(Sha256({manifest}).view()));
  return event;
}

// A log of four events; what is told of a bundle of it that is bent in one place.
class BentBundleTest : public ::testing::Test {
 protected:
  BentBundleTest() { log_.AddEvents(4); }

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
    auto [leaf, opening] = log_.Seal(TestEvent(log_.size()), std::nullopt);
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

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_VERIFIER_TEST_BUNDLE_H_
