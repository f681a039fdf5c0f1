#include "verifier/bundle_scope.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "nlohmann/json.hpp"

namespace auditledger {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kFormat = "auditledger/bundle/v1";
constexpr absl::string_view kKinds[] = {"all", "range", "recorded", "tag"};
constexpr uint64_t kMaxRule = 255;

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

// How deep brackets nest, outside of strings.
int DepthOf(absl::string_view json) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

absl::StatusOr<Json> ParseCompact(absl::string_view text) {
  if (DepthOf(text) > kMaxBundleJsonDepth) return Wrong("JSON: nested too deeply");
  // What does not parse is not written again to the same bytes either.
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.dump(-1, ' ', false, Json::error_handler_t::replace) != std::string(text)) {
    return Wrong("JSON that is not compact");
  }
  return json;
}

std::string Compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// An object with exactly these names, in this order.
absl::Status CheckNames(const Json& json, std::initializer_list<const char*> names) {
  if (!json.is_object() || json.size() != names.size()) return Wrong("other names");
  auto it = json.begin();
  for (const char* name : names) {
    if (it.key() != name) return Wrong("other names");
    ++it;
  }
  return absl::OkStatus();
}

absl::Status Read(const Json& json, const char* name, std::string& out) {
  const Json& value = json.at(name);
  if (!value.is_string()) return Wrong(name);
  out = value.get<std::string>();
  return absl::OkStatus();
}

absl::Status Number(const Json& value, const char* name, uint64_t& out) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > kMaxBundleNumber) return Wrong(name);
  out = value.get<uint64_t>();
  return absl::OkStatus();
}
absl::Status Read(const Json& json, const char* name, uint64_t& out) {
  return Number(json.at(name), name, out);
}

absl::Status ReadHash(const Json& value, const char* name, Hash& out) {
  if (!value.is_string()) return Wrong(name);
  const std::string hex = value.get<std::string>();
  if (std::any_of(hex.begin(), hex.end(), absl::ascii_isupper)) return Wrong(name);
  const absl::StatusOr<Hash> hash = Hash::FromHex(hex);
  if (!hash.ok()) return Wrong(name);
  out = *hash;
  return absl::OkStatus();
}

absl::Status ReadTagQuery(const Json& json, BundleQuery& out) {
  RETURN_IF_ERROR(CheckNames(json, {"kind", "about", "tags", "from_us", "to_us"}));
  RETURN_IF_ERROR(Read(json, "about", out.about));
  if (!json.at("tags").is_array() || json.at("tags").empty()) return Wrong("tags");
  for (const Json& tag : json.at("tags")) {
    RETURN_IF_ERROR(ReadHash(tag, "tags", out.tags.emplace_back()));
  }
  RETURN_IF_ERROR(Read(json, "from_us", out.from_us));
  return Read(json, "to_us", out.to_us);
}

absl::Status ReadQuery(const Json& json, BundleQuery& out) {
  if (!json.contains("kind")) return Wrong("query");  // nor has what is no object
  std::string kind;
  RETURN_IF_ERROR(Read(json, "kind", kind));
  const auto* const found = std::find(std::begin(kKinds), std::end(kKinds), kind);
  if (found == std::end(kKinds)) return Wrong("query");
  out.kind = static_cast<BundleQuery::Kind>(found - std::begin(kKinds));
  switch (out.kind) {
    case BundleQuery::Kind::kAll:
      return CheckNames(json, {"kind"});
    case BundleQuery::Kind::kRange:
      RETURN_IF_ERROR(CheckNames(json, {"kind", "begin", "end"}));
      RETURN_IF_ERROR(Read(json, "begin", out.begin));
      RETURN_IF_ERROR(Read(json, "end", out.end));
      return out.begin < out.end ? absl::OkStatus() : Wrong("range");
    case BundleQuery::Kind::kRecorded:
      RETURN_IF_ERROR(CheckNames(json, {"kind", "from_us", "to_us"}));
      RETURN_IF_ERROR(Read(json, "from_us", out.from_us));
      RETURN_IF_ERROR(Read(json, "to_us", out.to_us));
      return out.from_us < out.to_us ? absl::OkStatus() : Wrong("window");
    case BundleQuery::Kind::kTag:
      break;
  }
  return ReadTagQuery(json, out);
}

