#include "verifier/trust_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/key_change_list.h"
#include "merkle/note.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"
#include "verifier/key_changes.h"

namespace auditledger {
namespace {

constexpr absl::string_view kHeadSuffix = ".checkpoint";
constexpr absl::string_view kKeysSuffix = ".keys";

}  // namespace

std::string DefaultTrustDir() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return absl::StrCat(state, "/auditledger/trust");
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return absl::StrCat(home, "/.local/state/auditledger/trust");
  }
  return "";
}

absl::StatusOr<SignedCheckpoint> ParseStoredHead(absl::string_view bytes, const Pin& pin,
                                                 const std::vector<LoggedKeyChange>& changes) {
  absl::StatusOr<SignedCheckpoint> head = OpenRotated(bytes, pin, changes);
  if (head.ok()) return head;
  return absl::DataLossError(absl::StrCat(
      "the trust store's head of ", pin.origin, " does not verify under the pinned key (",
      head.status().message(), "). Restore the file from a backup; if the pin is meant to change, ",
      "or nothing can be restored, `trust forget` it knowingly: rollbacks before the next head ",
      "will then go unseen"));
}

TrustStore::Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

absl::StatusOr<TrustStore> TrustStore::Open(std::string dir) {
  if (dir.empty()) return absl::FailedPreconditionError("trust store: no folder (no home?)");
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  const std::string above = std::filesystem::path(dir).parent_path().string();
  if (!above.empty()) RETURN_IF_ERROR(MakeFolders(above));
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::UnavailableError(absl::StrCat(dir, ": ", std::strerror(errno)));
  }
  return TrustStore(std::move(dir));
}

std::string TrustStore::PathOf(absl::string_view origin, absl::string_view suffix) const {
  return absl::StrCat(dir_, "/", Sha256({origin}).ToHex(), suffix);
}

absl::StatusOr<TrustStore::Lock> TrustStore::Acquire(const Pin& pin) const {
  const std::string path = PathOf(pin.origin, ".lock");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  Lock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    return absl::UnavailableError(absl::StrCat(path, ": lock: ", std::strerror(errno)));
  }
  return lock;
}

absl::StatusOr<std::optional<SignedCheckpoint>> TrustStore::Load(const Pin& pin) const {
  const absl::StatusOr<std::string> bytes =
      ReadFileLimited(PathOf(pin.origin, kHeadSuffix), kMaxNoteBytes);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  RETURN_IF_ERROR(bytes.status());
  ASSIGN_OR_RETURN(const std::vector<LoggedKeyChange> changes, LoadKeyChanges(pin));
  ASSIGN_OR_RETURN(SignedCheckpoint head, ParseStoredHead(*bytes, pin, changes));
  return head;
}

absl::StatusOr<std::vector<LoggedKeyChange>> TrustStore::LoadKeyChanges(const Pin& pin) const {
  const std::string path = PathOf(pin.origin, kKeysSuffix);
  const absl::StatusOr<std::string> text = ReadFileLimited(path, kMaxKeyChangeListBytes);
  if (absl::IsNotFound(text.status())) return std::vector<LoggedKeyChange>();
  RETURN_IF_ERROR(text.status());
  absl::StatusOr<KeyChangeList> list = ParseKeyChangeList(*text);
  absl::Status status = list.status();
  if (status.ok() && (list->origin != pin.origin || list->size != 0)) {
    status = absl::DataLossError("it is not what this store writes");
  }
  if (status.ok()) status = ChainOf(pin, list->changes).status();
  if (status.ok()) return std::move(list->changes);
  return absl::DataLossError(absl::StrCat(
      path, ": the trust store's memory of the log's keys does not fit the pin (", status.message(),
      "). Restore it from a backup, or `trust forget` the log knowingly"));
}

absl::Status TrustStore::SaveKeyChanges(const Pin& pin,
                                        const std::vector<LoggedKeyChange>& changes) const {
  if (changes.empty()) return absl::OkStatus();
  KeyChangeList list{pin.origin, 0, changes};
  for (LoggedKeyChange& change : list.changes) change.inclusion.clear();
  const std::string path = PathOf(pin.origin, kKeysSuffix);
  return WriteFileAtomically({.path = path, .temporary = path + ".tmp", .mode = 0600},
                             FormatKeyChangeList(list));
}

absl::Status TrustStore::Save(const Pin& pin, absl::string_view note) const {
  const std::string path = PathOf(pin.origin, kHeadSuffix);
  return WriteFileAtomically({.path = path, .temporary = path + ".tmp", .mode = 0600}, note);
}

absl::Status TrustStore::Forget(absl::string_view origin) const {
  const std::string path = PathOf(origin, kHeadSuffix);
  std::error_code error;
  std::filesystem::remove(PathOf(origin, kKeysSuffix), error);
  if (!error && std::filesystem::remove(path, error)) return absl::OkStatus();
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  return absl::NotFoundError(absl::StrCat("trust store: no head of ", origin));
}

absl::StatusOr<std::string> TrustStore::KeepEvidence(const Pin& pin,
                                                     const Evidence& evidence) const {
  const std::string folder = absl::StrCat(dir_, "/evidence");
  RETURN_IF_ERROR(MakeFolders(folder));
  const std::string text = FormatEvidence(evidence);
  // Named by content, so that finding the same contradiction again adds nothing.
  std::string path = absl::StrCat(folder, "/", EvidenceKindName(evidence.kind), "-",
                                  Sha256({pin.origin}).ToHex().substr(0, 16), "-",
                                  Sha256({text}).ToHex().substr(0, 16), ".evidence");
  RETURN_IF_ERROR(
      WriteFileAtomically({.path = path, .temporary = path + ".tmp", .mode = 0600}, text));
  return path;
}

absl::StatusOr<std::vector<std::string>> TrustStore::List() const {
  std::vector<std::string> notes;
  std::error_code error;
  std::filesystem::directory_iterator file(dir_, error);
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    if (!absl::EndsWith(file->path().string(), kHeadSuffix)) continue;
    ASSIGN_OR_RETURN(std::string note, ReadFileLimited(file->path().string(), kMaxNoteBytes));
    notes.push_back(std::move(note));
  }
  if (error) return absl::UnavailableError(absl::StrCat(dir_, ": ", error.message()));
  return notes;
}

}  // namespace auditledger
