#include "merkle/checkpoint.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {

std::string FormatCheckpoint(const Checkpoint& checkpoint) {
  std::string text = absl::StrCat(checkpoint.origin, "\n", checkpoint.size, "\n",
                                  checkpoint.root.ToBase64(), "\n");
  for (const std::string& extension : checkpoint.extensions) {
    absl::StrAppend(&text, extension, "\n");
  }
  return text;
}

absl::StatusOr<Checkpoint> ParseCheckpoint(absl::string_view text) {
  RETURN_IF_ERROR(CheckNoteCharacters("checkpoint", text));
  Checkpoint checkpoint;
  absl::string_view rest = text;
  absl::string_view line;
  RETURN_IF_ERROR(TakeLine("checkpoint: origin", rest, line));
  if (line.empty()) return absl::InvalidArgumentError("checkpoint: empty origin");
  checkpoint.origin = std::string(line);
  RETURN_IF_ERROR(TakeLine("checkpoint: size", rest, line));
  ASSIGN_OR_RETURN(checkpoint.size, ParseDecimal("checkpoint: size", line));
  RETURN_IF_ERROR(TakeLine("checkpoint: root", rest, line));
  ASSIGN_OR_RETURN(checkpoint.root, Hash::FromBase64(line));
  if (checkpoint.size == 0 && checkpoint.root != EmptyRoot()) {
    return absl::InvalidArgumentError("checkpoint: size 0 with a root other than SHA-256(\"\")");
  }
  while (!rest.empty()) {
    RETURN_IF_ERROR(TakeLine("checkpoint: extension", rest, line));
    if (line.empty()) return absl::InvalidArgumentError("checkpoint: empty extension line");
    checkpoint.extensions.emplace_back(line);
  }
  return checkpoint;
}

absl::StatusOr<SignedCheckpoint> OpenCheckpoint(absl::string_view note, absl::string_view origin,
                                                const NoteVerifier& log_key) {
  ASSIGN_OR_RETURN(const VerifiedNote opened, OpenNote(note, {log_key}));
  SignedCheckpoint checkpoint;
  ASSIGN_OR_RETURN(checkpoint.checkpoint, ParseCheckpoint(opened.text));
  if (checkpoint.checkpoint.origin != origin) {
    return absl::FailedPreconditionError(absl::StrCat(
        "checkpoint: origin is ", checkpoint.checkpoint.origin, ", expected ", origin));
  }
  checkpoint.note = std::string(note);
  return checkpoint;
}

}  // namespace auditledger
