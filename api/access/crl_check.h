// Whether a client certificate was revoked: its chain, against the listener's authorities and their
// certificate revocation lists (RFC 5280), fail closed.
//
// gRPC 1.51 has a folder of CRLs of its own (set_crl_directory), but lets a certificate pass whose
// authority has no CRL there (grpc/grpc#29124), and reads each file once. So the chain is verified
// here, after gRPC's own handshake, with a list that is read again when it changes.
//
// Example:
//   ASSIGN_OR_RETURN(auto check, CrlCheck::Open(ca_pem, "/etc/auditledger/clients.crl", clock,
//   log)); RETURN_IF_ERROR(check->Verify(leaf_pem, chain_pem));
//
// A new list that cannot be read changes nothing (log crl_failed); one that is over its nextUpdate
// refuses everybody whom its authority signed, until there is a newer.
//
// Thread-safety: all methods. `clock` and `log` must outlive it.
// Errors: Open: InvalidArgument with the file. Verify: Unauthenticated, with OpenSSL's reason.
#ifndef AUDITLEDGER_API_ACCESS_CRL_CHECK_H_
#define AUDITLEDGER_API_ACCESS_CRL_CHECK_H_

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/watched_file.h"
#include "api/rpc_log.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"

namespace auditledger {

// A large authority's list: 100,000 certificates at some 40 bytes.
inline constexpr size_t kMaxCrlBytes = 8 << 20;
// A handshake looks at the file at most so often.
inline constexpr std::chrono::milliseconds kCrlLook{1000};

class CrlCheck {
 public:
  static absl::StatusOr<std::unique_ptr<CrlCheck>> Open(const std::string& ca_pem,
                                                        const std::string& crl_file, Clock& clock,
                                                        RpcLog& log);
  ~CrlCheck();

  // `leaf_pem`: the client's certificate. `chain_pem`: what else it sent.
  absl::Status Verify(absl::string_view leaf_pem, absl::string_view chain_pem);

 private:
  struct Store;  // OpenSSL's store of authorities and lists
  CrlCheck(std::string ca_pem, const std::string& crl_file, Clock& clock, RpcLog& log);
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<const Store> Current();

  const std::string ca_pem_;
  Clock& clock_;
  RpcLog& log_;
  Mutex mutex_;
  WatchedFile file_ GUARDED_BY(mutex_);
  uint64_t look_us_ GUARDED_BY(mutex_) = 0;  // monotonic: not before
  std::string logged_ GUARDED_BY(mutex_);
  std::shared_ptr<const Store> store_ GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_CRL_CHECK_H_
