// Evidence bundles of a TestLog, whole or bent: any part can be another than it should be.
#ifndef AUDITLEDGER_TESTS_VERIFIER_TEST_BUNDLE_H_
#define AUDITLEDGER_TESTS_VERIFIER_TEST_BUNDLE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/frontier.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "tests/testing/test_log.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_entry.h"
#include "verifier/bundle_framing.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_scope.h"

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

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_VERIFIER_TEST_BUNDLE_H_
