#include "ledger/key_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kMaxKeyFileBytes = 4096;  // a name of 255 bytes and a key take some 400
constexpr uint16_t kFirstKeyId = 1;
constexpr char kLogKey[] = "log.key";
constexpr char kLogVkey[] = "log.vkey";
constexpr char kSignerVkey[] = "signer.vkey";
constexpr absl::string_view kWrap = "wrap";
constexpr char kWrapPrefix[] = "wrap-";
constexpr char kKeySuffix[] = ".key";
constexpr char kRetired[] = "retired-";
constexpr char kDestroyed[] = "destroyed-";  // on its way: maybe zeros, and read by nobody

// A symmetric key that every ledger has one of.
struct SingleKey {
  const char* file;
  const char* purpose;
  SecretString LedgerKeys::*member;
};
constexpr SingleKey kSingleKeys[] = {{"index.key", "index", &LedgerKeys::index_key},
                                     {"dedup.key", "dedup", &LedgerKeys::dedup_key}};

std::string WrapName(uint16_t id) { return absl::StrCat(kWrapPrefix, id, kKeySuffix); }

// The id of a wrapping key's file; nothing for other names.
std::optional<uint16_t> WrapId(absl::string_view name) {
  if (!absl::StartsWith(name, kWrapPrefix) || !absl::EndsWith(name, kKeySuffix)) return {};
  uint32_t id = 0;
  const absl::string_view digits = name.substr(
      sizeof(kWrapPrefix) - 1, name.size() - sizeof(kWrapPrefix) - sizeof(kKeySuffix) + 2);
  if (!absl::SimpleAtoi(digits, &id) || id > UINT16_MAX) return {};
  if (WrapName(static_cast<uint16_t>(id)) != name) return {};
  return static_cast<uint16_t>(id);
}

// Nobody but the process's user may read or change `path`.
absl::Status CheckPrivate(const PosixFile& file, mode_t good_mode) {
  const std::string& path = file.path();
  ASSIGN_OR_RETURN(const struct stat info, file.Stat());
  if (info.st_uid != ::geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s belongs to user %d, not to this process's user %d: chown %d %s", path,
                        info.st_uid, ::geteuid(), ::geteuid(), path));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s is open to others (mode %04o): chmod %03o %s", path,
                        info.st_mode & 07777, good_mode, path));
  }
  return absl::OkStatus();
}

// Two creations at once would mix their files.
absl::StatusOr<PosixFile> LockDirectory(const std::string& dir) {
  ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(dir, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const bool locked, file.TryLock());
  if (locked) return file;
  return absl::FailedPreconditionError(absl::StrCat(dir, ": another process is making keys here"));
}

absl::Status At(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

// A ledger's folder of keys, and what its symmetric ones are sealed under.
struct KeyFolder {
  std::string base;  // with its closing '/'
  absl::string_view origin;
  const MasterKey* master;  // nullptr: they are clear

  SealedPlace PlaceOf(absl::string_view name) const { return {origin, name}; }
};

struct SymmetricFile {
  std::string name;
  absl::string_view purpose;
  uint16_t id = kFirstKeyId;
  // Before the name that it is sealed as: one that was retired opens when it has its name again.
  absl::string_view prefix = {};
};

absl::Status AddRetired(const std::string& dir, std::vector<SymmetricFile>& files) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    absl::string_view wrap = name;
    if (!absl::ConsumePrefix(&wrap, kRetired)) continue;
    const std::optional<uint16_t> id = WrapId(wrap);
    if (id.has_value()) files.push_back({std::string(wrap), kWrap, *id, kRetired});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SymmetricFile>> ListSymmetric(const std::string& dir) {
  std::vector<SymmetricFile> files;
  for (const SingleKey& single : kSingleKeys) files.push_back({single.file, single.purpose});
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    const std::optional<uint16_t> id = WrapId(name);
    if (id.has_value()) files.push_back({name, kWrap, *id});
  }
  if (files.size() > std::size(kSingleKeys)) return files;
  return absl::NotFoundError(absl::StrCat(dir, " holds no wrap-N.key"));
}

