// A LedgerService in process that answers out of a log (tests/testing/test_log.h).
//
// Thread-safety: one call at a time.
#ifndef AUDITLEDGER_TESTS_API_CLIENT_LOG_SERVICE_H_
#define AUDITLEDGER_TESTS_API_CLIENT_LOG_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "merkle/proof.h"
#include "tests/api/lying_service.h"

namespace auditledger::testing {

// The log may be exchanged for another.
class LogService : public v1::LedgerService::Service {
 public:
  explicit LogService(TestLog& log) : log_(&log) {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  std::shared_ptr<grpc::Channel> channel() { return server_->InProcessChannel({}); }
  void Serve(TestLog& log) { log_ = &log; }
  void Answer(std::string note) { witnessed_ = std::move(note); }

  grpc::Status AppendEventStream(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::AppendEventStreamResponse, v1::AppendEventStreamRequest>* stream)
      override {
    v1::AppendEventStreamRequest request;
    uint64_t position = 0;
    while (stream->Read(&request)) {
      v1::AppendEventStreamResponse response;
      for (const v1::AppendEventRequest& each : request.requests()) {
        seals_.push_back(each.seal());
        const std::string event = each.event().SerializeAsString();
        const uint64_t index =
            signs_as_ == 0 ? log_->AddEvent(event) : log_->AddSignedEvent(event, signs_as_);
        v1::AppendResult& result = *response.add_results();
        result.set_position(position++);
        *result.mutable_receipt() = ReceiptMessage(*log_, index, log_->size());
        result.mutable_receipt()->set_repeated_event(repeats_);
      }
      if (change_) change_(response);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
  grpc::Status GetConsistencyProof(grpc::ServerContext*,
                                   const v1::GetConsistencyProofRequest* request,
                                   v1::GetConsistencyProofResponse* response) override {
    ++proofs_;
    if (request->new_size() > log_->size()) return {grpc::StatusCode::OUT_OF_RANGE, "beyond"};
    const auto proof = ConsistencyProof(request->old_size(), request->new_size(), *log_);
    if (!proof.ok()) return {grpc::StatusCode::INTERNAL, "no proof"};
    for (const Hash& hash : *proof) {
      response->mutable_proof()->add_hashes(std::string(hash.view()));
    }
    return grpc::Status::OK;
  }
  grpc::Status GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest* request,
                             v1::GetCheckpointResponse* response) override {
    if (!request->witnessed()) return {grpc::StatusCode::INVALID_ARGUMENT, "not asked for"};
    response->mutable_checkpoint()->set_note(witnessed_);
    return grpc::Status::OK;
  }
  int proofs() const { return proofs_; }
  // What the entries' headers carry: the signature of that test key; 0: none.
  void SignAs(uint8_t key) { signs_as_ = key; }
  // Every message of results goes through it.
  void Tell(std::function<void(v1::AppendEventStreamResponse&)> change) {
    change_ = std::move(change);
  }
  void SayRepeated(bool repeats) { repeats_ = repeats; }
  const std::vector<v1::EmitterSeal>& seals() const { return seals_; }

 private:
  TestLog* log_;
  std::string witnessed_;
  std::function<void(v1::AppendEventStreamResponse&)> change_;
  int proofs_ = 0;
  uint8_t signs_as_ = 0;
  bool repeats_ = false;
  std::vector<v1::EmitterSeal> seals_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_CLIENT_LOG_SERVICE_H_
