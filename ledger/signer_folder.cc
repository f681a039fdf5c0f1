#include "ledger/signer_folder.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/ledger_set.h"
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
constexpr size_t kMaxTextBytes = 1024;  // an origin has 255, a vkey some 310

EmbeddedSignerOptions OptionsOf(const std::string& path, const std::string& origin) {
  return {path, origin, path + kKey};
}

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

absl::StatusOr<NoteVerifier> FillFolder(const std::string& path, const std::string& origin,
                                        Random& random) {
  RETURN_IF_ERROR(CreateFile(path + kOrigin, origin + "\n"));
  const SecretString seed(random.Bytes(kEd25519SeedBytes));
  ASSIGN_OR_RETURN(const SecretString text, FormatNoteSigningKey(origin, seed.Reveal()));
  ASSIGN_OR_RETURN(NoteSigningKey key, ParseNoteSigningKey(text.Reveal()));
  RETURN_IF_ERROR(CreateFile(path + kVkey, absl::StrCat(key.verifier.ToVkey(), "\n"), 0644));
  RETURN_IF_ERROR(CreateFile(path + kKey, text.Reveal(), 0600));
  RETURN_IF_ERROR(CreateSignerState(OptionsOf(path, origin), std::nullopt));
  return std::move(key.verifier);
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
  RETURN_IF_ERROR(CheckOrigin(origin));
  RETURN_IF_ERROR(PrepareSignerFolder(dir));
  const std::string path = SignerOriginPath(dir, origin);
  if (PathExists(path)) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": is the folder of ", origin, " already"));
  }
  RETURN_IF_ERROR(BeginFolder(path + kUnfinished));
  ASSIGN_OR_RETURN(NoteVerifier verifier, FillFolder(path + kUnfinished, origin, random));
  RETURN_IF_ERROR(RenameDurably(path + kUnfinished, path));
  return verifier;
}

absl::Status AdoptSignerHead(const std::string& dir, const std::string& origin, uint64_t size,
                             const Hash& root) {
  if (size == 0) return absl::InvalidArgumentError("a head to adopt has entries");
  const std::string path = SignerOriginPath(dir, origin);
  if (!PathExists(path))
    return absl::NotFoundError(absl::StrCat(path, ": there is no such folder"));
  return CreateSignerState(OptionsOf(path, origin), Head{size, root, 0});
}

absl::StatusOr<std::unique_ptr<Signer>> OpenSignerOrigin(const std::string& dir,
                                                         const std::string& origin) {
  const std::string path = SignerOriginPath(dir, origin);
  if (!PathExists(path))
    return absl::NotFoundError(absl::StrCat(path, ": there is no such folder"));
  RETURN_IF_ERROR(CheckPrivateDirectory(path));
  auto signer = OpenEmbeddedSigner(OptionsOf(path, origin));
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
