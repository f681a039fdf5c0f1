// Unary and batch calls under load: one thread and one completion queue for any number of calls
// under way, which is gRPC's cheapest client in C++ (shared/reference/performance.md 4): what the
// generator takes of the machine is taken from the server.
//
// Requests are spelled as bytes (load_events.h) and answers are not parsed here: one that is OK
// counts for its events, and LoadReceipts looks into those that are to be verified.
// A refusal that may be retried is sent again by a closed loop after the server's hint, with the
// same event; an open loop counts it and goes on.
//
// Thread-safety: an object belongs to one thread; Run begins and ends its own.
#ifndef AUDITLEDGER_TOOLS_LOAD_CALLS_H_
#define AUDITLEDGER_TOOLS_LOAD_CALLS_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <vector>

#include "tools/load_events.h"
#include "tools/load_plan.h"
#include "tools/load_receipts.h"
#include "tools/load_tally.h"

namespace auditledger {

// What the threads of a run share. Not owned; all of it must outlive the run.
struct LoadParts {
  const LoadPlan* plan = nullptr;
  const LoadEvents* events = nullptr;
  LoadStretch* stretch = nullptr;
  LoadReceipts* receipts = nullptr;           // null: nothing is verified
  std::atomic<uint64_t>* progress = nullptr;  // events answered so far
  std::vector<std::shared_ptr<grpc::Channel>> channels;
};

// Runs the share `thread` of `threads` until the stretch is over and every call was answered.
LoadTally RunCalls(const LoadParts& parts, size_t thread, size_t threads);
// The same for streams (closed loop only).
LoadTally RunStreams(const LoadParts& parts, size_t thread, size_t threads);

// All bytes of a message, in one piece.
std::string FlatBytes(const grpc::ByteBuffer& buffer);
grpc::ByteBuffer BufferOf(const std::string& bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_CALLS_H_
