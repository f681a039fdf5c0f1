#include "verifier/tree_check.h"

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

Frontier FrontierOf(const std::vector<Hash>& hashes) {
  Frontier frontier;
  for (const Hash& hash : hashes) frontier.Append(hash);
  return frontier;
}

}  // namespace

void TreeCheck::AddBundle(const std::vector<Hash>& leaf_hashes) {
  size_ += leaf_hashes.size();
  if (leaf_hashes.size() < kTileWidth) {
    last_bundle_ = leaf_hashes;
  } else {
    Push(0, RootOf(leaf_hashes));
  }
}

// levels_[i] is tile level i + 1.
void TreeCheck::Push(size_t level, const Hash& hash) {
  if (levels_.size() == level) levels_.emplace_back();
  std::vector<Hash>& edge = levels_[level];
  edge.push_back(hash);
  if (edge.size() < kTileWidth) return;
  const size_t shift = (level + 2) * static_cast<size_t>(kTileHeight);
  CompareTile(level + 1, (size_ >> shift) - 1, edge);
  const Hash root = RootOf(edge);
  edge.clear();
  Push(level + 1, root);
}

Hash TreeCheck::Finish() {
  std::vector<Hash> nodes;
  for (size_t level = levels_.size(); level-- > 0;) {
    const std::vector<Hash>& edge = levels_[level];
    const size_t shift = (level + 2) * static_cast<size_t>(kTileHeight);
    if (!edge.empty()) CompareTile(level + 1, size_ >> shift, edge);
    const Frontier frontier = FrontierOf(edge);
    nodes.insert(nodes.end(), frontier.nodes().begin(), frontier.nodes().end());
  }
  const Frontier last = FrontierOf(last_bundle_);
  nodes.insert(nodes.end(), last.nodes().begin(), last.nodes().end());
  const absl::StatusOr<Frontier> whole = Frontier::FromNodes(size_, nodes);
  return whole.ok() ? whole->Root() : Hash();  // the count is right by construction
}

void TreeCheck::CompareTile(size_t level, uint64_t index, const std::vector<Hash>& hashes) {
  const std::string path = TilePath({static_cast<uint8_t>(level), index}, hashes.size());
  const absl::StatusOr<std::string> tile =
      ReadFileLimited(absl::StrCat(dir_, "/", path), kMaxTileFileBytes);
  if (!tile.ok()) return findings_.AddStatus(path, tile.status());
  std::string expected;
  for (const Hash& hash : hashes) absl::StrAppend(&expected, hash.view());
  if (*tile != expected) {
    findings_.Refuse(absl::StrCat(path, ": is not what the entries below it lead to"));
  }
}

}  // namespace auditledger