absl::Status ReadRule(const Json& json, BundleRule& out) {
  RETURN_IF_ERROR(CheckNames(json, {"rule", "name", "why", "entries", "headers", "units"}));
  uint64_t number = 0;
  RETURN_IF_ERROR(Read(json, "rule", number));
  if (number < 1 || number > kMaxRule) return Wrong("rule");
  out.rule = static_cast<uint8_t>(number);
  RETURN_IF_ERROR(Read(json, "name", out.name));
  RETURN_IF_ERROR(Read(json, "why", out.why));
  RETURN_IF_ERROR(Read(json, "entries", out.entries));
  RETURN_IF_ERROR(Read(json, "headers", out.headers));
  return Read(json, "units", out.units);
}

Json QueryJson(const BundleQuery& query) {
  Json json = {{"kind", std::string(kKinds[static_cast<size_t>(query.kind)])}};
  if (query.kind == BundleQuery::Kind::kRange) {
    json["begin"] = query.begin;
    json["end"] = query.end;
  }
  if (query.kind == BundleQuery::Kind::kTag) {
    json["about"] = query.about;
    json["tags"] = Json::array();
    for (const Hash& tag : query.tags) json["tags"].push_back(tag.ToHex());
  }
  if (query.kind == BundleQuery::Kind::kTag || query.kind == BundleQuery::Kind::kRecorded) {
    json["from_us"] = query.from_us;
    json["to_us"] = query.to_us;
  }
  return json;
}

absl::Status ReadSection(const Json& json, ListedSection& out) {
  RETURN_IF_ERROR(CheckNames(json, {"section", "records", "bytes", "root"}));
  RETURN_IF_ERROR(Read(json, "section", out.section));
  RETURN_IF_ERROR(Read(json, "records", out.records));
  RETURN_IF_ERROR(Read(json, "bytes", out.bytes));
  return ReadHash(json.at("root"), "root", out.root);
}

// The manifest's texts, in the order of the file.
template <typename Manifest, typename Each>
absl::Status ForEachText(Manifest& m, const Each& each) {
  RETURN_IF_ERROR(each("package", m.package));
  RETURN_IF_ERROR(each("case", m.case_id));
  RETURN_IF_ERROR(each("legal_basis", m.legal_basis));
  RETURN_IF_ERROR(each("purpose", m.purpose));
  RETURN_IF_ERROR(each("requester", m.requester));
  RETURN_IF_ERROR(each("approver", m.approver));
  RETURN_IF_ERROR(each("exporter", m.exporter));
  RETURN_IF_ERROR(each("tool", m.tool));
  RETURN_IF_ERROR(each("tool_version", m.tool_version));
  RETURN_IF_ERROR(each("created_at", m.created_at));
  RETURN_IF_ERROR(each("origin", m.origin));
  return each("vkey", m.vkey);
}

absl::Status ReadGap(const Json& json, std::pair<uint64_t, uint64_t>& out) {
  if (!json.is_array() || json.size() != 2) return Wrong("gaps");
  RETURN_IF_ERROR(Number(json[0], "gaps", out.first));
  RETURN_IF_ERROR(Number(json[1], "gaps", out.second));
  return out.first <= out.second ? absl::OkStatus() : Wrong("gaps");
}

}  // namespace

bool BundleQuery::Matches(uint64_t index, const Leaf& leaf) const {
  const bool in_window = (from_us == 0 || leaf.recorded_at_us >= from_us) &&
                         (to_us == 0 || leaf.recorded_at_us < to_us);
  switch (kind) {
    case Kind::kAll:
      return true;
    case Kind::kRange:
      return begin <= index && index < end;
    case Kind::kRecorded:
      return in_window;
    case Kind::kTag:
      break;
  }
  return in_window && std::any_of(leaf.tags.begin(), leaf.tags.end(), [&](const Hash& tag) {
           return std::find(tags.begin(), tags.end(), tag) != tags.end();
         });
}

absl::StatusOr<BundleScope> ParseBundleScope(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseCompact(text));
  RETURN_IF_ERROR(CheckNames(json, {"query", "size", "examined", "matched", "context", "rules"}));
  BundleScope out;
  RETURN_IF_ERROR(ReadQuery(json.at("query"), out.query));
  RETURN_IF_ERROR(Read(json, "size", out.size));
  RETURN_IF_ERROR(Read(json, "examined", out.examined));
  RETURN_IF_ERROR(Read(json, "matched", out.matched));
  RETURN_IF_ERROR(Read(json, "context", out.context));
  if (!json.at("rules").is_array()) return Wrong("rules");
  for (const Json& each : json.at("rules")) {
    BundleRule rule;
    RETURN_IF_ERROR(ReadRule(each, rule));
    if (!out.rules.empty() && out.rules.back().rule >= rule.rule) return Wrong("rules");
    out.rules.push_back(std::move(rule));
  }
  return out;
}

