#include "ledger/repair_leaves.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/engine_tiles.h"
#include "merkle/frontier.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"

namespace auditledger {
namespace {

// What one walk over all entries came to.
struct Walk {
  std::optional<Hash> signed_root;  // at the signed size
  std::optional<Hash> stored_root;  // at the stored size
  std::optional<uint64_t> nowhere;  // the first entry that nobody has
  uint64_t taken = 0;               // from others
  ErasureHistory erasures;          // of entries below the signed size
};

// What breaks a rule counts for nothing; fsck names it.
void TakeErasure(uint64_t index, absl::string_view bytes, ErasureHistory& erasures) {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
  if (!leaf.ok() || !ErasureHistory::Takes(leaf->kind)) return;
  erasures.Add(index, leaf->kind, leaf->body).IgnoreError();
}

Walk WalkOver(const Head& signed_head, uint64_t end, LeafPolicy policy, LeafPicker& picker) {
  Walk out;
  Frontier frontier;
  for (uint64_t bundle = 0; bundle * kTileWidth < end; ++bundle) {
    const uint64_t width = std::min(kTileWidth, end - bundle * kTileWidth);
    for (const auto& leaf : picker.Pick(bundle, width, signed_head.size, policy)) {
      if (!leaf.has_value()) {
        out.nowhere = frontier.size();
        return out;
      }
      if (frontier.size() < signed_head.size) {
        TakeErasure(frontier.size(), leaf->bytes, out.erasures);
      }
      frontier.Append(LeafHash(leaf->bytes));
      out.taken += leaf->is_own ? 0 : 1;
      if (frontier.size() == signed_head.size) out.signed_root = frontier.Root();
    }
  }
  out.stored_root = frontier.Root();
  return out;
}

}  // namespace

LeafPicker::Leaves LeafPicker::ReadOwn(uint64_t begin, uint64_t end) {
  Leaves out(end - begin);
  if (store_ == nullptr) return out;
  // What the scan could not read it has passed over.
  store_
      ->Scan(RecordKind::kLeaf, begin, end,
             [&](uint64_t index, absl::string_view bytes) {
               out[index - begin] = std::string(bytes);
               return true;
             })
      .IgnoreError();
  for (uint64_t index = begin; index < end; ++index) {
    if (out[index - begin].has_value()) continue;
    absl::StatusOr<std::string> leaf = store_->Read(RecordKind::kLeaf, index);
    if (leaf.ok()) out[index - begin] = *std::move(leaf);
  }
  return out;
}

std::vector<LeafPicker::Leaves> LeafPicker::ReadOthers(uint64_t index, uint64_t width) {
  std::vector<Leaves> out;
  for (LeafSource* other : others_) {
    Leaves& leaves = out.emplace_back(width);
    absl::StatusOr<std::vector<std::string>> read = other->ReadEntries(index, width);
    for (uint64_t i = 0; read.ok() && i < std::min<uint64_t>(width, read->size()); ++i) {
      leaves[i] = std::move((*read)[i]);
    }
  }
  return out;
}

std::vector<std::optional<PickedLeaf>> LeafPicker::Pick(uint64_t index, uint64_t width,
                                                        uint64_t signed_size, LeafPolicy policy) {
  const uint64_t begin = index * kTileWidth;
  Leaves own = ReadOwn(begin, begin + width);
  std::string tile;
  if (store_ != nullptr) {
    absl::StatusOr<std::string> read = EngineTiles(*store_).ReadTile({0, index}, width);
    if (read.ok()) tile = *std::move(read);
  }
  const auto fits_tile = [&](uint64_t i, const std::string& leaf) {
    return !tile.empty() &&
           absl::string_view(tile).substr(i * Hash::kSize, Hash::kSize) == LeafHash(leaf).view();
  };
  std::vector<std::optional<PickedLeaf>> out(width);
  std::optional<std::vector<Leaves>> others;
  for (uint64_t i = 0; i < width; ++i) {
    if (own[i].has_value()) out[i] = PickedLeaf{*own[i], true};
    const bool undoubted = own[i].has_value() && fits_tile(i, *own[i]);
    if (begin + i >= signed_size || (undoubted && policy == LeafPolicy::kOwnFirst)) continue;
    if (!others.has_value()) others = ReadOthers(index, width);
    for (const Leaves& other : *others) {
      if (!other[i].has_value()) continue;
      if (own[i] == other[i]) break;  // two say so
      const bool decides = policy == LeafPolicy::kOthersFirst || fits_tile(i, *other[i]);
      if (decides || !out[i].has_value()) out[i] = PickedLeaf{*other[i], false};
      if (decides) break;
    }
  }
  return out;
}

absl::StatusOr<ProvenLeaves> ProveLeaves(const Head& signed_head, const std::optional<Head>& stored,
                                         LeafPicker& picker) {
  const bool extends = stored.has_value() && stored->size > signed_head.size;
  const uint64_t end = extends ? stored->size : signed_head.size;
  std::string why;
  for (const LeafPolicy policy : {LeafPolicy::kOwnFirst, LeafPolicy::kOthersFirst}) {
    Walk walk = WalkOver(signed_head, end, policy, picker);
    if (walk.signed_root == signed_head.root) {
      ProvenLeaves out{policy, {signed_head.size, signed_head.root, 0}, std::move(walk.erasures)};
      if (extends && walk.stored_root == stored->root) {
        out.head = {stored->size, stored->root, 0};
      }
      return out;
    }
    absl::StrAppend(&why, why.empty() ? "" : "; with theirs first ");
    if (walk.nowhere.has_value() && *walk.nowhere < signed_head.size) {
      absl::StrAppend(&why, "entry ", *walk.nowhere, " is in none of them");
    } else {
      absl::StrAppend(&why, "the ", signed_head.size, " entries, ", walk.taken,
                      " of them taken from others, have root ",
                      walk.signed_root.value_or(Hash()).ToHex());
    }
  }
  return absl::DataLossError(absl::StrCat(
      "what is left here and what was given do not lead to the head that the signer signed, size ",
      signed_head.size, " and root ", signed_head.root.ToHex(),
      ": with the log's own entries first ", why, ". Give another mirror or backup"));
}

}  // namespace auditledger
