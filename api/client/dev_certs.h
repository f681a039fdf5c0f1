// Certificates and grants for development and tests: a CA, a server's and clients' certificates,
// P-256, files 0600, and an access policy for them.
//
// Never for production: the CA's key lies beside the certificates, without a passphrase.
//
// Example:
//   RETURN_IF_ERROR(MakeDevCa("certs"));                                  // ca.pem, ca.key
//   RETURN_IF_ERROR(MakeDevServerCert("certs", "server"));                // server.pem, server.key
//   RETURN_IF_ERROR(MakeDevClientCert("certs", "ehr", {"spiffe://hospital.example/ehr"}));
//   RETURN_IF_ERROR(AddDevGrants("certs", "spiffe://hospital.example/ehr",   // access.policy
//                                {config::v1::ROLE_EMITTER}));
//
// Thread-safety: pure but for the files. No key or certificate is overwritten: AlreadyExists.
// InvalidArgument: names that are no file names or no printable ASCII. Certificates begin an hour
// ago, for clocks that differ.
#ifndef AUDITLEDGER_API_CLIENT_DEV_CERTS_H_
#define AUDITLEDGER_API_CLIENT_DEV_CERTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "auditledger/config/v1/access.pb.h"

namespace auditledger {

inline constexpr int kDevCertDays =
    90;  // long enough for a project, too short to slip into production

// Makes `dir` (0700) if it is not there.
absl::Status MakeDevCa(const std::string& dir);
// For DNS:localhost, IP:127.0.0.1 and IP:::1. REQUIRES: MakeDevCa(dir) was called.
absl::Status MakeDevServerCert(const std::string& dir, const std::string& name);
// With these URI SANs: one is a principal, none or two are for tests of the refusal.
absl::Status MakeDevClientCert(const std::string& dir, const std::string& name,
                               const std::vector<std::string>& uris);

// What somebody who tries everything out needs: each role that may call something.
std::vector<config::v1::Role> AllDevRoles();
// Adds grants to dir/access.policy, made if need be, for all ledgers and as long as a certificate.
absl::Status AddDevGrants(const std::string& dir, const std::string& principal,
                          const std::vector<config::v1::Role>& roles);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_DEV_CERTS_H_
