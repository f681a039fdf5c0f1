#include "api/access/access_rules.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/access/principal.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "ledger/ledger_set.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using config::v1::Grant;
using google::protobuf::TextFormat;
using ParseInfoTree = google::protobuf::TextFormat::ParseInfoTree;

constexpr absl::string_view kAllLedgers = "*";

// Keeps the first error only: what follows it is mostly its echo.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber, const std::string& message) override {
    if (line_ != 0) return;
    line_ = line + 1;
    message_ = message;
  }
  absl::Status At(absl::string_view file) const {
    return absl::InvalidArgumentError(absl::StrCat(file, ":", std::max(line_, 1), ": ", message_));
  }

 private:
  int line_ = 0;
  std::string message_ = "does not parse";
};

// Reads one policy; its errors name the line they are about.
class PolicyReader {
 public:
  PolicyReader(const config::v1::AccessPolicy& policy, const ParseInfoTree& tree,
               absl::string_view file)
      : policy_(policy), tree_(tree), file_(file) {}

  absl::Status CheckAll() const {
    if (policy_.grants().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_,
                       ":1: grants nothing, so that nobody could do anything: add a grant, "
                       "or `auditctl dev-certs DIR` for one to try things out with"));
    }
    if (static_cast<size_t>(policy_.grants_size()) > kMaxGrants) {
      return Wrong(static_cast<int>(kMaxGrants), "",
                   absl::StrCat("is one too many: at most ", kMaxGrants));
    }
    if (static_cast<size_t>(policy_.patient_keys_size()) > kMaxPatientKeys) {
      return Wrong(Part("patient_keys", static_cast<int>(kMaxPatientKeys)), "",
                   absl::StrCat("is one too many: at most ", kMaxPatientKeys));
    }
    for (const int role : policy_.two_person_roles()) {
      if (KnownRole(role)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(file_, ":", LineOf(tree_, "two_person_roles", 0, 1),
                       ": two_person_roles: must be roles, as ROLE_AUDITOR"));
    }
    return absl::OkStatus();
  }

  // The key of that number, once it is sound in itself.
  absl::StatusOr<PatientKey> ReadKey(int number) {
    const config::v1::PatientKey& key = policy_.patient_keys(number);
    const Part part("patient_keys", number);
    const absl::StatusOr<NoteVerifier> verifier = NoteVerifier::Parse(key.vkey());
    if (!verifier.ok() || verifier->type() != kNoteEd25519) {
      return Wrong(part, "vkey", "must be an Ed25519 vkey, as `auditctl patient-key` prints it");
    }
    PatientKey out{*verifier, false, {}, 0};
    ASSIGN_OR_RETURN(out.all_ledgers, CheckLedgers(part, key.ledgers()));
    if (!out.all_ledgers) out.ledgers = {key.ledgers().begin(), key.ledgers().end()};
    const absl::StatusOr<uint64_t> expires = ParseRfc3339(key.expires());
    if (!expires.ok()) return Wrong(part, "expires", expires.status().message());
    out.expires_us = *expires;
    const absl::Status approver = CheckPrincipalName(key.approved_by());
    if (!approver.ok()) return Wrong(part, "approved_by", approver.message());
    if (key.reason().size() > kMaxReasonBytes) {
      return Wrong(part, "reason", absl::StrCat("at most ", kMaxReasonBytes, " bytes"));
    }
    for (const std::string& ledger : key.ledgers()) {
      const auto [at, is_new] = said_of_keys_.emplace(std::pair(key.vkey(), ledger), number);
      if (is_new) continue;
      const int line = LineOf(tree_, part.list, at->second, 1);
      return Wrong(part, "",
                   absl::StrCat("says again what patient_keys[", at->second, "] in line ", line,
                                " says: remove one"));
    }
    return out;
  }

  // The grant of that number, once it is sound in itself.
  absl::StatusOr<AccessGrant> Read(int number) {
    const Grant& grant = policy_.grants(number);
    RETURN_IF_ERROR(CheckWho(number, grant));
    AccessGrant out;
    out.role = grant.role();
    ASSIGN_OR_RETURN(out.all_ledgers, CheckLedgers(number, grant.ledgers()));
    if (!out.all_ledgers) out.ledgers = {grant.ledgers().begin(), grant.ledgers().end()};
    RETURN_IF_ERROR(CheckStreams(number, grant));
    out.stream_prefixes = {grant.streams().begin(), grant.streams().end()};
    const absl::StatusOr<uint64_t> expires = ParseRfc3339(grant.expires());
    if (!expires.ok()) return Wrong(number, "expires", expires.status().message());
    out.expires_us = *expires;
    RETURN_IF_ERROR(CheckApproval(number, grant));
    RETURN_IF_ERROR(CheckNew(number, grant));
    return out;
  }

 private:
  using Said = std::tuple<std::string, int, std::string, std::string>;
  // An element of the policy: a grant where nothing else is said.
  struct Part {
    Part(int n) : number(n) {}
    Part(const char* l, int n) : list(l), number(n) {}
    const char* list = "grants";
    int number;
  };

  static bool KnownRole(int role) {
    return config::v1::Role_IsValid(role) && role != config::v1::ROLE_UNSPECIFIED;
  }

  // 1-based; `otherwise` where the parser kept none, as in [a, b].
  static int LineOf(const ParseInfoTree& tree, const google::protobuf::FieldDescriptor* field,
                    int index, int otherwise) {
    const TextFormat::ParseLocation at = tree.GetLocation(field, field->is_repeated() ? index : -1);
    return at.line < 0 ? otherwise : at.line + 1;
  }
  static int LineOf(const ParseInfoTree& tree, absl::string_view name, int index, int otherwise) {
    return LineOf(tree, config::v1::AccessPolicy::descriptor()->FindFieldByName(std::string(name)),
                  index, otherwise);
  }
  int LineOfGrant(int number) const { return LineOf(tree_, "grants", number, 1); }

  // `field` empty: the grant as a whole; of one that is absent, the grant's line.
  absl::Status Wrong(const Part& part, const std::string& field, absl::string_view what,
                     int element = 0) const {
    int line = LineOf(tree_, part.list, part.number, 1);
    std::string name = absl::StrCat(part.list, "[", part.number, "]");
    if (!field.empty()) {
      const auto* const list = config::v1::AccessPolicy::descriptor()->FindFieldByName(part.list);
      const ParseInfoTree* const nested = tree_.GetTreeForNested(list, part.number);
      if (nested != nullptr) {
        line = LineOf(*nested, list->message_type()->FindFieldByName(field), element, line);
      }
      absl::StrAppend(&name, ".", field);
    }
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", line, ": ", name, ": ", what));
  }

  absl::Status CheckWho(int number, const Grant& grant) const {
    const absl::Status principal = CheckPrincipalName(grant.principal());
    if (!principal.ok()) return Wrong(number, "principal", principal.message());
    if (!KnownRole(grant.role())) return Wrong(number, "role", "is required, as ROLE_AUDITOR");
    if (grant.reason().size() <= kMaxReasonBytes) return absl::OkStatus();
    return Wrong(number, "reason", absl::StrCat("at most ", kMaxReasonBytes, " bytes"));
  }

  // Whether it is for all.
  absl::StatusOr<bool> CheckLedgers(
      const Part& part, const google::protobuf::RepeatedPtrField<std::string>& ledgers) const {
    if (ledgers.empty()) {
      return Wrong(part, "ledgers", "is required: ids of ledgers, or \"*\" for all");
    }
    if (static_cast<size_t>(ledgers.size()) > kMaxGrantLedgers) {
      return Wrong(part, "ledgers", absl::StrCat("at most ", kMaxGrantLedgers, " in one place"));
    }
    for (int i = 0; i < ledgers.size(); ++i) {
      if (ledgers[i] == kAllLedgers) {
        if (ledgers.size() == 1) return true;
        return Wrong(part, "ledgers", "\"*\" stands alone: remove the others, or it", i);
      }
      if (CheckLedgerId(ledgers[i]).ok()) continue;
      return Wrong(part, "ledgers",
                   "must be ids, [a-z][a-z0-9-]{0,62} without \"ledgers/\", or \"*\"", i);
    }
    return false;
  }

  absl::Status CheckStreams(int number, const Grant& grant) const {
    if (grant.streams().empty()) return absl::OkStatus();
    if (grant.role() != config::v1::ROLE_EMITTER) {
      return Wrong(number, "streams", "is for ROLE_EMITTER alone: remove it");
    }
    if (static_cast<size_t>(grant.streams_size()) > kMaxGrantStreams) {
      return Wrong(number, "streams", absl::StrCat("at most ", kMaxGrantStreams, " in one grant"));
    }
    for (int i = 0; i < grant.streams_size(); ++i) {
      if (!grant.streams(i).empty()) continue;
      return Wrong(number, "streams", "an empty prefix is every stream: leave streams out", i);
    }
    return absl::OkStatus();
  }

  absl::Status CheckApproval(int number, const Grant& grant) const {
    const absl::Status approver = CheckPrincipalName(grant.approved_by());
    if (!approver.ok()) return Wrong(number, "approved_by", approver.message());
    const auto& two = policy_.two_person_roles();
    const bool by_another = grant.role() == config::v1::ROLE_KEY_CUSTODIAN ||
                            std::find(two.begin(), two.end(), grant.role()) != two.end();
    if (!by_another || grant.approved_by() != grant.principal()) return absl::OkStatus();
    return Wrong(number, "approved_by",
                 absl::StrCat("who gets the role ", RoleName(grant.role()),
                              " may not have approved it: another person has to"));
  }

  // Twice is a slip: whoever takes one away believes that the right is gone.
  absl::Status CheckNew(int number, const Grant& grant) {
    std::vector<std::string> streams = {grant.streams().begin(), grant.streams().end()};
    if (streams.empty()) streams.emplace_back();
    for (const std::string& ledger : grant.ledgers()) {
      for (const std::string& stream : streams) {
        const auto [at, is_new] =
            said_.emplace(Said(grant.principal(), grant.role(), ledger, stream), number);
        if (said_.size() > kMaxPolicyRights) {
          return Wrong(number, "",
                       absl::StrCat("all grants together name more than ", kMaxPolicyRights,
                                    " ledgers and streams"));
        }
        if (is_new) continue;
        return Wrong(number, "",
                     absl::StrCat("says again what grants[", at->second, "] in line ",
                                  LineOfGrant(at->second), " says: remove one"));
      }
    }
    return absl::OkStatus();
  }

  const config::v1::AccessPolicy& policy_;
  const ParseInfoTree& tree_;
  const absl::string_view file_;
  std::map<Said, int> said_;                                         // -> number of the grant
  std::map<std::pair<std::string, std::string>, int> said_of_keys_;  // key, ledger -> its number
};

}  // namespace

