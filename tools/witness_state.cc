#include "tools/witness_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "ledger/key_text.h"
#include "ledger/secret_string.h"
#include "merkle/cosignature.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr size_t kMaxKeyFileBytes = 4096;  // a name of 255 bytes and a key take some 400
constexpr char kVkeyFile[] = "/witness.vkey";
constexpr char kOriginsFile[] = "/witness.origins";
constexpr size_t kOriginLineBytes = 2 * Hash::kSize + 1;

absl::Status LockOrRefuse(const PosixFile& file) {
  ASSIGN_OR_RETURN(const bool locked, file.TryLock());
  if (locked) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(file.path(), ": another process uses it"));
}

// Nobody but the process's user may read or change it.
absl::Status CheckPrivate(const PosixFile& file) {
  ASSIGN_OR_RETURN(const struct stat info, file.Stat());
  if (info.st_uid != ::geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s belongs to user %d, not to this process's user %d", file.path(),
                        info.st_uid, ::geteuid()));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s is open to others (mode %04o): chmod go= %s", file.path(),
                        info.st_mode & 07777, file.path()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> ReadOrigins(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadWholeFile(path, kMaxWitnessedOrigins * kOriginLineBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::DataLossError(
        absl::StrCat(path, ": is gone, and with it what was ever cosigned: make a new witness"));
  }
  RETURN_IF_ERROR(text.status());
  std::set<std::string> names;
  for (absl::string_view rest = *text, line; !rest.empty();) {
    const bool whole = TakeLine("origin", rest, line).ok();
    const absl::StatusOr<Hash> hash = Hash::FromHex(line);
    if (!whole || !hash.ok() || hash->ToHex() != line || !names.emplace(line).second) {
      return absl::DataLossError(absl::StrCat(path, ": not what this witness wrote"));
    }
  }
  return names;
}

absl::StatusOr<NoteVerifier> CosigningHalf(const NoteVerifier& log_key) {
  return NoteVerifier::FromEd25519(log_key.name(), log_key.public_key(), kNoteEd25519Cosignature);
}

}  // namespace

absl::StatusOr<NoteVerifier> CreateWitness(const WitnessPaths& paths, Random& random) {
  if (PathExists(paths.key_file)) {
    return absl::AlreadyExistsError(absl::StrCat(paths.key_file, ": there is a key already"));
  }
  RETURN_IF_ERROR(MakeDirectory(paths.state_dir));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(paths.state_dir));
  for (const std::string& name : names) {
    if (name != kVkeyFile + 1 && name != kOriginsFile + 1) {
      return absl::AlreadyExistsError(
          absl::StrCat(paths.state_dir, ": holds the state of a witness already: ", name));
    }
  }
  const std::string origins = paths.state_dir + kOriginsFile;
  if (PathExists(origins)) {
    ASSIGN_OR_RETURN(const std::set<std::string> cosigned, ReadOrigins(origins));
    if (!cosigned.empty()) {
      return absl::AlreadyExistsError(
          absl::StrCat(paths.state_dir, ": is of a witness that has cosigned"));
    }
  }
  const SecretString seed(random.Bytes(kEd25519SeedBytes));
  ASSIGN_OR_RETURN(const SecretString text, FormatNoteSigningKey(paths.name, seed.Reveal()));
  ASSIGN_OR_RETURN(const NoteSigningKey key, ParseNoteSigningKey(text.Reveal()));
  ASSIGN_OR_RETURN(NoteVerifier verifier, CosigningHalf(key.verifier));
  // Without a key file a vkey is of a creation that was cut short: nothing was ever signed.
  RETURN_IF_ERROR(ReplaceFile(origins, ""));
  RETURN_IF_ERROR(ReplaceFile(paths.state_dir + kVkeyFile, absl::StrCat(verifier.ToVkey(), "\n")));
  RETURN_IF_ERROR(CreateFile(paths.key_file, text.Reveal()));
  return verifier;
}

absl::StatusOr<WitnessKey> LoadWitnessKey(const std::string& key_file) {
  ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(key_file, O_RDONLY));
  RETURN_IF_ERROR(CheckPrivate(file));
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (size > kMaxKeyFileBytes) {
    return absl::DataLossError(absl::StrCat(key_file, ": too long for a key"));
  }
  ASSIGN_OR_RETURN(std::string bytes, file.ReadExactly(0, static_cast<size_t>(size)));
  const SecretString text(std::move(bytes));
  const absl::StatusOr<NoteSigningKey> key = ParseNoteSigningKey(text.Reveal());
  if (!key.ok()) {
    return absl::DataLossError(absl::StrCat(key_file, ": ", key.status().message()));
  }
  ASSIGN_OR_RETURN(NoteVerifier verifier, CosigningHalf(key->verifier));
  ASSIGN_OR_RETURN(Ed25519Key signer, Ed25519Key::FromSeed(key->seed.Reveal()));
  return WitnessKey{std::move(file), std::move(signer), std::move(verifier)};
}

