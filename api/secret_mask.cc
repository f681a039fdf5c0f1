#include "api/secret_mask.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// As deep as an event nests, and more than that: what is deeper was refused before.
constexpr int kMaxDepth = 16;

// Names whose values are secrets, whatever stands before them ("masterUserPassword"). No plain
// "key" or "id": those are what an audit is about.
constexpr char kNames[] =
    "(?:[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|client[_-]?secret|secret[_-]?(?:access[_-]?)?key|"
    "secret[_-]?(?:string|binary)|api[_-]?key|private[_-]?key|"
    "(?:access|refresh|session|security|auth|id|bearer|csrf)[_-]?token)|"
    "pwd|secret|token|token[_-]?value)";

// Group 1 of each is what is overwritten. `\\*` before a quote: JSON that stands as text in JSON.
const std::vector<std::unique_ptr<RE2>>& Patterns() {
  static const auto* const kPatterns = [] {
    RE2::Options options(RE2::Latin1);  // bytes: fields may hold any
    options.set_case_sensitive(false);
    const std::string names = kNames;
    const std::string texts[] = {
        // What follows an authorisation's scheme; before the names, which end at a space.
        R"re(\bauthorization\\*"?\s*[:=]\s*\\*"?[a-z]+\s+([^\s"\\,;]+))re",
        R"re(\bbearer\s+([a-z0-9._~+/=-]{16,}))re",
        R"re(\bcookie\\*"?\s*:\s*\\*"?([^\r\n"\\]+))re",
        // "password": "...", and the same as text in a JSON string
        absl::StrCat(R"re(")re", names, R"re("\s*:\s*"((?:[^"\\]|\\.)+))re"),
        absl::StrCat(R"re(\\+")re", names, R"re(\\+"\s*:\s*\\+"((?:[^"\\]|\\+[^"\\])+))re"),
        // <password>...</, password = ..., password: ...
        absl::StrCat(R"re(<)re", names, R"re(>([^<]+))re"),
        absl::StrCat(R"re((?:^|[^a-z0-9"\\]))re", names, R"re(\s*[=:]\s*["']?([^\s"'\\&;,<>]+))re"),
        // SQL: ALTER ROLE r PASSWORD '...', IDENTIFIED BY '...'
        R"re(\b(?:password|identified\s+by)\s+'((?:[^']|'')+))re",
        // https://user:...@host
        R"re([a-z][a-z0-9+.-]*://[^/\s:@"']*:([^/\s@"']+)@)re",
        R"re(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----([^-]+))re",
        // A token without its signature is no token, and still says whose it was.
        R"re(\beyJ[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}\.([a-z0-9_-]{8,}))re",
        R"re(\b((?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|[sr]k_live_|npm_|hvs\.|AIza))re"
        R"re([a-z0-9_-]{16,}))re",
    };
    auto* const patterns = new std::vector<std::unique_ptr<RE2>>;
    for (const std::string& text : texts) {
      patterns->push_back(std::make_unique<RE2>(text, options));
    }
    // Last: any of them.
    patterns->push_back(
        std::make_unique<RE2>(absl::StrCat("(?:", absl::StrJoin(texts, ")|(?:"), ")"), options));
    return patterns;
  }();
  return *kPatterns;
}

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

bool HoldsAny(absl::string_view bytes) {
  return RE2::PartialMatch(Piece(bytes), *Patterns().back());
}

// Walks a message's fields, and overwrites in the buffer they are views of.
class Masker {
 public:
  explicit Masker(MaskedEvent& masked) : masked_(masked) {}

  void Walk(const Descriptor* type, absl::string_view message, const std::string& path, int depth) {
    WireReader reader(message);
    WireField field;
    while (!reader.done() && reader.Next(field).ok()) {
      if (field.type != WireType::kLengthDelimited) continue;
      const FieldDescriptor* const known =
          type == nullptr ? nullptr : type->FindFieldByNumber(static_cast<int>(field.number));
      if (depth == 0 && IsIdentity(field.number)) continue;
      const std::string name =
          absl::StrCat(path, path.empty() ? "" : ".",
                       known == nullptr ? absl::StrCat(field.number) : known->name());
      const bool is_message =
          known != nullptr && known->type() == FieldDescriptor::TYPE_MESSAGE && depth < kMaxDepth;
      if (is_message) {
        Walk(known->message_type(), field.value, name, depth + 1);
      } else {
        MaskIn(field.value, name);
      }
    }
  }

 private:
  static bool IsIdentity(uint32_t number) {
    return number == v1::AuditEvent::kEventIdFieldNumber ||
           number == v1::AuditEvent::kSourceFieldNumber;
  }

  void MaskIn(absl::string_view value, const std::string& name) {
    if (!HoldsAny(value)) return;
    bool changed = false;
    for (size_t i = 0; i + 1 < Patterns().size(); ++i) {
      re2::StringPiece rest = Piece(value);
      re2::StringPiece secret;
      while (RE2::FindAndConsume(&rest, *Patterns()[i], &secret)) changed |= Overwrite(secret);
    }
    if (changed) masked_.fields.push_back(name);
  }

  // False when it was overwritten already, here or by the emitter.
  bool Overwrite(re2::StringPiece secret) {
    if (std::all_of(secret.begin(), secret.end(), [](char c) { return c == '*'; })) return false;
    std::string& event = masked_.event;
    std::fill_n(event.begin() + (secret.data() - event.data()), secret.size(), '*');
    return true;
  }

  MaskedEvent& masked_;
};

}  // namespace

std::optional<MaskedEvent> MaskSecrets(absl::string_view event) {
  if (!HoldsAny(event)) return std::nullopt;
  MaskedEvent masked{std::string(event), {}};
  Masker(masked).Walk(v1::AuditEvent::descriptor(), masked.event, "", 0);
  if (masked.fields.empty()) return std::nullopt;
  return masked;
}

}  // namespace auditledger