// The clear text of what a key file holds.
absl::StatusOr<SecretString> OpenText(const KeyFolder& folder, const std::string& name,
                                      SecretString text) {
  const bool is_sealed = IsSealedText(text.Reveal());
  if (folder.master != nullptr) {
    if (is_sealed) return folder.master->Open(folder.PlaceOf(name), text.Reveal());
    return absl::FailedPreconditionError(
        "is not sealed although there is a master key: `auditctl seal-keys` seals it");
  }
  if (!is_sealed) return text;
  ASSIGN_OR_RETURN(const SealedText sealed, ParseSealedText(text.Reveal()));
  return absl::FailedPreconditionError(absl::StrCat(
      "is sealed under master key ", sealed.fingerprint, ": --master_key must name its source"));
}

absl::StatusOr<SecretString> LoadSymmetric(const KeyFolder& folder, const SymmetricFile& file) {
  const std::string path = folder.base + file.name;
  ASSIGN_OR_RETURN(SecretString stored, ReadPrivateFile(path));
  const absl::StatusOr<SecretString> text = OpenText(folder, file.name, std::move(stored));
  if (!text.ok()) return At(path, text.status());
  absl::StatusOr<SecretString> key = ParseSymmetricKey(file.purpose, file.id, text->Reveal());
  if (!key.ok()) return At(path, key.status());
  return key;
}

bool IsMadeBeforeLogKey(const std::string& name) {
  for (const SingleKey& single : kSingleKeys) {
    if (name == single.file) return true;
  }
  return name == WrapName(kFirstKeyId) || name == kLogVkey;
}

// log.key is made last: without it what a creation makes before was never used. Any other key is
// not from a creation and was.
absl::Status CheckNoKeys(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    if (absl::EndsWith(name, kKeySuffix) && !IsMadeBeforeLogKey(name)) {
      return absl::AlreadyExistsError(absl::StrCat(dir, " holds keys already: ", name));
    }
  }
  return absl::OkStatus();
}

absl::Status CreateSymmetric(const KeyFolder& folder, const SymmetricFile& file, Random& random) {
  const SecretString key(random.Bytes(kSymmetricKeyBytes));
  const SecretString text = FormatSymmetricKey(file.purpose, file.id, key.Reveal());
  const std::string path = folder.base + file.name;
  if (folder.master == nullptr) return ReplaceFile(path, text.Reveal(), 0600);
  ASSIGN_OR_RETURN(const std::string sealed,
                   folder.master->Seal(folder.PlaceOf(file.name), text.Reveal(), random));
  return ReplaceFile(path, sealed, 0600);
}

absl::Status CreateSymmetricKeys(const KeyFolder& folder, Random& random) {
  for (const SingleKey& single : kSingleKeys) {
    RETURN_IF_ERROR(CreateSymmetric(folder, {single.file, single.purpose}, random));
  }
  return CreateSymmetric(folder, {WrapName(kFirstKeyId), kWrap}, random);
}

// What the file is to hold from now on; nothing when it is sealed under the folder's master key.
absl::StatusOr<std::optional<std::string>> SealStored(const KeyFolder& folder,
                                                      const SymmetricFile& file,
                                                      const MasterKey* older,
                                                      absl::string_view stored, Random& random) {
  const MasterKey* opens = nullptr;
  if (IsSealedText(stored)) {
    ASSIGN_OR_RETURN(const SealedText sealed, ParseSealedText(stored));
    const bool is_older = older != nullptr && sealed.fingerprint == older->fingerprint();
    opens = is_older ? older : folder.master;
  }
  SecretString text(std::string{stored});
  if (opens != nullptr) {
    ASSIGN_OR_RETURN(text, opens->Open(folder.PlaceOf(file.name), stored));
  }
  RETURN_IF_ERROR(ParseSymmetricKey(file.purpose, file.id, text.Reveal()).status());
  if (opens == folder.master) return std::nullopt;
  ASSIGN_OR_RETURN(std::string sealed,
                   folder.master->Seal(folder.PlaceOf(file.name), text.Reveal(), random));
  return sealed;
}

absl::Status Overwrite(const PosixFile& file) {
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  RETURN_IF_ERROR(file.WriteAt(0, std::string(static_cast<size_t>(size), '\0')));
  return file.Sync();
}

absl::Status DestroyFile(const std::string& path) {
  {
    ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(path, O_RDWR));
    RETURN_IF_ERROR(Overwrite(file));
  }
  RETURN_IF_ERROR(RemoveFile(path));
  return SyncDirectory(DirectoryOf(path));
}

