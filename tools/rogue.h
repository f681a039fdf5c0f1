// What an administrator with root on the machine could try, so that tests and the demo can show who
// notices.
//
// Works on the files of a stopped ledger, going round everything that the ledger's own code would
// refuse. Never installed.
//
// Example:
//   ASSIGN_OR_RETURN(auto rogue, Rogue::Open("data/clinic"));
//   RETURN_IF_ERROR(rogue->EditConsistently(12));
//
// Thread-safety: one thread; the ledger must not run (LevelDB's lock says so).
#ifndef AUDITLEDGER_TOOLS_ROGUE_H_
#define AUDITLEDGER_TOOLS_ROGUE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/engine.h"
#include "leveldb/db.h"
#include "leveldb/write_batch.h"

namespace auditledger {

class Rogue {
 public:
  // `data_dir` is the ledger's own folder, data/<id>.
  static absl::StatusOr<std::unique_ptr<Rogue>> Open(const std::string& data_dir);

  // Moves the time of the event in the stored leaf by an hour, and nothing else.
  absl::Status Edit(uint64_t index);
  // The same, and makes tiles, root and unsigned head anew: the store is right in itself.
  absl::Status EditConsistently(uint64_t index);
  // Takes the entry out, moves all behind it up, and makes the tree anew.
  absl::Status Drop(uint64_t index);
  // Makes exactly-once forget the event: its identity record becomes another's, and the index over
  // them goes, to be made anew at the next start. The same event sent again is then recorded twice.
  absl::Status Forget(uint64_t index);
  // The head that the store has now, signed with the ledger's stolen key: a perfect checkpoint.
  absl::StatusOr<std::string> Forge(const std::string& key_file);

 private:
  Rogue(std::string data_dir, std::unique_ptr<leveldb::DB> db, std::string origin)
      : data_dir_(std::move(data_dir)), db_(std::move(db)), origin_(std::move(origin)) {}
  absl::StatusOr<std::string> Get(const std::string& key);
  absl::StatusOr<Head> StoredHead();
  absl::StatusOr<std::string> EditedLeaf(uint64_t index);
  // Tiles and head over the first `size` leaves.
  absl::Status Rebuild(uint64_t size);
  absl::Status Write(leveldb::WriteBatch& batch);

  const std::string data_dir_;
  const std::unique_ptr<leveldb::DB> db_;
  const std::string origin_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_ROGUE_H_
