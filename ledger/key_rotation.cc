#include "ledger/key_rotation.h"

#include <fcntl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/posix_file.h"
#include "ledger/signer_state.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kChangeFile[] = "next.change";
constexpr absl::string_view kTitle = "auditledger-next-key/v1 ";
constexpr absl::string_view kKeep = "keep ";
constexpr absl::string_view kDestroy = "destroy ";
constexpr size_t kMaxChangeBytes = 1024;  // a body of 195 bytes takes some 300

// A key's file, and that of the one to follow it.
struct KeyFilePair {
  const char* current;
  const char* next;
  const char* retired_suffix;
};
constexpr KeyFilePair kPairs[] = {{"log.key", kNextKeyFile, ".key"},
                                  {"pkcs11.key", kNextTokenKeyFile, ".pkcs11.key"}};

std::string In(const std::string& dir, absl::string_view name) {
  return absl::StrCat(dir, "/", name);
}

// Preparing and finishing at once would mix two changes.
absl::StatusOr<PosixFile> LockFolder(const std::string& dir) {
  ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(dir, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const bool locked, file.TryLock());
  if (locked) return file;
  return absl::FailedPreconditionError(
      absl::StrCat(dir, ": another process is changing the key here"));
}

absl::Status CheckNothingPrepared(const std::string& dir) {
  if (!PathExists(In(dir, kChangeFile))) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      dir, ": a change of the key is prepared: the next start of the ledger makes it"));
}

// A key that an attempt before made and nobody has used, or a new one.
absl::StatusOr<NoteSigningKey> TakeNextKey(const std::string& dir, const std::string& origin,
                                           Random& random) {
  const std::string path = In(dir, kNextKeyFile);
  if (!PathExists(path)) {
    const SecretString seed(random.Bytes(kEd25519SeedBytes));
    ASSIGN_OR_RETURN(const SecretString text, FormatNoteSigningKey(origin, seed.Reveal()));
    RETURN_IF_ERROR(CreateFile(path, text.Reveal(), 0600));
  }
  return LoadNoteSigningKey(path, origin);
}

absl::Status KeepOldKey(const std::string& dir, const KeyFilePair& pair, uint32_t key_id) {
  const std::string retired =
      In(dir, absl::StrFormat("retired-%08x%s", key_id, pair.retired_suffix));
  if (PathExists(retired)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const SecretString text, ReadPrivateFile(In(dir, pair.current)));
  return CreateFile(retired, text.Reveal(), 0600);
}

}  // namespace

absl::StatusOr<std::string> FormatNextKey(const NextKey& next) {
  ASSIGN_OR_RETURN(const std::string body, EncodeKeyChange(next.change));
  return absl::StrCat(kTitle, next.old_key == OldKey::kKeep ? kKeep : kDestroy, EncodeBase64(body),
                      "\n");
}

absl::StatusOr<NextKey> ParseNextKey(absl::string_view text) {
  const absl::Status bad =
      absl::DataLossError("not \"auditledger-next-key/v1 keep|destroy base64\"");
  NextKey next;
  if (!absl::ConsumePrefix(&text, kTitle) || !absl::ConsumeSuffix(&text, "\n")) return bad;
  if (absl::ConsumePrefix(&text, kDestroy)) {
    next.old_key = OldKey::kDestroy;
  } else if (!absl::ConsumePrefix(&text, kKeep)) {
    return bad;
  }
  const absl::StatusOr<std::string> body = DecodeBase64("key change", text);
  auto change = body.ok() ? ParseKeyChange(*body) : body.status();
  if (!change.ok()) return absl::DataLossError(change.status().message());
  next.change = *std::move(change);
  return next;
}

absl::StatusOr<NoteVerifier> WriteNextKey(const std::string& dir, const std::string& origin,
                                          const SigningKey& old_signer,
                                          const SigningKey& new_signer, OldKey old_key) {
  NextKey next;
  next.old_key = old_key;
  next.change.old_key = old_signer.public_key();
  next.change.new_key = new_signer.public_key();
  ASSIGN_OR_RETURN(const std::string message,
                   KeyChangeMessage(origin, next.change.old_key, next.change.new_key));
  ASSIGN_OR_RETURN(next.change.old_signature, old_signer.Sign(message));
  ASSIGN_OR_RETURN(next.change.new_signature, new_signer.Sign(message));
  ASSIGN_OR_RETURN(const std::string text, FormatNextKey(next));
  RETURN_IF_ERROR(CreateFile(In(dir, kChangeFile), text, 0600));
  return NoteVerifier::FromEd25519(origin, next.change.new_key);
}

