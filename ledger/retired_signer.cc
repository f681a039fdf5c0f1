#include "ledger/retired_signer.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/key_history.h"
#include "ledger/posix_file.h"
#include "merkle/checkpoint.h"
#include "merkle/key_chain.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::string PathOf(const LedgerPaths& paths) {
  return absl::StrCat(paths.state_dir, "/", kRetiredFile);
}

class RetiredSigner : public Signer {
 public:
  RetiredSigner(NoteVerifier verifier, const Checkpoint& head, std::string note)
      // Not 0, which is the time of a head that was adopted.
      : verifier_(std::move(verifier)), head_{head.size, head.root, 1}, note_(std::move(note)) {}
  absl::StatusOr<std::optional<Head>> LastSigned() override { return head_; }
  absl::StatusOr<std::string> Sign(const Head& head, absl::Span<const Hash>) override {
    if (head.size == head_.size && head.root == head_.root) return note_;
    return absl::FailedPreconditionError("the ledger was retired: nothing is signed any more");
  }
  absl::StatusOr<std::string> SignKeyChange(const Head& head, absl::Span<const Hash> consistency,
                                            absl::string_view, absl::Span<const Hash>) override {
    return Sign(head, consistency);
  }
  absl::StatusOr<std::string> SignCoseHead(const Head&) override {
    return absl::FailedPreconditionError("the ledger was retired: nothing is signed any more");
  }
  const NoteVerifier& verifier() const override { return verifier_; }

 private:
  const NoteVerifier verifier_;
  const Head head_;
  const std::string note_;
};

// `log_key` where none of the keys before it opens the note: what is wrong the start says.
NoteVerifier KeyOf(const LedgerPaths& paths, const NoteVerifier& log_key, absl::string_view note,
                   uint64_t size) {
  const absl::StatusOr<KeyChain> chain =
      KeyChain::BuildFromLeaves(log_key, ReadKeyChangesFile(paths.key_dir, log_key.name()));
  if (!chain.ok()) return log_key;
  for (const NoteVerifier& key : chain->KeysOf(size)) {
    if (OpenNote(note, {key}).ok()) return key;
  }
  return log_key;
}

}  // namespace

bool IsRetired(const LedgerPaths& paths) { return PathExists(PathOf(paths)); }

absl::Status RetireLedger(const LedgerPaths& paths, const NoteVerifier& pinned,
                          absl::string_view note) {
  const std::string& origin = pinned.name();
  ASSIGN_OR_RETURN(const KeyChain chain,
                   KeyChain::BuildFromLeaves(pinned, ReadKeyChangesFile(paths.key_dir, origin)));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, OpenCheckpoint(note, origin, chain));
  if (head.checkpoint.size == 0) return absl::InvalidArgumentError("a head without entries");
  RETURN_IF_ERROR(MakeDirectory(paths.state_dir));
  const absl::Status made = CreateFile(PathOf(paths), note);
  if (!absl::IsAlreadyExists(made)) return made;
  return absl::AlreadyExistsError(absl::StrCat(PathOf(paths), ": the ledger is retired already"));
}

absl::StatusOr<std::unique_ptr<Signer>> OpenRetiredSigner(const LedgerPaths& paths,
                                                          const NoteVerifier& log_key) {
  ASSIGN_OR_RETURN(std::string text, ReadWholeFile(PathOf(paths), kMaxNoteBytes));
  const absl::StatusOr<Note> note = ParseNote(text);
  const absl::StatusOr<Checkpoint> head = note.ok() ? ParseCheckpoint(note->text) : note.status();
  if (!head.ok() || head->origin != log_key.name()) {
    return absl::FailedPreconditionError(
        absl::StrCat(PathOf(paths), ": is no head of ", log_key.name()));
  }
  NoteVerifier key = KeyOf(paths, log_key, text, head->size);
  return std::make_unique<RetiredSigner>(std::move(key), *head, std::move(text));
}

}  // namespace auditledger
