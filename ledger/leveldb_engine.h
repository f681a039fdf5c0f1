// The engine on LevelDB: one database for each ledger, strict options, a full-read Env, fail-stop.
//
// Keys are grouped by chunks of entries (key_format.h). Records carry a version byte
// first. paranoid_checks, verify_checksums on every read, reuse_logs off, one synced WriteBatch a
// commit, RepairDB never called. Reasons and measurements: ledger/README.md.
#ifndef AUDITLEDGER_LEDGER_LEVELDB_ENGINE_H_
#define AUDITLEDGER_LEDGER_LEVELDB_ENGINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ledger/engine.h"

namespace leveldb {
class Env;
struct Options;
}  // namespace leveldb

namespace auditledger {

struct LevelDbOptions {
  std::string path;
  bool create_if_missing = false;
  size_t write_buffer_bytes = 16 << 20;  // bounds a flush's stall at some 10 ms (performance.md 3)
  size_t block_cache_bytes = 8 << 20;
  int max_open_files = 256;  // bounds what table indexes take in memory
};

// NotFound: no database there and create_if_missing is false. DataLoss: damaged.
// FailedPrecondition: locked by another process, or of a newer format.
absl::StatusOr<std::unique_ptr<Engine>> OpenLevelDbEngine(const LevelDbOptions& options);

// How tables are laid out: in blocks of kTableBlockBytes, compressed by snappy where that saves an
// eighth. Hashes and ciphertext it leaves alone; times, numbers, keys and the tags that neighbours
// share are what it finds (ledger/README.md, "Bytes an event"). A proof reads tiles, which fill
// blocks of 8 KiB whatever stands here; a leaf costs a block.
inline constexpr size_t kTableBlockBytes = 16 << 10;
inline constexpr int kTableRestartKeys = 64;  // keys written against the one before them
void SetTableOptions(leveldb::Options& options);

// LevelDB stops all writes, for a second and more, while 12 tables wait at level 0 to be merged, as
// they come to at a load that it cannot keep up with. So a commit waits a little before that: the
// more tables wait the longer, and never as long as to be a stall itself.
inline constexpr int kPacedFromFiles = 6;
inline constexpr uint64_t kPacedBytesPerMicro = 64;  // at that many; half of it with each further
inline constexpr int kMaxPaceDoublings = 6;          // 12 files
inline constexpr uint64_t kMaxPaceMicros = 60'000;
// How long a commit of so many bytes waits.
uint64_t PaceMicros(int level0_files, size_t bytes);
// The most bytes that wait no longer than kMaxPaceMicros. With larger commits, and a processor that
// compaction has to share with an overload, 12 tables would be there all the same.
size_t PacedBytes(int level0_files);

// What stands for the machine's Env below every engine opened from now on; nullptr: nothing. Not
// owned. With posix_file_system.h it puts a whole ledger on a disk of the test's.
void SetBaseEnvForTesting(leveldb::Env* env);
// That one, else the machine's.
leveldb::Env* BaseEnvOfEngines();

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_LEVELDB_ENGINE_H_