bool AccessGrant::Covers(absl::string_view ledger_id) const {
  return all_ledgers || std::find(ledgers.begin(), ledgers.end(), ledger_id) != ledgers.end();
}

bool PatientKey::Covers(absl::string_view ledger_id) const {
  return all_ledgers || std::find(ledgers.begin(), ledgers.end(), ledger_id) != ledgers.end();
}

bool AccessGrant::CoversStream(absl::string_view stream_id) const {
  if (stream_prefixes.empty()) return true;
  return std::any_of(
      stream_prefixes.begin(), stream_prefixes.end(),
      [stream_id](const std::string& prefix) { return absl::StartsWith(stream_id, prefix); });
}

absl::StatusOr<std::shared_ptr<const AccessRules>> AccessRules::Parse(const std::string& text,
                                                                      absl::string_view file) {
  if (text.size() > kMaxAccessPolicyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":1: ", text.size(), " bytes, at most ", kMaxAccessPolicyBytes));
  }
  FirstError errors;
  ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&tree);
  config::v1::AccessPolicy policy;
  if (!parser.ParseFromString(text, &policy)) return errors.At(file);
  PolicyReader reader(policy, tree, file);
  RETURN_IF_ERROR(reader.CheckAll());
  std::shared_ptr<AccessRules> rules(new AccessRules);
  for (int i = 0; i < policy.grants_size(); ++i) {
    ASSIGN_OR_RETURN(AccessGrant grant, reader.Read(i));
    rules->by_principal_[policy.grants(i).principal()].push_back(std::move(grant));
  }
  for (int i = 0; i < policy.patient_keys_size(); ++i) {
    ASSIGN_OR_RETURN(PatientKey key, reader.ReadKey(i));
    rules->patient_keys_.push_back(std::move(key));
  }
  rules->size_ = static_cast<size_t>(policy.grants_size());
  rules->digest_ = Sha256({text});
  return std::shared_ptr<const AccessRules>(std::move(rules));
}

