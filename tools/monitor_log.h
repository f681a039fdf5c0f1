// Follows one log: everything a monitor checks, round by round.
//
// A round asks every place where the log is shown for its head, in ascending order of size, and
//   1. checks the signature of the pinned key over the pinned origin;
//   2. holds the head against the mirror: a smaller one must be a prefix of it; for a larger one
//   all
//      new leaves are fetched from that place, hashed into the mirror, and must lead to its root;
//   3. holds the heads of this round against each other, and each place against what it showed
//      before: a log does not go back;
//   4. checks each new leaf: its form, that recorded times rise strictly, and that none stands
//      behind a freeze;
//   5. checks the age of what is newest, and that its time is not ahead of the clock.
// Receipts and heads that others were shown are held against the mirror the same way.
//
//   DIR/mirror/        the log's tiles and leaves as they were verified (monitor_mirror.h)
//   DIR/state          what each place showed last, the newest cosigned head (JSON)
//   DIR/evidence/      KIND-DIGEST.evidence (merkle/evidence.h), each checked before it was
//   written;
//                      SIZE-DIGEST.head: signed heads that contradict the mirror and whose place
//                      does not show the tiles that would prove it; judged once the mirror can
//
// A monitor that found evidence says so in every round until somebody moves the files away.
//
// Example:
//   ASSIGN_OR_RETURN(auto monitor, LogMonitor::Open(log, "/var/lib/monitor/clinic", {}));
//   const RoundReport report = monitor->Round(now_us);
//
// Thread-safety: an object belongs to one thread, DIR to one process.
#ifndef AUDITLEDGER_TOOLS_MONITOR_LOG_H_
#define AUDITLEDGER_TOOLS_MONITOR_LOG_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/evidence.h"
#include "tools/monitor_mirror.h"
#include "tools/monitor_source.h"

namespace auditledger {

struct MonitoredLog {
  std::string name;
  NoteVerifier key;  // its name is the origin
  std::vector<std::string> places{};
  std::vector<NoteVerifier> witnesses{};  // type 0x04; for heads that went back
};

struct MonitorLimits {
  HttpLimits http;
  // How old the newest sign of life may be; 0: any age. A day: a ledger in use has entries sooner.
  uint64_t max_age_us = uint64_t{86'400} * 1'000'000;
  // How far ahead of our clock the ledger's and a witness's may be: five minutes, as for witnesses.
  uint64_t max_ahead_us = uint64_t{300} * 1'000'000;
  // New leaves taken for one head, so that a signed lie of 2^60 entries does not fill the disk: a
  // day and more of the fastest ledger.
  uint64_t max_new_entries = 1'000'000'000;
  // Files kept as evidence, and as many heads that wait to be judged: one is enough to convict, the
  // rest shows the extent. A round says when it is reached.
  size_t max_evidence_files = 100;
  // True when the round is to end early, with CancelledError.
  const std::atomic<bool>* stop = nullptr;
};

// What to do about a finding, the worst last.
enum class Severity : uint8_t {
  kLate,         // the log is old or ahead of the clock
  kCannotTell,   // a place does not answer, or shows damage that proves nothing
  kMisbehaviour  // what an honest log, or for "rollback" an honest witness, never does
};
absl::string_view SeverityName(Severity severity);

struct MonitorFinding {
  Severity severity = Severity::kCannotTell;
  std::string kind;      // one word: "fork", "unreachable", "stale", ...
  std::string place;     // where it was shown; empty: of the log as a whole
  std::string what;      // for people; no personal data
  std::string evidence;  // path of the evidence file; empty: none
};

// A head (signed note) or receipt (C2SP tlog-proof) that somebody was shown; `place` names them.
struct ShownText {
  std::string place;
  std::string text;
};

struct RoundReport {
  std::string log;
  uint64_t size = 0;    // of the mirror
  std::string root;     // hex; empty before the first head
  uint64_t age_us = 0;  // of the newest sign of life
  uint64_t new_entries = 0;
  uint64_t evidence_files = 0;
  std::vector<MonitorFinding> findings;
};

class LogMonitor {
 public:
  // Makes DIR where its parent is there. FailedPrecondition: DIR is of another log, or in use;
  // DataLoss: the mirror or the state is damaged.
  static absl::StatusOr<std::unique_ptr<LogMonitor>> Open(MonitoredLog log, const std::string& dir,
                                                          MonitorLimits limits);