absl::Status WitnessKey::Lock() const { return LockOrRefuse(file); }

absl::StatusOr<WitnessState> WitnessState::Open(const std::string& state_dir,
                                                const NoteVerifier& key) {
  ASSIGN_OR_RETURN(const PosixFile dir, PosixFile::Open(state_dir, O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(CheckPrivate(dir));
  const std::string path = state_dir + kVkeyFile;
  absl::StatusOr<PosixFile> lock = PosixFile::Open(path, O_RDONLY);
  if (absl::IsNotFound(lock.status())) {
    return absl::NotFoundError(
        absl::StrCat(state_dir,
                     ": no state of a witness. If it was lost, never use the key again: make a new "
                     "one with keygen, and have policies name that"));
  }
  RETURN_IF_ERROR(lock.status());
  RETURN_IF_ERROR(LockOrRefuse(*lock));
  ASSIGN_OR_RETURN(const std::string vkey, ReadWholeFile(path, kMaxKeyFileBytes));
  if (vkey != absl::StrCat(key.ToVkey(), "\n")) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not the state of key ", key.ToVkey()));
  }
  ASSIGN_OR_RETURN(std::set<std::string> names, ReadOrigins(state_dir + kOriginsFile));
  return WitnessState(state_dir, *std::move(lock), key, std::move(names));
}

WitnessState::WitnessState(std::string dir, PosixFile lock, NoteVerifier key,
                           std::set<std::string> names)
    : dir_(std::move(dir)),
      lock_(std::move(lock)),
      key_(std::move(key)),
      listed_(std::make_unique<Listed>()) {
  MutexLock hold(listed_->mutex);
  listed_->names = std::move(names);
}

std::string WitnessState::PathOf(absl::string_view origin) const {
  return absl::StrCat(dir_, "/", Sha256({origin}).ToHex());
}

absl::Status WitnessState::List(absl::string_view origin) const {
  MutexLock lock(listed_->mutex);
  std::set<std::string> names = listed_->names;
  if (!names.insert(Sha256({origin}).ToHex()).second) return absl::OkStatus();
  if (names.size() > kMaxWitnessedOrigins) {
    return absl::ResourceExhaustedError(absl::StrCat(dir_, ": too many origins were cosigned"));
  }
  const std::string text = absl::StrCat(absl::StrJoin(names, "\n"), "\n");
  RETURN_IF_ERROR(ReplaceFile(dir_ + kOriginsFile, text));
  listed_->names = std::move(names);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<WitnessedHead>> WitnessState::Load(absl::string_view origin) const {
  const std::string path = PathOf(origin);
  absl::StatusOr<std::string> note = ReadWholeFile(path, kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) {
    MutexLock lock(listed_->mutex);
    if (!listed_->names.contains(Sha256({origin}).ToHex())) return std::nullopt;
    return absl::DataLossError(
        absl::StrCat(path, ": is gone, and this log was cosigned before. Make a new witness"));
  }
  RETURN_IF_ERROR(note.status());
  const absl::StatusOr<SignedCheckpoint> opened = OpenCheckpoint(*note, origin, key_);
  const absl::StatusOr<std::vector<Cosignature>> cosignatures = VerifyCosignatures(*note, {key_});
  if (!opened.ok() || !cosignatures.ok()) {
    const absl::Status& why = opened.ok() ? cosignatures.status() : opened.status();
    return absl::DataLossError(absl::StrCat(
        path, ": not what this witness wrote (", why.message(),
        "). Without it nothing of this log can be cosigned: never remove it, make a new witness"));
  }
  // A crash may have come between the two; nothing had left then.
  RETURN_IF_ERROR(List(origin));
  WitnessedHead head;
  head.checkpoint = opened->checkpoint;
  head.timestamp = cosignatures->front().timestamp;
  head.note = *std::move(note);
  return head;
}

absl::Status WitnessState::Store(absl::string_view origin, absl::string_view note) const {
  RETURN_IF_ERROR(ReplaceFile(PathOf(origin), note));
  return List(origin);
}

absl::Status WitnessState::KeepFork(absl::string_view origin, absl::string_view known,
                                    absl::string_view other) const {
  const std::string path = PathOf(origin);
  if (PathExists(path + ".fork-b")) return absl::OkStatus();
  RETURN_IF_ERROR(ReplaceFile(path + ".fork-a", known));
  return ReplaceFile(path + ".fork-b", other);
}

}  // namespace auditledger
