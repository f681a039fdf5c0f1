// What a check came to: proven what, against whom, and what was not proven.
//
// Example:
//   const Verdict verdict = VerifyReceipt(input, pin, trust);
//   std::cout << VerdictText(verdict);
//   return verdict.ExitCode();
//
// Thread-safety: plain values.
#ifndef AUDITLEDGER_VERIFIER_VERDICT_H_
#define AUDITLEDGER_VERIFIER_VERDICT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "verifier/pins.h"

namespace auditledger {

// Worse outcomes are larger; one that is reached is never taken back.
enum class Outcome : uint8_t {
  kVerified = 0,
  kCannotTell = 1,  // something is missing, unreadable or of an unknown version
  kRefused = 2,     // evidence of tampering, or a wrong signature or proof
};

// Reasons and evidence of one verdict; what is beyond is counted.
inline constexpr size_t kMaxReasons = 100;
// What ExitCode gives for "verified" without the word of witnesses.
inline constexpr int kExitUnwitnessed = 3;

// What a policy made of a head's cosignatures.
struct WitnessReport {
  struct Cosigner {
    std::string name;  // in the policy
    std::string time;  // RFC 3339, the witness's claim
  };
  bool met = false;       // the quorum holds, and it asks for somebody
  int64_t survives = -1;  // f, see Policy::DishonestWitnessesSurvived
  std::string computed;   // how f was
  std::vector<Cosigner> by;
};

// When entries [begin, end) came into the log, by timestamps (timestamps.h). Unix microseconds.
struct TimeBracket {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::optional<uint64_t> not_before_us;  // the token existed by then that entry `named_by` names
  uint64_t named_by = 0;
  std::optional<uint64_t> no_later_us;  // the head of `stamped_size`, which holds them, did
  uint64_t stamped_size = 0;
  std::optional<uint64_t> beyond_size;  // of the newest stamped head that holds none of them
};

// What one entry says to have erased, of the entries asked about.
struct ErasedEntries {
  uint64_t by = 0;      // the erasure's index
  uint64_t count = 0;   // entries that are not there
  std::string entries;  // of them: "3, 7-9"
  uint64_t shown_count = 0;
  std::string shown;  // that it names and that are shown all the same
};

struct Verdict {
  std::string subject;  // "receipt", "checkpoint", "consistency", "log", "entry", "evidence"
  Outcome outcome = Outcome::kVerified;
  // Against whom: what the caller pinned, and the head that was checked, once its signature was.
  std::string origin;
  std::string vkey;
  uint32_t key_id = 0;
  std::optional<Checkpoint> head;
  std::optional<WitnessReport> witnesses;  // of that head; nullopt without a policy
  std::vector<TimeBracket> brackets;       // of the entries asked about; empty: nobody asked
  std::vector<ErasedEntries> erased;       // by index of the erasure; at most kMaxReasons
  std::vector<std::string> proven;
  std::vector<std::string> not_proven;
  std::vector<std::string> reasons;   // why it is not "verified"; at most kMaxReasons
  uint64_t reasons_left_out = 0;      // how many more there were
  std::vector<std::string> evidence;  // files kept that a third party can check alone

  // A verdict about what is pinned, nothing proven yet.
  static Verdict About(absl::string_view subject, const Pin& pin);
  // Each lowers the outcome, if it is not that low already, and keeps the reason.
  void Refuse(absl::string_view reason) { Lower(Outcome::kRefused, reason); }
  void CannotTell(absl::string_view reason) { Lower(Outcome::kCannotTell, reason); }
  void Lower(Outcome to, absl::string_view reason);

  // Whether a policy's quorum has cosigned the head.
  bool witnessed() const { return witnesses && witnesses->met; }
  // 0 verified, 1 refused, 2 cannot tell, 3 verified but unwitnessed. (64 is usage.)
  int ExitCode() const;
  // "verified", "verified, unwitnessed", "refused", "cannot tell".
  std::string Name() const;
};

// Several lines for people, and a JSON object for programs, which has the fields
// verdict, exit_code, subject, against {origin, key, key_id, size, root}, witnesses {met, by
// [{name, time}], f, computed}, time_brackets
// [{first, last, not_before, named_by, no_later_than, stamped_size, beyond_size}], erased [{by,
// count, entries, shown_count, shown}], proven,
// not_proven, reasons, reasons_left_out, evidence. `size` and `root` are absent without a checked
// head, `witnesses` is null without a policy.
std::string VerdictText(const Verdict& verdict);
std::string VerdictJson(const Verdict& verdict);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_VERDICT_H_
