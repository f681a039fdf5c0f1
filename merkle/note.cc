#include "merkle/note.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/base64.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr absl::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // em dash, space

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("note: ", why));
}

// "— name base64" without its LF.
absl::StatusOr<NoteSignature> ParseSignatureLine(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, kSignaturePrefix)) {
    return Malformed("a line after the text is no signature line");
  }
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return Malformed("a signature line without signature");
  NoteSignature signature;
  signature.name = std::string(line.substr(0, space));
  if (!IsValidNoteName(signature.name)) return Malformed("a signature line with a bad key name");
  ASSIGN_OR_RETURN(const std::string bytes,
                   DecodeBase64("note: signature", line.substr(space + 1)));
  ByteReader reader(bytes);
  RETURN_IF_ERROR(reader.U32("note: key ID", signature.key_id));
  if (reader.rest().empty()) return Malformed("a signature of no bytes");
  signature.signature = std::string(reader.rest());
  return signature;
}

bool SameKey(const NoteSignature& a, absl::string_view name, uint32_t key_id) {
  return a.key_id == key_id && a.name == name;
}

}  // namespace

absl::StatusOr<Note> ParseNote(absl::string_view note) {
  if (note.size() > kMaxNoteBytes) {
    return Malformed(absl::StrCat("has ", note.size(), " bytes, at most ", kMaxNoteBytes));
  }
  RETURN_IF_ERROR(CheckNoteCharacters("note", note));
  // The text may hold empty lines: the last one divides.
  const size_t split = note.rfind("\n\n");
  if (split == absl::string_view::npos) return Malformed("no empty line before signatures");
  Note parsed;
  parsed.text = std::string(note.substr(0, split + 1));
  absl::string_view rest = note.substr(split + 2);
  if (rest.empty()) return Malformed("no signature");
  while (!rest.empty()) {
    if (parsed.signatures.size() == kMaxNoteSignatures) {
      return Malformed(absl::StrCat("over ", kMaxNoteSignatures, " signatures"));
    }
    absl::string_view line;
    RETURN_IF_ERROR(TakeLine("note: signature", rest, line));
    ASSIGN_OR_RETURN(NoteSignature signature, ParseSignatureLine(line));
    parsed.signatures.push_back(std::move(signature));
  }
  return parsed;
}

std::string FormatNote(const Note& note) {
  std::string out = absl::StrCat(note.text, "\n");
  for (const NoteSignature& signature : note.signatures) {
    absl::StrAppend(&out, FormatNoteSignature(signature));
  }
  return out;
}

std::string FormatNoteSignature(const NoteSignature& signature) {
  std::string bytes;
  PutU32(bytes, signature.key_id);
  bytes += signature.signature;
  return absl::StrCat(kSignaturePrefix, signature.name, " ", EncodeBase64(bytes), "\n");
}

absl::StatusOr<VerifiedNote> OpenNote(absl::string_view note,
                                      absl::Span<const NoteVerifier> known) {
  ASSIGN_OR_RETURN(Note parsed, ParseNote(note));
  VerifiedNote out;
  for (NoteSignature& signature : parsed.signatures) {
    const auto verifier = std::find_if(known.begin(), known.end(), [&](const NoteVerifier& v) {
      return SameKey(signature, v.name(), v.key_id());
    });
    // The first line of a verified key counts; x/mod drops later ones unread, and so do we.
    if (std::any_of(out.verified.begin(), out.verified.end(), [&](const NoteSignature& seen) {
          return SameKey(seen, signature.name, signature.key_id);
        })) {
      continue;
    }
    absl::Status status = verifier == known.end()
                              ? absl::UnimplementedError("unknown key")
                              : verifier->Verify(parsed.text, signature.signature);
    if (absl::IsUnimplemented(status)) {
      const bool repeated =
          std::find(out.unknown.begin(), out.unknown.end(), signature) != out.unknown.end();
      if (!repeated) out.unknown.push_back(std::move(signature));
      continue;
    }
    if (!status.ok()) {
      return absl::DataLossError(absl::StrCat("note: the line of known key ", verifier->name(),
                                              " does not verify: ", status.message()));
    }
    out.verified.push_back(std::move(signature));
  }
  if (out.verified.empty()) return absl::UnauthenticatedError("note: no known key signed it");
  out.text = std::move(parsed.text);
  return out;
}

}  // namespace auditledger
