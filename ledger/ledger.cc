#include "ledger/ledger.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/disk_space.h"
#include "ledger/errors.h"
#include "ledger/key_rotation.h"
#include "ledger/ledger_impl.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "ledger/repair.h"
#include "ledger/retired_signer.h"
#include "ledger/secrets_check.h"
#include "ledger/state_markers.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

Random& RandomOf(const LedgerOptions& options) {
  return options.random != nullptr ? *options.random : Random::System();
}

absl::Status AlreadyThere(const LedgerOptions& options) {
  return WithReason(
      absl::AlreadyExistsError(absl::StrCat("there is a ledger in ", options.paths.data_dir)),
      kReasonLedgerExists);
}

// What stays on a disk of its own without being this ledger's.
constexpr absl::string_view kLostAndFound = "lost+found";

// Keys, a signer's state or seeds that are there before a ledger is made are those of a ledger that
// was served: to make another with them forks it, and overwrites what its payloads need.
absl::Status CheckUnused(const LedgerPaths& paths) {
  struct Folder {
    const char* what;
    const std::string& path;
  };
  for (const Folder& folder : {Folder{"these keys have", paths.key_dir},
                               Folder{"this signer's state has", paths.state_dir},
                               Folder{"these seeds have", paths.seed_dir}}) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder.path));
    if (std::all_of(names.begin(), names.end(),
                    [](const std::string& name) { return name == kLostAndFound; })) {
      continue;
    }
    return absl::FailedPreconditionError(
        absl::StrCat(folder.what, " been used (", folder.path,
                     " is not empty): restore data and state, or make "
                     "a ledger with another origin and folder"));
  }
  return absl::OkStatus();
}

bool UsesSignerProcess(const LedgerOptions& options) {
  return !options.paths.signer_socket.empty();
}

absl::Status SignedWithoutData(const Head& last, absl::string_view where) {
  return absl::FailedPreconditionError(
      absl::StrCat(where, " belongs to a ledger of size ", last.size,
                   " whose data is not here: restore that, or give another folder or origin"));
}

// The key of a signer process that has signed nothing yet.
absl::StatusOr<NoteVerifier> UnusedProcessKey(const LedgerOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Signer> signer, OpenSigner(options));
  ASSIGN_OR_RETURN(const std::optional<Head> last, signer->LastSigned());
  if (last.has_value()) {
    return SignedWithoutData(*last, absl::StrCat("the signer's key of ", options.origin));
  }
  return signer->verifier();
}

// One key, one place that signs with it.
absl::Status CheckWhoHoldsKey(const LedgerOptions& options, const LedgerKeys& keys) {
  const bool here = !keys.log_seed.Reveal().empty();
  if (UsesSignerProcess(options) && here) {
    return absl::FailedPreconditionError(
        absl::StrCat(LogKeyPath(options.paths),
                     " is here although a signer process is to sign: two signers of one key can "
                     "fork the log. Give key and signer.state to the process and remove them"));
  }
  if (UsesSignerProcess(options) || here || IsRetired(options.paths)) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(LogKeyPath(options.paths),
                   " is missing: bring it back, or name the signer process that "
                   "holds it (--signer)"));
}

// A signer process whose key was rotated is ahead of what the ledger knows, if its log says so.
absl::Status TakeSignersKey(const LedgerOptions& options, const Signer& signer, LedgerKeys& keys) {
  if (signer.verifier().ToVkey() == keys.log_verifier.ToVkey()) return absl::OkStatus();
  if (IsRetired(options.paths)) {
    keys.log_verifier = signer.verifier();
    return absl::OkStatus();
  }
  const std::string made_with = keys.log_verifier.ToVkey();
  keys.log_verifier = signer.verifier();
  const absl::Status rotated = UsesSignerProcess(options)
                                   ? CheckRotated(options, keys)
                                   : absl::FailedPreconditionError("the folders do not match");
  if (rotated.ok()) return rotated;
  return absl::FailedPreconditionError(
      absl::StrCat("the signer has another key (", signer.verifier().ToVkey(),
                   ") than the ledger was made with (", made_with, "): ", rotated.message()));
}

// A Create that was cut short is taken up where it stopped: the marker says that the keys are this
// ledger's and unused.
absl::Status MakeKeys(const LedgerOptions& options) {
  absl::Status made;
  if (UsesSignerProcess(options)) {
    ASSIGN_OR_RETURN(const NoteVerifier log_key, UnusedProcessKey(options));
    made = CreateKeyFilesBesideSigner(options.paths.key_dir, log_key, RandomOf(options),
                                      options.paths.master_key.get());
  } else {
    made = CreateKeyFiles(options.paths.key_dir, options.origin, RandomOf(options),
                          options.paths.master_key.get());
  }
  if (!absl::IsAlreadyExists(made)) return made;
  const absl::Status loaded =
      LoadKeyFiles(options.paths.key_dir, options.origin, options.paths.master_key.get()).status();
  if (loaded.ok()) return loaded;
  return absl::FailedPreconditionError(absl::StrCat(
      options.paths.key_dir, " holds keys that cannot be used (", loaded.message(),
      "). The ledger was being created here and never served: remove the folder and try again"));
}

