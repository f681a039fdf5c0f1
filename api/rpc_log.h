// The daemon's log: JSON, one object a line. A finished rpc is a line at debug, a failed one at
// info, an internal failure at error with its cause. Never contents of requests, names of patients
// or agents; principals are named.
//
// Example: log.Event("drain", {{"in_flight", "3"}});
//   {"time":"2026-01-02T03:04:05.678Z","level":"info","event":"drain","in_flight":"3"}
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_RPC_LOG_H_
#define AUDITLEDGER_API_RPC_LOG_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

class RpcLog {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  // `level`: debug, info, warning or error. `file` empty: standard error. InvalidArgument
  // otherwise.
  static absl::StatusOr<std::unique_ptr<RpcLog>> Open(const std::string& level,
                                                      const std::string& file);
  ~RpcLog();

  void Rpc(absl::string_view method, absl::string_view principal, const absl::Status& status,
           uint64_t micros);
  void Debug(absl::string_view event, const Fields& fields);
  void Event(absl::string_view event, const Fields& fields);
  void Warning(absl::string_view event, const Fields& fields);
  void Error(absl::string_view event, const Fields& fields);

 private:
  struct Impl;
  explicit RpcLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_RPC_LOG_H_