// `path` gets `text`; what it held is overwritten.
absl::Status ReplaceAndOverwrite(const std::string& path, absl::string_view text) {
  ASSIGN_OR_RETURN(const PosixFile old, PosixFile::Open(path, O_RDWR));
  RETURN_IF_ERROR(ReplaceFile(path, text, 0600));
  return Overwrite(old);
}

// The public half may be absent, but what is handed to verifiers must be this key's.
absl::Status CheckVkey(const std::string& path, const NoteVerifier& verifier) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxKeyFileBytes);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  if (*text == absl::StrCat(verifier.ToVkey(), "\n")) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, ": is not the public half of ", kLogKey));
}

// What a signer process signs with, as it was when the ledger was made.
absl::StatusOr<NoteVerifier> LoadVkey(const std::string& path, absl::string_view origin) {
  ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path, kMaxKeyFileBytes));
  if (!absl::EndsWith(text, "\n"))
    return absl::DataLossError(absl::StrCat(path, ": is not one line"));
  text.pop_back();
  absl::StatusOr<NoteVerifier> verifier = NoteVerifier::Parse(text);
  if (!verifier.ok()) {
    return absl::DataLossError(absl::StrCat(path, ": ", verifier.status().message()));
  }
  if (verifier->name() == origin) return verifier;
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": is the key of ", verifier->name(), ", not of this ledger, ", origin));
}

// The log's key, or its public half alone where a signer process holds it.
absl::StatusOr<LedgerKeys> LoadLogKey(const std::string& base, absl::string_view origin) {
  absl::StatusOr<NoteSigningKey> key = LoadNoteSigningKey(base + kLogKey, origin);
  // Its own file says that the key is elsewhere: one that was lost must be missed.
  if (absl::IsNotFound(key.status()) && PathExists(base + kSignerVkey)) {
    ASSIGN_OR_RETURN(NoteVerifier verifier, LoadVkey(base + kSignerVkey, origin));
    RETURN_IF_ERROR(CheckVkey(base + kLogVkey, verifier));
    return LedgerKeys(std::move(verifier));
  }
  RETURN_IF_ERROR(key.status());
  RETURN_IF_ERROR(CheckVkey(base + kLogVkey, key->verifier));
  LedgerKeys keys(std::move(key->verifier));
  keys.log_seed = std::move(key->seed);
  return keys;
}

}  // namespace

absl::Status CreateKeyFiles(const std::string& key_dir, absl::string_view origin, Random& random,
                            const MasterKey* master) {
  RETURN_IF_ERROR(MakeDirectory(key_dir, 0700));
  RETURN_IF_ERROR(CheckPrivateDirectory(key_dir));
  ASSIGN_OR_RETURN(const PosixFile locked, LockDirectory(key_dir));
  RETURN_IF_ERROR(CheckNoKeys(key_dir));
  const std::string base = key_dir + "/";

  const SecretString seed(random.Bytes(32));
  ASSIGN_OR_RETURN(const SecretString text, FormatNoteSigningKey(origin, seed.Reveal()));
  ASSIGN_OR_RETURN(const NoteSigningKey key, ParseNoteSigningKey(text.Reveal()));
  RETURN_IF_ERROR(CreateSymmetricKeys({base, origin, master}, random));
  RETURN_IF_ERROR(ReplaceFile(base + kLogVkey, absl::StrCat(key.verifier.ToVkey(), "\n"), 0644));
  return ReplaceFile(base + kLogKey, text.Reveal(), 0600);
}

absl::Status CreateKeyFilesBesideSigner(const std::string& key_dir, const NoteVerifier& log_key,
                                        Random& random, const MasterKey* master) {
  RETURN_IF_ERROR(MakeDirectory(key_dir, 0700));
  RETURN_IF_ERROR(CheckPrivateDirectory(key_dir));
  ASSIGN_OR_RETURN(const PosixFile locked, LockDirectory(key_dir));
  const std::string base = key_dir + "/";
  if (PathExists(base + kSignerVkey)) {
    return absl::AlreadyExistsError(absl::StrCat(key_dir, " holds keys already: ", kSignerVkey));
  }
  RETURN_IF_ERROR(CheckNoKeys(key_dir));
  RETURN_IF_ERROR(CreateSymmetricKeys({base, log_key.name(), master}, random));
  const std::string vkey = absl::StrCat(log_key.ToVkey(), "\n");
  RETURN_IF_ERROR(ReplaceFile(base + kLogVkey, vkey, 0644));
  return ReplaceFile(base + kSignerVkey, vkey, 0644);
}

