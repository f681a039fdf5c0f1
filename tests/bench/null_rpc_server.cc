// The bare RPC under the ledger's: same methods, same TLS with client certificates, same callback
// API without parsing, answers of the same size; nothing is done with a request.
//
//   null_rpc_server --listen 127.0.0.1:0 --cert server.pem --key server.key --ca ca.pem
//                   --answer-bytes 1100 --batch-answer-bytes 1100000 --ready-file ready
//
// The ready file is written with the address once serving. Ends with SIGTERM. Streams are not
// answered: batches bound them from above.
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "auditledger/v1/ledger_service.grpc.pb.h"

namespace auditledger {
namespace {

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string cert;
  std::string key;
  std::string ca;
  std::string ready_file;
  size_t answer_bytes = 1000;
  size_t batch_answer_bytes = 1'000'000;
};

constexpr int kReceiveBytes = 8 << 20;  // as the daemon's

using Bytes = grpc::ByteBuffer;
using Service = v1::LedgerService::WithRawCallbackMethod_AppendEvent<
    v1::LedgerService::WithRawCallbackMethod_BatchAppendEvents<v1::LedgerService::Service>>;

Bytes Answer(size_t bytes) {
  const grpc::Slice slice(std::string(bytes, 'a'));
  return Bytes(&slice, 1);
}

class NullService : public Service {
 public:
  explicit NullService(const Options& options)
      : answer_(Answer(options.answer_bytes)), batch_answer_(Answer(options.batch_answer_bytes)) {}

  grpc::ServerUnaryReactor* AppendEvent(grpc::CallbackServerContext* context, const Bytes*,
                                        Bytes* out) override {
    return Finish(context, answer_, out);
  }
  grpc::ServerUnaryReactor* BatchAppendEvents(grpc::CallbackServerContext* context, const Bytes*,
                                              Bytes* out) override {
    return Finish(context, batch_answer_, out);
  }

 private:
  static grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context, const Bytes& answer,
                                          Bytes* out) {
    *out = answer;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  const Bytes answer_;
  const Bytes batch_answer_;
};

std::string ReadPem(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int Serve(const Options& options, const sigset_t& signals) {
  NullService service(options);
  grpc::SslServerCredentialsOptions ssl(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  ssl.pem_root_certs = ReadPem(options.ca);
  ssl.pem_key_cert_pairs.push_back({ReadPem(options.key), ReadPem(options.cert)});
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kReceiveBytes);
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterService(&service);
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::SslServerCredentials(ssl), &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::cerr << "null_rpc_server: cannot listen at " << options.listen << "\n";
    return 1;
  }
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::ofstream(options.ready_file) << "main " << host << ":" << port << "\n";
  int number = 0;
  sigwait(&signals, &number);
  server->Shutdown();
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  auditledger::Options options;
  CLI::App app{"Answers appends with as many bytes as it is told, and does nothing else."};
  app.add_option("--listen", options.listen, "loopback address")->capture_default_str();
  app.add_option("--cert", options.cert)->required();
  app.add_option("--key", options.key)->required();
  app.add_option("--ca", options.ca)->required();
  app.add_option("--ready-file", options.ready_file)->required();
  app.add_option("--answer-bytes", options.answer_bytes)->capture_default_str();
  app.add_option("--batch-answer-bytes", options.batch_answer_bytes)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return auditledger::Serve(options, signals);
}
