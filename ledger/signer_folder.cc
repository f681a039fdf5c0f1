#include "ledger/signer_folder.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/ledger_set.h"
#include "ledger/pkcs11_key.h"
#include "ledger/pkcs11_session.h"
#include "ledger/posix_file.h"
#include "ledger/signer_state.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kNameDigits = 32;  // 128 bits: nobody finds two origins of one name
constexpr char kUnfinished[] = ".new";
constexpr char kOrigin[] = "/origin";
constexpr char kVkey[] = "/log.vkey";
constexpr char kKey[] = "/log.key";
constexpr char kTokenKey[] = "/pkcs11.key";
constexpr size_t kMaxTextBytes = 1024;  // an origin has 255, a vkey some 310

bool IsOriginFolder(absl::string_view name) {
  if (name.size() != kNameDigits) return false;
  for (const char c : name) {
    if (!absl::ascii_isdigit(c) && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

absl::StatusOr<std::string> ReadLine(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path, kMaxTextBytes));
  if (!absl::EndsWith(text, "\n") || text.find('\n') != text.size() - 1) {
    return absl::DataLossError(absl::StrCat(path, ": is not one line"));
  }
  text.pop_back();
  return text;
}

// An empty folder for what is being made.
absl::Status BeginFolder(const std::string& path) {
  RETURN_IF_ERROR(MakeDirectory(path, 0700));
  ASSIGN_OR_RETURN(const std::vector<std::string> left, ListDirectory(path));
  for (const std::string& name : left) {
    RETURN_IF_ERROR(RemoveFile(absl::StrCat(path, "/", name)));
  }
  return absl::OkStatus();
}

// The name comes last: what has it is whole.
absl::Status FillFolder(const std::string& path, const NoteVerifier& verifier, const char* key_file,
                        absl::string_view key_text,
                        const std::optional<Head>& last_signed = std::nullopt) {
  const std::string unfinished = path + kUnfinished;
  RETURN_IF_ERROR(BeginFolder(unfinished));
  RETURN_IF_ERROR(CreateFile(unfinished + kOrigin, verifier.name() + "\n"));
  RETURN_IF_ERROR(CreateFile(unfinished + kVkey, absl::StrCat(verifier.ToVkey(), "\n"), 0644));
  RETURN_IF_ERROR(CreateFile(unfinished + key_file, key_text, 0600));
  RETURN_IF_ERROR(CreateSignerStateFor(unfinished, verifier, last_signed));
  return RenameDurably(unfinished, path);
}

// Where the folder of a new origin goes.
absl::StatusOr<std::string> NewOriginPath(const std::string& dir, const std::string& origin) {
  RETURN_IF_ERROR(CheckOrigin(origin));
  RETURN_IF_ERROR(PrepareSignerFolder(dir));
  std::string path = SignerOriginPath(dir, origin);
  if (!PathExists(path)) return path;
  return absl::AlreadyExistsError(absl::StrCat(path, ": is the folder of ", origin, " already"));
}

absl::StatusOr<std::unique_ptr<SigningKey>> OpenToken(const Pkcs11Spec& spec) {
  ASSIGN_OR_RETURN(SecretString pin, ReadPkcs11Pin(spec.pin_file));
  return OpenPkcs11Key(spec, std::move(pin));
}

absl::Status MakeTokenKey(const Pkcs11Spec& spec) {
  ASSIGN_OR_RETURN(const SecretString pin, ReadPkcs11Pin(spec.pin_file));
  const absl::Status made = GeneratePkcs11Key(spec, pin);
  if (!absl::IsAlreadyExists(made)) return made;
  return absl::AlreadyExistsError(
      absl::StrCat(made.message(),
                   ", which may have signed. Bring back the folder it had, or say what it signed "
                   "last (--head) or that it never did (--unused_key)"));
}

absl::StatusOr<NoteVerifier> ReadVerifier(const std::string& path, const std::string& origin) {
  ASSIGN_OR_RETURN(const std::string vkey, ReadLine(path + kVkey));
  absl::StatusOr<NoteVerifier> verifier = NoteVerifier::Parse(vkey);
  if (!verifier.ok() || verifier->name() != origin) {
    return absl::FailedPreconditionError(absl::StrCat(path, kVkey, ": is no key of ", origin));
  }
  return verifier;
}

absl::StatusOr<Pkcs11Spec> ReadSpec(const std::string& path) {
  ASSIGN_OR_RETURN(const SecretString text, ReadPrivateFile(path));
  return ParsePkcs11Spec(text.Reveal());
}

// The spec of the next key is written once the token has it: of what an attempt before left it is
// gone on with.
absl::StatusOr<std::unique_ptr<SigningKey>> TakeNextTokenKey(const std::string& path,
                                                             const Pkcs11Spec& spec) {
  const std::string next = absl::StrCat(path, "/", kNextTokenKeyFile);
  if (!PathExists(next)) {
    ASSIGN_OR_RETURN(const SecretString pin, ReadPkcs11Pin(spec.pin_file));
    RETURN_IF_ERROR(GeneratePkcs11Key(spec, pin));
    RETURN_IF_ERROR(CreateFile(next, FormatPkcs11Spec(spec), 0600));
  }
  ASSIGN_OR_RETURN(const Pkcs11Spec taken, ReadSpec(next));
  return OpenToken(taken);
}

absl::StatusOr<std::unique_ptr<Signer>> OpenInToken(const std::string& path,
                                                    const std::string& origin) {
  ASSIGN_OR_RETURN(const NoteVerifier verifier, ReadVerifier(path, origin));
  ASSIGN_OR_RETURN(const Pkcs11Spec spec, ReadSpec(path + kTokenKey));
  absl::StatusOr<std::unique_ptr<SigningKey>> key = OpenToken(spec);
  // The state is there: only the token is not.
  if (absl::IsNotFound(key.status())) return absl::UnavailableError(key.status().message());
  RETURN_IF_ERROR(key.status());
  KeySource next;
  next.dir = path;
  next.open_next = [path]() -> absl::StatusOr<std::unique_ptr<SigningKey>> {
    ASSIGN_OR_RETURN(const Pkcs11Spec next_spec,
                     ReadSpec(absl::StrCat(path, "/", kNextTokenKeyFile)));
    return OpenToken(next_spec);
  };
  return OpenSignerWithKey(path, verifier, *std::move(key), std::move(next));
}

absl::Status ReadStatus(SignerOriginStatus& out) {
  ASSIGN_OR_RETURN(out.origin, ReadLine(out.path + kOrigin));
  ASSIGN_OR_RETURN(out.vkey, ReadLine(out.path + kVkey));
  ASSIGN_OR_RETURN(const NoteVerifier verifier, NoteVerifier::Parse(out.vkey));
  ASSIGN_OR_RETURN(const std::string bytes,
                   ReadWholeFile(absl::StrCat(out.path, "/", kSignerStateFile),
                                 kSignerSlots * kSignerSlotBytes));
  ASSIGN_OR_RETURN(const SignerState state, ParseSignerState(bytes));
  if (state.origin_hash != Sha256({out.origin}) || state.key_id != verifier.key_id()) {
    return absl::FailedPreconditionError("its state is that of another origin or key");
  }
  if (state.head.size > 0) out.last = state.head;
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareSignerFolder(const std::string& dir) {
  RETURN_IF_ERROR(MakeDirectory(dir, 0700));
  return CheckPrivateDirectory(dir);
}

std::string SignerOriginPath(const std::string& dir, absl::string_view origin) {
  return absl::StrCat(dir, "/", Sha256({origin}).ToHex().substr(0, kNameDigits));
}

absl::StatusOr<NoteVerifier> CreateSignerOrigin(const std::string& dir, const std::string& origin,
                                                Random& random) {
  ASSIGN_OR_RETURN(const std::string path, NewOriginPath(dir, origin));
  const SecretString seed(random.Bytes(kEd25519SeedBytes));
  ASSIGN_OR_RETURN(const SecretString text, FormatNoteSigningKey(origin, seed.Reveal()));
  ASSIGN_OR_RETURN(NoteSigningKey key, ParseNoteSigningKey(text.Reveal()));
  RETURN_IF_ERROR(FillFolder(path, key.verifier, kKey, text.Reveal()));
  return std::move(key.verifier);
}

absl::StatusOr<NoteVerifier> CreatePkcs11Origin(const std::string& dir, const std::string& origin,
                                                const Pkcs11Spec& spec,
                                                const std::optional<Head>& last_signed) {
  ASSIGN_OR_RETURN(const std::string path, NewOriginPath(dir, origin));
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  std::optional<Head> known = last_signed;
  if (known.has_value()) {
    known->time_us = 0;
  } else {
    RETURN_IF_ERROR(MakeTokenKey(spec));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<SigningKey> key, OpenToken(spec));
  ASSIGN_OR_RETURN(NoteVerifier verifier, NoteVerifier::FromEd25519(origin, key->public_key()));
  RETURN_IF_ERROR(FillFolder(path, verifier, kTokenKey, FormatPkcs11Spec(spec), known));
  return verifier;
}

absl::Status AdoptSignerHead(const std::string& dir, const std::string& origin, uint64_t size,
                             const Hash& root) {
  if (size == 0) return absl::InvalidArgumentError("a head to adopt has entries");
  const std::string path = SignerOriginPath(dir, origin);
  if (!PathExists(path))
    return absl::NotFoundError(absl::StrCat(path, ": there is no such folder"));
  ASSIGN_OR_RETURN(const NoteVerifier verifier, ReadVerifier(path, origin));
  return CreateSignerStateFor(path, verifier, Head{size, root, 0});
}

absl::StatusOr<NoteVerifier> RotateSignerKey(const std::string& dir, const std::string& origin,
                                             OldKey old_key, const std::optional<Pkcs11Spec>& token,
                                             Random& random) {
  const std::string path = SignerOriginPath(dir, origin);
  if (!PathExists(path))
    return absl::NotFoundError(absl::StrCat(path, ": there is no such folder"));
  RETURN_IF_ERROR(CheckPrivateDirectory(path));
  const bool in_token = PathExists(path + kTokenKey);
  if (in_token != token.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, in_token ? ": the key is in a token, and so must the next one be"
                                    : ": the key is a file, and so must the next one be"));
  }
  if (!in_token) return PrepareKeyChange(path, origin, old_key, random);
  RETURN_IF_ERROR(CheckPkcs11Spec(*token));
  if (old_key == OldKey::kDestroy) {
    return absl::FailedPreconditionError(
        "a token's key is not destroyed from here: keep it, and delete it with the token's own "
        "tool once the new key signs");
  }
  if (LoadNextKey(path).ok() && LoadNextKey(path)->has_value()) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": a change of the key is prepared"));
  }
  ASSIGN_OR_RETURN(const Pkcs11Spec current, ReadSpec(path + kTokenKey));
  ASSIGN_OR_RETURN(const std::unique_ptr<SigningKey> old_signer, OpenToken(current));
  ASSIGN_OR_RETURN(const std::unique_ptr<SigningKey> new_signer, TakeNextTokenKey(path, *token));
  return WriteNextKey(path, origin, *old_signer, *new_signer, old_key);
}

