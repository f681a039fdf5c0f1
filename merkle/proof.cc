#include "merkle/proof.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/proof_roots.h"
#include "merkle/proof_shape.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status CheckRange(absl::string_view what, LeafRange range, uint64_t size) {
  if (range.begin <= range.end && range.end <= size && size <= kMaxTreeSize) {
    return absl::OkStatus();
  }
  return absl::OutOfRangeError(absl::StrCat(what, ": leaves [", range.begin, ", ", range.end,
                                            ") are not in a tree of ", size,
                                            " (at most 2^63 - 1) leaves"));
}

// Whether a range proof of it can be made.
absl::Status CheckProvable(LeafRange range, uint64_t size) {
  RETURN_IF_ERROR(CheckRange("range proof", range, size));
  if (range.begin != range.end) return absl::OkStatus();
  return absl::OutOfRangeError("range proof: an empty range has no proof");
}

}  // namespace

absl::StatusOr<std::vector<Hash>> InclusionProof(uint64_t index, uint64_t size,
                                                 NodeReader& reader) {
  if (index >= size || size > kMaxTreeSize) {
    return absl::OutOfRangeError(absl::StrCat("inclusion proof: no leaf ", index, " in a tree of ",
                                              size, " (at most 2^63 - 1) leaves"));
  }
  return SubtreeConsistencyProof({index, index + 1}, size, reader);
}

absl::StatusOr<std::vector<Hash>> ConsistencyProof(uint64_t old_size, uint64_t new_size,
                                                   NodeReader& reader) {
  if (old_size == 0) {
    return absl::OutOfRangeError("consistency proof: from size 0 there is nothing to prove");
  }
  return SubtreeConsistencyProof({0, old_size}, new_size, reader);
}

absl::StatusOr<Hash> RootAt(uint64_t size, NodeReader& reader) {
  return SubtreeRoot({0, size}, reader);
}

bool IsSubtree(LeafRange range) {
  if (range.begin > range.end) return false;
  if (range.begin == 0 || range.begin == range.end) return true;
  const uint64_t width = range.end - range.begin;
  // Over 2^63 leaves std::bit_ceil has no value; only a range from 0 can be that wide.
  if (width > kMaxTreeSize) return false;
  return range.begin % std::bit_ceil(width) == 0;
}

std::vector<LeafRange> CoveringSubtrees(LeafRange range) {
  if (range.begin >= range.end) return {};
  const uint64_t last = range.end - 1;
  if (range.begin == last) return {range};
  // The highest bit in which the first and the last leaf differ is where they part.
  const int split = std::bit_width(range.begin ^ last) - 1;
  const uint64_t mask = (uint64_t{1} << split) - 1;
  const uint64_t middle = last & ~mask;
  const uint64_t left_mask = (uint64_t{1} << std::bit_width(~range.begin & mask)) - 1;
  return {{range.begin & ~left_mask, middle}, {middle, range.end}};
}

absl::StatusOr<Hash> SubtreeRoot(LeafRange subtree, NodeReader& reader) {
  RETURN_IF_ERROR(CheckRange("subtree root", subtree, subtree.end));
  if (!IsSubtree(subtree)) {
    return absl::InvalidArgumentError(
        absl::StrCat("subtree root: [", subtree.begin, ", ", subtree.end, ") is no subtree"));
  }
  ASSIGN_OR_RETURN(const std::vector<Hash> roots, ReadRoots({subtree}, reader));
  return roots[0];
}

absl::StatusOr<std::vector<Hash>> SubtreeConsistencyProof(LeafRange subtree, uint64_t size,
                                                          NodeReader& reader) {
  RETURN_IF_ERROR(CheckRange("subtree consistency proof", subtree, size));
  if (!IsSubtree(subtree)) {
    return absl::InvalidArgumentError(absl::StrCat("subtree consistency proof: [", subtree.begin,
                                                   ", ", subtree.end, ") is no subtree"));
  }
  if (subtree.begin == subtree.end) return std::vector<Hash>();
  const SubtreeShape shape = ShapeOfSubtree(subtree, size);
  std::vector<LeafRange> ranges;
  ranges.reserve(shape.ProofLength());
  if (!shape.starts_with_known) ranges.push_back(shape.start);
  for (const ProofStep& step : shape.steps) ranges.push_back(step.sibling);
  return ReadRoots(ranges, reader);
}

absl::StatusOr<std::vector<Hash>> RangeProof(LeafRange range, uint64_t size, NodeReader& reader) {
  RETURN_IF_ERROR(CheckProvable(range, size));
  return ReadRoots(ShapeOfRange(range, size), reader);
}

absl::StatusOr<std::vector<Hash>> RangeProofOfEnds(LeafRange range, uint64_t size,
                                                   absl::Span<const Hash> first,
                                                   absl::Span<const Hash> last) {
  RETURN_IF_ERROR(CheckProvable(range, size));
  const SubtreeShape to_first = ShapeOfSubtree({range.begin, range.begin + 1}, size);
  const SubtreeShape to_last = ShapeOfSubtree({range.end - 1, range.end}, size);
  if (first.size() != to_first.ProofLength() || last.size() != to_last.ProofLength()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "range proof: inclusion proofs of ", first.size(), " and ", last.size(), " hashes, where ",
        to_first.ProofLength(), " and ", to_last.ProofLength(), " are needed"));
  }
  std::vector<Hash> proof;
  for (size_t i = first.size(); i-- > 0;) {
    if (to_first.steps[i].side == ProofStep::Side::kLeft) proof.push_back(first[i]);
  }
  for (size_t i = 0; i < last.size(); ++i) {
    if (to_last.steps[i].side == ProofStep::Side::kRight) proof.push_back(last[i]);
  }
  return proof;
}

}  // namespace auditledger
