#include "ledger/fsck_index.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"

namespace auditledger {
namespace {

// Without parsing the leaf: of most of them nothing else is asked here (leaf.h).
bool IsIndexHead(absl::string_view leaf) {
  return leaf.size() > 1 && leaf[1] == static_cast<char>(EntryKind::kIndexHead);
}

}  // namespace

IndexHeadCheck::IndexHeadCheck(Engine& engine, uint64_t size, Findings& findings)
    : findings_(findings) {
  std::vector<LoggedIndexHead> heads;
  // What cannot be read here is found and named where every entry is.
  engine
      .Scan(RecordKind::kLeaf, 0, size,
            [&](uint64_t index, absl::string_view bytes) {
              if (!IsIndexHead(bytes)) return true;
              const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
              const auto head = leaf.ok() ? ParseIndexHead(leaf->body) : leaf.status();
              if (head.ok()) {
                heads.push_back({index, *head});
              } else {
                findings_.AddEntry(FindingPart::kLeaf, index, head.status().message());
              }
              return true;
            })
      .IgnoreError();
  audit_.emplace(std::move(heads));
  for (const std::string& fault : audit_->faults()) findings_.Add(FindingPart::kLeaf, fault);
}

void IndexHeadCheck::Check(const CheckedEntry& entry) {
  if (!audit_->active() || !complete_) return;
  complete_ = entry.has_leaf;
  if (!complete_) return;
  const std::optional<std::string> fault =
      audit_->Add(TagLogEntryOf(entry.index, entry.leaf, entry.hash), entry.leaf.tags);
  if (fault.has_value()) findings_.Add(FindingPart::kLeaf, *fault);
}

}  // namespace auditledger
