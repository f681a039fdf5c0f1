// What parses formats back to the same bytes; nothing opens without a line by a known key.
#include "merkle/note.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  static const NoteVerifier& key = *new NoteVerifier(
      NoteVerifier::Parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
          .value());
  const auto note = ParseNote(input);
  const auto opened = OpenNote(input, {key});
  if (!note.ok()) {
    FUZZ_CHECK(!note.status().message().empty() && !opened.ok());
    return 0;
  }
  FUZZ_CHECK(FormatNote(*note) == input);
  FUZZ_CHECK(!note->signatures.empty() && note->signatures.size() <= kMaxNoteSignatures);
  for (const NoteSignature& signature : note->signatures) {
    FUZZ_CHECK(IsValidNoteName(signature.name) && !signature.signature.empty());
  }
  if (opened.ok()) {
    FUZZ_CHECK(opened->text == note->text && opened->verified.size() == 1);
    FUZZ_CHECK(key.Verify(opened->text, opened->verified[0].signature).ok());
  }
  return 0;
}
