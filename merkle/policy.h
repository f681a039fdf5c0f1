// C2SP tlog-policy: which logs and witnesses are trusted, and which cosignatures are enough.
//
//   log <vkey> [<url>]
//   witness <name> <vkey> [<url>]
//   group <name> all|any|<k> <member>...     members and quorum: names of earlier lines
//   quorum <name>|none                       exactly one
//
// Example:
//   ASSIGN_OR_RETURN(const Policy policy, Policy::Parse(file));
//   ASSIGN_OR_RETURN(auto cosignatures, VerifyCosignatures(note, policy.WitnessKeys()));
//   RETURN_IF_ERROR(policy.CheckQuorum(IndicesOf(cosignatures)));      // merkle/cosignature.h
//   std::cout << "survives " << policy.DishonestWitnessesSurvived() << " dishonest witnesses";
//
// Lines are separated by LF, the last one included; the parts of a line by spaces and tabs; empty
// lines and lines that begin with '#' are skipped. Names are opaque bytes. Where the format leaves
// a choice: a file has at most kMaxPolicy... of each line; no two lines, log or witness, hold the
// same public key, since a log that is its own witness says nothing twice; a witness key is of a
// cosignature type (0x04, 0x06), a log key is not 0x04. A witness of type 0x06 (ML-DSA-44) never
// counts as having cosigned, since Debian 12's OpenSSL 3.0 cannot check it.
//
// Thread-safety: values and pure functions. Source: c2sp.org/tlog-policy (standards.md 2.7).
#ifndef AUDITLEDGER_MERKLE_POLICY_H_
#define AUDITLEDGER_MERKLE_POLICY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/note.h"

namespace auditledger {

// The format asks for 32 at least; a note holds no more signatures than kMaxNoteSignatures.
inline constexpr size_t kMaxPolicyLogs = 100;
inline constexpr size_t kMaxPolicyWitnesses = 100;
inline constexpr size_t kMaxPolicyGroups = 100;
// 300 lines with ML-DSA keys, long names and URLs, and comments.
inline constexpr size_t kMaxPolicyBytes = 1'000'000;

struct PolicyLog {
  NoteVerifier key;
  std::string url;  // "" for none
};

struct PolicyWitness {
  std::string name;  // within the policy; in notes it signs as key.name()
  NoteVerifier key;
  std::string url;  // the submission prefix; "" for none
};

// A witness, or so many of several others. The nodes of a policy form a forest.
struct PolicyNode {
  std::string name;
  size_t witness = 0;           // index into witnesses(), where there are no members
  uint64_t threshold = 0;       // of the members
  std::vector<size_t> members;  // indices into nodes(), all of them earlier ones
};

class Policy {
 public:
  // InvalidArgument with the number of the line and what is wrong with it.
  static absl::StatusOr<Policy> Parse(absl::string_view text);

  const std::vector<PolicyLog>& logs() const { return logs_; }  // may be empty
  const std::vector<PolicyWitness>& witnesses() const { return witnesses_; }
  const std::vector<PolicyNode>& nodes() const { return nodes_; }
  // The keys of witnesses(), in their order.
  std::vector<NoteVerifier> WitnessKeys() const;
  // "quorum none": every checkpoint of the log will do.
  bool asks_for_no_witness() const { return !quorum_.has_value(); }

  // OK iff the quorum holds when exactly these witnesses (indices into witnesses(), in any order,
  // repeats count once) have cosigned. FailedPrecondition says which group lacks how many of whom.
  // REQUIRES: indices below witnesses().size().
  absl::Status CheckQuorum(absl::Span<const size_t> cosigned) const;

  // The fewest witnesses that two quorums have in common. A fork needs two quorums, and everybody
  // who is in both must have lied: this many dishonest witnesses can fork, fewer cannot.
  // 0 for "quorum none" and for policies with two quorums that share nobody.
  uint64_t SmallestQuorumOverlap() const;
  // f, the most dishonest witnesses under which no fork is accepted: the smallest overlap less one,
  // which for k of n is 2k - n - 1. -1: a fork needs no dishonest witness at all.
  int64_t DishonestWitnessesSurvived() const {
    return static_cast<int64_t>(SmallestQuorumOverlap()) - 1;
  }
  // How f was computed, for people: "4 of 5: two quorums share at least 3 witnesses, f = 3 - 1 =
  // 2".
  std::string ExplainSurvived() const;

 private:
  friend class PolicyParser;
  Policy() = default;
  std::vector<PolicyLog> logs_;
  std::vector<PolicyWitness> witnesses_;
  std::vector<PolicyNode> nodes_;
  std::optional<size_t> quorum_;  // index into nodes_
};

// A name of a policy as it may be shown: itself where it is UTF-8 text, else with escapes.
std::string PrintablePolicyName(absl::string_view name);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_POLICY_H_