absl::StatusOr<std::string> AccessRules::ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxAccessPolicyBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

absl::StatusOr<std::shared_ptr<const AccessRules>> AccessRules::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return Parse(text, path);
}

absl::Span<const AccessGrant> AccessRules::GrantsOf(absl::string_view principal) const {
  const auto found = by_principal_.find(principal);
  if (found == by_principal_.end()) return {};
  return found->second;
}

std::vector<NoteVerifier> AccessRules::PatientKeysOf(absl::string_view ledger_id,
                                                     uint64_t now_us) const {
  std::vector<NoteVerifier> out;
  for (const PatientKey& key : patient_keys_) {
    if (key.expires_us > now_us && key.Covers(ledger_id)) out.push_back(key.key);
  }
  return out;
}

uint64_t AccessRules::NextExpiry(uint64_t now_us) const {
  uint64_t next = 0;
  for (const auto& [principal, grants] : by_principal_) {
    for (const AccessGrant& grant : grants) {
      if (grant.expires_us > now_us && (next == 0 || grant.expires_us < next)) {
        next = grant.expires_us;
      }
    }
  }
  return next;
}

size_t AccessRules::InForce(uint64_t now_us) const {
  size_t count = 0;
  for (const auto& [principal, grants] : by_principal_) {
    count += static_cast<size_t>(
        std::count_if(grants.begin(), grants.end(),
                      [now_us](const AccessGrant& grant) { return grant.expires_us > now_us; }));
  }
  return count;
}

absl::StatusOr<uint64_t> ParseRfc3339(absl::string_view text) {
  constexpr absl::string_view kForm = "must be RFC 3339, as \"2027-01-31T00:00:00Z\"";
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat("is required: ", kForm));
  // Abseil takes blanks around it, years of any length and "infinite-future" too.
  constexpr absl::string_view kShape = "0000-00-00T00:00:00";
  bool shaped = text.size() > kShape.size() && text.size() <= 40;
  for (size_t i = 0; shaped && i < kShape.size(); ++i) {
    shaped = kShape[i] == '0' ? absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                              : text[i] == kShape[i];
  }
  absl::Time time;
  if (!shaped || absl::ascii_isspace(static_cast<unsigned char>(text.back())) ||
      !absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) || time < absl::UnixEpoch()) {
    return absl::InvalidArgumentError(kForm);
  }
  return static_cast<uint64_t>(absl::ToUnixMicros(time));
}

}  // namespace auditledger
