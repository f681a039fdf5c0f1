// A stopped or copied ledger's database, opened without changing it (fsck_env.h): an engine that
// refuses to commit, and keys that the engine does not show.
//
// Thread-safety: one thread.
// Errors: as leveldb_engine.h.
#ifndef AUDITLEDGER_LEDGER_FSCK_STORE_H_
#define AUDITLEDGER_LEDGER_FSCK_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"

namespace auditledger {

class FsckStore : public Engine {
 public:
  // `tolerant`: what LevelDB can read counts and what it cannot is dropped, so that it may be told
  // what is missing; else damage to manifest or write-ahead log is DataLoss. NotFound: no database.
  // FailedPrecondition: in use, or of a newer format.
  static absl::StatusOr<std::unique_ptr<FsckStore>> Open(const std::string& path, bool tolerant);
  // Where its manifest or CURRENT is lost: what its tables and write-ahead logs hold, under a
  // manifest made anew in memory. Each record is there once at least; of one that was written again
  // (partial tiles, the head) it may be an older form. For repairs, which prove what they take.
  static absl::StatusOr<std::unique_ptr<FsckStore>> OpenRescued(const std::string& path);
  // What an engine's Open would find: as that one, not `tolerant`, but without a last batch that a
  // power cut tore. DataLoss where the engine would refuse. Of a database of an older format only
  // the head can be read; the other two show its records under their new keys.
  static absl::StatusOr<std::unique_ptr<FsckStore>> OpenAsEnginesDo(const std::string& path);
  // Also what LevelDB takes for a crash's doing, a batch that is there in part, is DataLoss: for
  // who cannot tell whether it had been acknowledged.
  static absl::StatusOr<std::unique_ptr<FsckStore>> OpenWhole(const std::string& path);

  // Calls `visit` with every key and value but those of leaves, payloads and identities.
  virtual absl::Status ScanOthers(
      absl::FunctionRef<void(absl::string_view, absl::string_view)> visit) = 0;
  // Called by Scan for keys between records' that are none. They are skipped.
  virtual void OnStrangeKey(std::function<void(absl::string_view)> call) = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_STORE_H_
