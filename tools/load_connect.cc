#include "tools/load_connect.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/client/channel.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"
#include "verifier/pins.h"

namespace auditledger {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const ctl::Options& options) {
  if (absl::StartsWith(options.server, "unix:")) return grpc::InsecureChannelCredentials();
  if (options.ca.empty() || options.cert.empty() || options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "--ca, --cert and --key-file are needed (or AUDITCTL_CA, _CERT, _KEY_FILE)");
  }
  grpc::SslCredentialsOptions ssl;
  ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFileLimited(options.ca, kMaxPemBytes));
  ASSIGN_OR_RETURN(ssl.pem_cert_chain, ReadFileLimited(options.cert, kMaxPemBytes));
  ASSIGN_OR_RETURN(ssl.pem_private_key, ReadFileLimited(options.key_file, kMaxPemBytes));
  return grpc::SslCredentials(ssl);
}

std::chrono::system_clock::time_point Deadline(const ctl::Options& options) {
  return std::chrono::system_clock::now() +
         std::chrono::milliseconds(static_cast<int64_t>(options.timeout_s * 1000));
}

}  // namespace

absl::StatusOr<LoadChannels> ConnectLoad(const ctl::Options& options, size_t connections) {
  ASSIGN_OR_RETURN(const auto credentials, Credentials(options));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kClientReceiveBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  LoadChannels channels;
  for (size_t i = 0; i < connections; ++i) {
    channels.push_back(grpc::CreateCustomChannel(options.server, credentials, arguments));
  }
  for (const auto& channel : channels) {
    if (!channel->WaitForConnected(Deadline(options))) {
      return absl::UnavailableError(absl::StrCat("no connection to ", options.server));
    }
  }
  return channels;
}

absl::StatusOr<PinnedLog> PinLoad(const ctl::Options& options,
                                  const std::vector<std::string>& other_keys,
                                  const std::string& ledger,
                                  const std::shared_ptr<grpc::Channel>& channel) {
  std::string vkey = options.pin_key;
  std::string origin;
  if (vkey.empty()) {
    const auto stub = v1::LedgerService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(Deadline(options));
    v1::GetLedgerRequest request;
    request.set_name(ledger);
    v1::GetLedgerResponse response;
    RETURN_IF_ERROR(ctl::FromRpc(stub->GetLedger(&context, request, &response)));
    vkey = response.ledger().vkey();
    origin = response.ledger().origin();
  }
  ASSIGN_OR_RETURN(NoteVerifier key, LoadKey(vkey));
  if (origin.empty()) origin = key.name();
  PinnedLog log{std::move(origin), std::move(key)};
  for (const std::string& other : other_keys) {
    ASSIGN_OR_RETURN(NoteVerifier next, LoadKey(other));
    log.other_keys.push_back(std::move(next));
  }
  return log;
}

}  // namespace auditledger
