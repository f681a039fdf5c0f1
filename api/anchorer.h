// Has timestamping authorities (TSAs) stamp the ledgers' heads, and the ledgers name the tokens.
//
//   newest signed head ──▶ TSA ──▶ verified ──▶ <data_root>/<id>/timestamps ──▶ entry (kAnchor)
//
// One thread for all ledgers, off the commit path: appends never wait for a TSA. Once an interval,
// for each ledger and each TSA: if the log has grown by an entry that is not itself one about a
// timestamp, its newest head is stamped. So a log at rest is stamped once, and not for ever because
// of the entry that says so. A token that is stored and not yet named by an entry (the process
// died, the ledger paused) is named in a later round. A failure is logged once, counted, and tried
// again after kFirstRetry, then twice as long each time, at most after an interval.
//
// Example:
//   Anchorer anchorer(ledgers, log, clock, random, options);
//   anchorer.Start();  ...  anchorer.Stop();
//
// Thread-safety: all methods but the constructor, Start and Stop; Report at any time.
#ifndef AUDITLEDGER_API_ANCHORER_H_
#define AUDITLEDGER_API_ANCHORER_H_

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/notification.h"
#include "api/rpc_log.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"
#include "ledger/random.h"
#include "ledger/timestamp_store.h"
#include "merkle/timestamp.h"

namespace auditledger {

// An hour bounds a back-dated entry to the hour, with 24 questions a day, which free TSAs bear.
inline constexpr uint32_t kDefaultAnchorIntervalSeconds = 3600;
// TSAs answer within a second or two; nobody waits for this one.
inline constexpr uint32_t kDefaultTsaTimeoutMs = 10'000;
inline constexpr size_t kMaxTsas = 16;  // each adds an entry an interval to every ledger
inline constexpr std::chrono::seconds kFirstRetry{30};
// How far a stamp's time may be from this machine's, beyond the accuracy that the TSA claims: more
// than the answer takes, far less than verifiers bear (300 s). What an entry names stays for ever.
inline constexpr uint64_t kMaxTsaClockOffsetMicros = uint64_t{60} * 1'000'000;
inline constexpr std::chrono::milliseconds kAnchorTick{1000};  // how often it looks what is due

class Anchorer {
 public:
  struct Tsa {
    std::string url;
    std::string policy_oid;
    TsaTrust trust;
  };
  // What POSTs a query to a TSA; PostTimestampQuery (tsa_client.h) but in tests.
  using Post = std::function<absl::StatusOr<std::string>(
      const std::string& url, const std::string& query, std::chrono::milliseconds timeout)>;
  struct Options {
    std::vector<Tsa> tsas;
    std::string data_root;
    std::chrono::seconds interval{kDefaultAnchorIntervalSeconds};
    std::chrono::milliseconds timeout{kDefaultTsaTimeoutMs};
    Post post;
  };
  struct Anchored {
    std::string ledger_id;
    std::string tsa;       // its URL
    uint64_t size = 0;     // of the newest head that it stamped since the start
    uint64_t time_us = 0;  // by its word; 0: none yet
    uint64_t failures = 0;
    bool failing = false;
  };

  // Reads the files named in `anchor`; InvalidArgument names the field.
  static absl::StatusOr<Options> ReadOptions(const config::v1::Anchor& anchor,
                                             const std::string& data_root);

  // All must outlive it.
  Anchorer(LedgerSet& ledgers, RpcLog& log, Clock& clock, Random& random, Options options);
  ~Anchorer() { Stop(); }

  void Start();
  void Stop();     // after the question that is under way. Idempotent.
  void RunOnce();  // what the thread does every kAnchorTick
  std::vector<Anchored> Report() const;

 private:
  // One TSA and one ledger.
  struct Slot {
    bool opened = false;
    uint64_t stamped_size = 0;  // heads up to here need no other stamp
    uint64_t due_us = 0;        // by the monotonic clock
    uint32_t failures_in_row = 0;
    std::string logged;  // the last failure, as logged
    Anchored report;
  };
  void Run();
  void Visit(const std::string& id, Ledger& ledger, size_t tsa)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(round_mutex_);
  void OpenSlot(const std::string& id, size_t tsa) ABSL_EXCLUSIVE_LOCKS_REQUIRED(round_mutex_);
  absl::Status Stamp(const std::string& id, Ledger& ledger, const Tsa& tsa, Slot& slot);
  absl::Status NamePending(Ledger& ledger, const TimestampStore& store);
  void Note(const std::string& id, const Tsa& tsa, const absl::Status& status, Slot& slot);

  LedgerSet& ledgers_;
  RpcLog& log_;
  Clock& clock_;
  Random& random_;
  const Options options_;
  Mutex round_mutex_;  // one round at a time
  std::map<std::pair<std::string, size_t>, Slot> slots_ ABSL_GUARDED_BY(round_mutex_);
  mutable Mutex report_mutex_;
  std::map<std::pair<std::string, size_t>, Anchored> report_ ABSL_GUARDED_BY(report_mutex_);
  Notification stopping_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ANCHORER_H_