absl::StatusOr<std::unique_ptr<Signer>> OpenSignerOrigin(const std::string& dir,
                                                         const std::string& origin) {
  const std::string path = SignerOriginPath(dir, origin);
  if (!PathExists(path))
    return absl::NotFoundError(absl::StrCat(path, ": there is no such folder"));
  RETURN_IF_ERROR(CheckPrivateDirectory(path));
  RETURN_IF_ERROR(CompleteKeyChange(path, path, origin));
  auto signer = PathExists(path + kTokenKey) ? OpenInToken(path, origin)
                                             : OpenEmbeddedSigner({path, origin, path + kKey});
  if (absl::IsNotFound(signer.status()) || absl::IsDataLoss(signer.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("lost state: the signer's memory or key cannot be read (",
                     signer.status().message(), "). Bring back ", path,
                     ", or have `auditledger-signer adopt` make a lost signer.state anew "
                     "from the newest head that a witness, a mirror or a receipt has"));
  }
  return signer;
}

absl::StatusOr<std::vector<SignerOriginStatus>> ListSignerOrigins(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  std::vector<SignerOriginStatus> out;
  for (const std::string& name : names) {
    if (!IsOriginFolder(name)) continue;
    SignerOriginStatus& status = out.emplace_back();
    status.path = absl::StrCat(dir, "/", name);
    status.problem = ReadStatus(status);
    if (!status.problem.ok() || SignerOriginPath(dir, status.origin) == status.path) continue;
    status.problem = absl::FailedPreconditionError("the folder's name is not its origin's");
  }
  return out;
}

}  // namespace auditledger