std::string FormatBundleScope(const BundleScope& scope) {
  Json rules = Json::array();
  for (const BundleRule& rule : scope.rules) {
    rules.push_back({{"rule", rule.rule},
                     {"name", rule.name},
                     {"why", rule.why},
                     {"entries", rule.entries},
                     {"headers", rule.headers},
                     {"units", rule.units}});
  }
  return Compact({{"query", QueryJson(scope.query)},
                  {"size", scope.size},
                  {"examined", scope.examined},
                  {"matched", scope.matched},
                  {"context", scope.context},
                  {"rules", std::move(rules)}});
}

absl::StatusOr<BundleManifest> ParseBundleManifest(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseCompact(text));
  RETURN_IF_ERROR(CheckNames(
      json, {"format", "package", "case", "legal_basis", "purpose", "requester", "approver",
             "exporter", "tool", "tool_version", "created_at", "origin", "vkey", "sections"}));
  std::string format;
  RETURN_IF_ERROR(Read(json, "format", format));
  if (format != kFormat) return Wrong("format");
  BundleManifest out;
  RETURN_IF_ERROR(ForEachText(
      out, [&](const char* name, std::string& text_of) { return Read(json, name, text_of); }));
  if (!json.at("sections").is_array()) return Wrong("sections");
  for (const Json& each : json.at("sections")) {
    RETURN_IF_ERROR(ReadSection(each, out.sections.emplace_back()));
  }
  return out;
}

std::string FormatBundleManifest(const BundleManifest& manifest) {
  Json json = {{"format", std::string(kFormat)}};
  ForEachText(manifest, [&](const char* name, const std::string& text_of) {
    json[name] = text_of;
    return absl::OkStatus();
  }).IgnoreError();
  json["sections"] = Json::array();
  for (const ListedSection& section : manifest.sections) {
    json["sections"].push_back({{"section", section.section},
                                {"records", section.records},
                                {"bytes", section.bytes},
                                {"root", section.root.ToHex()}});
  }
  return Compact(json);
}

absl::StatusOr<StreamCoverage> ParseStreamCoverage(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseCompact(text));
  RETURN_IF_ERROR(
      CheckNames(json, {"kind", "principal", "stream", "received", "last", "gaps", "more"}));
  if (json.at("kind") != "stream") return Wrong("kind");
  StreamCoverage out;
  RETURN_IF_ERROR(Read(json, "principal", out.principal));
  RETURN_IF_ERROR(Read(json, "stream", out.stream));
  RETURN_IF_ERROR(Read(json, "received", out.received));
  RETURN_IF_ERROR(Read(json, "last", out.last));
  if (!json.at("gaps").is_array()) return Wrong("gaps");
  for (const Json& each : json.at("gaps")) RETURN_IF_ERROR(ReadGap(each, out.gaps.emplace_back()));
  if (!json.at("more").is_boolean()) return Wrong("more");
  out.more = json.at("more").get<bool>();
  return out;
}

std::string FormatStreamCoverage(const StreamCoverage& coverage) {
  Json gaps = Json::array();
  for (const auto& [first, last] : coverage.gaps) gaps.push_back(Json::array({first, last}));
  return Compact({{"kind", "stream"},
                  {"principal", coverage.principal},
                  {"stream", coverage.stream},
                  {"received", coverage.received},
                  {"last", coverage.last},
                  {"gaps", std::move(gaps)},
                  {"more", coverage.more}});
}

absl::StatusOr<GlossaryCode> ParseGlossaryCode(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseCompact(text));
  RETURN_IF_ERROR(CheckNames(json, {"system", "code", "meaning"}));
  GlossaryCode out;
  RETURN_IF_ERROR(Read(json, "system", out.system));
  RETURN_IF_ERROR(Read(json, "code", out.code));
  RETURN_IF_ERROR(Read(json, "meaning", out.meaning));
  return out;
}

std::string FormatGlossaryCode(const GlossaryCode& code) {
  return Compact({{"system", code.system}, {"code", code.code}, {"meaning", code.meaning}});
}

}  // namespace auditledger
