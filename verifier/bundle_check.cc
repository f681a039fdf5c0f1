#include "verifier/bundle_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tile.h"
#include "verifier/entry_check.h"
#include "verifier/export_dir.h"

namespace auditledger {
namespace {

constexpr size_t kOpenedTogether = 32;

absl::StatusOr<std::vector<Hash>> ParseTile(absl::string_view bytes, uint64_t width) {
  if (bytes.size() < width * Hash::kSize || bytes.size() % Hash::kSize != 0) {
    return absl::DataLossError(
        absl::StrCat("has ", bytes.size(), " bytes, needs ", width * Hash::kSize));
  }
  std::vector<Hash> hashes;
  hashes.reserve(width);
  for (uint64_t i = 0; i < width; ++i) {
    ASSIGN_OR_RETURN(const Hash hash, Hash::FromBytes(bytes.substr(i * Hash::kSize, Hash::kSize)));
    hashes.push_back(hash);
  }
  return hashes;
}

// The state of one call of CheckBundle.
class BundleChecker {
 public:
  BundleChecker(const BundleRules& rules, const BundleFiles& files)
      : rules_(rules),
        files_(files),
        first_index_(files.bundle * kTileWidth),
        entries_path_(EntriesPath(files.bundle, files.width)),
        tile_path_(TilePath({0, files.bundle}, files.width)),
        payload_path_(PayloadPath(files.bundle, files.width)) {}

  BundleResult Run() {
    ReadEntries();
    CompareTile();
    ReadPayload();
    for (absl::string_view entry : entries_) leaves_.push_back(ParseLeaf(entry));
    OpenAll();
    for (size_t i = 0; i < entries_.size(); ++i) CheckEntry(i);
    if (rules_.for_index) TakeIndexed();
    return std::move(result_);
  }

 private:
  void ReadEntries() {
    absl::StatusOr<std::vector<absl::string_view>> entries =
        files_.entries.ok() ? ParseEntryBundleViews(*files_.entries, files_.width)
                            : files_.entries.status();
    if (!entries.ok()) return result_.findings.AddStatus(entries_path_, entries.status());
    entries_ = *std::move(entries);
    result_.leaf_hashes = LeafHashes(entries_);
    leaves_.reserve(entries_.size());
  }

  void CompareTile() {
    const absl::StatusOr<std::vector<Hash>> tile =
        files_.tile.ok() ? ParseTile(*files_.tile, files_.width) : files_.tile.status();
    if (!tile.ok()) return result_.findings.AddStatus(tile_path_, tile.status());
    if (files_.tile->size() != files_.width * Hash::kSize) {
      result_.findings.Refuse(absl::StrCat(tile_path_, ": has trailing bytes"));
    }
    if (entries_.empty()) {
      result_.leaf_hashes = *tile;
      return;
    }
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (result_.leaf_hashes[i] == (*tile)[i]) continue;
      result_.findings.Refuse(absl::StrCat("entry ", first_index_ + i, ": the leaf in ",
                                           entries_path_, " is not the one hashed in ",
                                           tile_path_));
    }
  }

  void ReadPayload() {
    openings_.resize(entries_.size());
    if (absl::IsNotFound(files_.payload.status())) return;
    absl::StatusOr<std::vector<std::optional<OpeningView>>> openings =
        files_.payload.ok() ? ParsePayloadBundleViews(*files_.payload, files_.width)
                            : files_.payload.status();
    if (!openings.ok()) return result_.findings.AddStatus(payload_path_, openings.status());
    if (!entries_.empty()) openings_ = *std::move(openings);
  }

  // Side by side, some at a time: their hashing fills all lanes, and stays in the caches.
  void OpenAll() {
    opened_.assign(entries_.size(), EmitterProof::kNone);
    std::vector<const Leaf*> leaves;
    std::vector<OpeningView> openings;
    std::vector<size_t> places;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (leaves_[i].ok() && openings_[i] && !MayHavePayloadLater(leaves_[i]->kind)) {
        leaves.push_back(&*leaves_[i]);
        openings.push_back(*openings_[i]);
        places.push_back(i);
      }
      if (leaves.size() < kOpenedTogether && i + 1 < entries_.size()) continue;
      std::vector<absl::StatusOr<EmitterProof>> proofs =
          CheckOpenings(rules_.pin.origin, leaves, openings, rules_.index_key.get());
      for (size_t k = 0; k < places.size(); ++k) opened_[places[k]] = std::move(proofs[k]);
      leaves.clear();
      openings.clear();
      places.clear();
    }
  }

