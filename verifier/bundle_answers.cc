#include "verifier/bundle_answers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/answer_check.h"
#include "merkle/complete_answer.h"
#include "merkle/status_macros.h"
#include "verifier/bundle_proofs.h"

namespace auditledger {
namespace {

AnswerQuery AskedOf(const BundleQuery& query, const Hash& tag) {
  return RecordedWithin(tag, {query.from_us, query.to_us == 0 ? kNoEnd : query.to_us});
}

absl::StatusOr<AnswerProven> ProvenBy(absl::string_view bytes, uint64_t number,
                                      const BundleFile& bundle) {
  const std::vector<Hash>& tags = bundle.scope.query.tags;
  if (number >= tags.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("asked was for ", tags.size(), " tags, and this is one more"));
  }
  ASSIGN_OR_RETURN(const CompleteAnswer answer, ParseCompleteAnswer(bytes));
  ASSIGN_OR_RETURN(const Checkpoint head, ParseUncheckedHead(answer.checkpoint));
  const Checkpoint& mine = bundle.head;
  if (head.origin != mine.origin || head.size != mine.size || head.root != mine.root) {
    return absl::DataLossError(absl::StrCat("it is under another head, of size ", head.size));
  }
  return VerifyCompleteAnswer(answer, mine, AskedOf(bundle.scope.query, tags[number]),
                              std::nullopt);
}

// Puts the parts of answers together, and keeps what they prove.
class Answers {
 public:
  explicit Answers(const BundleFile& bundle) : bundle_(bundle) {}

  // OK until one is refused; then why.
  absl::Status Add(const CompletenessRecord& record) {
    if (record.type != kCompleteAnswerType) {
      if (found_.unknown.empty()) found_.unknown = std::string(record.type);
      return CheckWhole();
    }
    const auto more = static_cast<uint8_t>(record.bytes.empty() ? '\2' : record.bytes.front());
    if (more > 1) return absl::InvalidArgumentError("a part of it is not well formed");
    more_ = more == 1;
    const absl::string_view part = record.bytes.substr(1);
    if (bytes_.size() + part.size() > kMaxAnswerBytes) {
      return absl::InvalidArgumentError(absl::StrCat("it has over ", kMaxAnswerBytes, " bytes"));
    }
    absl::StrAppend(&bytes_, part);
    return more_ ? absl::OkStatus() : Finish();
  }

  // `last` is what Add said last.
  BundleAnswers Found(const absl::Status& last) && {
    const absl::Status end = last.ok() ? CheckWhole() : last;
    if (!end.ok()) {
      found_.wrong = absl::StrCat("answer ", found_.count + 1,
                                  " is refused: ", absl::StripPrefix(end.message(), "answer: "));
    }
    if (found_.count < bundle_.scope.query.tags.size()) found_.complete_size = 0;
    return std::move(found_);
  }

 private:
  absl::Status CheckWhole() const {
    if (!more_) return absl::OkStatus();
    return absl::DataLossError("it is cut short");
  }

  absl::Status Finish() {
    ASSIGN_OR_RETURN(const AnswerProven proven, ProvenBy(bytes_, found_.count, bundle_));
    bytes_.clear();
    for (const AnswerLeaf& entry : proven.entries) found_.entries.insert(entry.index);
    if (proven.index_head) found_.index_heads.insert(proven.index_head_entry);
    found_.complete_size = found_.count == 0 ? proven.complete_size
                                             : std::min(found_.complete_size, proven.complete_size);
    ++found_.count;
    return absl::OkStatus();
  }

  const BundleFile& bundle_;
  std::string bytes_;  // of the answer so far
  bool more_ = false;  // of it is still to come
  BundleAnswers found_;
};

}  // namespace

BundleAnswers CheckAnswers(const BundleFile& bundle) {
  Answers answers(bundle);
  absl::Status status;
  for (const absl::string_view record : RecordsOf(bundle.frame, BundleSection::kCompleteness)) {
    status = answers.Add(ParseCompletenessRecord(record).value());  // ParseBundle has seen to it
    if (!status.ok()) break;
  }
  return std::move(answers).Found(status);
}

}  // namespace auditledger