absl::StatusOr<NoteVerifier> PrepareKeyChange(const std::string& dir, const std::string& origin,
                                              OldKey old_key, Random& random) {
  RETURN_IF_ERROR(CheckPrivateDirectory(dir));
  ASSIGN_OR_RETURN(const PosixFile locked, LockFolder(dir));
  RETURN_IF_ERROR(CheckNothingPrepared(dir));
  ASSIGN_OR_RETURN(const NoteSigningKey current, LoadNoteSigningKey(In(dir, "log.key"), origin));
  ASSIGN_OR_RETURN(const NoteSigningKey next, TakeNextKey(dir, origin, random));
  ASSIGN_OR_RETURN(const Ed25519Key old_signer, Ed25519Key::FromSeed(current.seed.Reveal()));
  ASSIGN_OR_RETURN(const Ed25519Key new_signer, Ed25519Key::FromSeed(next.seed.Reveal()));
  return WriteNextKey(dir, origin, old_signer, new_signer, old_key);
}

absl::StatusOr<std::optional<NextKey>> LoadNextKey(const std::string& dir) {
  const std::string path = In(dir, kChangeFile);
  if (!PathExists(path)) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxChangeBytes));
  absl::StatusOr<NextKey> next = ParseNextKey(text);
  if (next.ok()) return *std::move(next);
  return absl::DataLossError(absl::StrCat(path, ": ", next.status().message()));
}

absl::Status FinishKeyChange(const std::string& dir, const std::string& origin,
                             const NextKey& next) {
  ASSIGN_OR_RETURN(const PosixFile locked, LockFolder(dir));
  ASSIGN_OR_RETURN(const NoteVerifier old_key,
                   NoteVerifier::FromEd25519(origin, next.change.old_key));
  ASSIGN_OR_RETURN(const NoteVerifier new_key,
                   NoteVerifier::FromEd25519(origin, next.change.new_key));
  for (const KeyFilePair& pair : kPairs) {
    if (!PathExists(In(dir, pair.next))) continue;
    if (next.old_key == OldKey::kKeep) {
      RETURN_IF_ERROR(KeepOldKey(dir, pair, old_key.key_id()));
    }
    RETURN_IF_ERROR(ReplaceFile(In(dir, "log.vkey"), absl::StrCat(new_key.ToVkey(), "\n"), 0644));
    RETURN_IF_ERROR(RenameDurably(In(dir, pair.next), In(dir, pair.current)));
  }
  RETURN_IF_ERROR(RemoveFile(In(dir, kChangeFile)));
  return SyncDirectory(dir);
}

absl::Status CompleteKeyChange(const std::string& dir, const std::string& state_dir,
                               const std::string& origin) {
  ASSIGN_OR_RETURN(const std::optional<NextKey> next, LoadNextKey(dir));
  if (!next.has_value()) return absl::OkStatus();
  const auto bytes =
      ReadWholeFile(In(state_dir, kSignerStateFile), kSignerSlots * kSignerSlotBytes);
  const auto state = bytes.ok() ? ParseSignerState(*bytes) : bytes.status();
  // A state that is lost is missed by whoever opens it.
  if (!state.ok()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const NoteVerifier new_key,
                   NoteVerifier::FromEd25519(origin, next->change.new_key));
  if (state->key_id != new_key.key_id()) return absl::OkStatus();
  return FinishKeyChange(dir, origin, *next);
}

KeySource FileKeySource(const std::string& dir, const std::string& origin) {
  KeySource source;
  source.dir = dir;
  source.open_next = [dir, origin]() -> absl::StatusOr<std::unique_ptr<SigningKey>> {
    ASSIGN_OR_RETURN(const NoteSigningKey key, LoadNoteSigningKey(In(dir, kNextKeyFile), origin));
    ASSIGN_OR_RETURN(Ed25519Key signing, Ed25519Key::FromSeed(key.seed.Reveal()));
    return std::make_unique<Ed25519Key>(std::move(signing));
  };
  return source;
}

}  // namespace auditledger
