#include "verifier/bundle_verify.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "merkle/frontier.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "nlohmann/json.hpp"
#include "verifier/bundle_answers.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_entries.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_scope_check.h"
#include "verifier/key_changes.h"
#include "verifier/verdict.h"
#include "verifier/witnesses.h"

namespace auditledger {
namespace {

// The RFC 6962 root over a section's records.
Hash RootOver(const BundleFrame& frame, BundleSection section) {
  Frontier frontier;
  for (const absl::string_view record : RecordsOf(frame, section)) {
    frontier.Append(LeafHash(record));
  }
  return frontier.Root();
}

ClaimFinding CheckFile(const BundleFile& bundle) {
  const std::vector<ListedSection>& listed = bundle.manifest.sections;
  uint64_t records = 0;
  size_t at = 0;
  for (uint8_t number = 1; number <= kListedSections; ++number) {
    const auto section = static_cast<BundleSection>(number);
    const SectionFrame& frame = bundle.frame.of(section);
    if (frame.records == 0) continue;
    const bool holds = at < listed.size() && listed[at].section == SectionName(section) &&
                       listed[at].records == frame.records &&
                       listed[at].bytes == frame.content_bytes &&
                       listed[at].root == RootOver(bundle.frame, section);
    if (!holds) {
      return Fail(absl::StrCat("section ", SectionName(section), " is not what the manifest says"));
    }
    ++at;
    records += frame.records;
  }
  if (at != listed.size()) return Fail("the manifest lists a section that is not there");
  return Pass(
      absl::StrCat(records, " records in ", at, " sections are those that the manifest lists"));
}

// The changes of the log's key, all of them under the head.
absl::StatusOr<std::vector<LoggedKeyChange>> ProvenChanges(const BundleFile& bundle,
                                                           const Pin& pin) {
  if (!bundle.key_changes) return std::vector<LoggedKeyChange>();
  std::vector<LoggedKeyChange> changes = bundle.key_changes->changes;
  RETURN_IF_ERROR(ChainOf(pin, changes).status());
  for (const LoggedKeyChange& change : changes) {
    RETURN_IF_ERROR(VerifyInclusion(change.index, bundle.head.size, LeafHash(change.leaf),
                                    change.inclusion, bundle.head.root));
  }
  return changes;
}

std::string KeyName(const NoteVerifier& key) {
  return absl::StrCat(key.name(), "+", absl::StrFormat("%08x", key.key_id()));
}

// Which keys sign which head, and what that says of the bundle's own.
class Heads {
 public:
  Heads(const BundleFile& bundle, const Pin& pin)
      : bundle_(bundle), pin_(pin), changes_(ProvenChanges(bundle, pin)) {}

  absl::StatusOr<SignedCheckpoint> Open(absl::string_view note) const {
    RETURN_IF_ERROR(changes_.status());
    return OpenRotated(note, pin_, *changes_);  // of the pinned origin alone
  }
  Pin FirstKeyPin() const { return changes_.ok() ? WithFirstKey(pin_, *changes_) : pin_; }

  ClaimFinding Head(std::optional<SignedCheckpoint>& opened) const {
    if (bundle_.head.origin != pin_.origin) {
      return Fail("the head is of another log than the key");
    }
    if (!changes_.ok()) {
      return Fail("the changes of the log's key do not lead from the pinned one to it");
    }
    absl::StatusOr<SignedCheckpoint> head = Open(bundle_.note);
    if (!head.ok()) return Fail("the head is not signed by the key");
    opened = *std::move(head);
    return Pass(absl::StrCat("signed by the pinned key ", KeyName(pin_.key), ": size ",
                             bundle_.head.size, ", root ", bundle_.head.root.ToHex()));
  }

