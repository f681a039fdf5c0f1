#include "merkle/set_proof.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/proof_roots.h"
#include "merkle/proof_shape.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

uint64_t IndexOf(uint64_t index) { return index; }
uint64_t IndexOf(const IndexedHash& leaf) { return leaf.index; }

// "" when a set proof of them is possible.
template <typename T>
std::string FaultOf(absl::Span<const T> leaves, uint64_t size) {
  if (size > kMaxTreeSize) return absl::StrCat("size ", size, " is over 2^63 - 1");
  if (leaves.empty()) return "of no leaf nothing is proven";
  for (size_t i = 0; i < leaves.size(); ++i) {
    const uint64_t index = IndexOf(leaves[i]);
    if (index >= size) return absl::StrCat("no leaf ", index, " in a tree of ", size, " leaves");
    if (i > 0 && index <= IndexOf(leaves[i - 1])) {
      return absl::StrCat("leaf ", index, " does not ascend");
    }
  }
  return "";
}

// How many of them lie before `middle`.
template <typename T>
size_t CountBefore(absl::Span<const T> leaves, uint64_t middle) {
  return static_cast<size_t>(
      std::partition_point(leaves.begin(), leaves.end(),
                           [&](const T& leaf) { return IndexOf(leaf) < middle; }) -
      leaves.begin());
}

// The proof's subtrees, left to right. Recursion here and below is at most 63 deep: each call
// halves.
template <typename T>
void Shape(LeafRange node, absl::Span<const T> leaves, std::vector<LeafRange>& out) {
  if (leaves.empty()) {
    out.push_back(node);
    return;
  }
  if (leaves.size() == node.end - node.begin) return;
  const uint64_t middle = node.begin + SplitPoint(node.end - node.begin);
  const size_t left = CountBefore(leaves, middle);
  Shape({node.begin, middle}, leaves.subspan(0, left), out);
  Shape({middle, node.end}, leaves.subspan(left), out);
}

Hash Fold(LeafRange node, absl::Span<const IndexedHash> leaves, absl::Span<const Hash>& proof) {
  if (leaves.empty()) {
    const Hash hash = proof.front();
    proof.remove_prefix(1);
    return hash;
  }
  if (node.end - node.begin == 1) return leaves.front().hash;
  const uint64_t middle = node.begin + SplitPoint(node.end - node.begin);
  const size_t before = CountBefore(leaves, middle);
  const Hash left = Fold({node.begin, middle}, leaves.subspan(0, before), proof);
  const Hash right = Fold({middle, node.end}, leaves.subspan(before), proof);
  return NodeHash(left, right);
}

}  // namespace

absl::StatusOr<std::vector<Hash>> SetProof(absl::Span<const uint64_t> indexes, uint64_t size,
                                           NodeReader& reader) {
  const std::string fault = FaultOf(indexes, size);
  if (!fault.empty()) return absl::OutOfRangeError(absl::StrCat("set proof: ", fault));
  std::vector<LeafRange> ranges;
  Shape({0, size}, indexes, ranges);
  return ReadRoots(ranges, reader);
}

absl::Status VerifySet(absl::Span<const IndexedHash> leaves, uint64_t size,
                       absl::Span<const Hash> proof, const Hash& root) {
  const std::string fault = FaultOf(leaves, size);
  if (!fault.empty()) return absl::InvalidArgumentError(absl::StrCat("set proof: ", fault));
  std::vector<LeafRange> ranges;
  Shape({0, size}, leaves, ranges);
  if (proof.size() != ranges.size()) {
    return absl::InvalidArgumentError(absl::StrCat("set proof: the proof has ", proof.size(),
                                                   " hashes, exactly ", ranges.size(),
                                                   " are needed"));
  }
  const Hash computed = Fold({0, size}, leaves, proof);
  if (computed == root) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("set proof: computed ", computed.ToHex(), ", stated ", root.ToHex()));
}

}  // namespace auditledger
