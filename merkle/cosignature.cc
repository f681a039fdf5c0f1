#include "merkle/cosignature.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/ed25519_verify.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

bool Signs(const NoteVerifier& key, const NoteSignature& line) {
  return line.key_id == key.key_id() && line.name == key.name();
}

absl::Status CheckKeys(absl::Span<const NoteVerifier> witnesses) {
  for (size_t i = 0; i < witnesses.size(); ++i) {
    if (witnesses[i].type() == kNoteEd25519) {
      return absl::InvalidArgumentError(
          absl::StrCat("cosignature: ", witnesses[i].name(), " is not a witness's key"));
    }
    for (size_t j = 0; j < i; ++j) {
      if (witnesses[i].name() == witnesses[j].name() &&
          witnesses[i].key_id() == witnesses[j].key_id()) {
        return absl::InvalidArgumentError(
            absl::StrCat("cosignature: key ", witnesses[i].name(), " is there twice"));
      }
    }
  }
  return absl::OkStatus();
}

// The lines of known keys; none where nobody signed.
absl::StatusOr<std::vector<NoteSignature>> VerifiedLines(absl::string_view note,
                                                         absl::Span<const NoteVerifier> witnesses) {
  RETURN_IF_ERROR(CheckKeys(witnesses));
  absl::StatusOr<VerifiedNote> opened = OpenNote(note, witnesses);
  if (absl::IsUnauthenticated(opened.status())) return std::vector<NoteSignature>();
  RETURN_IF_ERROR(opened.status());
  return std::move(opened->verified);
}

// REQUIRES: the line was verified, so that it has the bytes of a time.
absl::StatusOr<uint64_t> TimeOf(const NoteSignature& line) {
  ByteReader reader(line.signature);
  uint64_t timestamp = 0;
  RETURN_IF_ERROR(reader.U64("cosignature: time", timestamp));
  if (timestamp != 0) return timestamp;
  return absl::DataLossError(absl::StrCat("cosignature: the line of ", line.name, " has no time"));
}

}  // namespace

std::string CosignatureMessage(uint64_t unix_seconds, absl::string_view checkpoint_text) {
  return absl::StrCat("cosignature/v1\ntime ", unix_seconds, "\n", checkpoint_text);
}

absl::StatusOr<NoteSignature> MakeCosignature(const NoteVerifier& witness, uint64_t unix_seconds,
                                              absl::string_view signature) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (witness.type() != kNoteEd25519Cosignature) {
    return absl::InvalidArgumentError("cosignature: the key is not of type 0x04");
  }
  if (signature.size() != kEd25519SignatureBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("cosignature: signature of ", signature.size(), " bytes"));
  }
  if (unix_seconds == 0 || unix_seconds > kMax) {
    return absl::InvalidArgumentError("cosignature: the time is 0 or over 2^63 - 1");
  }
  NoteSignature line{witness.name(), witness.key_id(), ""};
  PutU64(line.signature, unix_seconds);
  absl::StrAppend(&line.signature, signature);
  return line;
}

absl::StatusOr<std::vector<Cosignature>> VerifyCosignatures(
    absl::string_view note, absl::Span<const NoteVerifier> witnesses) {
  ASSIGN_OR_RETURN(const std::vector<NoteSignature> lines, VerifiedLines(note, witnesses));
  std::vector<Cosignature> cosignatures;
  for (size_t key = 0; key < witnesses.size(); ++key) {
    const auto line = std::find_if(lines.begin(), lines.end(), [&](const NoteSignature& l) {
      return Signs(witnesses[key], l);
    });
    if (line == lines.end()) continue;
    ASSIGN_OR_RETURN(const uint64_t timestamp, TimeOf(*line));
    cosignatures.push_back({key, timestamp});
  }
  return cosignatures;
}

std::vector<size_t> CosigningKeys(absl::Span<const Cosignature> cosignatures) {
  std::vector<size_t> keys;
  for (const Cosignature& cosignature : cosignatures) keys.push_back(cosignature.key);
  return keys;
}

absl::StatusOr<std::string> AddCosignatures(absl::string_view note, absl::string_view lines,
                                            absl::Span<const NoteVerifier> witnesses) {
  ASSIGN_OR_RETURN(Note own, ParseNote(note));
  const std::string answered = absl::StrCat(own.text, "\n", lines);
  ASSIGN_OR_RETURN(const Note parsed, ParseNote(answered));
  if (parsed.text != own.text) {  // an empty line in `lines` would make their beginning signed text
    return absl::InvalidArgumentError("cosignature: other than signature lines were answered");
  }
  ASSIGN_OR_RETURN(const std::vector<NoteSignature> verified, VerifiedLines(answered, witnesses));
  if (verified.empty()) {
    return absl::UnauthenticatedError("cosignature: no line is by a witness that was asked");
  }
  for (const NoteSignature& line : verified) {
    RETURN_IF_ERROR(TimeOf(line).status());
    const bool there = std::any_of(
        own.signatures.begin(), own.signatures.end(),
        [&](const NoteSignature& s) { return s.key_id == line.key_id && s.name == line.name; });
    if (!there) own.signatures.push_back(line);
  }
  return FormatNote(own);
}

}  // namespace auditledger
