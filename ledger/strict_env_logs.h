// A write-ahead log as it is read at an open: what LevelDB would pass over in silence is looked for
// first. For strict_env.cc and fsck_env.cc.
//
// After a crash while a full memtable was being written out there are two logs, and LevelDB reads
// both. Of those only the newest can end in what a crash left: the older one was synced to its end
// before the newer one got its first batch. A newer log that is empty says nothing of the kind: a
// crash inside DB::Open leaves one.
//
// Example: OpenLog(env, "db/000005.log", LogReading::kOlderWhole, &file, &cut)
//
// Memory: the log once, at most the write buffer and a batch. Thread-safety: any thread.
#ifndef AUDITLEDGER_LEDGER_STRICT_ENV_LOGS_H_
#define AUDITLEDGER_LEDGER_STRICT_ENV_LOGS_H_

#include <string>

#include "leveldb/env.h"

namespace auditledger {

// Behind the name of a log whose torn tail was left out, once LevelDB has done with it.
inline constexpr char kCutLogSuffix[] = ".cut";

enum class LogReading {
  kOlderWhole,       // a log that a newer one with content follows has to be whole
  kWithoutTornTail,  // that, and the newest one ends before a torn last batch (strict_env_tail.h)
  kAllWhole,         // each log has to be whole
};

// Whether `name` is that of a write-ahead log.
bool IsLog(const std::string& name);

// Reads the log `name` of `env` to its end, so that no later read is short. `*cut`: whether a torn
// tail was left out. Corruption when a log that has to be whole is not.
leveldb::Status OpenLog(leveldb::Env& env, const std::string& name, LogReading reading,
                        leveldb::SequentialFile** result, bool* cut);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STRICT_ENV_LOGS_H_
