// A bounded log of records in files of a folder: appended at its end, read and removed from its
// front, numbered from 1 without gaps. A spool keeps events, receipts and refused events in one
// each.
//
//   FOLDER/NAME-0000000000000003   a file (spool_segment.h); the newest is never removed, since the
//   FOLDER/NAME-0000000000000004   numbers go on from it
//
// A record is durable when Sync says so; syncs of many threads are one. Nothing that was written is
// ever written again: after an error or a restart the next record goes into a file of its own.
//
// Example:
//   ASSIGN_OR_RETURN(auto log, RecordLog::Open(world, key, {.folder = "spool", .name = "events"}));
//   if (log->empty()) log->SetEpoch(epoch);
//   RETURN_IF_ERROR(log->Append([](uint64_t number) { return Record(number); }));
//   RETURN_IF_ERROR(log->Sync());
//   ASSIGN_OR_RETURN(std::vector<std::string> records, log->Read(log->first(), 100, 1 << 20));
//   RETURN_IF_ERROR(log->RemoveThrough(log->first() + records.size() - 1));
//
// Thread-safety: all methods. Read and RemoveThrough do not hold up Append but for moments.
// Errors: Open: DataLoss, naming file and byte, for what a crash does not do (a flip, a file that
// is missing between two); nothing is then changed. Append: ResourceExhausted when the log has
// max_bytes, or the disk is full: nothing was appended, and it works again when there is room.
// Read, RemoveThrough: ResourceExhausted when the machine has no file descriptors; another call may
// go well. Any other error of the disk stops the log: every call gives that error from then on,
// which is never ResourceExhausted.
// Limits: below.
#ifndef AUDITLEDGER_API_CLIENT_RECORD_LOG_H_
#define AUDITLEDGER_API_CLIENT_RECORD_LOG_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/client/spool_file.h"
#include "api/client/spool_key.h"
#include "api/client/spool_segment.h"
#include "api/client/spool_world.h"

namespace auditledger {

// A file is removed as a whole: small ones give room back soon, and each costs three syncs.
inline constexpr uint64_t kSegmentBytes = 4 << 20;
inline constexpr uint64_t kMaxSegmentBytes = 64 << 20;  // what is read into memory at a start

struct RecordLogOptions {
  std::string folder;
  std::string name;
  SpoolKind kind = SpoolKind::kEvents;
  uint64_t max_bytes = 256 << 20;  // of all files; a file of it may be the last one's alone
  uint64_t segment_bytes = kSegmentBytes;
  // Called, under the log's lock, between the making of a file and its first record, with the
  // file's number: who notes it elsewhere finds out when the newest file is lost. Records wait
  // until it is OK.
  std::function<absl::Status(uint64_t number)> on_file;
};

class RecordLog {
 public:
  // Reads and checks every file. The folder is there and nobody else's (spool.h).
  static absl::StatusOr<std::unique_ptr<RecordLog>> Open(SpoolWorld world,
                                                         std::shared_ptr<const SpoolKey> key,
                                                         RecordLogOptions options);

  bool empty() const;  // no file was ever written
  uint64_t epoch() const;
  void SetEpoch(uint64_t epoch);  // REQUIRES: empty()
  uint64_t first() const;         // number of the oldest record that is kept; next() if none is
  uint64_t next() const;
  uint64_t synced() const;  // every record up to this number is durable
  uint64_t bytes() const;
  uint64_t newest_file() const;  // its number; 0 when empty()
  // What the crash before this start left unfinished and was never durable.
  uint64_t torn_bytes() const { return torn_bytes_; }

  // Appends what `make` gives for the record's number, under the log's lock.
  using MakeRecord = std::function<absl::StatusOr<std::string>(uint64_t number)>;
  absl::Status Append(const MakeRecord& make);
  absl::Status Sync();
  // Durable records from number `from` on: at least one where there is one, at most `max_records`,
  // ended by the first that goes beyond `max_bytes` and by the end of a file. REQUIRES: first() <=
  // from.
  absl::StatusOr<std::vector<std::string>> Read(uint64_t from, size_t max_records,
                                                size_t max_bytes);
  // Removes files of which no record beyond `number` is left.
  absl::Status RemoveThrough(uint64_t number);
  bool Removes(uint64_t number) const;  // whether RemoveThrough would
  // The next record begins a file, so that all before it can be removed.
  absl::Status BeginFile();
  // Stops it for what its user found in a record.
  absl::Status Halt(const absl::Status& why);
  absl::Status status() const;  // why it stopped

 private:
  struct File {
    uint64_t number = 0;
    uint64_t first = 0;
    uint64_t records = 0;
    uint64_t bytes = 0;
    uint64_t end() const { return first + records; }
  };
  struct Cursor {
    uint64_t number;
    SpoolFile file;
    SegmentReader reader;
    uint64_t offset;
    uint64_t next;
  };

  RecordLog(SpoolWorld world, std::shared_ptr<const SpoolKey> key, RecordLogOptions options);
  std::string PathOf(uint64_t number) const;
  absl::Status Load();
  absl::Status LoadFiles(const std::vector<uint64_t>& numbers);
  absl::Status CheckNext(const SegmentHeader& header, uint64_t number) const;
  absl::Status Roll();                            // REQUIRES: mutex_
  absl::Status Stop(const absl::Status& status);  // REQUIRES: mutex_
  absl::Status Fail(const absl::Status& status);  // REQUIRES: mutex_; a full disk stops nothing
  bool NeedsFile() const;                         // REQUIRES: mutex_
  absl::Status RemoveOldest();                    // REQUIRES: remove_mutex_
  std::optional<File> FileOf(uint64_t record, uint64_t& limit) const;
  absl::Status MoveTo(const File& file, uint64_t record);  // REQUIRES: read_mutex_
  absl::Status ReadFile(const File& file, uint64_t limit, size_t max_records, size_t max_bytes,
                        std::vector<std::string>& out);  // REQUIRES: read_mutex_

  const SpoolWorld world_;
  const std::shared_ptr<const SpoolKey> key_;
  const RecordLogOptions options_;
  uint64_t torn_bytes_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable sync_ended_;
  absl::Status stopped_;
  std::deque<File> files_;               // the newest last
  std::shared_ptr<SpoolFile> current_;   // the newest, where this process wrote it
  std::optional<SegmentWriter> writer_;  // nothing: the next record begins a file
  uint64_t epoch_ = 0;
  uint64_t next_ = 1;
  uint64_t synced_ = 0;
  uint64_t bytes_ = 0;
  uint64_t told_file_ = 0;  // on_file was OK for it
  bool syncing_ = false;

  std::mutex read_mutex_;  // taken before mutex_
  std::optional<Cursor> cursor_;

  std::mutex remove_mutex_;  // taken before mutex_
  bool removed_ = false;     // a file, and the folder was not synced since
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_RECORD_LOG_H_
