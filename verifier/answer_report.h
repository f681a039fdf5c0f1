// A complete answer (merkle/complete_answer.h) as a file: which entries carry a tag within a
// window, and that these are all, checked against the pinned key and the head that the answer is
// under.
//
// Thread-safety: a free function; a trust store keeps concurrent runs apart by itself.
// Errors: all of them are verdicts, with reasons.
#ifndef AUDITLEDGER_VERIFIER_ANSWER_REPORT_H_
#define AUDITLEDGER_VERIFIER_ANSWER_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "merkle/complete_answer.h"
#include "verifier/heads.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

struct AnswerInput {
  std::string answer;
  AnswerQuery asked;  // the asker's own, never the file's
  // 32 bytes, where the asker made the tag with it: the genesis must name this key.
  std::optional<std::string> index_key;
};

struct AnswerReport {
  Verdict verdict;
  // Of an answer that was not refused.
  struct Entry {
    uint64_t index = 0;
    std::string kind;
    std::string recorded_at;
    std::string event_time;  // "" for none
    std::string leaf_hex;
  };
  std::vector<Entry> entries;
  uint64_t complete_size = 0;  // nothing below it is left out
  // Where the index head is that it rests on; none where the whole log was shown.
  std::optional<uint64_t> index_head;
};
AnswerReport VerifyAnswer(const AnswerInput& input, const Pin& pin, const History& history);

// The verdict as VerdictText and VerdictJson have it, with the entries; of the latter as the field
// answer {complete_size, index_head, entries [{index, kind, recorded_at, event_time, leaf}]}, null
// where it was refused.
std::string AnswerText(const AnswerReport& report);
std::string AnswerJson(const AnswerReport& report);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_ANSWER_REPORT_H_
