#include "ledger/ledger.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "ledger/ledger_impl.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
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

// A Create that was cut short is taken up where it stopped; keys that are there are this ledger's.
absl::Status MakeKeys(const LedgerOptions& options) {
  const absl::Status made =
      CreateKeyFiles(options.paths.key_dir, options.origin, RandomOf(options));
  if (!absl::IsAlreadyExists(made)) return made;
  const absl::Status loaded = LoadKeyFiles(options.paths.key_dir, options.origin).status();
  if (loaded.ok()) return loaded;
  return absl::FailedPreconditionError(absl::StrCat(
      options.paths.key_dir, " holds keys that cannot be used (", loaded.message(),
      "). If a ledger was being created here and never served, remove the folder and try again"));
}

absl::Status MakeSignerState(const LedgerOptions& options) {
  const EmbeddedSignerOptions signer{options.paths.state_dir, options.origin,
                                     LogKeyPath(options.paths)};
  const absl::Status made = CreateSignerState(signer, std::nullopt);
  if (!absl::IsAlreadyExists(made)) return made;
  ASSIGN_OR_RETURN(const std::unique_ptr<Signer> opened, OpenEmbeddedSigner(signer));
  ASSIGN_OR_RETURN(const std::optional<Head> last, opened->LastSigned());
  if (!last.has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(options.paths.state_dir, " belongs to a ledger of size ", last->size,
                   " whose data is not here: restore that, or give another folder"));
}

absl::StatusOr<LedgerImpl::Stores> OpenStores(const LedgerOptions& options, bool create) {
  LedgerImpl::Stores stores;
  ASSIGN_OR_RETURN(LedgerKeys keys, LoadKeyFiles(options.paths.key_dir, options.origin));
  stores.keys = std::make_unique<LedgerKeys>(std::move(keys));
  stores.wrapping = NewFileKeyProvider(*stores.keys);
  ASSIGN_OR_RETURN(stores.signer, OpenSigner(options));
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

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Create(const LedgerOptions& options) {
  const LedgerPaths& paths = options.paths;
  for (const std::string& dir : {paths.data_dir, paths.state_dir, paths.key_dir, paths.seed_dir}) {
    RETURN_IF_ERROR(MakeDirectory(dir));
  }
  if (options.open_engine || PathExists(LogPath(paths))) {
    const auto engine = OpenEngine(options, false);
    if (engine.ok()) {
      ASSIGN_OR_RETURN(const std::optional<Head> head, (*engine)->LoadHead());
      if (head.has_value()) return AlreadyThere(options);
    } else if (!absl::IsNotFound(engine.status())) {
      return engine.status();
    }
  }
  RETURN_IF_ERROR(MakeKeys(options));
  RETURN_IF_ERROR(MakeSignerState(options));
  ASSIGN_OR_RETURN(LedgerImpl::Stores stores, OpenStores(options, true));
  return LedgerImpl::Start(options, std::move(stores), std::nullopt);
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(const LedgerOptions& options) {
  ASSIGN_OR_RETURN(LedgerImpl::Stores stores, OpenStores(options, false));
  Clock& clock = options.clock != nullptr ? *options.clock : Clock::System();
  ASSIGN_OR_RETURN(Recovered recovered,
                   Recover(options, *stores.keys, *stores.engine, *stores.signer, clock));
  return LedgerImpl::Start(options, std::move(stores), std::move(recovered));
}

}  // namespace auditledger
