// A LedgerService in process that holds the log's key (tests/testing/test_log.h) and answers
// appends as the test says: honestly, or with a receipt, or an answer to a batch, that a lie was
// made of.
//
// Thread-safety: one call at a time.
#ifndef AUDITLEDGER_TESTS_API_LYING_SERVICE_H_
#define AUDITLEDGER_TESTS_API_LYING_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "merkle/proof.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

// The receipt of entry `index` under the head of `size`, with its opening where it has one.
inline v1::Receipt ReceiptMessage(TestLog& log, uint64_t index, uint64_t size) {
  v1::Receipt receipt;
  receipt.set_index(index);
  receipt.set_leaf(log.leaves()[index]);
  receipt.mutable_inclusion()->set_leaf_index(index);
  receipt.mutable_inclusion()->set_tree_size(size);
  const std::vector<Hash> path = InclusionProof(index, size, log).value();
  for (const Hash& hash : path) {
    receipt.mutable_inclusion()->add_hashes(std::string(hash.view()));
  }
  receipt.mutable_checkpoint()->set_note(log.CheckpointAt(size));
  if (const auto& opening = log.openings()[index]) {
    receipt.mutable_opening()->set_seed(opening->seed);
    receipt.mutable_opening()->set_header(opening->header);
  }
  return receipt;
}

class LyingService : public v1::LedgerService::Service {
 public:
  using Lie = std::function<void(v1::Receipt&)>;
  using BatchLie = std::function<void(v1::BatchAppendEventsResponse&)>;

  explicit LyingService(TestLog& log) : log_(&log) {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  std::shared_ptr<grpc::Channel> channel() { return channel_; }
  // What is answered about from now on.
  void Serve(TestLog& log) { log_ = &log; }
  // Every receipt goes through it; nothing: the truth.
  void Tell(Lie lie) { lie_ = std::move(lie); }
  // The same of whole answers to batches.
  void TellOfBatches(BatchLie lie) { batch_lie_ = std::move(lie); }
  // Whether it knows BatchAppendEventsRequest.share_proof, as older servers do not.
  void SharesProofs(bool shares) { shares_ = shares; }

  grpc::Status AppendEvent(grpc::ServerContext*, const v1::AppendEventRequest* request,
                           v1::AppendEventResponse* response) override {
    const uint64_t index = log_->AddEvent(request->event().SerializeAsString());
    *response->mutable_receipt() = ReceiptOf(index);
    return grpc::Status::OK;
  }
  grpc::Status BatchAppendEvents(grpc::ServerContext*, const v1::BatchAppendEventsRequest* request,
                                 v1::BatchAppendEventsResponse* response) override {
    const uint64_t first = log_->size();
    for (const v1::AppendEventRequest& each : request->requests()) {
      log_->AddEvent(each.event().SerializeAsString());
    }
    for (uint64_t i = first; i < log_->size(); ++i) *response->add_receipts() = ReceiptOf(i);
    if (request->share_proof() && shares_) Share(first, *response);
    if (batch_lie_) batch_lie_(*response);
    return grpc::Status::OK;
  }

 private:
  v1::Receipt ReceiptOf(uint64_t index) {
    v1::Receipt receipt = ReceiptMessage(*log_, index, log_->size());
    if (lie_) lie_(receipt);
    return receipt;
  }
  void Share(uint64_t first, v1::BatchAppendEventsResponse& response) {
    for (v1::Receipt& receipt : *response.mutable_receipts()) {
      receipt.clear_inclusion();
      receipt.clear_checkpoint();
    }
    response.mutable_checkpoint()->set_note(log_->CheckpointAt(log_->size()));
    v1::RangeProof& range = *response.mutable_range();
    range.set_first_index(first);
    range.set_tree_size(log_->size());
    const auto proof = RangeProof({first, log_->size()}, log_->size(), *log_).value();
    for (const Hash& hash : proof) range.add_hashes(std::string(hash.view()));
  }

  TestLog* log_;
  Lie lie_;
  BatchLie batch_lie_;
  bool shares_ = true;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_LYING_SERVICE_H_