absl::Status ReplaceSignerVkey(const std::string& key_dir, const NoteVerifier& log_key) {
  const std::string vkey = absl::StrCat(log_key.ToVkey(), "\n");
  const std::string signers = absl::StrCat(key_dir, "/", kSignerVkey);
  const std::string shown = absl::StrCat(key_dir, "/", kLogVkey);
  const auto old_vkey = ReadWholeFile(signers, kMaxKeyFileBytes);
  if (old_vkey.ok() && *old_vkey == vkey && PathExists(shown)) return absl::OkStatus();
  // The one may be absent, but not another than the other.
  if (PathExists(shown)) RETURN_IF_ERROR(RemoveFile(shown));
  RETURN_IF_ERROR(ReplaceFile(signers, vkey, 0644));
  return ReplaceFile(shown, vkey, 0644);
}

absl::StatusOr<SecretString> ReadPrivateFile(const std::string& path) {
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(path, O_RDONLY));
  RETURN_IF_ERROR(CheckPrivate(file, 0600));
  return ReadSecretFile(file);
}

absl::StatusOr<SecretString> ReadSecretFile(const PosixFile& file) {
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (size > kMaxKeyFileBytes) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": has ", size, " bytes, a key file at most ", kMaxKeyFileBytes));
  }
  ASSIGN_OR_RETURN(std::string text, file.ReadExactly(0, static_cast<size_t>(size)));
  return SecretString(std::move(text));
}

absl::Status CheckPrivateDirectory(const std::string& dir) {
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(dir, O_RDONLY | O_DIRECTORY));
  return CheckPrivate(file, 0700);
}

absl::StatusOr<NoteSigningKey> LoadNoteSigningKey(const std::string& path,
                                                  absl::string_view origin) {
  ASSIGN_OR_RETURN(const SecretString text, ReadPrivateFile(path));
  absl::StatusOr<NoteSigningKey> key = ParseNoteSigningKey(text.Reveal());
  if (!key.ok()) return At(path, key.status());
  if (key->verifier.name() != origin) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": is the key of ", key->verifier.name(), ", not of this ledger, ", origin));
  }
  return key;
}

absl::StatusOr<SealedFiles> SealKeyFiles(const std::string& key_dir, absl::string_view origin,
                                         const MasterKey& master, const MasterKey* older,
                                         Random& random) {
  RETURN_IF_ERROR(CheckPrivateDirectory(key_dir));
  ASSIGN_OR_RETURN(const PosixFile locked, LockDirectory(key_dir));
  const KeyFolder folder{key_dir + "/", origin, &master};
  // Sealed for another ledger's name they would not open.
  RETURN_IF_ERROR(LoadLogKey(folder.base, origin).status());
  ASSIGN_OR_RETURN(std::vector<SymmetricFile> files, ListSymmetric(key_dir));
  RETURN_IF_ERROR(AddRetired(key_dir, files));
  std::map<std::string, std::string> changes;  // by path
  for (const SymmetricFile& file : files) {
    const std::string path = absl::StrCat(folder.base, file.prefix, file.name);
    ASSIGN_OR_RETURN(const SecretString stored, ReadPrivateFile(path));
    auto text = SealStored(folder, file, older, stored.Reveal(), random);
    if (!text.ok()) return At(path, text.status());
    if (text->has_value()) changes.emplace(path, **std::move(text));
  }
  for (const auto& [path, text] : changes) RETURN_IF_ERROR(ReplaceAndOverwrite(path, text));
  return SealedFiles{changes.size(), files.size() - changes.size()};
}

absl::StatusOr<LedgerKeys> LoadKeyFiles(const std::string& key_dir, absl::string_view origin,
                                        const MasterKey* master) {
  RETURN_IF_ERROR(CheckPrivateDirectory(key_dir));
  const KeyFolder folder{key_dir + "/", origin, master};
  ASSIGN_OR_RETURN(LedgerKeys keys, LoadLogKey(folder.base, origin));
  for (const SingleKey& single : kSingleKeys) {
    ASSIGN_OR_RETURN(keys.*single.member, LoadSymmetric(folder, {single.file, single.purpose}));
  }
  ASSIGN_OR_RETURN(const std::vector<SymmetricFile> files, ListSymmetric(key_dir));
  for (const SymmetricFile& file : files) {
    if (file.purpose != kWrap) continue;
    ASSIGN_OR_RETURN(SecretString key, LoadSymmetric(folder, file));
    keys.wrapping_keys.emplace(file.id, std::move(key));
  }
  return keys;
}

