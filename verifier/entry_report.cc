// One entry of an export, opened; the rest of log_audit.h is in log_audit.cc.
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/note.h"
#include "merkle/opening.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "merkle/verify.h"
#include "verifier/bundle_check.h"
#include "verifier/entry_check.h"
#include "verifier/erasures.h"
#include "verifier/event_file.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"
#include "verifier/log_audit.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

struct StoredEntry {
  std::string leaf;
  std::optional<Opening> opening;
};

absl::StatusOr<StoredEntry> ReadEntry(const std::string& dir, uint64_t index, uint64_t size) {
  const uint64_t bundle = index / kTileWidth;
  const uint64_t width = TileWidthAt({0, bundle}, size);
  ASSIGN_OR_RETURN(const std::string entries, ReadEntriesFile(dir, bundle, width));
  ASSIGN_OR_RETURN(std::vector<std::string> leaves, ParseEntryBundle(entries, width));
  StoredEntry entry;
  entry.leaf = std::move(leaves[index % kTileWidth]);
  const absl::StatusOr<std::string> payload = ReadPayloadFile(dir, bundle, width);
  if (absl::IsNotFound(payload.status())) return entry;
  RETURN_IF_ERROR(payload.status());
  ASSIGN_OR_RETURN(std::vector<std::optional<Opening>> openings,
                   ParsePayloadBundle(*payload, width));
  entry.opening = std::move(openings[index % kTileWidth]);
  return entry;
}

void Conclude(Findings findings, Verdict& verdict) { findings.MoveInto(verdict); }

void Open(const Pin& pin, const Leaf& leaf, const Opening& opening, EntryReport& report) {
  if (MayHavePayloadLater(leaf.kind)) {
    report.verdict.not_proven.push_back("what its payload says: this version cannot open it");
    return;
  }
  Findings findings;
  const absl::StatusOr<EmitterProof> opened = CheckOpening(pin.origin, leaf, opening, std::nullopt);
  if (!opened.ok()) {
    findings.AddStatus("payload", opened.status());
    return Conclude(std::move(findings), report.verdict);
  }
  report.verdict.proven.push_back("the event is, to the byte, what the entry commits to");
  if (leaf.kind == EntryKind::kConflict) report.verdict.proven.push_back(RefusalText(leaf));
  if (*opened == EmitterProof::kSigned) {
    report.verdict.proven.push_back("the holder of the emitter key in the header signed it");
  }
  report.verdict.not_proven.push_back("the entry's tags: `log --index-key` checks them");
  const absl::StatusOr<EntryHeader> header = ParseHeader(opening.header);
  const absl::StatusOr<std::string> json = EventToJson(opening.event);
  if (header.ok()) {
    report.sender = absl::StrCat(header->principal, ", stream ", header->stream_id, ", event ",
                                 header->event_id);
  }
  if (json.ok()) {
    report.event_json = *json;
  } else {
    report.verdict.not_proven.push_back("what the event says: it does not parse as an AuditEvent");
  }
}

}  // namespace

EntryReport VerifyEntry(const std::string& dir, uint64_t index, const Pin& pin,
                        const std::optional<TimestampFolder>& timestamps) {
  EntryReport report;
  report.verdict = Verdict::About("entry", pin);
  Verdict& verdict = report.verdict;
  const absl::StatusOr<std::string> note =
      ReadFileLimited(absl::StrCat(dir, "/", kCheckpointFile), kMaxNoteBytes);
  if (!note.ok()) {
    verdict.CannotTell(note.status().message());
    return report;
  }
  History exported;
  exported.log_dir = dir;
  const std::optional<OpenedHead> opened_head = OpenHeadOf(*note, pin, exported, verdict);
  if (!opened_head) return report;
  const SignedCheckpoint* head = &opened_head->head;
  const uint64_t size = head->checkpoint.size;
  if (index >= size) {
    verdict.CannotTell(absl::StrCat("entry ", index, " is beyond the head of size ", size));
    return report;
  }
  ExportTileReader tiles(dir);
  TileNodeReader nodes(tiles, size);
  const absl::StatusOr<StoredEntry> entry = ReadEntry(dir, index, size);
  const absl::StatusOr<std::vector<Hash>> proof = InclusionProof(index, size, nodes);
  Findings findings;
  if (!entry.ok()) findings.AddStatus("entry", entry.status());
  if (!proof.ok()) findings.AddStatus("proof", proof.status());
  absl::StatusOr<Leaf> leaf = entry.ok() ? ParseLeaf(entry->leaf) : entry.status();
  if (entry.ok() && proof.ok()) {
    const absl::Status included =
        VerifyInclusion(index, size, LeafHash(entry->leaf), *proof, head->checkpoint.root);
    if (!included.ok()) findings.AddStatus("entry", included);
    if (!leaf.ok()) findings.AddStatus("entry", leaf.status());
    if (leaf.ok()) {
      const absl::Status rules =
          CheckLeafRules(index, *leaf, WithFirstKey(pin, opened_head->key_changes));
      if (!rules.ok()) findings.AddStatus("entry", rules);
    }
  }
  if (!findings.empty()) {
    Conclude(std::move(findings), verdict);
    return report;
  }
  verdict.proven.push_back(absl::StrCat("entry ", index, " is in the log under its signed head"));
  report.kind = EntryKindName(leaf->kind);
  report.recorded_at = FormatMicros(leaf->recorded_at_us);
  report.leaf_hex = absl::BytesToHexString(entry->leaf);
  const std::string said = ErasureText(index, *leaf);
  if (!said.empty()) verdict.proven.push_back(said);
  const std::optional<ProvenErasure> erasure = FindErasure(dir, head->checkpoint, index);
  if (erasure) ReportErasure(index, *erasure, entry->opening.has_value(), verdict);
  if (entry->opening) {
    Open(pin, *leaf, *entry->opening, report);
  } else if (HasPayload(leaf->kind) && !erasure) {
    verdict.not_proven.push_back("what the event says: its payload is WITHHELD");
  }
  if (timestamps) {
    History history;
    history.log_dir = dir;
    CheckTimestamps({*timestamps, pin, head->checkpoint, history, index, index + 1, std::nullopt,
                     leaf->recorded_at_us, opened_head->key_changes},
                    verdict);
  }
  verdict.not_proven.push_back("consistency with heads seen earlier: `log` checks that");
  AddStandingLimits(verdict);
  return report;
}

}  // namespace auditledger