  // An error is one of our own disk; the log's and the places' faults are findings.
  absl::StatusOr<RoundReport> Round(uint64_t now_us, const std::vector<ShownText>& shown = {});
  // One of `shown`; findings go into `report`.
  absl::Status CheckShown(const std::string& place, absl::string_view text, RoundReport& report);

  const MonitoredLog& log() const { return log_; }

 private:
  struct Shown {
    std::string place;
    LogSource* source = nullptr;
    SignedCheckpoint head;
  };
  LogMonitor(MonitoredLog log, std::string dir, MonitorLimits limits, Mirror mirror)
      : log_(std::move(log)),
        dir_(std::move(dir)),
        limits_(std::move(limits)),
        mirror_(std::move(mirror)) {}

  // A head by whichever key the log has at its size: from the mirror's leaves, and what `source`
  // (may be none) says of changes beyond them, which its leaves then have to bear out.
  absl::StatusOr<SignedCheckpoint> OpenHead(absl::string_view note, LogSource* source);
  absl::Status LoadState();
  absl::Status SaveState() const;
  std::vector<Shown> FetchHeads(RoundReport& report);
  absl::Status Take(const Shown& shown, RoundReport& report);
  // Of the evidence that was written; "": the head agrees, or the limit is reached.
  absl::StatusOr<std::string> CompareWithMirror(const std::string& place,
                                                const SignedCheckpoint& head, RoundReport& report);
  absl::Status Extend(const Shown& shown, RoundReport& report);
  struct LeafFault {
    uint64_t index = 0;
    uint64_t earlier = 0;        // the last entry before it that parses
    bool behind_freeze = false;  // and `earlier` is that freeze
  };
  absl::Status FetchLeaves(const Shown& shown, std::vector<LeafFault>& faults);
  void CheckLeaf(uint64_t index, absl::string_view bytes, std::vector<LeafFault>& faults);
  absl::Status ReportLeafFaults(const Shown& shown, const std::vector<LeafFault>& faults,
                                RoundReport& report);
  absl::StatusOr<Evidence> EvidenceOfFault(const Shown& shown, const LeafFault& fault, bool parses);
  enum class Told : uint8_t { kNothing, kAnotherPast, kTheSamePast };
  absl::StatusOr<Told> AskTiles(const Shown& shown, RoundReport& report);
  absl::Status Diagnose(const Shown& shown, bool has_leaves, RoundReport& report);
  absl::Status RecheckKeptHeads(RoundReport& report);
  std::string DamagedEntries(SourceTiles& tiles, const Checkpoint& head);
  absl::Status CheckReceipt(const std::string& place, absl::string_view text, RoundReport& report);
  // Whether witnesses that are pinned have cosigned it.
  bool NoteBackwards(const Shown& shown, RoundReport& report);
  absl::Status NoteCosigned(const Shown& shown, RoundReport& report);
  absl::Status CheckAge(RoundReport& report);
  // The log and the witnesses, by whichever key the log has had at a size.
  absl::StatusOr<EvidencePins> Pins();
  // Checks it first: what does not hold, as from a damaged mirror, accuses nobody and is a finding
  // of its own. The path of the file, or "".
  absl::StatusOr<std::string> Convict(const std::string& place, const Evidence& evidence,
                                      RoundReport& report);
  absl::Status KeepHead(const SignedCheckpoint& head);
  absl::Status CountEvidence(RoundReport& report) const;

  const MonitoredLog log_;
  const std::string dir_;
  const MonitorLimits limits_;
  Mirror mirror_;
  std::vector<std::pair<std::string, std::unique_ptr<LogSource>>> sources_;
  uint64_t now_us_ = 0;                        // of this round
  std::map<std::string, uint64_t> last_size_;  // by place
  std::string cosigned_;                       // newest head that a pinned witness cosigned
  std::optional<uint64_t> last_parsed_;        // the last leaf that parses
  uint64_t last_recorded_us_ = 0;              // its time
  std::optional<uint64_t> frozen_;             // the entry that ends the log, once it is seen
  uint64_t cosigned_us_ = 0;                   // newest time of a cosignature
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_LOG_H_
