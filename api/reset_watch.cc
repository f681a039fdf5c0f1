#include "api/reset_watch.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpc/grpc.h>
#include <grpc/support/alloc.h>

#include <algorithm>
#include <initializer_list>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "api/access/caller_address.h"
#include "api/limits.h"

namespace auditledger {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Struct Parse(char* json) {
  Struct out;
  if (json != nullptr) (void)google::protobuf::util::JsonStringToMessage(json, &out);
  gpr_free(json);
  return out;
}

// The value at names a, b, ...; an empty one where there is none.
const Value& At(const Struct& object, std::initializer_list<const char*> names) {
  const Struct* at = &object;
  const Value* found = &Value::default_instance();
  for (const char* name : names) {
    const auto field = at->fields().find(name);
    if (field == at->fields().end()) return Value::default_instance();
    found = &field->second;
    at = &found->struct_value();
  }
  return *found;
}

// Numbers come as texts, and zero not at all.
int64_t NumberAt(const Struct& object, std::initializer_list<const char*> names) {
  int64_t out = 0;
  return absl::SimpleAtoi(At(object, names).string_value(), &out) ? out : 0;
}

Struct Servers() { return Parse(grpc_channelz_get_servers(0)); }

const google::protobuf::RepeatedPtrField<Value>& ListAt(const Struct& object, const char* name) {
  return At(object, {name}).list_value().values();
}

// `ref` has the id and the name of a connection: "chttp2 ipv4:192.0.2.1:4711".
void AddConnection(const Struct& ref, int64_t id, std::vector<ConnectionResets>& out) {
  absl::string_view peer = At(ref, {"name"}).string_value();
  absl::ConsumePrefix(&peer, "chttp2 ");
  std::string address = AddressOfPeer(peer);
  if (address.empty()) return;  // a Unix socket's
  const Struct socket = Parse(grpc_channelz_get_socket(id));
  const int64_t unanswered = NumberAt(socket, {"socket", "data", "streamsStarted"}) -
                             NumberAt(socket, {"socket", "data", "streamsSucceeded"});
  const int64_t resets = std::max<int64_t>(0, unanswered - kMaxConcurrentStreams);
  out.push_back({id, std::move(address), static_cast<uint64_t>(resets)});
}

void AddConnectionsOf(int64_t server, std::vector<ConnectionResets>& out) {
  for (int64_t next = 0;;) {
    const Struct page = Parse(grpc_channelz_get_server_sockets(server, next, 0));
    const auto& references = ListAt(page, "socketRef");
    for (const Value& reference : references) {
      const int64_t id = NumberAt(reference.struct_value(), {"socketId"});
      AddConnection(reference.struct_value(), id, out);
      next = id + 1;
    }
    if (references.empty() || At(page, {"end"}).bool_value()) return;
  }
}

}  // namespace

ResetWatch::ResetWatch(StartedCalls started_calls, Connections connections)
    : started_calls_(std::move(started_calls)),
      connections_(std::move(connections)),
      buckets_({kResetsPerSecond, kResetBurst}) {}

std::vector<std::string> ResetWatch::Look(uint64_t now_us) {
  const uint64_t started = started_calls_();
  const uint64_t fresh = started - std::min(started, started_before_);
  started_before_ = started;
  const bool watched_before = looks_left_ > 0;
  if (fresh >= kResetsPerSecond * kResetLookMs / 1000) {
    looks_left_ = kResetLooks;
  } else if (watched_before) {
    --looks_left_;
  }
  if (looks_left_ == 0) return {};
  Seen seen;
  std::map<std::string, uint64_t> by_address;
  for (const ConnectionResets& connection : connections_()) {
    const auto before = seen_.find(connection.id);
    const uint64_t known = before == seen_.end() ? 0 : before->second;
    const uint64_t now = std::max(known, connection.resets);
    seen[connection.id] = now;
    by_address[connection.address] += now - known;
  }
  seen_ = std::move(seen);
  std::vector<std::string> over;
  if (!watched_before) return over;  // it may have taken hours to come to these numbers
  for (const auto& [address, resets] : by_address) {
    if (resets > kResetBurst || buckets_.WaitFor(address, resets, now_us) > 0) {
      over.push_back(address);
    } else if (resets > 0) {
      buckets_.Take(address, resets, now_us);
    }
  }
  return over;
}

uint64_t ChannelzStartedCalls() {
  const Struct servers = Servers();
  int64_t out = 0;
  for (const Value& server : ListAt(servers, "server"))
    out += NumberAt(server.struct_value(), {"data", "callsStarted"});
  return static_cast<uint64_t>(out);
}

std::vector<ConnectionResets> ChannelzConnections() {
  const Struct servers = Servers();
  std::vector<ConnectionResets> out;
  for (const Value& server : ListAt(servers, "server"))
    AddConnectionsOf(NumberAt(server.struct_value(), {"ref", "serverId"}), out);
  return out;
}

}  // namespace auditledger
