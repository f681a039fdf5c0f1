#include "ledger/fsck_findings.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace auditledger {

std::string FindingPartName(FindingPart part) {
  switch (part) {
    case FindingPart::kDatabase:
      return "database";
    case FindingPart::kOrigin:
      return "origin";
    case FindingPart::kHead:
      return "head";
    case FindingPart::kLeaf:
      return "leaf";
    case FindingPart::kTile:
      return "tile";
    case FindingPart::kIdentity:
      return "identity";
    case FindingPart::kPayload:
      return "payload";
    case FindingPart::kSecret:
      return "secret";
    case FindingPart::kStream:
      return "stream";
    case FindingPart::kKey:
      return "key";
    case FindingPart::kSigner:
      return "signer";
    case FindingPart::kKeyFiles:
      return "key_files";
    case FindingPart::kIdentityRun:
      return "identity_run";
    case FindingPart::kStreamRanges:
      return "stream_ranges";
  }
  return "unknown";
}

bool IsRebuildable(FindingPart part) {
  return part == FindingPart::kIdentityRun || part == FindingPart::kStreamRanges;
}

void Findings::AddEntry(FindingPart part, uint64_t entry, absl::string_view what) {
  Keep({part, entry, absl::StrCat("entry ", entry, ": ", what)});
}

void Findings::Keep(Finding finding) {
  ++total_;
  if (IsRebuildable(finding.part)) ++rebuildable_;
  if (kept_.size() < max_kept_) kept_.push_back(std::move(finding));
}

}  // namespace auditledger
