// Which addresses open calls only to cancel them: rapid resets (CVE-2023-44487). gRPC 1.51 takes
// any number of them, and each leaves work and memory behind.
//
// gRPC counts the streams of each connection (channelz). Of those that were opened and never
// answered, a connection may have kMaxConcurrentStreams under way; the rest was cancelled. (Its
// count of failed streams is no help: a stream counts when it is gone, under TLS seconds later.)
// They are added up by address; whoever is over kResetsPerSecond is named, and the accept guard
// cuts it off. Clients that give up calls at their deadline stay far below.
//
// Example, every kResetLookMs:
//   ResetWatch watch(ChannelzStartedCalls, ChannelzConnections);
//   for (const std::string& address : watch.Look(clock.MonotonicMicros())) guard.CutOff(address);
//
// Each connection is looked at only while so many calls begin that there could be one, and for
// kResetLooks more.
// Not seen: what was sent on a connection that was opened and closed between two looks.
// Thread-safety: none, one thread looks; what it asks gRPC is safe beside everything.
#ifndef AUDITLEDGER_API_RESET_WATCH_H_
#define AUDITLEDGER_API_RESET_WATCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/token_buckets.h"

namespace auditledger {

struct ConnectionResets {
  int64_t id = 0;
  std::string address;  // access/caller_address.h
  uint64_t resets = 0;  // since it was opened; may fall when answers were late
};

class ResetWatch {
 public:
  using StartedCalls = std::function<uint64_t()>;  // of all servers, since they started
  using Connections = std::function<std::vector<ConnectionResets>()>;

  ResetWatch(StartedCalls started_calls, Connections connections);

  // Who was over the limit since the last look.
  std::vector<std::string> Look(uint64_t now_us);

 private:
  using Seen = std::unordered_map<int64_t, uint64_t>;

  const StartedCalls started_calls_;
  const Connections connections_;
  TokenBuckets buckets_;
  uint64_t started_before_ = 0;
  int looks_left_ = 0;  // at each connection; over 0: `seen_` is from the last look
  Seen seen_;           // a connection's resets
};

// What this process's gRPC servers say of themselves.
uint64_t ChannelzStartedCalls();
std::vector<ConnectionResets> ChannelzConnections();

}  // namespace auditledger

#endif  // AUDITLEDGER_API_RESET_WATCH_H_
