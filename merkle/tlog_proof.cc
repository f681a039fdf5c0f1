#include "merkle/tlog_proof.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/base64.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr absl::string_view kHeader = "c2sp.org/tlog-proof@v1";

// Hash lines, an empty line, and a signed note up to the end: how both formats go on.
absl::Status ParseProofAndNote(absl::string_view what, absl::string_view rest,
                               std::vector<Hash>& proof, std::string& note) {
  for (absl::string_view line;;) {
    RETURN_IF_ERROR(TakeLine(absl::StrCat(what, ": hash"), rest, line));
    if (line.empty()) break;
    if (proof.size() == kMaxProofHashes) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": over ", kMaxProofHashes, " hashes"));
    }
    ASSIGN_OR_RETURN(const Hash hash, Hash::FromBase64(line));
    proof.push_back(hash);
  }
  RETURN_IF_ERROR(ParseNote(rest).status());
  note = std::string(rest);
  return absl::OkStatus();
}

void AppendProofAndNote(const std::vector<Hash>& proof, absl::string_view note, std::string& out) {
  for (const Hash& hash : proof) absl::StrAppend(&out, hash.ToBase64(), "\n");
  absl::StrAppend(&out, "\n", note);
}

absl::Status MissingPrefix(absl::string_view what, absl::string_view prefix) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": no line \"", prefix, "...\""));
}

}  // namespace

std::string FormatTlogProof(const TlogProof& proof) {
  std::string out = absl::StrCat(kHeader, "\n");
  if (proof.extra.has_value()) absl::StrAppend(&out, "extra ", EncodeBase64(*proof.extra), "\n");
  absl::StrAppend(&out, "index ", proof.index, "\n");
  AppendProofAndNote(proof.path, proof.checkpoint, out);
  return out;
}

absl::StatusOr<TlogProof> ParseTlogProof(absl::string_view text) {
  constexpr absl::string_view kWhat = "tlog-proof";
  TlogProof proof;
  absl::string_view line;
  RETURN_IF_ERROR(TakeLine(kWhat, text, line));
  if (line != kHeader) return MissingPrefix(kWhat, kHeader);
  RETURN_IF_ERROR(TakeLine(kWhat, text, line));
  if (absl::ConsumePrefix(&line, "extra ")) {
    ASSIGN_OR_RETURN(proof.extra, DecodeBase64("tlog-proof: extra", line));
    RETURN_IF_ERROR(TakeLine(kWhat, text, line));
  }
  if (!absl::ConsumePrefix(&line, "index ")) return MissingPrefix(kWhat, "index ");
  ASSIGN_OR_RETURN(proof.index, ParseDecimal("tlog-proof: index", line));
  RETURN_IF_ERROR(ParseProofAndNote(kWhat, text, proof.path, proof.checkpoint));
  return proof;
}

std::string FormatCheckpointUpdate(const CheckpointUpdate& update) {
  std::string out = absl::StrCat("old ", update.old_size, "\n");
  AppendProofAndNote(update.proof, update.checkpoint, out);
  return out;
}

absl::StatusOr<CheckpointUpdate> ParseCheckpointUpdate(absl::string_view text) {
  constexpr absl::string_view kWhat = "checkpoint update";
  CheckpointUpdate update;
  absl::string_view line;
  RETURN_IF_ERROR(TakeLine(kWhat, text, line));
  if (!absl::ConsumePrefix(&line, "old ")) return MissingPrefix(kWhat, "old ");
  ASSIGN_OR_RETURN(update.old_size, ParseDecimal("checkpoint update: old size", line));
  RETURN_IF_ERROR(ParseProofAndNote(kWhat, text, update.proof, update.checkpoint));
  return update;
}

}  // namespace auditledger
