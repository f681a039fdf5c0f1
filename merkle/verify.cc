#include "merkle/verify.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/proof_shape.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status CheckSize(absl::string_view what, uint64_t size) {
  if (size <= kMaxTreeSize) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": size ", size, " is over 2^63 - 1"));
}

absl::Status CheckLength(absl::string_view what, size_t given, size_t needed) {
  if (given == needed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": the proof has ", given, " hashes, exactly ", needed, " are needed"));
}

absl::Status CheckHash(absl::string_view what, const Hash& computed, const Hash& stated) {
  if (computed == stated) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(what, ": computed ", computed.ToHex(), ", stated ", stated.ToHex()));
}

// What the proof makes of the subtree's root and of the tree's.
struct Roots {
  Hash subtree;
  Hash tree;
};

// REQUIRES: proof.size() == shape.ProofLength().
Roots FoldProof(const SubtreeShape& shape, const Hash& known, absl::Span<const Hash> proof) {
  const Hash start = shape.starts_with_known ? known : proof[0];
  if (!shape.starts_with_known) proof.remove_prefix(1);
  Roots roots{start, start};
  for (size_t i = 0; i < proof.size(); ++i) {
    switch (shape.steps[i].side) {
      case ProofStep::Side::kRight:
        roots.tree = NodeHash(roots.tree, proof[i]);
        break;
      case ProofStep::Side::kLeft:
        roots.tree = NodeHash(proof[i], roots.tree);
        break;
      case ProofStep::Side::kLeftInside:
        roots.subtree = NodeHash(proof[i], roots.subtree);
        roots.tree = NodeHash(proof[i], roots.tree);
        break;
    }
  }
  return roots;
}

// REQUIRES: a non-empty subtree within `size`.
absl::Status VerifyShape(absl::string_view what, LeafRange subtree, const Hash& subtree_root,
                         uint64_t size, const Hash& root, absl::Span<const Hash> proof) {
  const SubtreeShape shape = ShapeOfSubtree(subtree, size);
  RETURN_IF_ERROR(CheckLength(what, proof.size(), shape.ProofLength()));
  const Roots roots = FoldProof(shape, subtree_root, proof);
  RETURN_IF_ERROR(
      CheckHash(absl::StrCat(what, ": old or subtree root"), roots.subtree, subtree_root));
  return CheckHash(absl::StrCat(what, ": root"), roots.tree, root);
}

absl::Status CheckInclusion(uint64_t index, uint64_t size) {
  RETURN_IF_ERROR(CheckSize("inclusion", size));
  if (index < size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("inclusion: no leaf ", index, " in a tree of ", size, " leaves"));
}

absl::Status CheckRange(uint64_t begin, size_t leaves, uint64_t size, size_t hashes) {
  RETURN_IF_ERROR(CheckSize("range", size));
  if (leaves == 0) return absl::InvalidArgumentError("range: an empty range proves nothing");
  if (begin >= size || leaves > size - begin) {
    return absl::InvalidArgumentError(
        absl::StrCat("range: ", leaves, " leaves from ", begin, " are not in a tree of ", size));
  }
  return CheckLength("range", hashes, ShapeOfRange({begin, begin + leaves}, size).size());
}

// Recomputes the root of [begin, end) from the leaves of a range and the hashes beside it.
class RangeFolder {
 public:
  // `paths`, where not empty, has a place for each leaf, which gets its inclusion proof.
  RangeFolder(LeafRange range, absl::Span<const Hash> leaves, absl::Span<const Hash> proof,
              absl::Span<std::vector<Hash>> paths)
      : range_(range), leaves_(leaves), proof_(proof), paths_(paths) {}

  // Recursion is at most 63 deep: each call halves.
  Hash Root(LeafRange node) {
    if (node.end <= range_.begin || node.begin >= range_.end) return proof_[next_++];
    if (node.end - node.begin == 1) return leaves_[node.begin - range_.begin];
    const uint64_t middle = node.begin + SplitPoint(node.end - node.begin);
    const Hash left = Root({node.begin, middle});
    const Hash right = Root({middle, node.end});
    Note({node.begin, middle}, right);
    Note({middle, node.end}, left);
    return NodeHash(left, right);
  }

 private:
  // `sibling` stands beside `half`, above all that was noted for its leaves before.
  void Note(LeafRange half, const Hash& sibling) {
    if (paths_.empty()) return;
    const uint64_t end = std::min(half.end, range_.end);
    for (uint64_t leaf = std::max(half.begin, range_.begin); leaf < end; ++leaf) {
      paths_[leaf - range_.begin].push_back(sibling);
    }
  }

  LeafRange range_;
  absl::Span<const Hash> leaves_;
  absl::Span<const Hash> proof_;
  absl::Span<std::vector<Hash>> paths_;
  size_t next_ = 0;
};

}  // namespace

absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Hash& leaf_hash,
                             absl::Span<const Hash> proof, const Hash& root) {
  RETURN_IF_ERROR(CheckInclusion(index, size));
  return VerifyShape("inclusion", {index, index + 1}, leaf_hash, size, root, proof);
}

absl::StatusOr<Hash> RootOfInclusion(uint64_t index, uint64_t size, const Hash& leaf_hash,
                                     absl::Span<const Hash> proof) {
  RETURN_IF_ERROR(CheckInclusion(index, size));
  const SubtreeShape shape = ShapeOfSubtree({index, index + 1}, size);
  RETURN_IF_ERROR(CheckLength("inclusion", proof.size(), shape.ProofLength()));
  return FoldProof(shape, leaf_hash, proof).tree;
}

absl::Status VerifyConsistency(uint64_t old_size, const Hash& old_root, uint64_t new_size,
                               const Hash& new_root, absl::Span<const Hash> proof) {
  RETURN_IF_ERROR(CheckSize("consistency", new_size));
  if (old_size == 0) {
    return absl::InvalidArgumentError("consistency: from size 0 nothing is proven");
  }
  if (old_size > new_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("consistency: old size ", old_size, " is over the new size ", new_size));
  }
  return VerifyShape("consistency", {0, old_size}, old_root, new_size, new_root, proof);
}

absl::Status VerifyExtension(uint64_t old_size, const Hash& old_root, uint64_t new_size,
                             const Hash& new_root, absl::Span<const Hash> proof) {
  if (old_size > 0) return VerifyConsistency(old_size, old_root, new_size, new_root, proof);
  RETURN_IF_ERROR(CheckSize("extension", new_size));
  RETURN_IF_ERROR(CheckLength("extension of the empty tree", proof.size(), 0));
  RETURN_IF_ERROR(CheckHash("extension: root of size 0", EmptyRoot(), old_root));
  if (new_size > 0) return absl::OkStatus();
  return CheckHash("extension: root of size 0", EmptyRoot(), new_root);
}

absl::Status VerifySubtreeInclusion(uint64_t index, LeafRange subtree, const Hash& leaf_hash,
                                    absl::Span<const Hash> proof, const Hash& subtree_root) {
  RETURN_IF_ERROR(CheckSize("subtree inclusion", subtree.end));
  if (!IsSubtree(subtree) || index < subtree.begin || index >= subtree.end) {
    return absl::InvalidArgumentError(absl::StrCat("subtree inclusion: no leaf ", index,
                                                   " in a subtree [", subtree.begin, ", ",
                                                   subtree.end, ")"));
  }
  return VerifyInclusion(index - subtree.begin, subtree.end - subtree.begin, leaf_hash, proof,
                         subtree_root);
}

absl::Status VerifySubtreeConsistency(LeafRange subtree, const Hash& subtree_root, uint64_t size,
                                      const Hash& root, absl::Span<const Hash> proof) {
  RETURN_IF_ERROR(CheckSize("subtree consistency", size));
  if (!IsSubtree(subtree) || subtree.end > size) {
    return absl::InvalidArgumentError(absl::StrCat("subtree consistency: no subtree [",
                                                   subtree.begin, ", ", subtree.end,
                                                   ") in a tree of ", size, " leaves"));
  }
  if (subtree.begin == subtree.end) {
    RETURN_IF_ERROR(CheckLength("consistency of an empty subtree", proof.size(), 0));
    return CheckHash("root of an empty subtree", EmptyRoot(), subtree_root);
  }
  return VerifyShape("subtree consistency", subtree, subtree_root, size, root, proof);
}

absl::Status VerifyRange(uint64_t begin, absl::Span<const Hash> leaf_hashes, uint64_t size,
                         absl::Span<const Hash> proof, const Hash& root) {
  RETURN_IF_ERROR(CheckRange(begin, leaf_hashes.size(), size, proof.size()));
  RangeFolder folder({begin, begin + leaf_hashes.size()}, leaf_hashes, proof, {});
  return CheckHash("range: root", folder.Root({0, size}), root);
}

absl::StatusOr<std::vector<std::vector<Hash>>> UnfoldRange(uint64_t begin,
                                                           absl::Span<const Hash> leaf_hashes,
                                                           uint64_t size,
                                                           absl::Span<const Hash> proof) {
  RETURN_IF_ERROR(CheckRange(begin, leaf_hashes.size(), size, proof.size()));
  std::vector<std::vector<Hash>> paths(leaf_hashes.size());
  for (std::vector<Hash>& path : paths) path.reserve(static_cast<size_t>(std::bit_width(size)));
  RangeFolder({begin, begin + leaf_hashes.size()}, leaf_hashes, proof, absl::MakeSpan(paths))
      .Root({0, size});
  return paths;
}

}  // namespace auditledger