absl::StatusOr<AddedWrappingKey> AddWrappingKey(const std::string& key_dir,
                                                absl::string_view origin, Random& random,
                                                const MasterKey* master) {
  ASSIGN_OR_RETURN(const PosixFile locked, LockDirectory(key_dir));
  ASSIGN_OR_RETURN(const std::vector<SymmetricFile> files, ListSymmetric(key_dir));
  uint16_t highest = 0;
  for (const SymmetricFile& file : files) {
    if (file.purpose == kWrap) highest = std::max(highest, file.id);
  }
  if (highest == UINT16_MAX) {
    return absl::ResourceExhaustedError(
        absl::StrCat(key_dir, ": there is no id after ", highest, " for a wrapping key"));
  }
  const uint16_t id = static_cast<uint16_t>(highest + 1);
  const KeyFolder folder{key_dir + "/", origin, master};
  RETURN_IF_ERROR(CreateSymmetric(folder, {WrapName(id), kWrap, id}, random));
  ASSIGN_OR_RETURN(SecretString key, LoadSymmetric(folder, {WrapName(id), kWrap, id}));
  return AddedWrappingKey{id, std::move(key)};
}

absl::Status RetireWrappingKeys(const std::string& key_dir, uint16_t id, bool keep) {
  ASSIGN_OR_RETURN(const PosixFile locked, LockDirectory(key_dir));
  ASSIGN_OR_RETURN(const std::vector<SymmetricFile> files, ListSymmetric(key_dir));
  for (const SymmetricFile& file : files) {
    if (file.purpose != kWrap || file.id >= id) continue;
    // Renamed before it is overwritten: a start between the two must not take zeros for a key.
    RETURN_IF_ERROR(
        RenameDurably(absl::StrCat(key_dir, "/", file.name),
                      absl::StrCat(key_dir, "/", keep ? kRetired : kDestroyed, file.name)));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(key_dir));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, kDestroyed)) continue;
    RETURN_IF_ERROR(DestroyFile(absl::StrCat(key_dir, "/", name)));
  }
  return absl::OkStatus();
}

FileKeyProvider::FileKeyProvider(const LedgerKeys& keys) {
  MutexLock lock(mutex_);
  for (const auto& [id, key] : keys.wrapping_keys) {
    keys_.emplace(id, SecretString(std::string(key.Reveal())));
  }
}

uint16_t FileKeyProvider::current_key_id() const {
  MutexLock lock(mutex_);
  return keys_.rbegin()->first;
}

absl::StatusOr<std::string> FileKeyProvider::WrappingKey(uint16_t key_id) const {
  MutexLock lock(mutex_);
  const auto it = keys_.find(key_id);
  if (it == keys_.end()) return absl::NotFoundError(absl::StrCat("no wrapping key ", key_id));
  return std::string(it->second.Reveal());
}

void FileKeyProvider::Wrapped(uint16_t key_id, uint64_t secrets) const {
  MutexLock lock(mutex_);
  uses_[key_id].wrapped += secrets;
}

void FileKeyProvider::Opened(uint16_t key_id, uint64_t secrets) const {
  MutexLock lock(mutex_);
  uses_[key_id].opened += secrets;
}

KeyUses FileKeyProvider::uses() const {
  MutexLock lock(mutex_);
  return uses_;
}

void FileKeyProvider::TakeOver(AddedWrappingKey key) {
  MutexLock lock(mutex_);
  keys_.emplace(key.id, std::move(key.key));
}

void FileKeyProvider::DropBelow(uint16_t id) {
  MutexLock lock(mutex_);
  keys_.erase(keys_.begin(), keys_.lower_bound(id));
}

std::unique_ptr<FileKeyProvider> NewFileKeyProvider(const LedgerKeys& keys) {
  return std::make_unique<FileKeyProvider>(keys);
}

}  // namespace auditledger
