#include "verifier/evidence_report.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "merkle/cosignature.h"
#include "merkle/status_macros.h"
#include "nlohmann/json.hpp"
#include "verifier/entry_check.h"
#include "verifier/witnesses.h"

namespace auditledger {
namespace {

using Kind = Evidence::Kind;

constexpr char kHeadsFixEntries[] =
    "a head (a size and a root hash) fixes every one of its entries and their order: whoever "
    "changes one of them needs another root (SHA-256, RFC 6962)";
constexpr char kLogNeverChanges[] =
    "a log only grows: what was under an earlier head stands, unchanged and in order, under every "
    "later one. No one log has both heads, so whoever signed both kept two histories";
constexpr char kLeafRules[] =
    "the log signed a head over these entries: it had them, and no honest ledger writes such an "
    "entry, or writes on behind one that freezes the log (merkle/leaf.h; recorded times rise "
    "strictly)";

// What each kind shows, for who knows nothing of it.
std::vector<std::string> Explain(const Evidence& evidence) {
  switch (evidence.kind) {
    case Kind::kFork:
      return {kHeadsFixEntries,
              "both heads are of one size and have different roots: they stand for different "
              "entries",
              kLogNeverChanges};
    case Kind::kHistory:
      return {kHeadsFixEntries,
              absl::StrCat("the ", evidence.proof.size(), " hashes in the file lead from root ",
                           evidence.prefix.ToHex(),
                           " to the larger head's: that is what its first "
                           "entries are, by its own root, and not what the smaller head says"),
              kLogNeverChanges};
    case Kind::kReceipt:
      return {kHeadsFixEntries,
              absl::StrCat("the hashes in the file lead from two different entries at place ",
                           evidence.index,
                           " to the two roots: each head vouches for another "
                           "entry there, one of which a receipt shows"),
              kLogNeverChanges};
    case Kind::kRollback:
      return {
          "a witness promises to cosign only heads that extend all it has cosigned before, and "
          "dates each cosignature",
          "by its own dates it cosigned the smaller head after the larger one: it broke that "
          "promise, or its dates are lies. Both heads may be honest: of the log this proves "
          "nothing"};
    case Kind::kLeaf:
    case Kind::kOrder:
      return {kHeadsFixEntries,
              "the hashes in the file lead from the entries shown to the root that was signed",
              kLeafRules};
  }
  return {};
}

std::optional<EvidenceReport::Statement> StatementOf(const std::string& note, const Pin& pin,
                                                     const std::vector<LoggedKeyChange>& changes) {
  NoteVerifier key = pin.key;
  const absl::StatusOr<SignedCheckpoint> head = OpenRotated(note, pin, changes, &key);
  if (!head.ok()) return std::nullopt;
  EvidenceReport::Statement out;
  out.size = head->checkpoint.size;
  out.root = head->checkpoint.root.ToHex();
  out.key_id = key.key_id();
  out.note = note;
  if (!pin.policy) return out;
  const auto cosignatures = VerifyCosignatures(note, pin.policy->WitnessKeys());
  if (!cosignatures.ok()) return out;  // a witness's line that does not verify says nothing
  for (const Cosignature& cosignature : *cosignatures) {
    out.by.push_back({PrintablePolicyName(pin.policy->witnesses()[cosignature.key].name),
                      CosignedAtText(cosignature.timestamp)});
  }
  return out;
}

// Whom it convicts. A witness that cosigned both heads of a fork broke its promise as well.
std::vector<EvidenceReport::Accused> AccusedBy(const Evidence& evidence, const Pin& pin) {
  std::vector<EvidenceReport::Accused> out;
  if (evidence.kind != Kind::kRollback) {
    out.push_back(
        {"log", pin.origin,
         "whoever holds its signing key, which is its operator unless the key was stolen"});
  }
  for (std::string& name : evidence.kind == Kind::kRollback
                               ? WitnessesGoneBack(evidence.first, evidence.second, pin)
                               : CosignersOfBoth(evidence.first, evidence.second, pin)) {
    out.push_back({"witness", std::move(name),
                   evidence.kind == Kind::kRollback ? "cosigned the smaller head later"
                                                    : "cosigned both heads"});
  }
  return out;
}

void AddLimits(const Evidence& evidence, Verdict& verdict) {
  if (HasSecondHead(evidence.kind) && evidence.kind != Kind::kRollback) {
    verdict.not_proven.push_back("which of the two histories is the true one");
  }
  if (evidence.kind != Kind::kRollback) {
    verdict.not_proven.push_back(
        "who used the log's key, and when: heads carry no time but their witnesses' claims");
  }
  verdict.not_proven.push_back("what the entries say: evidence holds hashes and leaves, no events");
}

void AddKeyLimits(const ChangesForHead& known, Verdict& verdict) {
  if (known.changes.empty()) {
    verdict.not_proven.push_back(
        "that the key was the log's at these sizes: no change of it is known here; if it was "
        "rotated, who stole the retired key can sign such heads (--key-changes says when)");
  } else if (!known.unproven.empty()) {
    verdict.not_proven.push_back(absl::StrCat(
        "that ", known.unproven.size(), " changes of the log's key stand in the log where ",
        "--key-changes says: this trust store does not remember them"));
  }
}

// What the pin accepts, as merkle/evidence.h asks for it.
absl::StatusOr<EvidencePins> PinsOf(const Pin& pin, const std::vector<LoggedKeyChange>& changes) {
  EvidencePins pins{pin.origin, pin.key,
                    pin.policy ? pin.policy->WitnessKeys() : std::vector<NoteVerifier>(),
                    pin.other_keys};
  if (changes.empty()) return pins;
  ASSIGN_OR_RETURN(pins.chain, ChainOf(pin, changes));
  return pins;
}

// Whether it would convict if any key that the log has had counted at any size.
bool RestsOnAnotherKey(const Evidence& evidence, EvidencePins pins, const Pin& pin) {
  pins.other_keys = PinnedKeys(pin);
  for (const NoteVerifier& key : pins.chain->keys()) pins.other_keys.push_back(key);
  pins.chain.reset();
  return CheckEvidence(evidence, pins).ok();
}

void AppendList(absl::string_view title, const std::vector<std::string>& lines, std::string& out) {
  absl::StrAppend(&out, title, "\n");
  for (const std::string& line : lines) absl::StrAppend(&out, "  - ", line, "\n");
}

nlohmann::ordered_json StatementJson(const EvidenceReport::Statement& statement) {
  nlohmann::ordered_json by = nlohmann::ordered_json::array();
  for (const auto& cosigner : statement.by) {
    by.push_back({{"name", cosigner.name}, {"time", cosigner.time}});
  }
  return {{"size", statement.size},
          {"root", statement.root},
          {"key_id", absl::StrFormat("%08x", statement.key_id)},
          {"cosigned_by", std::move(by)},
          {"note", statement.note}};
}

}  // namespace

EvidenceReport JudgeEvidence(absl::string_view text, const Pin& pin, const EvidenceKeys& keys) {
  EvidenceReport report;
  report.verdict = Verdict::About("evidence", pin);
  const absl::StatusOr<Evidence> evidence = ParseEvidence(text);
  if (!evidence.ok()) {
    report.verdict.CannotTell(evidence.status().message());
    return report;
  }
  report.kind = std::string(EvidenceKindName(evidence->kind));
  // Of whatever head they were given for: a monitor's mirror has them without proofs.
  constexpr uint64_t kAnySize = std::numeric_limits<uint64_t>::max();
  std::optional<KeyChangeList> given = keys.given;
  if (given) given->size = kAnySize;
  const absl::StatusOr<ChangesForHead> known =
      JoinChanges(keys.remembered, given, "", pin, kAnySize);
  const absl::StatusOr<EvidencePins> pins =
      known.ok() ? PinsOf(pin, known->changes) : known.status();
  if (!pins.ok()) {
    report.verdict.CannotTell(absl::StrCat("the log's keys: ", pins.status().message()));
    return report;
  }
  const absl::StatusOr<std::string> shown = CheckEvidence(*evidence, *pins);
  if (!shown.ok()) {
    report.verdict.CannotTell(shown.status().message());
    if (pins->chain && RestsOnAnotherKey(*evidence, *pins, pin)) {
      report.verdict.CannotTell(
          "a key of the log signed a head at a size where, by the changes known here, it was not "
          "the log's key: whoever stole it could have made this");
    }
    if (evidence->kind == Kind::kRollback && !pin.policy) {
      report.verdict.CannotTell("it accuses a witness: give --policy, which names the witnesses");
    }
    return report;
  }
  report.verdict.Refuse(*shown);
  report.accused = AccusedBy(*evidence, pin);
  for (const std::string& note : {evidence->first, evidence->second}) {
    if (auto statement = StatementOf(note, pin, known->changes))
      report.statements.push_back(*std::move(statement));
  }
  report.explained = Explain(*evidence);
  for (const EvidenceReport::Accused& accused : report.accused) {
    report.verdict.proven.push_back(absl::StrCat("the ", accused.role, " ", accused.name,
                                                 " misbehaved: nobody without its key could have "
                                                 "made these signatures"));
  }
  AddLimits(*evidence, report.verdict);
  if (evidence->kind != Kind::kRollback) AddKeyLimits(*known, report.verdict);
  return report;
}

std::string EvidenceText(const EvidenceReport& report) {
  if (report.statements.empty()) return VerdictText(report.verdict);
  std::string out = absl::StrCat("MISBEHAVIOUR PROVEN: ", report.kind,
                                 " (verdict: ", report.verdict.Name(), ")\nby whom\n");
  for (const EvidenceReport::Accused& accused : report.accused) {
    absl::StrAppend(&out, "  - the ", accused.role, " ", accused.name, ": ", accused.why, "\n");
  }
  absl::StrAppend(&out, "by these signed statements\n");
  for (const EvidenceReport::Statement& statement : report.statements) {
    absl::StrAppend(&out, "  - a head of size ", statement.size, " and root ", statement.root,
                    ", signed by key ", absl::StrFormat("%08x", statement.key_id));
    for (const auto& cosigner : statement.by) {
      absl::StrAppend(&out, ", cosigned by ", cosigner.name, " (", cosigner.time, ")");
    }
    absl::StrAppend(&out, "\n");
  }
  AppendList("what they show", report.verdict.reasons, out);
  AppendList("why no honest party signs that", report.explained, out);
  AppendList("not proven", report.verdict.not_proven, out);
  absl::StrAppend(&out, "checked against\n  origin ", report.verdict.origin, ", key ",
                  report.verdict.vkey, "\n");
  return out;
}

std::string EvidenceJson(const EvidenceReport& report) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(VerdictJson(report.verdict));
  json["misbehaviour"] = nullptr;
  if (!report.statements.empty()) {
    nlohmann::ordered_json accused = nlohmann::ordered_json::array();
    for (const auto& one : report.accused) {
      accused.push_back({{"role", one.role}, {"name", one.name}, {"why", one.why}});
    }
    nlohmann::ordered_json statements = nlohmann::ordered_json::array();
    for (const auto& one : report.statements) statements.push_back(StatementJson(one));
    json["misbehaviour"] = {{"kind", report.kind},
                            {"accused", std::move(accused)},
                            {"statements", std::move(statements)},
                            {"explained", report.explained}};
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace auditledger