absl::Status MakeSignerState(const LedgerOptions& options) {
  if (UsesSignerProcess(options)) return absl::OkStatus();
  const EmbeddedSignerOptions signer{options.paths.state_dir, options.origin,
                                     LogKeyPath(options.paths)};
  const absl::Status made = CreateSignerState(signer, std::nullopt);
  if (!absl::IsAlreadyExists(made)) return made;
  ASSIGN_OR_RETURN(const std::unique_ptr<Signer> opened, OpenEmbeddedSigner(signer));
  ASSIGN_OR_RETURN(const std::optional<Head> last, opened->LastSigned());
  if (!last.has_value()) return absl::OkStatus();
  return SignedWithoutData(*last, options.paths.state_dir);
}

absl::StatusOr<LedgerImpl::Stores> OpenStores(const LedgerOptions& options, bool create) {
  LedgerImpl::Stores stores;
  if (!UsesSignerProcess(options)) {
    RETURN_IF_ERROR(
        CompleteKeyChange(options.paths.key_dir, options.paths.state_dir, options.origin));
  }
  ASSIGN_OR_RETURN(LedgerKeys keys, LoadKeyFiles(options.paths.key_dir, options.origin,
                                                 options.paths.master_key.get()));
  stores.keys = std::make_unique<LedgerKeys>(std::move(keys));
  stores.wrapping = NewFileKeyProvider(*stores.keys);
  RETURN_IF_ERROR(CheckWhoHoldsKey(options, *stores.keys));
  ASSIGN_OR_RETURN(stores.signer, IsRetired(options.paths)
                                      ? OpenRetiredSigner(options.paths, stores.keys->log_verifier)
                                      : OpenSigner(options));
  RETURN_IF_ERROR(TakeSignersKey(options, *stores.signer, *stores.keys));
  if (!create) RETURN_IF_ERROR(CheckBeforeOpening(options, *stores.signer));
  auto engine = OpenEngine(options, create);
  if (absl::IsNotFound(engine.status())) {
    ASSIGN_OR_RETURN(const std::optional<Head> last, stores.signer->LastSigned());
    if (last.has_value()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "rollback: the signer has signed size ", last->size, ", and there is no log (",
          engine.status().message(), "): restore the data folder"));
    }
  }
  RETURN_IF_ERROR(engine.status());
  stores.engine = *std::move(engine);
  auto seeds = options.open_seed_store
                   ? options.open_seed_store(*stores.wrapping, RandomOf(options))
                   : SeedStore::Open(options.paths.seed_dir, options.origin, *stores.wrapping,
                                     RandomOf(options));
  RETURN_IF_ERROR(seeds.status());
  stores.seeds = *std::move(seeds);
  return stores;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<Hash>>> Ledger::Inclusions(
    absl::Span<const uint64_t> indices, uint64_t size) {
  std::vector<std::vector<Hash>> proofs;
  proofs.reserve(indices.size());
  for (const uint64_t index : indices) {
    ASSIGN_OR_RETURN(std::vector<Hash> proof, Inclusion(index, size));
    proofs.push_back(std::move(proof));
  }
  return proofs;
}

absl::Status Ledger::CheckPrefix(uint64_t, const Hash&) const {
  return absl::UnimplementedError("this ledger keeps no tree");
}

absl::Status Ledger::Confirm(const std::optional<Head>&) { return absl::OkStatus(); }

void Ledger::Hold(const absl::Status&) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Create(const LedgerOptions& options) {
  const LedgerPaths& paths = options.paths;
  for (const std::string& dir : {paths.data_dir, paths.state_dir, paths.key_dir, paths.seed_dir}) {
    RETURN_IF_ERROR(MakeDirectory(dir));
  }
  bool finish = false;
  const bool creating = HasMarker(paths.key_dir, kCreatingMarker);
  const bool log_is_there = !options.open_engine && PathExists(LogPath(paths));
  // Not opened: LevelDB would remove what it cannot read of a log that Open refuses.
  if (log_is_there && !creating) return AlreadyThere(options);
  if (options.open_engine || log_is_there) {
    const auto engine = OpenEngine(options, false);
    if (engine.ok()) {
      ASSIGN_OR_RETURN(const std::optional<Head> head, (*engine)->LoadHead());
      if (head.has_value()) {
        // Its genesis is stored: what is left of a Create that was cut short is what Open does.
        if (!creating) return AlreadyThere(options);
        finish = true;
      }
    } else if (!absl::IsNotFound(engine.status())) {
      return engine.status();
    }
  }
  if (finish) return Open(options);
  if (!creating) {
    RETURN_IF_ERROR(CheckUnused(paths));
    RETURN_IF_ERROR(WriteCreatingMarker(paths.key_dir));
  }
  RETURN_IF_ERROR(MakeKeys(options));
  RETURN_IF_ERROR(MakeSignerState(options));
  ASSIGN_OR_RETURN(LedgerImpl::Stores stores, OpenStores(options, true));
  return LedgerImpl::Start(options, std::move(stores), std::nullopt);
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(const LedgerOptions& options) {
  RETURN_IF_ERROR(CheckNoRepairPending(options.paths.data_dir));
  RETURN_IF_ERROR(ReleaseBallastIfFull(options));
  ASSIGN_OR_RETURN(LedgerImpl::Stores stores, OpenStores(options, false));
  Clock& clock = options.clock != nullptr ? *options.clock : Clock::System();
  ASSIGN_OR_RETURN(Recovered recovered,
                   Recover(options, *stores.keys, *stores.engine, *stores.signer, clock));
  RETURN_IF_ERROR(CheckSecrets(options, *stores.keys, *stores.engine, *stores.seeds,
                               recovered.published.head.size));
  return LedgerImpl::Start(options, std::move(stores), std::move(recovered));
}

}  // namespace auditledger
