#include "merkle/policy.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

// What `node` lacks of its threshold; `holds` says of each node whether it is reached. Every name
// is a member of one group at most, so that nothing is said twice.
std::string WhatIsMissing(const std::vector<PolicyNode>& nodes, const std::vector<bool>& holds,
                          size_t index) {
  const PolicyNode& node = nodes[index];
  if (node.members.empty()) {
    return absl::StrCat(PrintablePolicyName(node.name), " has not cosigned");
  }
  size_t reached = 0;
  std::vector<std::string> missing;
  for (size_t member : node.members) {
    if (holds[member]) {
      ++reached;
    } else {
      missing.push_back(WhatIsMissing(nodes, holds, member));
    }
  }
  return absl::StrCat(PrintablePolicyName(node.name), " has ", reached, " of the ", node.threshold,
                      " it needs (", absl::StrJoin(missing, ", "), ")");
}

// "2 of 3" for a group of witnesses, "2 of (2 of 3, Y1)" for one with groups in it.
std::string Describe(const std::vector<PolicyNode>& nodes, size_t index) {
  const PolicyNode& node = nodes[index];
  if (node.members.empty()) return PrintablePolicyName(node.name);
  const bool flat = std::all_of(node.members.begin(), node.members.end(),
                                [&](size_t member) { return nodes[member].members.empty(); });
  if (flat) return absl::StrCat(node.threshold, " of ", node.members.size());
  std::vector<std::string> members;
  for (size_t member : node.members) members.push_back(Describe(nodes, member));
  return absl::StrCat(node.threshold, " of (", absl::StrJoin(members, ", "), ")");
}

}  // namespace

std::vector<NoteVerifier> Policy::WitnessKeys() const {
  std::vector<NoteVerifier> keys;
  for (const PolicyWitness& witness : witnesses_) keys.push_back(witness.key);
  return keys;
}

absl::Status Policy::CheckQuorum(absl::Span<const size_t> cosigned) const {
  if (!quorum_.has_value()) return absl::OkStatus();
  std::vector<bool> has(witnesses_.size());
  for (size_t witness : cosigned) has.at(witness) = true;
  std::vector<bool> holds(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {  // members stand before their group
    const PolicyNode& node = nodes_[i];
    const auto reached = std::count_if(node.members.begin(), node.members.end(),
                                       [&](size_t member) { return holds[member]; });
    holds[i] =
        node.members.empty() ? has[node.witness] : static_cast<uint64_t>(reached) >= node.threshold;
  }
  if (holds[*quorum_]) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("quorum not met: ", WhatIsMissing(nodes_, holds, *quorum_)));
}

// Two quorums of a group choose k members each, so they have at least 2k - n members in common, and
// can be chosen to have any 2k - n in common, so the cheapest ones. In a member that only one of
// them chose nobody is in both; in a common one its own two quorums meet. Members share no witness,
// since a name is a member once. Hence the sum of the 2k - n smallest overlaps of members.
uint64_t Policy::SmallestQuorumOverlap() const {
  if (!quorum_.has_value()) return 0;
  std::vector<uint64_t> overlap(nodes_.size(), 1);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const PolicyNode& node = nodes_[i];
    if (node.members.empty()) continue;
    std::vector<uint64_t> shared;
    for (size_t member : node.members) shared.push_back(overlap[member]);
    std::sort(shared.begin(), shared.end());
    const uint64_t twice = 2 * node.threshold;
    const uint64_t common = twice > shared.size() ? twice - shared.size() : 0;
    overlap[i] = 0;
    for (uint64_t m = 0; m < common; ++m) overlap[i] += shared[m];
  }
  return overlap[*quorum_];
}

std::string Policy::ExplainSurvived() const {
  if (!quorum_.has_value()) return "quorum none: no witness is asked for, f = -1";
  const uint64_t overlap = SmallestQuorumOverlap();
  return absl::StrCat(Describe(nodes_, *quorum_), ": two quorums share at least ", overlap,
                      overlap == 1 ? " witness" : " witnesses", ", f = ", overlap,
                      " - 1 = ", DishonestWitnessesSurvived());
}

std::string PrintablePolicyName(absl::string_view name) {
  return CheckNoteCharacters("name", name).ok() ? std::string(name) : absl::CHexEscape(name);
}

}  // namespace auditledger
