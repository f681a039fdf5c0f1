// The parts of an evidence bundle that are JSON: what was asked and what was left out and why
// (scope), what the sections hold and who asked (manifest), streams (coverage), codes (glossary).
//
// Each has one form: compact, names as and in the order of the structs here, whole numbers below
// 2^53; what parses is written again to the same bytes. Nesting is at most kMaxBundleJsonDepth.
//
// Example:
//   ASSIGN_OR_RETURN(const BundleScope scope, ParseBundleScope(record));
//   if (scope.query.kind == BundleQuery::Kind::kTag) ...
//
// Thread-safety: values and pure functions. Errors: InvalidArgument naming the part, never a value.
// Format: verifier/README.md, "The evidence bundle".
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_SCOPE_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_SCOPE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"

namespace auditledger {

// Deep enough for all of it; a parser's stack stays small.
inline constexpr int kMaxBundleJsonDepth = 8;
// What a double can count to, so that a browser reads the same number.
inline constexpr uint64_t kMaxBundleNumber = (uint64_t{1} << 53) - 1;

// What was asked for. Windows are in recorded time, the end not included.
struct BundleQuery {
  enum class Kind : uint8_t { kAll, kRange, kRecorded, kTag };
  Kind kind = Kind::kAll;
  uint64_t begin = 0;  // kRange
  uint64_t end = 0;
  uint64_t from_us = 0;  // kRecorded, kTag; of a tag's window 0 is open
  uint64_t to_us = 0;
  std::string about;       // kTag: whose tags, in words; the bundle does not prove it
  std::vector<Hash> tags;  // kTag: any of them

  // Whether the entry is asked for.
  bool Matches(uint64_t index, const Leaf& leaf) const;
};

// Something that is withheld, and why; counts of what each rule withholds in this bundle.
struct BundleRule {
  uint8_t rule = 0;  // 1 to 255
  std::string name;
  std::string why;
  uint64_t entries = 0;  // whole
  uint64_t headers = 0;
  uint64_t units = 0;
};

struct BundleScope {
  BundleQuery query;
  uint64_t size = 0;      // of the head
  uint64_t examined = 0;  // entries that were looked at
  uint64_t matched = 0;
  uint64_t context = 0;
  std::vector<BundleRule> rules;  // ascending
};
absl::StatusOr<BundleScope> ParseBundleScope(absl::string_view json);
std::string FormatBundleScope(const BundleScope& scope);

struct ListedSection {
  std::string section;
  uint64_t records = 0;
  uint64_t bytes = 0;
  Hash root;  // RFC 6962, over the records
};
struct BundleManifest {
  std::string package;
  std::string case_id;
  std::string legal_basis;
  std::string purpose;
  std::string requester;
  std::string approver;
  std::string exporter;
  std::string tool;
  std::string tool_version;
  std::string created_at;
  std::string origin;
  std::string vkey;  // as the maker of the bundle says; a verifier has its own
  std::vector<ListedSection> sections;
};
absl::StatusOr<BundleManifest> ParseBundleManifest(absl::string_view json);
std::string FormatBundleManifest(const BundleManifest& manifest);

// What the ledger says of one stream.
struct StreamCoverage {
  std::string principal;
  std::string stream;
  uint64_t received = 0;
  uint64_t last = 0;
  std::vector<std::pair<uint64_t, uint64_t>> gaps;  // inclusive
  bool more = false;                                // gaps that are not listed
};
absl::StatusOr<StreamCoverage> ParseStreamCoverage(absl::string_view json);
std::string FormatStreamCoverage(const StreamCoverage& coverage);

struct GlossaryCode {
  std::string system;
  std::string code;
  std::string meaning;
};
absl::StatusOr<GlossaryCode> ParseGlossaryCode(absl::string_view json);
std::string FormatGlossaryCode(const GlossaryCode& code);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_SCOPE_H_
