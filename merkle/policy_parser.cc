// Reading a policy; what it says of cosignatures is in policy.cc.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/policy.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr uint8_t kMlDsa44Cosignature = 0x06;
constexpr absl::string_view kNone = "none";

using Words = std::vector<absl::string_view>;

absl::Status Bad(absl::string_view why) { return absl::InvalidArgumentError(why); }

absl::Status CheckBytes(absl::string_view text) {
  for (char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f) {
      return Bad("policy: a control character other than tab and newline");
    }
  }
  return absl::OkStatus();
}

}  // namespace

// One pass over the lines; what is named must stand before who names it.
class PolicyParser {
 public:
  absl::StatusOr<Policy> Parse(absl::string_view text) {
    if (text.size() > kMaxPolicyBytes) {
      return Bad(absl::StrCat("policy: has ", text.size(), " bytes, at most ", kMaxPolicyBytes));
    }
    RETURN_IF_ERROR(CheckBytes(text));
    for (size_t number = 1; !text.empty(); ++number) {
      absl::string_view line;
      RETURN_IF_ERROR(TakeLine("policy", text, line));
      const absl::Status status = ParseLine(line);
      if (!status.ok()) return Bad(absl::StrCat("policy: line ", number, ": ", status.message()));
    }
    if (!has_quorum_line_) return Bad("policy: no quorum line");
    return std::move(policy_);
  }

 private:
  absl::Status ParseLine(absl::string_view line) {
    const Words words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.empty() || words[0][0] == '#') return absl::OkStatus();
    if (words[0] == "log") return ParseLog(words);
    if (words[0] == "witness") return ParseWitness(words);
    if (words[0] == "group") return ParseGroup(words);
    if (words[0] == "quorum") return ParseQuorum(words);
    return Bad("begins with none of log, witness, group, quorum");
  }

  absl::Status ParseLog(const Words& words) {
    if (words.size() < 2 || words.size() > 3) return Bad("not log <vkey> [<url>]");
    if (policy_.logs_.size() == kMaxPolicyLogs) {
      return Bad(absl::StrCat("over ", kMaxPolicyLogs, " logs"));
    }
    ASSIGN_OR_RETURN(NoteVerifier key, TakeKey(words[1]));
    if (key.type() == kNoteEd25519Cosignature) return Bad("a log's key is of a witness's type");
    const std::string url(words.size() == 3 ? words[2] : absl::string_view());
    policy_.logs_.push_back({std::move(key), url});
    return absl::OkStatus();
  }

  absl::Status ParseWitness(const Words& words) {
    if (words.size() < 3 || words.size() > 4) return Bad("not witness <name> <vkey> [<url>]");
    if (policy_.witnesses_.size() == kMaxPolicyWitnesses) {
      return Bad(absl::StrCat("over ", kMaxPolicyWitnesses, " witnesses"));
    }
    ASSIGN_OR_RETURN(NoteVerifier key, TakeKey(words[2]));
    if (key.type() != kNoteEd25519Cosignature && key.type() != kMlDsa44Cosignature) {
      return Bad("a witness's key is of no cosignature type (0x04, 0x06)");
    }
    PolicyNode node;
    node.witness = policy_.witnesses_.size();
    RETURN_IF_ERROR(Define(words[1], std::move(node)));
    const std::string url(words.size() == 4 ? words[3] : absl::string_view());
    policy_.witnesses_.push_back({std::string(words[1]), std::move(key), url});
    return absl::OkStatus();
  }

  absl::Status ParseGroup(const Words& words) {
    if (words.size() < 4) return Bad("not group <name> all|any|<k> <member>...");
    if (groups_ == kMaxPolicyGroups) return Bad(absl::StrCat("over ", kMaxPolicyGroups, " groups"));
    ++groups_;
    const uint64_t count = words.size() - 3;
    PolicyNode node;
    if (words[2] == "all") {
      node.threshold = count;
    } else if (words[2] == "any") {
      node.threshold = 1;
    } else {
      ASSIGN_OR_RETURN(node.threshold, ParseDecimal("threshold", words[2]));
    }
    if (node.threshold < 1 || node.threshold > count) {
      return Bad(absl::StrCat("threshold is not 1 to the number of members, ", count));
    }
    for (size_t i = 3; i < words.size(); ++i) {
      ASSIGN_OR_RETURN(const size_t member, Find(words[i]));
      if (!members_.insert(member).second) return Bad("a name is a member for the second time");
      node.members.push_back(member);
    }
    return Define(words[1], std::move(node));
  }

  absl::Status ParseQuorum(const Words& words) {
    if (words.size() != 2) return Bad("not quorum <name>");
    if (has_quorum_line_) return Bad("a second quorum");
    has_quorum_line_ = true;
    if (words[1] == kNone) return absl::OkStatus();
    ASSIGN_OR_RETURN(policy_.quorum_, Find(words[1]));
    return absl::OkStatus();
  }

  absl::StatusOr<NoteVerifier> TakeKey(absl::string_view vkey) {
    ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(vkey));
    if (!public_keys_.insert(key.public_key()).second)
      return Bad("a public key for the second time");
    if (!lines_.emplace(key.name(), key.key_id()).second) {
      return Bad("two keys whose signature lines look the same");
    }
    return key;
  }

  absl::Status Define(absl::string_view name, PolicyNode node) {
    if (name == kNone) return Bad("the name none is reserved");
    if (!names_.emplace(std::string(name), policy_.nodes_.size()).second) {
      return Bad("a name is defined for the second time");
    }
    node.name = std::string(name);
    policy_.nodes_.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Find(absl::string_view name) const {
    const auto found = names_.find(std::string(name));
    if (found != names_.end()) return found->second;
    return Bad("a name that no earlier line defines");
  }

  Policy policy_;
  std::map<std::string, size_t> names_;  // to nodes
  std::set<size_t> members_;
  std::set<std::string> public_keys_;
  std::set<std::pair<std::string, uint32_t>> lines_;  // key name and key ID
  size_t groups_ = 0;
  bool has_quorum_line_ = false;
};

absl::StatusOr<Policy> Policy::Parse(absl::string_view text) { return PolicyParser().Parse(text); }

}  // namespace auditledger
