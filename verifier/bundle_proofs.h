// The proofs of an evidence bundle: that its entries are in the log, that its head extends earlier
// ones; and the records of its chain of custody.
//
//   inclusion    = u64 begin | u64 end | u8 n | n hashes         RangeProof (merkle/proof.h)
//   consistency  = u32 len note | u8 n | n hashes
//   completeness = u16 len type | bytes
//   timestamp    = u32 len note | u32 len token | u8 n | n hashes
//   custody      = u32 len receipt | u32 len event | u8 n | n hashes
//
// A complete answer (merkle/complete_answer.h) may be larger than a record: it is cut into parts
// that follow each other, all of kCompleteAnswerType, whose bytes are u8 more | part; more is 1 of
// all but the last.
//
// Thread-safety: values and pure functions; what is parsed is a view of its record.
// Errors: InvalidArgument naming the part. Format: verifier/README.md, "The evidence bundle".
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_PROOFS_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_PROOFS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"

namespace auditledger {

// Entries [begin, end) next to each other, with their one proof.
struct InclusionRun {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::vector<Hash> proof;
};
absl::StatusOr<InclusionRun> ParseInclusionRun(absl::string_view record);
// REQUIRES of these: at most 255 hashes.
std::string EncodeInclusionRun(const InclusionRun& run);

struct EarlierHead {
  absl::string_view note;
  std::vector<Hash> proof;  // the bundle's head extends it
};
absl::StatusOr<EarlierHead> ParseEarlierHead(absl::string_view record);
std::string EncodeEarlierHead(absl::string_view note, absl::Span<const Hash> proof);

struct BundleTimestamp {
  absl::string_view note;
  absl::string_view token;
  std::vector<Hash> proof;
};
absl::StatusOr<BundleTimestamp> ParseBundleTimestamp(absl::string_view record);

inline constexpr absl::string_view kCompleteAnswerType = "auditledger/complete-answer/v1";
// A proof that no entry is left out, by its name; what follows is its own. InvalidArgument unless
// the name is UTF-8.
struct CompletenessRecord {
  absl::string_view type;
  absl::string_view bytes;
};
absl::StatusOr<CompletenessRecord> ParseCompletenessRecord(absl::string_view record);
// The bytes of a complete answer as records, none larger than a record may be.
std::vector<std::string> EncodeAnswerRecords(absl::string_view answer);

struct CustodyRecord {
  absl::string_view receipt;  // tlog-proof with its opening
  absl::string_view event;    // canonical encoding
  std::vector<Hash> proof;    // the receipt's head extends the bundle's
};
absl::StatusOr<CustodyRecord> ParseCustodyRecord(absl::string_view record);
std::string EncodeCustodyRecord(absl::string_view receipt, absl::string_view event,
                                absl::Span<const Hash> proof);

// Whether all of it is UTF-8.
bool IsUtf8(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_PROOFS_H_
