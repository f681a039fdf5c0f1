#include "ledger/backup_secrets.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "ledger/backup_segment.h"
#include "ledger/seed_store.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kMaxFileBytes = kSeedSlotsPerSegment * kSeedSlotBytes + 1024;

std::string PathOf(const std::string& dir, uint64_t first) {
  return absl::StrCat(dir, "/", FormatSecretsName(first));
}

absl::StatusOr<std::filesystem::path> Canonical(const std::string& path) {
  std::error_code error;
  std::filesystem::path out =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.message()));
  if (!out.has_filename()) out = out.parent_path();  // written with a slash at its end
  return out;
}

bool Inside(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace

Hash SecretsDigest(absl::string_view slots) { return Sha256({slots}); }

absl::StatusOr<std::string> ReadBackupSecrets(const std::string& dir, absl::string_view origin,
                                              uint64_t first) {
  const std::string path = PathOf(dir, first);
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, kMaxFileBytes));
  const absl::StatusOr<SecretsSegment> segment = ParseSecretsSegment(bytes);
  if (!segment.ok()) {
    return absl::Status(segment.status().code(),
                        absl::StrCat(path, ": ", segment.status().message()));
  }
  if (segment->origin != origin) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is of ", segment->origin, ", not ", origin));
  }
  if (segment->first != first) {
    return absl::DataLossError(absl::StrCat(path, ": is of another place than its name"));
  }
  return std::string(segment->slots);
}

absl::StatusOr<std::unique_ptr<SecretsMirror>> SecretsMirror::Open(const std::string& dir,
                                                                   absl::string_view origin) {
  RETURN_IF_ERROR(MakeDirectory(dir));
  ASSIGN_OR_RETURN(PosixFile lock, PosixFile::Open(absl::StrCat(dir, "/lock"), O_RDWR | O_CREAT));
  ASSIGN_OR_RETURN(const bool locked, lock.TryLock());
  if (!locked) return absl::FailedPreconditionError(absl::StrCat(dir, " is in use by another run"));
  return std::unique_ptr<SecretsMirror>(
      new SecretsMirror(dir, std::string(origin), std::move(lock)));
}

absl::StatusOr<std::vector<Hash>> SecretsMirror::Digests() const {
  std::vector<Hash> out;
  while (true) {
    const auto slots = ReadBackupSecrets(dir_, origin_, out.size() * kSeedSlotsPerSegment);
    // A damaged one is fetched anew; another log's is not overwritten.
    if (absl::IsNotFound(slots.status()) || absl::IsDataLoss(slots.status())) return out;
    RETURN_IF_ERROR(slots.status());
    out.push_back(SecretsDigest(*slots));
  }
}

absl::Status SecretsMirror::Replace(uint64_t first, absl::string_view slots) {
  return ReplaceFile(PathOf(dir_, first), EncodeSecretsSegment({origin_, first, slots}));
}

absl::Status CheckApart(const std::string& a, const std::string& b) {
  ASSIGN_OR_RETURN(const std::filesystem::path left, Canonical(a));
  ASSIGN_OR_RETURN(const std::filesystem::path right, Canonical(b));
  if (!Inside(left, right) && !Inside(right, left)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(a, " and ", b,
                   ": one lies inside the other. Secrets and log are kept apart, so that whoever "
                   "gets hold of one cannot read it"));
}

}  // namespace auditledger