  void CheckEntry(size_t i) {
    const uint64_t index = first_index_ + i;
    const absl::StatusOr<Leaf>& leaf = leaves_[i];
    if (!leaf.ok()) return Broken(index, entries_path_, leaf.status());
    ++result_.kinds[static_cast<uint8_t>(leaf->kind)];
    CheckTime(index, leaf->recorded_at_us);
    const absl::Status rules = CheckLeafRules(index, *leaf, rules_.pin);
    if (!rules.ok()) Broken(index, entries_path_, rules);
    if (rules.ok() && leaf->kind == EntryKind::kAnchor) {
      result_.anchors.push_back({index, leaf->recorded_at_us, *ParseAnchor(leaf->body)});
    }
    const bool erased = TakeErased(index, *leaf, openings_[i].has_value());
    if (!openings_[i]) {
      if (HasPayload(leaf->kind) && !erased) result_.withheld.push_back(index);
      return;
    }
    if (MayHavePayloadLater(leaf->kind)) {
      result_.unread.push_back(index);
      return;
    }
    const absl::StatusOr<EmitterProof>& opened = opened_[i];
    if (!opened.ok()) return Broken(index, payload_path_, opened.status());
    ++result_.opened;
    if (*opened == EmitterProof::kSigned) ++result_.emitter_signed;
    if (rules.ok()) TakeErasing(index, *leaf, *openings_[i]);
  }

  // Who stands behind it. REQUIRES: the opening and the leaf were checked.
  void TakeErasing(uint64_t index, const Leaf& leaf, const OpeningView& opening) {
    std::optional<uint64_t> request;
    if (leaf.kind == EntryKind::kErasure) {
      request = ParseErasure(leaf.body)->request;
    } else if (leaf.kind != EntryKind::kErasureRequest) {
      return;
    }
    result_.erasing.push_back({index, ParseHeader(opening.header)->principal, request});
  }

  void TakeIndexed() {
    for (size_t i = 0; i < leaves_.size(); ++i) {
      if (!leaves_[i].ok()) return result_.indexed.clear();
      result_.indexed.push_back(
          {TagLogEntryOf(first_index_ + i, *leaves_[i], result_.leaf_hashes[i]),
           std::move(leaves_[i]->tags)});
    }
  }

  // Whether an erasure names the entry.
  bool TakeErased(uint64_t index, const Leaf& leaf, bool shown) {
    if (rules_.erasures == nullptr) return false;
    const std::optional<uint64_t> by = rules_.erasures->ErasedBy(index);
    if (!by) return false;
    if (!MayBeErased(leaf.kind)) {
      result_.findings.Refuse(absl::StrCat("entry ", *by, ": says that entry ", index,
                                           " was erased, which is the ledger's own (",
                                           EntryKindName(leaf.kind), ")"));
      return false;
    }
    result_.erased.push_back({index, *by, shown});
    return true;
  }

  void CheckTime(uint64_t index, uint64_t recorded_us) {
    if (!result_.first_recorded_us) {
      result_.first_recorded_us = recorded_us;
    } else if (recorded_us <= *result_.last_recorded_us) {
      result_.findings.Refuse(
          absl::StrCat("entry ", index, ": recorded no later than the entry before"));
    }
    result_.last_recorded_us = recorded_us;
  }

  void Broken(uint64_t index, const std::string& path, const absl::Status& status) {
    result_.findings.Refuse(absl::StrCat("entry ", index, " (", path, "): ", status.message()));
  }

  const BundleRules& rules_;
  const BundleFiles& files_;
  const uint64_t first_index_;
  const std::string entries_path_;
  const std::string tile_path_;
  const std::string payload_path_;
  std::vector<absl::string_view> entries_;  // of files_, as the openings are
  std::vector<absl::StatusOr<Leaf>> leaves_;
  std::vector<std::optional<OpeningView>> openings_;
  std::vector<absl::StatusOr<EmitterProof>> opened_;
  BundleResult result_;
};

}  // namespace

void Findings::Add(Finding finding) {
  worst_ = std::max(worst_, finding.outcome);
  if (kept_.size() < kMaxReasons) {
    kept_.push_back(std::move(finding));
  } else {
    ++left_out_;
  }
}

void Findings::AddStatus(absl::string_view what, const absl::Status& status) {
  if (absl::IsInvalidArgument(status) || absl::IsDataLoss(status) || absl::IsOutOfRange(status)) {
    return Refuse(absl::StrCat(what, ": ", status.message()));
  }
  if (absl::IsNotFound(status)) return CannotTell(absl::StrCat(what, ": is missing"));
  CannotTell(std::string(status.message()));  // a reading error names the path itself
}

void Findings::MoveInto(Verdict& verdict) {
  for (const Finding& finding : kept_) verdict.Lower(finding.outcome, finding.text);
  verdict.reasons_left_out += left_out_;
  verdict.outcome = std::max(verdict.outcome, worst_);
  kept_.clear();
  left_out_ = 0;
}

BundleResult CheckBundle(const BundleRules& rules, const BundleFiles& files) {
  return BundleChecker(rules, files).Run();
}

}  // namespace auditledger