  ClaimFinding Consistency() const {
    std::vector<uint64_t> sizes;
    for (const absl::string_view record : RecordsOf(bundle_.frame, BundleSection::kConsistency)) {
      const EarlierHead earlier = ParseEarlierHead(record).value();
      const Checkpoint old = ParseUncheckedHead(earlier.note).value();
      if (!Open(earlier.note).ok()) {
        return Fail(
            absl::StrCat("the earlier head of size ", old.size, " is not signed by the log's key"));
      }
      const Checkpoint& head = bundle_.head;
      if (!VerifyConsistency(old.size, old.root, head.size, head.root, earlier.proof).ok()) {
        return Fail(absl::StrCat("the head does not extend the earlier one of size ", old.size));
      }
      sizes.push_back(old.size);
    }
    if (sizes.empty()) return CannotTell("no earlier head is in the bundle");
    return Pass(absl::StrCat("it extends the earlier heads of size ", absl::StrJoin(sizes, ", ")));
  }

 private:
  const BundleFile& bundle_;
  const Pin& pin_;
  const absl::StatusOr<std::vector<LoggedKeyChange>> changes_;
};

ClaimFinding CheckQuorum(const std::optional<SignedCheckpoint>& head, const Pin& pin) {
  if (!pin.policy) {
    return CannotTell("no policy is given: nobody but the log's key vouches for the head");
  }
  if (!head) return CannotTell("the head is not the log's");
  Verdict verdict;
  CheckWitnesses(*head, pin, verdict);
  if (verdict.outcome == Outcome::kRefused) return Fail(absl::StrJoin(verdict.reasons, "; "));
  if (verdict.witnessed()) return Pass(absl::StrJoin(verdict.proven, "; "));
  return CannotTell("the policy asks for nobody");
}

ClaimFinding CheckTimestamps(const BundleFile& bundle) {
  const uint64_t count = bundle.frame.of(BundleSection::kTimestamps).records;
  if (count == 0) return CannotTell("no timestamp is in the bundle");
  return CannotTell(absl::StrCat(count, " timestamps, not checked: no authority is pinned"));
}

void CheckEntries(const BundleFile& bundle, const Pin& first_key_pin, const BundleInput& input,
                  BundleFindings& out) {
  InclusionCheck inclusion(bundle, first_key_pin);
  ContentsCheck contents(first_key_pin.origin, input.index_key ? &*input.index_key : nullptr);
  const BundleAnswers answers = CheckAnswers(bundle);
  ScopeCheck scope(bundle, answers);
  CoverageCheck coverage(bundle.coverage);
  ForEachEntry(bundle, [&](const BundleEntry& entry) {
    inclusion.Add(entry);
    scope.Add(entry);
    const std::optional<ShownEntry> shown = contents.Add(entry);
    if (shown) coverage.Add(entry, *shown);
    return true;
  });
  out.of(BundleClaim::kEntries) = inclusion.Finish();
  out.of(BundleClaim::kContents) = contents.Contents();
  out.of(BundleClaim::kScope) = scope.Scope();
  const bool proven = out.of(BundleClaim::kEntries).result == ClaimResult::kPass;
  out.of(BundleClaim::kCompleteness) =
      proven ? scope.Completeness() : CannotTell("the entries are not proven");
  const bool sealed = out.of(BundleClaim::kContents).result == ClaimResult::kPass;
  const ClaimFinding unsealed = CannotTell("the contents are not proven");
  out.of(BundleClaim::kTags) = sealed ? contents.Tags() : unsealed;
  out.of(BundleClaim::kSenders) = sealed ? contents.Senders() : unsealed;
  out.of(BundleClaim::kCoverage) = sealed ? coverage.Finish() : unsealed;
}

// Text of others, for a terminal: what is no letter or sign becomes a question mark.
std::string Printable(absl::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return out;
}

BundleReport NotWellFormed(BundleReport report, absl::string_view where) {
  for (ClaimFinding& claim : report.findings.claims) {
    claim = CannotTell("the file is not well formed");
  }
  report.findings.of(BundleClaim::kFile) = Fail(absl::StrCat("not well formed: ", where));
  return report;
}

}  // namespace

BundleReport VerifyBundle(const BundleInput& input, const Pin& pin) {
  BundleReport report;
  report.origin = pin.origin;
  report.vkey = pin.key.ToVkey();
  absl::StatusOr<BundleFile> bundle = ParseBundle(input.bytes);
  if (!bundle.ok()) return NotWellFormed(std::move(report), bundle.status().message());
  const Heads heads(*bundle, pin);
  BundleFindings& out = report.findings;
  out.of(BundleClaim::kFile) = CheckFile(*bundle);
  std::optional<SignedCheckpoint> head;
  out.of(BundleClaim::kHead) = heads.Head(head);
  out.of(BundleClaim::kWitnesses) = CheckQuorum(head, pin);
  CheckEntries(*bundle, heads.FirstKeyPin(), input, out);
  out.of(BundleClaim::kConsistency) = heads.Consistency();
  out.of(BundleClaim::kTimestamps) = CheckTimestamps(*bundle);
  out.of(BundleClaim::kCustody) =
      CheckCustody(*bundle, [&](absl::string_view note) { return heads.Open(note); });
  if (head) report.head = std::move(head->checkpoint);
  report.manifest = std::move(bundle->manifest);
  report.scope = std::move(bundle->scope);
  return report;
}

int BundleReport::ExitCode() const {
  bool core_open = false;
  for (size_t i = 0; i < kBundleClaims; ++i) {
    const ClaimResult result = findings.claims[i].result;
    if (result == ClaimResult::kFail) return 1;
    core_open = core_open ||
                (result == ClaimResult::kCannotTell && IsCoreClaim(static_cast<BundleClaim>(i)));
  }
  if (core_open) return 2;
  const bool witnessed = findings.of(BundleClaim::kWitnesses).result == ClaimResult::kPass;
  return witnessed ? 0 : kExitUnwitnessed;
}

std::string BundleReport::Name() const {
  switch (ExitCode()) {
    case 0:
      return "verified";
    case 1:
      return "refused";
    case kExitUnwitnessed:
      return "verified, unwitnessed";
    default:
      return "cannot tell";
  }
}

std::string BundleText(const BundleReport& report) {
  std::string out = absl::StrCat(absl::AsciiStrToUpper(report.Name()),
                                 ": bundle\nagainst\n  origin ", report.origin, "\n");
  if (report.manifest) {
    absl::StrAppend(&out, "package ", Printable(report.manifest->package), ", case ",
                    Printable(report.manifest->case_id), "\n");
  }
  for (size_t i = 0; i < kBundleClaims; ++i) {
    const ClaimFinding& claim = report.findings.claims[i];
    absl::StrAppend(&out,
                    absl::StrFormat("  %-12s %-13s", ClaimResultName(claim.result),
                                    ClaimName(static_cast<BundleClaim>(i))),
                    Printable(claim.reason), "\n");
  }
  return out;
}

std::string BundleJson(const BundleReport& report) {
  using Json = nlohmann::ordered_json;
  Json against = {{"origin", report.origin}, {"key", report.vkey}};
  if (report.head) {
    against["size"] = report.head->size;
    against["root"] = report.head->root.ToHex();
  }
  Json claims = Json::array();
  for (size_t i = 0; i < kBundleClaims; ++i) {
    const ClaimFinding& claim = report.findings.claims[i];
    claims.push_back({{"claim", std::string(ClaimName(static_cast<BundleClaim>(i)))},
                      {"result", std::string(ClaimResultName(claim.result))},
                      {"reason", claim.reason}});
  }
  Json json = {{"verdict", report.Name()}, {"exit_code", report.ExitCode()},
               {"subject", "bundle"},      {"against", std::move(against)},
               {"package", nullptr},       {"claims", std::move(claims)}};
  if (report.manifest) json["package"] = report.manifest->package;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace auditledger
