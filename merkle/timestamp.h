// RFC 3161 timestamps of a log's heads: what is asked of a timestamping authority (TSA), and what
// its word is worth afterwards.
//
// What is stamped is the TEXT of a checkpoint, `origin LF size LF base64(root) LF`, without
// signatures, so that cosignatures that come later change nothing. The token says: these bytes
// existed no later than genTime, to the end of its last digit, plus accuracy; so did every entry of
// a tree of that size and root.
//
// Example, whoever asks:
//   ASSIGN_OR_RETURN(const TsaTrust trust, TsaTrust::FromPem(ca_file, {}));
//   ASSIGN_OR_RETURN(const std::string query, EncodeTimestampQuery(text, nonce, ""));
//   ... POST as application/timestamp-query ...
//   ASSIGN_OR_RETURN(const Timestamp stamp, VerifyTimestampReply(body, text, nonce, trust));
//   Store(stamp.token);
// and whoever has a stored token:
//   ASSIGN_OR_RETURN(const Timestamp stamp, VerifyTimestampToken(token, text, trust));
//
// Checked: status granted (or granted with modifications); version; imprint, SHA-256 of the text;
// the nonce; the policy where some are pinned; the signature, by a digest of SHA-256 or better;
// that the signer's certificate is the one that the signed ESSCertID or ESSCertIDv2 names (RFC
// 5816), is for time stamping alone (critical EKU), and chains to a pinned certificate with keys
// and digests of at least 112 bits.
//
// EXPIRY. The chain is judged as of genTime, not as of today: a token stays good for as long as
// the TSA's key and SHA-256 stand, long after its certificate has expired. The price: who gets hold
// of a TSA's key after its certificate expired can still date a token back into its lifetime.
// REVOCATION is not looked up: this works offline, and an answer of today would say little about
// years ago. A TSA whose key was compromised is refused by taking its CA out of the pinned file, or
// by keeping its CRL's date in mind; use two TSAs where that matters. A later anchor covers the
// entries that name the earlier tokens (system_entries.h, Anchor), so that a token forged
// afterwards is not among those that the log names.
//
// Thread-safety: values and pure functions; a TsaTrust may be shared by threads.
// Errors: InvalidArgument for what does not parse or is over a limit; FailedPrecondition when the
// TSA refused; Unauthenticated when the signer is nobody that is pinned, or its certificate was not
// good for this at genTime; DataLoss for anything else that is not as it should be. The message
// says which check failed.
// Source: RFC 3161, RFC 5816 (shared/reference/standards.md 3.2).
#ifndef AUDITLEDGER_MERKLE_TIMESTAMP_H_
#define AUDITLEDGER_MERKLE_TIMESTAMP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

// A reply or token. One with a chain of three certificates of 4,096 bits has some 7 KiB.
inline constexpr size_t kMaxTimestampBytes = 64 << 10;
// A file of pinned certificates, and how many it may hold: the CAs of a handful of TSAs.
inline constexpr size_t kMaxTsaCaFileBytes = 1 << 20;
inline constexpr size_t kMaxTsaCaCertificates = 100;
// An OID in dotted form, as "1.3.6.1.4.1.4146.2.3".
inline constexpr size_t kMaxTsaPolicyBytes = 128;
// genTime may not be later; the year 9999 ends what the formats around it can say.
inline constexpr uint64_t kMaxTimestampMicros = 253'402'300'799'999'999;

// The certificates that are pinned. Each of them is an anchor of trust by itself, root or not.
class TsaTrust {
 public:
  // `pem`: one certificate or more; text between them is skipped. `policies`: dotted OIDs of which
  // a token must name one; none = any policy will do.
  static absl::StatusOr<TsaTrust> FromPem(absl::string_view pem,
                                          const std::vector<std::string>& policies);

 private:
  friend class TimestampCheck;
  struct Parts;
  explicit TsaTrust(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// A token that was checked.
struct Timestamp {
  uint64_t time_us = 0;  // genTime, Unix time, as far as its digits go
  // One unit of genTime's last digit: a second without a fraction. The rest was cut off.
  uint64_t unit_us = 1'000'000;
  // How far it may be off, either way; nothing where the TSA does not say.
  std::optional<uint64_t> accuracy_us;
  std::string policy;  // dotted OID
  std::string tsa;     // subject of the signer's certificate, RFC 2253
  std::string token;   // DER, as it came
  // The stamped bytes existed no later: the end of genTime's last digit, and accuracy.
  uint64_t LatestMicros() const { return time_us + unit_us + accuracy_us.value_or(0); }
};

// DER of a TimeStampReq for SHA-256 of `text`, with certificates asked for. `policy` may be "".
absl::StatusOr<std::string> EncodeTimestampQuery(absl::string_view text, uint64_t nonce,
                                                 const std::string& policy);

// A TSA's answer to EncodeTimestampQuery(text, nonce, ...), DER of a TimeStampResp.
absl::StatusOr<Timestamp> VerifyTimestampReply(absl::string_view reply, absl::string_view text,
                                               uint64_t nonce, const TsaTrust& trust);

// A token that was kept, DER of a ContentInfo; its nonce is nobody's concern any more.
absl::StatusOr<Timestamp> VerifyTimestampToken(absl::string_view token, absl::string_view text,
                                               const TsaTrust& trust);

// How a stamped head is named among files, without what follows the dot: its size, at least twelve
// digits, '-' and the first 16 hex digits of SHA-256 of the token. Of each there are
//   STEM.checkpoint   the head as it was signed
//   STEM.tst          the token, DER
//   STEM.tlog-proof   a receipt of the log's own entry that names the token (Anchor)
std::string TimestampFileStem(uint64_t size, const Hash& token_hash);
// Whether `stem` has that form.
bool IsTimestampFileStem(absl::string_view stem);

// What `openssl ts` and RFC 3161 call a dotted OID; "" is none.
bool IsDottedOid(const std::string& policy);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TIMESTAMP_H_
