// A LedgerService in process that holds the log's key (tests/testing/test_log.h) and answers
// appends as the test says: honestly, or with a receipt that a lie was made of.
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
  void LeaveOutTheLastReceipt(bool leave_out) { leave_out_ = leave_out; }

  grpc::Status AppendEvent(grpc::ServerContext*, const v1::AppendEventRequest* request,
                           v1::AppendEventResponse* response) override {
    Record(request->event(), *response->mutable_receipt());
    return grpc::Status::OK;
  }
  grpc::Status BatchAppendEvents(grpc::ServerContext*, const v1::BatchAppendEventsRequest* request,
                                 v1::BatchAppendEventsResponse* response) override {
    for (const v1::AppendEventRequest& each : request->requests()) {
      Record(each.event(), *response->add_receipts());
    }
    if (leave_out_) response->mutable_receipts()->RemoveLast();
    return grpc::Status::OK;
  }

 private:
  void Record(const v1::AuditEvent& event, v1::Receipt& receipt) {
    const uint64_t index = log_->AddEvent(event.SerializeAsString());
    receipt = ReceiptMessage(*log_, index, log_->size());
    if (lie_) lie_(receipt);
  }

  TestLog* log_;
  Lie lie_;
  bool leave_out_ = false;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_LYING_SERVICE_H_
