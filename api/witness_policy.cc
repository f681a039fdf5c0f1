#include "api/witness_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/http_transport.h"
#include "ledger/posix_file.h"
#include "merkle/key_chain.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Invalid(const std::string& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

absl::Status CheckStrength(const std::string& file, const Policy& policy, bool allow_weak) {
  if (policy.asks_for_no_witness()) {
    return Invalid(file, "\"quorum none\" asks for no witness: leave the policy out instead");
  }
  if (policy.DishonestWitnessesSurvived() >= 1 || allow_weak) return absl::OkStatus();
  return Invalid(
      file, absl::StrCat("one dishonest witness is enough for a fork (", policy.ExplainSurvived(),
                         "): ask more witnesses, 4 of 5 for one, or set allow_weak_policy"));
}

}  // namespace

absl::StatusOr<WitnessPolicy> LoadWitnessPolicy(const std::string& file, bool allow_weak) {
  const absl::StatusOr<std::string> text = ReadWholeFile(file, kMaxPolicyBytes);
  if (!text.ok()) return Invalid(file, text.status().message());
  absl::StatusOr<Policy> parsed = Policy::Parse(*text);
  if (!parsed.ok()) return Invalid(file, parsed.status().message());
  RETURN_IF_ERROR(CheckStrength(file, *parsed, allow_weak));
  WitnessPolicy out{file, *std::move(parsed), {}};
  const std::vector<PolicyWitness>& witnesses = out.policy.witnesses();
  for (size_t i = 0; i < witnesses.size(); ++i) {
    const PolicyWitness& witness = witnesses[i];
    if (witness.url.empty() || witness.key.type() != kNoteEd25519Cosignature) continue;
    const absl::Status url = CheckHttpUrl(witness.url);
    if (!url.ok()) {
      return Invalid(file, absl::StrCat("witness ", PrintablePolicyName(witness.name), ": its URL ",
                                        url.message()));
    }
    out.asked.push_back(i);
  }
  if (out.asked.size() > kMaxAskedWitnesses) {
    return Invalid(file, absl::StrCat(out.asked.size(), " witnesses with a URL, over the limit of ",
                                      kMaxAskedWitnesses));
  }
  const absl::Status quorum = out.policy.CheckQuorum(out.asked);
  if (!quorum.ok()) {
    return Invalid(file,
                   absl::StrCat("the witnesses that can be asked (a URL, an Ed25519 key) cannot "
                                "meet the quorum: ",
                                quorum.message()));
  }
  return out;
}

absl::Status CheckListsLog(const WitnessPolicy& policy, const NoteVerifier& log_key) {
  const std::vector<PolicyLog>& logs = policy.policy.logs();
  const std::string vkey = log_key.ToVkey();
  const bool listed = std::any_of(logs.begin(), logs.end(),
                                  [&](const PolicyLog& log) { return log.key.ToVkey() == vkey; });
  if (logs.empty() || listed) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the witness policy ", policy.file, " lists other logs: add the line \"log ", vkey, "\""));
}

absl::StatusOr<SignedCheckpoint> OpenOwnHead(absl::string_view note, const Ledger& ledger,
                                             const WitnessPolicy& policy) {
  ASSIGN_OR_RETURN(const KeyChain chain,
                   KeyChain::BuildFromLeaves(ledger.verifier(), ledger.key_changes()));
  // What the chain knows, it has judged: a key that was retired signs no head beyond its change.
  const auto is_known = [&](const NoteVerifier& key) {
    return std::any_of(chain.keys().begin(), chain.keys().end(),
                       [&](const NoteVerifier& known) { return known.ToVkey() == key.ToVkey(); });
  };
  absl::StatusOr<SignedCheckpoint> opened = OpenCheckpoint(note, ledger.origin(), chain);
  for (const PolicyLog& log : policy.policy.logs()) {
    if (!absl::IsUnauthenticated(opened.status())) break;
    if (log.key.name() == ledger.origin() && !is_known(log.key)) {
      opened = OpenCheckpoint(note, ledger.origin(), log.key);
    }
  }
  return opened;
}

}  // namespace auditledger
