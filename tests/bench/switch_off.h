// Parts of the write path that a benchmark can switch off while it runs, so that what each costs is
// what an event costs less without it.
//
// Nothing in the ledger knows of this: the benchmarks are linked with --wrap for the functions
// below (CMakeLists.txt), so that callers reach the ones in switch_off.cc and switch_off_api.cc,
// which call the real ones or do nothing. A ledger written with parts off is of no use but for its
// cost.
//
// Thread-safety: switch only while nothing is under way.
#ifndef AUDITLEDGER_TESTS_BENCH_SWITCH_OFF_H_
#define AUDITLEDGER_TESTS_BENCH_SWITCH_OFF_H_

#include <array>
#include <atomic>

#include "absl/strings/string_view.h"

namespace auditledger {

enum class Part {
  kParsing,      // protobuf, rules of the event
  kSealing,      // all of it: events are sealed beforehand
  kUnitHashes,   // salts and hashes of the units
  kTags,         // keyed tags
  kEncryption,   // of the payload, with its compression
  kCompression,  // alone: payloads are encrypted as they are
  kExactlyOnce,  // looking identities up, keeping them in the index
  kKeyStore,     // wrapping and writing the secrets
  kLevelDb,      // the engine in memory in its place
  kReadBack,     // step 4 of a commit
  kSignature,    // Ed25519
  kProofs,       // inclusion proofs of the answers
  kSyncs,        // every fdatasync and fsync of the process, LevelDB's as well
  // Of the service:
  kRoles,      // what a policy grants; off: all is
  kMasks,      // looking for secrets in events
  kAccessLog,  // the entry that says who read, and waiting for it
};
inline constexpr int kLedgerParts = 13;
inline constexpr int kParts = 16;

absl::string_view NameOf(Part part);

// One flag a part; true: off.
extern std::array<std::atomic<bool>, kParts> switched_off;
inline bool IsOff(Part part) { return switched_off[static_cast<size_t>(part)].load(); }
inline void SetOff(Part part, bool off) { switched_off[static_cast<size_t>(part)].store(off); }

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_BENCH_SWITCH_OFF_H_
