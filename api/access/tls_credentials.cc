#include "api/access/tls_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/access/crl_check.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;  // a bundle of authorities: hundreds

struct Pems {
  std::string certificate;
  std::string private_key;
  std::string client_ca;
};

absl::StatusOr<std::string> ReadPem(absl::string_view field, const std::string& path) {
  if (path.empty()) return "";
  absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxPemBytes);
  if (text.ok() && !text->empty()) return text;
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", path, " cannot be read"));
}

absl::StatusOr<Pems> ReadPems(const config::v1::Tls& tls) {
  Pems out;
  ASSIGN_OR_RETURN(out.certificate, ReadPem("tls.certificate_file", tls.certificate_file()));
  ASSIGN_OR_RETURN(out.private_key, ReadPem("tls.private_key_file", tls.private_key_file()));
  ASSIGN_OR_RETURN(out.client_ca, ReadPem("tls.client_ca_file", tls.client_ca_file()));
  return out;
}

// With a token alone a certificate is asked for where one could be verified: tokens may be bound to
// it.
grpc_ssl_client_certificate_request_type Request(const config::v1::Listener& listener) {
  if (listener.credential() != config::v1::CREDENTIAL_TOKEN) {
    return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  if (listener.tls().client_ca_file().empty()) return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
}

// After the handshake, which has refused a missing certificate where one is needed.
class CrlVerifier : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit CrlVerifier(std::unique_ptr<CrlCheck> check) : check_(std::move(check)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* sync_status) override {
    const auto view = [](grpc::string_ref text) {
      return absl::string_view(text.data(), text.size());
    };
    const absl::string_view leaf = view(request->peer_cert());
    if (leaf.empty()) return true;  // the status is OK as it comes
    const absl::Status verified = check_->Verify(leaf, view(request->peer_cert_full_chain()));
    if (!verified.ok()) {
      *sync_status = {grpc::StatusCode::UNAUTHENTICATED, std::string(verified.message())};
    }
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::unique_ptr<CrlCheck> check_;
};

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> WithCrl(
    const config::v1::Listener& listener, const Pems& pems, Clock& clock, RpcLog& log) {
  using grpc::experimental::ExternalCertificateVerifier;
  using grpc::experimental::StaticDataCertificateProvider;
  absl::StatusOr<std::unique_ptr<CrlCheck>> check =
      CrlCheck::Open(pems.client_ca, listener.tls().crl_file(), clock, log);
  if (!check.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("tls.crl_file: ", check.status().message()));
  }
  auto provider = std::make_shared<StaticDataCertificateProvider>(
      pems.client_ca,
      std::vector<grpc::experimental::IdentityKeyCertPair>{{pems.private_key, pems.certificate}});
  grpc::experimental::TlsServerCredentialsOptions options(std::move(provider));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(Request(listener));
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<CrlVerifier>(*std::move(check)));
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ListenerCredentials(
    const config::v1::Listener& listener, Clock& clock, RpcLog& log) {
  ASSIGN_OR_RETURN(const Pems pems, ReadPems(listener.tls()));
  if (!listener.tls().crl_file().empty()) return WithCrl(listener, pems, clock, log);
  grpc::SslServerCredentialsOptions options(Request(listener));
  options.pem_root_certs = pems.client_ca;
  options.pem_key_cert_pairs.push_back({pems.private_key, pems.certificate});
  return grpc::SslServerCredentials(options);
}

}  // namespace auditledger
