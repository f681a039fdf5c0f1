#include "verifier/verdict.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "verifier/entry_check.h"

namespace auditledger {
namespace {

void AppendList(absl::string_view title, const std::vector<std::string>& lines, std::string& out) {
  if (lines.empty()) return;
  absl::StrAppend(&out, title, "\n");
  for (const std::string& line : lines) absl::StrAppend(&out, "  - ", line, "\n");
}

nlohmann::ordered_json WitnessJson(const Verdict& verdict) {
  if (!verdict.witnesses) return nullptr;
  nlohmann::ordered_json by = nlohmann::ordered_json::array();
  for (const WitnessReport::Cosigner& cosigner : verdict.witnesses->by) {
    by.push_back({{"name", cosigner.name}, {"time", cosigner.time}});
  }
  return {{"met", verdict.witnesses->met},
          {"by", std::move(by)},
          {"f", verdict.witnesses->survives},
          {"computed", verdict.witnesses->computed}};
}

// An entry's bracket, or a run of entries', as a line.
std::string BracketText(const TimeBracket& bracket) {
  const bool one = bracket.begin + 1 == bracket.end;
  std::string out = one ? absl::StrCat("entry ", bracket.begin)
                        : absl::StrCat("entries ", bracket.begin, " to ", bracket.end - 1);
  if (bracket.not_before_us) {
    absl::StrAppend(&out, " not before ", FormatMicros(*bracket.not_before_us), " (entry ",
                    bracket.named_by, " names that timestamp)");
  }
  if (bracket.no_later_us) {
    absl::StrAppend(&out, bracket.not_before_us ? "," : "", " no later than ",
                    FormatMicros(*bracket.no_later_us), " (head of size ", bracket.stamped_size,
                    ")");
  }
  if (!bracket.not_before_us && !bracket.no_later_us) absl::StrAppend(&out, " not bounded");
  if (bracket.beyond_size) {
    absl::StrAppend(&out, "; after the stamped head of size ", *bracket.beyond_size, " was made");
  }
  return out;
}

nlohmann::ordered_json BracketJson(const TimeBracket& bracket) {
  nlohmann::ordered_json json = {{"first", bracket.begin}, {"last", bracket.end - 1}};
  if (bracket.not_before_us) {
    json["not_before"] = FormatMicros(*bracket.not_before_us);
    json["named_by"] = bracket.named_by;
  }
  if (bracket.no_later_us) {
    json["no_later_than"] = FormatMicros(*bracket.no_later_us);
    json["stamped_size"] = bracket.stamped_size;
  }
  if (bracket.beyond_size) json["beyond_size"] = *bracket.beyond_size;
  return json;
}

nlohmann::ordered_json ErasedJson(const std::vector<ErasedEntries>& erased) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const ErasedEntries& each : erased) {
    json.push_back({{"by", each.by},
                    {"count", each.count},
                    {"entries", each.entries},
                    {"shown_count", each.shown_count},
                    {"shown", each.shown}});
  }
  return json;
}

}  // namespace

Verdict Verdict::About(absl::string_view subject, const Pin& pin) {
  Verdict verdict;
  verdict.subject = std::string(subject);
  verdict.origin = pin.origin;
  verdict.vkey = pin.key.ToVkey();
  verdict.key_id = pin.key.key_id();
  return verdict;
}

void Verdict::Lower(Outcome to, absl::string_view reason) {
  outcome = std::max(outcome, to);
  if (reasons.size() < kMaxReasons) {
    reasons.emplace_back(reason);
  } else {
    ++reasons_left_out;
  }
}

int Verdict::ExitCode() const {
  switch (outcome) {
    case Outcome::kVerified:
      return witnessed() ? 0 : kExitUnwitnessed;
    case Outcome::kRefused:
      return 1;
    case Outcome::kCannotTell:
      break;
  }
  return 2;
}

std::string Verdict::Name() const {
  switch (outcome) {
    case Outcome::kVerified:
      return witnessed() ? "verified" : "verified, unwitnessed";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kCannotTell:
      break;
  }
  return "cannot tell";
}

std::string VerdictText(const Verdict& verdict) {
  std::string out =
      absl::StrCat(absl::AsciiStrToUpper(verdict.Name()), ": ", verdict.subject, "\n");
  absl::StrAppend(&out, "against\n  origin ", verdict.origin, ", key ",
                  absl::StrFormat("%08x", verdict.key_id), "\n");
  if (verdict.head) {
    absl::StrAppend(&out, "  head of size ", verdict.head->size, ", root ",
                    verdict.head->root.ToHex(), "\n");
  }
  if (verdict.witnesses) {
    absl::StrAppend(&out, "  policy survives f = ", verdict.witnesses->survives,
                    " dishonest witnesses (", verdict.witnesses->computed, ")\n");
  }
  AppendList(verdict.outcome == Outcome::kRefused ? "why it is refused" : "why it cannot be told",
             verdict.reasons, out);
  if (verdict.reasons_left_out > 0) {
    absl::StrAppend(&out, "  - and ", verdict.reasons_left_out, " more\n");
  }
  std::vector<std::string> times;
  for (const TimeBracket& bracket : verdict.brackets) {
    if (times.size() < kMaxReasons) times.push_back(BracketText(bracket));
  }
  if (verdict.brackets.size() > times.size()) {
    times.push_back(absl::StrCat("and ", verdict.brackets.size() - times.size(),
                                 " more runs of entries: see --json"));
  }
  AppendList("came into the log", times, out);
  AppendList("proven", verdict.proven, out);
  AppendList("not proven", verdict.not_proven, out);
  AppendList("evidence kept in", verdict.evidence, out);
  return out;
}

std::string VerdictJson(const Verdict& verdict) {
  nlohmann::ordered_json against = {{"origin", verdict.origin},
                                    {"key", verdict.vkey},
                                    {"key_id", absl::StrFormat("%08x", verdict.key_id)}};
  if (verdict.head) {
    against["size"] = verdict.head->size;
    against["root"] = verdict.head->root.ToHex();
  }
  nlohmann::ordered_json brackets = nlohmann::ordered_json::array();
  for (const TimeBracket& bracket : verdict.brackets) brackets.push_back(BracketJson(bracket));
  const nlohmann::ordered_json json = {{"verdict", verdict.Name()},
                                       {"exit_code", verdict.ExitCode()},
                                       {"subject", verdict.subject},
                                       {"against", std::move(against)},
                                       {"witnesses", WitnessJson(verdict)},
                                       {"time_brackets", std::move(brackets)},
                                       {"erased", ErasedJson(verdict.erased)},
                                       {"proven", verdict.proven},
                                       {"not_proven", verdict.not_proven},
                                       {"reasons", verdict.reasons},
                                       {"reasons_left_out", verdict.reasons_left_out},
                                       {"evidence", verdict.evidence}};
  // Paths given by the caller need not be UTF-8; the rest is ours.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace auditledger
