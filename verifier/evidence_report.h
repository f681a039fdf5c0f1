// The third party's judgement of an evidence file (merkle/evidence.h): whether it proves that
// somebody misbehaved, who, and by which signed statements, in words for people who do not know
// what a Merkle tree is. Whoever wrote the file is not believed: only signatures of the pinned keys
// and hashes count.
//
// Example (compiled in tests/verifier/evidence_report_test.cc):
//   const EvidenceReport report = JudgeEvidence(text, pin);
//   std::cout << EvidenceText(report);
//   return report.verdict.ExitCode();     // 1: it proves misbehaviour, 2: it proves nothing
//
// A pin without a policy knows no witnesses: a rollback, which convicts one, then cannot be told.
// Thread-safety: pure functions and plain values. Errors: all of them are verdicts, with reasons.
#ifndef AUDITLEDGER_VERIFIER_EVIDENCE_REPORT_H_
#define AUDITLEDGER_VERIFIER_EVIDENCE_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "merkle/evidence.h"
#include "verifier/key_changes.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

struct EvidenceReport {
  // Refused: misbehaviour is proven. Cannot tell: the file proves nothing. Never verified.
  Verdict verdict;
  std::string kind;  // EvidenceKindName; "" where the file does not parse
  struct Accused {
    std::string role;  // "log" or "witness"
    std::string name;
    std::string why;
  };
  std::vector<Accused> accused;  // none unless it is proven
  // A signed head that the evidence rests on, as the file has it.
  struct Statement {
    uint64_t size = 0;
    std::string root;                         // hex
    uint32_t key_id = 0;                      // of the log's key that signed it
    std::vector<WitnessReport::Cosigner> by;  // witnesses of the policy that cosigned it
    std::string note;                         // verbatim
  };
  std::vector<Statement> statements;
  std::vector<std::string> explained;  // why an honest party could not have signed them
};

// Changes of the log's key (key_changes.h), so that a head counts only if the key of its size
// signed it. Those given, for whatever size, are taken at the giver's word, as far as they
// contradict nothing remembered.
struct EvidenceKeys {
  std::vector<LoggedKeyChange> remembered = {};
  std::optional<KeyChangeList> given = {};
};
// Without any change, whoever stole a key before or after its life can make evidence under it: the
// verdict says that this is not excluded.
EvidenceReport JudgeEvidence(absl::string_view text, const Pin& pin, const EvidenceKeys& keys = {});

// Lines for people: who, the statements, what they show and why; VerdictText where nothing is
// proven.
std::string EvidenceText(const EvidenceReport& report);
// VerdictJson's object with "misbehaviour": {kind, accused [{role, name, why}], statements [{size,
// root, key_id, cosigned_by [{name, time}], note}], explained []}, or null where nothing is proven.
std::string EvidenceJson(const EvidenceReport& report);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EVIDENCE_REPORT_H_
