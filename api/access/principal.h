// Who calls, as everything behind authentication knows it.
//
// However somebody was authenticated, what comes out is a Principal: another way in is another
// function that makes one (authenticator.h). Names of these forms are nobody's to claim from
// outside:
//   local:NAME      whoever may open the Unix socket of the listener NAME
//   ledger:ORIGIN   the ledger itself
//
// Thread-safety: values and pure functions.
#ifndef AUDITLEDGER_API_ACCESS_PRINCIPAL_H_
#define AUDITLEDGER_API_ACCESS_PRINCIPAL_H_

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr char kLocalPrefix[] = "local:";
inline constexpr char kLedgerPrefix[] = "ledger:";

struct Principal {
  std::string name;
  std::string listener;
  bool local = false;
  std::string log_name{};  // what stands in logs: a person's name does not
  std::string address{};   // caller_address.h; none on a Unix socket that is not an edge's
  // By the wall clock, when what was shown ceases to count: a stream does not outlive its token.
  uint64_t valid_until_us = std::numeric_limits<uint64_t>::max();
};

// Whether `name` can be anybody's at all: InvalidArgument unless it is 1 to kMaxPrincipalBytes of
// printable ASCII without blanks, and not a ledger's.
absl::Status CheckPrincipalName(absl::string_view name);
// The same for a name that comes from outside, which is not a listener's either.
absl::Status CheckForeignName(absl::string_view name);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_PRINCIPAL_H_
