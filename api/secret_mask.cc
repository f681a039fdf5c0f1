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

// What begins a secret's surroundings, and these with the secret itself as group 1. Apart, since in
// a whole event the byte before a field's text is its length, which may pass for a letter.
struct Form {
  std::string before;
  std::string rest;
};

std::vector<Form> Forms() {
  const std::string names = kNames;
  // A name, and what stands between it and its value. `\\*` before a quote: JSON as text in JSON.
  const std::string assigned = absl::StrCat(names, R"re(\s*[=:]\s*)re");
  const std::string json = absl::StrCat(names, R"re("\s*:\s*\[?\s*"((?:[^"\\]|\\.)+))re");
  const std::string number = R"re("\s*:\s*-?([0-9]+(?:\.[0-9]+)?))re";
  // {"name": "password", "value": "..."}: the name is a value itself.
  const std::string name_key = R"re("(?:name|key|type|field|attribute)"\s*:\s*")re";
  const std::string value_key = R"re("(?:value|content)"\s*:\s*"((?:[^"\\]|\\.)+))re";
  const std::string no_name = R"re((?:^|[^a-z0-9"\\]))re";
  return {
      // What follows an authorisation's scheme, or stands in its place; before the names, which
      // end at a space.
      {R"re(\b)re", R"re(authorization\\*"?\s*[:=]\s*\[?\s*\\*"?[a-z]+\s+([^\s"\\,;]+))re"},
      {R"re(\b)re", R"re(authorization\\*"?\s*[:=]\s*\[?\s*\\*"?([^\s"\\,;]{8,}))re"},
      {R"re(\b)re", R"re(bearer\s+([a-z0-9._~+/=-]{16,}))re"},
      {R"re(\b)re", R"re(cookie\\*"?\s*:\s*\[?\s*\\*"?([^\r\n"\\]+))re"},
      // "password": "...", and the same as text in a JSON string
      {"", absl::StrCat(R"re(")re", json)},
      {"",
       absl::StrCat(R"re(\\+")re", names, R"re(\\+"\s*:\s*\[?\s*\\+"((?:[^"\\]|\\+[^"\\])+))re")},
      {"", absl::StrCat(R"re(")re", names, number)},
      {"", absl::StrCat(name_key, names, R"re("\s*,\s*)re", value_key)},
      {"", absl::StrCat(value_key, R"re("\s*,\s*)re", name_key, names, R"re(")re")},
      // <wsse:Password Type="...">...</, also as CDATA
      {"", absl::StrCat(R"re(<(?:[a-z0-9_.-]+:)?)re", names,
                        R"re((?:\s[^>]*)?>\s*(?:<!\[CDATA\[)?([^<\]]+))re")},
      // password = ..., password: "...", password='...'
      {no_name, absl::StrCat(assigned, R"re("([^"]+))re")},
      {no_name, absl::StrCat(assigned, R"re('([^']+))re")},
      {no_name, absl::StrCat(assigned, R"re(([^\s"'\\&;,<>]+))re")},
      // SQL: ALTER ROLE r PASSWORD '...', IDENTIFIED BY '...'
      {R"re(\b)re", R"re((?:password|identified\s+by)\s+'((?:[^']|'')+))re"},
      // https://user:...@host
      {"", R"re([a-z][a-z0-9+.-]*://[^/\s:@"']*:([^/\s@"']+)@)re"},
      // To its end; where that is cut off, as far as there is no dash.
      {"", R"re(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----((?s:.+?))-----END)re"},
      {"", R"re(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----([^-]+))re"},
      // A token without its signature is no token, and still says whose it was.
      {R"re(\b)re", R"re(eyJ[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}\.([a-z0-9_-]{8,}))re"},
      {R"re(\b)re",
       R"re(((?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|[sr]k_live_|npm_|hvs\.|AIza))re"
       R"re([a-z0-9_-]{16,}))re"},
  };
}

struct Patterns {
  std::vector<std::unique_ptr<RE2>> each;
  std::unique_ptr<RE2> any;  // of them, in a field or in a whole event
};

const Patterns& AllPatterns() {
  static const auto* const kPatterns = [] {
    RE2::Options options(RE2::Latin1);  // bytes: fields may hold any
    options.set_case_sensitive(false);
    auto* const patterns = new Patterns;
    // A name alone too: of a change its value stands in another field.
    std::vector<std::string> rests = {kNames};
    for (const Form& form : Forms()) {
      patterns->each.push_back(
          std::make_unique<RE2>(absl::StrCat(form.before, form.rest), options));
      rests.push_back(form.rest);
    }
    patterns->any =
        std::make_unique<RE2>(absl::StrCat("(?:", absl::StrJoin(rests, ")|(?:"), ")"), options);
    return patterns;
  }();
  return *kPatterns;
}

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

bool HoldsAny(absl::string_view bytes) {
  return RE2::PartialMatch(Piece(bytes), *AllPatterns().any);
}

// Messages in which one field names what others hold.
struct Named {
  const Descriptor* type;
  uint32_t name;
  std::vector<uint32_t> values;
};

const Named* FindNamed(const Descriptor* type) {
  static const auto* const kAll = new std::vector<Named>{
      {v1::FieldChange::descriptor(),
       v1::FieldChange::kPathFieldNumber,
       {v1::FieldChange::kOldValueFieldNumber, v1::FieldChange::kNewValueFieldNumber}},
      {v1::Detail::descriptor(),
       v1::Detail::kTypeFieldNumber,
       {v1::Detail::kStringValueFieldNumber, v1::Detail::kBytesValueFieldNumber}},
      {v1::Extension::descriptor(),
       v1::Extension::kUrlFieldNumber,
       {v1::Extension::kStringValueFieldNumber, v1::Extension::kBytesValueFieldNumber}}};
  const auto it = std::find_if(kAll->begin(), kAll->end(),
                               [type](const Named& one) { return one.type == type; });
  return it == kAll->end() ? nullptr : &*it;
}

// Whether a field's text ends with a secret's name, or one of the texts within it, as of a code.
bool NamesSecret(const FieldDescriptor* field, absl::string_view value) {
  static const auto* const kName = [] {
    RE2::Options options(RE2::Latin1);
    options.set_case_sensitive(false);
    return new RE2(absl::StrCat("(?:^|[^a-z0-9])", kNames, "$"), options);
  }();
  if (field == nullptr) return false;
  if (field->type() != FieldDescriptor::TYPE_MESSAGE) {
    return RE2::PartialMatch(Piece(value), *kName);
  }
  WireReader reader(value);
  WireField inner;
  while (!reader.done() && reader.Next(inner).ok()) {
    if (inner.type != WireType::kLengthDelimited) continue;
    const auto* known = field->message_type()->FindFieldByNumber(static_cast<int>(inner.number));
    if (NamesSecret(known, inner.value)) return true;
  }
  return false;
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
      const Named* const named = is_message ? FindNamed(known->message_type()) : nullptr;
      if (named != nullptr) MaskNamed(*named, field.value, name);
      if (is_message) {
        Walk(known->message_type(), field.value, name, depth + 1);
      } else {
        MaskIn(field.value, name, known != nullptr);
      }
    }
  }

 private:
  static bool IsIdentity(uint32_t number) {
    return number == v1::AuditEvent::kEventIdFieldNumber ||
           number == v1::AuditEvent::kSourceFieldNumber;
  }

  // `is_known`: a string or bytes by the descriptor, and no message of a later version.
  void MaskIn(absl::string_view value, const std::string& name, bool is_known) {
    if (!HoldsAny(value)) return;
    bool changed = false;
    for (const std::unique_ptr<RE2>& pattern : AllPatterns().each) {
      re2::StringPiece rest = Piece(value);
      re2::StringPiece secret;
      while (RE2::FindAndConsume(&rest, *pattern, &secret)) {
        changed |= Overwrite(secret, is_known);
      }
    }
    if (changed) masked_.fields.push_back(name);
  }

  // False when it was overwritten already, here or by the emitter.
  bool Overwrite(re2::StringPiece secret, bool is_known) {
    const auto* end = secret.end();
    // In what may be a message a control byte is rather a field's tag than a secret's part.
    if (!is_known)
      end = std::find_if(secret.begin(), end, [](char c) { return c >= 0 && c < ' '; });
    if (std::all_of(secret.begin(), end, [](char c) { return c == '*'; })) return false;
    std::string& event = masked_.event;
    std::fill(event.begin() + (secret.data() - event.data()), event.begin() + (end - event.data()),
              '*');
    return true;
  }

  void MaskNamed(const Named& named, absl::string_view message, const std::string& path) {
    const auto* name = named.type->FindFieldByNumber(static_cast<int>(named.name));
    bool is_secret = false;
    bool changed = false;
    WireReader reader(message);
    WireField field;
    while (!reader.done() && reader.Next(field).ok()) {
      if (field.number == named.name) {
        is_secret = NamesSecret(name, field.value);
      } else if (is_secret && std::count(named.values.begin(), named.values.end(), field.number)) {
        changed |= Overwrite(Piece(field.value), /*is_known=*/true);
      }
    }
    if (changed) masked_.fields.push_back(path);
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
