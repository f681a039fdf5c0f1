// C2SP tlog-witness on the wire: what client and witness say to each other beside the request,
// which is CheckpointUpdate (merkle/tlog_proof.h), and the cosignature lines of a 200, which
// AddCosignatures reads (merkle/cosignature.h).
//
//   POST <submission prefix>/add-checkpoint            GET <monitoring prefix>/<hex>/checkpoint
//
// Example, a client:
//   switch (WitnessStatus{response.status}) {
//     case WitnessStatus::kCosigned: return AddCosignatures(note, response.body, {witness_key});
//     case WitnessStatus::kConflict: { ASSIGN_OR_RETURN(old, ParseWitnessSize(response.body)); ...
//
// Thread-safety: pure functions. Source: c2sp.org/tlog-witness (standards.md 2.5).
#ifndef AUDITLEDGER_MERKLE_WITNESS_H_
#define AUDITLEDGER_MERKLE_WITNESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr absl::string_view kAddCheckpointPath = "/add-checkpoint";
// The Content-Type of a 409, whose body is the size the witness has.
inline constexpr absl::string_view kWitnessSizeType = "text/x.tlog.size";
// "old" and 63 hashes (2,857 bytes), and a checkpoint with 64 lines of the longest kind (ML-DSA-44,
// 3,300 bytes).
inline constexpr size_t kMaxAddCheckpointBytes = 256 * 1024;
// As many lines, in the answer.
inline constexpr size_t kMaxWitnessResponseBytes = 256 * 1024;

// HTTP status codes of add-checkpoint.
enum class WitnessStatus : int {
  kCosigned = 200,       // body: cosignature lines
  kBadRequest = 400,     // malformed, or old size over the checkpoint's
  kForbidden = 403,      // not signed by a key of that log, or wrongly
  kUnknownLog = 404,     // the witness does not follow this origin
  kConflict = 409,       // old size is not the witness's; body: the witness's size
  kUnprocessable = 422,  // the proof does not hold: broken, or the log forked
};

// The body of a 409: decimal, LF.
std::string FormatWitnessSize(uint64_t size);
absl::StatusOr<uint64_t> ParseWitnessSize(absl::string_view body);

// "/<hex SHA-256(origin)>/checkpoint": where a witness serves what it cosigned last.
std::string WitnessedCheckpointPath(absl::string_view origin);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_WITNESS_H_
