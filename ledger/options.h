// Every limit and knob of the durable log, with its unit in the name and the reason for its
// default.
#ifndef AUDITLEDGER_LEDGER_OPTIONS_H_
#define AUDITLEDGER_LEDGER_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace auditledger {

class MasterKey;

struct LedgerLimits {
  // Entries of one commit: four of the largest batches; beyond that latency grows and throughput
  // does not.
  size_t max_commit_entries = 4096;
  // Bytes of one commit's leaves and payloads: one LevelDB write buffer.
  size_t max_commit_bytes = 4 << 20;
  // What may wait for the committer. Over either bound an append is refused with ResourceExhausted.
  size_t max_queue_entries = 16384;
  size_t max_queue_bytes = 64 << 20;
  // Identities kept in memory until they are written as a sorted run: 64 Ki x about 60 bytes.
  size_t identity_run_entries = 65536;
  // Memory for the filters of sorted runs; runs beyond it are probed on disk.
  size_t identity_filter_bytes_max = 64 << 20;
  // Streams of one ledger whose gaps are known, which are held in memory: an instance of an emitter
  // that numbers its events each. Beyond it events are accepted and their gaps unknown.
  size_t max_streams = 65536;
  // The same for one principal: an emitter that invents a stream for each start leaves room for the
  // others, and a service of a thousand instances still has four starts of each.
  size_t max_streams_per_principal = 4096;
  // Received ranges remembered for each stream; a stream torn worse than that counts as one with
  // gaps unknown.
  size_t max_ranges_per_stream = 1024;
  // How far the wall clock may fall behind the monotonic one before appends stop.
  uint64_t max_clock_step_back_us = 2'000'000;
  // How far it may run ahead of the monotonic one before appends stop: a clock is corrected by
  // seconds, or by an hour where it was kept in local time; a year would poison the ledger, since
  // recorded time never goes back.
  uint64_t max_clock_step_forward_us = uint64_t{3600} * 1'000'000;
  // Conflict entries kept for one identity: enough to show a pattern, too few to fill a disk with.
  uint64_t max_conflicts_per_identity = 16;
  // How far the clock may have moved between the last entry and a start before an operator is
  // asked.
  uint64_t max_clock_jump_at_start_us = uint64_t{24} * 3600 * 1'000'000;
  // Free bytes on the data folder's disk below which appends pause, and above which they resume.
  uint64_t low_water_bytes = uint64_t{256} << 20;
  uint64_t resume_water_bytes = uint64_t{320} << 20;
  // Of the space below the low-water mark what entries about reads may take (SealedEvent's
  // may_use_reserve), so that payloads can be read while appends pause: some thousand reads, and
  // far from the mark's end.
  uint64_t access_reserve_bytes = uint64_t{4} << 20;
  // A file of so many bytes to drop when the disk is full (disk_space.h). 0: none; the daemon's
  // default is kDefaultBallastBytes.
  uint64_t ballast_bytes = 0;
  // Entries a second that the background checks of a process read together (background_check.h).
  // 0: none runs; the daemon's default is kDefaultCheckEntriesPerSecond.
  uint64_t check_entries_per_second = 0;
};

// Who may erase, and how much at once (eraser.h).
struct ErasureRules {
  // Who asks for an erasure may approve it.
  bool one_person = false;
  // Entries that one erasure names at most: more of them wait for their secrets' syncs and for the
  // tables they lie in to be written anew, which takes a minute or so at this many.
  uint64_t max_entries = 100'000;
  // How long a request for an erasure may wait for its approval: over a holiday, not for ever.
  uint64_t request_lifetime_us = uint64_t{30} * 24 * 3600 * 1'000'000;
};

// What a LevelDB open may write before anything is freed: two full write-ahead logs with a commit
// over (2 x 20 MiB) as tables, and a manifest.
inline constexpr uint64_t kDefaultBallastBytes = uint64_t{48} << 20;
// Ten million entries in three hours, for one or two hundredths of a core.
inline constexpr uint64_t kDefaultCheckEntriesPerSecond = 1000;

// Where one ledger lives: one folder each, made by LedgerSet below the four configured roots.
struct LedgerPaths {
  std::string data_dir;   // the log, and what can be rebuilt from it
  std::string state_dir;  // the signer's own state
  std::string key_dir;    // key files
  std::string seed_dir;   // wrapped seeds
  // The Unix socket of a signer process (signer_server.h), which then holds log.key and the memory
  // of what was signed; state_dir keeps what one run tells the next. Empty: the embedded signer.
  std::string signer_socket = {};
  // What the symmetric keys in key_dir are sealed under; nullptr: they are clear.
  std::shared_ptr<const MasterKey> master_key = {};
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_OPTIONS_H_
