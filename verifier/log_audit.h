// The whole exported log (export_dir.h), or one entry of it, against the pinned key.
//
// Example:
//   LogInput input;
//   input.dir = "/media/usb/clinic-export";
//   const Verdict verdict = VerifyLog(input, pin, history);
//
// What is checked: the head's signature; that all leaves lead to its root; every tile to the byte;
// each leaf by its kind's rules (entry_check.h); recorded times that rise; every payload that is
// there against its leaf; every index head against the map that the leaves make; that nothing else
// lies in tile/ and payload/; that the last head seen is a prefix.
//
// Cost: about 2 hashes an entry and 2 for each unit of a payload, spread over threads; memory is a
// window of bundles and one tile a level, whatever the size, and some 300 bytes a tag where the log
// has index heads.
// Thread-safety: free functions. Errors: all of them are verdicts.
#ifndef AUDITLEDGER_VERIFIER_LOG_AUDIT_H_
#define AUDITLEDGER_VERIFIER_LOG_AUDIT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "verifier/heads.h"
#include "verifier/pins.h"
#include "verifier/timestamps.h"
#include "verifier/verdict.h"

namespace auditledger {

// More would wait for each other: one thread folds the results.
inline constexpr unsigned kMaxAuditThreads = 64;

struct LogInput {
  std::string dir;
  std::optional<std::string> index_key;  // 32 bytes; without it tags are not checked
  unsigned threads = 0;                  // 0 = as many as the machine has; at most kMaxAuditThreads
  // Called by one thread, now and then, with entries done and in all.
  std::function<void(uint64_t, uint64_t)> progress;
  std::optional<TimestampFolder> timestamps{};  // what bounds when entries came
};
Verdict VerifyLog(const LogInput& input, const Pin& pin, const History& history);

struct EntryReport {
  Verdict verdict;
  // What could be shown, by name; "" where it could not. Only of a verified entry.
  std::string kind;
  std::string recorded_at;
  std::string leaf_hex;
  std::string sender;      // principal and stream, as the ledger says
  std::string event_json;  // personal data
};
// Entry `index` of the export: included under its signed head, and what it opens to.
EntryReport VerifyEntry(const std::string& dir, uint64_t index, const Pin& pin,
                        const std::optional<TimestampFolder>& timestamps = std::nullopt);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_LOG_AUDIT_H_
