#include "tools/witness_logs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

absl::Status AddKey(NoteVerifier key, absl::string_view origin, std::vector<WitnessedLog>& logs) {
  auto log = std::find_if(logs.begin(), logs.end(),
                          [&](const WitnessedLog& known) { return known.origin == origin; });
  if (log == logs.end()) {
    if (logs.size() == kMaxWitnessedLogs) {
      return absl::InvalidArgumentError(absl::StrCat("over ", kMaxWitnessedLogs, " logs"));
    }
    log = logs.insert(logs.end(), WitnessedLog{std::string(origin), {}});
  }
  for (const NoteVerifier& known : log->keys) {
    if (known.name() == key.name() && known.key_id() == key.key_id()) {
      return absl::InvalidArgumentError("a key that this log has already");
    }
  }
  if (log->keys.size() == kMaxKeysOfLog) {
    return absl::InvalidArgumentError(absl::StrCat("over ", kMaxKeysOfLog, " keys of one log"));
  }
  log->keys.push_back(std::move(key));
  return absl::OkStatus();
}

absl::Status ParseLine(absl::string_view line, std::vector<WitnessedLog>& logs) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.empty() || words[0][0] == '#') return absl::OkStatus();
  if (words.size() > 2) return absl::InvalidArgumentError("not \"vkey [origin]\"");
  ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(words[0]));
  if (key.type() != kNoteEd25519) {
    return absl::InvalidArgumentError("the key is not an Ed25519 log key (type 0x01)");
  }
  const std::string origin(words.size() == 2 ? words[1] : key.name());
  RETURN_IF_ERROR(CheckNoteCharacters("origin", origin));
  return AddKey(std::move(key), origin, logs);
}

}  // namespace

absl::StatusOr<std::vector<WitnessedLog>> ParseWitnessedLogs(absl::string_view text) {
  if (text.size() > kMaxWitnessLogsBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("logs: has ", text.size(), " bytes, at most ", kMaxWitnessLogsBytes));
  }
  std::vector<WitnessedLog> logs;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::Status status = ParseLine(line, logs);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("logs: line ", number, ": ", status.message()));
    }
  }
  return logs;
}

}  // namespace auditledger
