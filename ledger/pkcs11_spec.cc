#include "ledger/pkcs11_spec.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr absl::string_view kFirstLine = "auditledger-pkcs11/v1\n";

struct Line {
  absl::string_view name;
  std::string Pkcs11Spec::*value;
  size_t max_bytes;
  bool is_path;
};
constexpr Line kLines[] = {{"module", &Pkcs11Spec::module, kMaxPkcs11PathBytes, true},
                           {"token", &Pkcs11Spec::token, kMaxTokenLabelBytes, false},
                           {"key", &Pkcs11Spec::key, kMaxPkcs11KeyBytes, false},
                           {"pin", &Pkcs11Spec::pin_file, kMaxPkcs11PathBytes, true}};

bool Fits(const Line& line, absl::string_view value) {
  if (value.empty() || value.size() > line.max_bytes) return false;
  if (value.front() == ' ' || value.back() == ' ') return false;
  if (line.is_path && value.front() != '/') return false;
  return std::all_of(value.begin(), value.end(), [](char c) { return absl::ascii_isprint(c); });
}

}  // namespace

absl::Status CheckPkcs11Spec(const Pkcs11Spec& spec) {
  for (const Line& line : kLines) {
    if (Fits(line, spec.*line.value)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "pkcs11 ", line.name, ": must be ", line.is_path ? "an absolute path" : "a label",
        " of at most ", line.max_bytes, " printable characters"));
  }
  return absl::OkStatus();
}

std::string FormatPkcs11Spec(const Pkcs11Spec& spec) {
  std::string out(kFirstLine);
  for (const Line& line : kLines) absl::StrAppend(&out, line.name, " ", spec.*line.value, "\n");
  return out;
}

absl::StatusOr<Pkcs11Spec> ParsePkcs11Spec(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kFirstLine)) {
    return absl::DataLossError("does not begin with auditledger-pkcs11/v1");
  }
  Pkcs11Spec out;
  for (const Line& line : kLines) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos || !absl::ConsumePrefix(&text, line.name) ||
        !absl::ConsumePrefix(&text, " ")) {
      return absl::DataLossError(absl::StrCat("there must be a line \"", line.name, " VALUE\""));
    }
    const size_t length = end - line.name.size() - 1;
    out.*line.value = std::string(text.substr(0, length));
    text.remove_prefix(length + 1);
  }
  if (!text.empty()) return absl::DataLossError("has more lines than it may");
  const absl::Status checked = CheckPkcs11Spec(out);
  if (!checked.ok()) return absl::DataLossError(checked.message());
  return out;
}

}  // namespace auditledger
