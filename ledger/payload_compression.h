// Compression of a payload before it is encrypted: a zstd frame (RFC 8878) under dictionary 1.
//
//   compressed = one zstd frame with its content size, without checksum (the encryption has a tag)
//                and without dictionary id (the payload's compression byte names it)
//
// An audit event is a kilobyte of which the half are names of code systems, so that a dictionary
// does more than the level. The length of a stored payload tells something about its content, as it
// did before; nobody can choose part of an event and watch the length of the rest but who emits it.
//
// Thread-safety: safe; one context is kept per thread. Errors: DataLoss for what is no such frame.
#ifndef AUDITLEDGER_LEDGER_PAYLOAD_COMPRESSION_H_
#define AUDITLEDGER_LEDGER_PAYLOAD_COMPRESSION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/units.h"

namespace auditledger {

// What a frame may unfold to: a header of 65,535 bytes with its length, and the largest event.
inline constexpr size_t kMaxCompressiblePayloadBytes = 2 + 65535 + kMaxEventBytes;

// The frame, or an empty string when it would not be shorter than `plain`.
std::string CompressPayload(absl::string_view plain);

absl::StatusOr<std::string> DecompressPayload(absl::string_view frame);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PAYLOAD_COMPRESSION_H_
