#include "verifier/answer_report.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "merkle/answer_check.h"
#include "merkle/leaf.h"
#include "merkle/tags.h"
#include "nlohmann/json.hpp"
#include "verifier/entry_check.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

void TakeEntry(const AnswerLeaf& shown, const Pin& pin, AnswerReport& report) {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(shown.leaf);
  const absl::Status rules = leaf.ok() ? CheckLeafRules(shown.index, *leaf, pin) : leaf.status();
  if (!rules.ok()) {
    report.verdict.Refuse(absl::StrCat("entry ", shown.index, ": ", rules.message()));
    return;
  }
  const std::string happened =
      leaf->event_time_us == 0 ? std::string() : FormatMicros(leaf->event_time_us);
  report.entries.push_back({shown.index, EntryKindName(leaf->kind),
                            FormatMicros(leaf->recorded_at_us), happened,
                            absl::BytesToHexString(shown.leaf)});
}

void Summarize(const AnswerProven& proven, const Checkpoint& head, Verdict& verdict) {
  const size_t count = proven.entries.size();
  verdict.proven.push_back(absl::StrCat(
      count == 0 ? std::string("none at all") : absl::StrCat("exactly these ", count, " entries"),
      " of the tag lie in the window, of the log's first ", proven.complete_size, " entries"));
  if (proven.complete_size < head.size) {
    verdict.not_proven.push_back(
        absl::StrCat("whether entries ", proven.complete_size, " to ", head.size - 1,
                     " carry the tag: the answer stops at the index head"));
  }
  if (proven.index_head.has_value()) {
    verdict.not_proven.push_back(
        absl::StrCat("that the map of the index head at entry ", proven.index_head_entry,
                     " is the one that the ", proven.index_head->size,
                     " entries it covers make: it is the operator's word until somebody "
                     "has made it anew (auditledger-verify log)"));
  }
  verdict.not_proven.push_back(
      "that every access was emitted, and under this identifier: only what reached the log is in "
      "it");
}

}  // namespace

AnswerReport VerifyAnswer(const AnswerInput& input, const Pin& pin, const History& history) {
  AnswerReport report;
  report.verdict = Verdict::About("answer", pin);
  Verdict& verdict = report.verdict;
  const absl::StatusOr<CompleteAnswer> answer = ParseCompleteAnswer(input.answer);
  if (!answer.ok()) {
    verdict.CannotTell(answer.status().message());
    return report;
  }
  const std::optional<OpenedHead> opened = OpenHeadOf(answer->checkpoint, pin, history, verdict);
  if (!opened) return report;
  verdict.proven.push_back("the log's key signed this head");
  std::optional<Hash> key_hash;
  if (input.index_key) key_hash = IndexKeyHash(*input.index_key);
  const Checkpoint& head = opened->head.checkpoint;
  const absl::StatusOr<AnswerProven> proven =
      VerifyCompleteAnswer(*answer, head, input.asked, key_hash);
  if (!proven.ok()) {
    verdict.Refuse(proven.status().message());
    return report;
  }
  const Pin first = WithFirstKey(pin, opened->key_changes);
  for (const AnswerLeaf& shown : proven->entries) TakeEntry(shown, first, report);
  report.complete_size = proven->complete_size;
  if (proven->index_head) report.index_head = proven->index_head_entry;
  Summarize(*proven, head, verdict);
  if (!input.index_key) {
    verdict.not_proven.push_back("whose tag it is: no index key was given");
  }
  CompareWithStore(opened->head, pin, history, HeadUse::kReceipt, verdict, opened->key_changes);
  AddStandingLimits(verdict);
  return report;
}

std::string AnswerText(const AnswerReport& report) {
  std::string out;
  if (report.verdict.outcome != Outcome::kRefused) {
    for (const AnswerReport::Entry& entry : report.entries) {
      absl::StrAppend(
          &out, "entry ", entry.index, " (", entry.kind, "), recorded ", entry.recorded_at,
          entry.event_time.empty() ? "" : absl::StrCat(", happened ", entry.event_time), "\n");
    }
  }
  return out + VerdictText(report.verdict);
}

std::string AnswerJson(const AnswerReport& report) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(VerdictJson(report.verdict));
  json["answer"] = nullptr;
  if (report.verdict.outcome != Outcome::kRefused && report.complete_size > 0) {
    nlohmann::ordered_json entries = nlohmann::ordered_json::array();
    for (const AnswerReport::Entry& entry : report.entries) {
      entries.push_back({{"index", entry.index},
                         {"kind", entry.kind},
                         {"recorded_at", entry.recorded_at},
                         {"event_time", entry.event_time},
                         {"leaf", entry.leaf_hex}});
    }
    json["answer"] = {{"complete_size", report.complete_size},
                      {"index_head", nullptr},
                      {"entries", std::move(entries)}};
    if (report.index_head) json["answer"]["index_head"] = *report.index_head;
  }
  return json.dump(2) + "\n";
}

}  // namespace auditledger
