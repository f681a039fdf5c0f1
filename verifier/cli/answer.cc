#include "verifier/cli/answer.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "verifier/file_io.h"
#include "verifier/pins.h"

namespace auditledger {
namespace {

constexpr size_t kMaxSubjectBytes = 0xffff;  // of system and of id: what a tag is made of (tags.h)

// RFC 3339, to the microsecond; "" or "-" is no bound.
absl::Status ReadTime(const std::string& text, uint64_t& out) {
  if (text.empty() || text == "-") return absl::OkStatus();
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) || time < absl::UnixEpoch()) {
    return absl::InvalidArgumentError(absl::StrCat("not a time like 2026-03-01T00:00:00Z: ", text));
  }
  out = static_cast<uint64_t>(absl::ToUnixMicros(time));
  return absl::OkStatus();
}

absl::StatusOr<TimeWindow> WindowOf(const std::vector<std::string>& times) {
  TimeWindow window;
  if (times.empty()) return window;
  RETURN_IF_ERROR(ReadTime(times.at(0), window.from_us));
  RETURN_IF_ERROR(ReadTime(times.at(1), window.to_us));
  return window;
}

absl::StatusOr<Hash> TagOf(const Options& options, AnswerInput& input) {
  const std::vector<std::string>& subject = options.subject;
  if (options.tag.empty() == subject.empty()) {
    return absl::InvalidArgumentError("whom is it about? Give --tag, or --index-key and --subject");
  }
  if (!options.index_key.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(options.index_key, kMaxKeyFileBytes));
    ASSIGN_OR_RETURN(input.index_key, ParseIndexKey(text));
  }
  if (!options.tag.empty()) return Hash::FromHex(options.tag);
  if (!input.index_key) return absl::InvalidArgumentError("--subject needs --index-key");
  const TagKey key{subject.at(0), subject.at(1), subject.at(2)};
  if (key.kind != kTagKindPatient && key.kind != kTagKindAgent && key.kind != kTagKindOverride) {
    return absl::InvalidArgumentError(
        absl::StrCat("--subject: no kind of subject: ", key.kind, "; patient, agent or override"));
  }
  if (key.system.size() > kMaxSubjectBytes || key.id.size() > kMaxSubjectBytes) {
    return absl::InvalidArgumentError("--subject: over 65535 bytes");
  }
  return DeriveTag(HmacKey(*input.index_key), key);
}

}  // namespace

absl::StatusOr<AnswerInput> AnswerInputOf(const Options& options) {
  AnswerInput input;
  if (!options.recorded.empty() && !options.happened.empty()) {
    return absl::InvalidArgumentError("one window: --recorded or --happened");
  }
  ASSIGN_OR_RETURN(const Hash tag, TagOf(options, input));
  const bool happened = !options.happened.empty();
  ASSIGN_OR_RETURN(const TimeWindow window,
                   WindowOf(happened ? options.happened : options.recorded));
  input.asked = happened ? HappenedWithin(tag, window) : RecordedWithin(tag, window);
  RETURN_IF_ERROR(CheckAnswerQuery(input.asked));
  ASSIGN_OR_RETURN(input.answer, ReadFileLimited(options.file, kMaxAnswerBytes));
  return input;
}

}  // namespace auditledger
