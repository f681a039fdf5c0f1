// The chain of custody of evidence bundles: entries of the log that name a bundle's manifest, and
// the records that carry them in the bundle (verifier/bundle_custody.h).
//
// Thread-safety: one thread.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_CUSTODY_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_CUSTODY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/hash.h"
#include "tools/auditctl.h"

namespace auditledger::ctl {

// What is said of a bundle: who did what with it, and why.
struct CustodyStep {
  std::string code;  // kCustodyExport, kCustodyHandOver
  std::string package;
  std::string case_id;
  Hash manifest;        // SHA-256 of the manifest
  std::string who;      // who asked for it, or hands it on
  std::string other;    // who approved it, or receives it
  std::string purpose;  // in words
};

// The event that says so, with a fresh id. Its sender is whoever's certificate appends it.
v1::AuditEvent CustodyEvent(const CustodyStep& step, absl::string_view event_id, uint64_t unix_us);
// 128 random bits as a UUID, version 4.
std::string RandomUuid();

// Records the step in the log and adds what proves it to the bundle at `path`, whose head has
// `size` entries. The entry's index.
absl::StatusOr<uint64_t> RecordCustody(Connection& connection, const std::string& ledger,
                                       const std::string& path, uint64_t size,
                                       const CustodyStep& step);

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_CUSTODY_H_
