#include "api/rpc_log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "api/status.h"

namespace auditledger {
namespace {

const std::map<std::string, spdlog::level::level_enum>& Levels() {
  static const auto* const levels =
      new std::map<std::string, spdlog::level::level_enum>{{"debug", spdlog::level::debug},
                                                           {"info", spdlog::level::info},
                                                           {"warning", spdlog::level::warn},
                                                           {"error", spdlog::level::err}};
  return *levels;
}

// A JSON string. Bytes outside printable ASCII are escaped one by one: the log stays one line of
// valid JSON whatever a message holds.
std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&out, "\\", absl::string_view(&c, 1));
    } else if (c >= ' ' && c < 0x7f) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, absl::StrFormat("\\u%04x", static_cast<unsigned char>(c)));
    }
  }
  return out + "\"";
}

std::string Object(absl::string_view event, const RpcLog::Fields& fields) {
  std::string out = absl::StrCat("\"event\":", Quoted(event));
  for (const auto& [key, value] : fields)
    absl::StrAppend(&out, ",", Quoted(key), ":", Quoted(value));
  return out;
}

}  // namespace

struct RpcLog::Impl {
  std::shared_ptr<spdlog::logger> logger;
};

RpcLog::RpcLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RpcLog::~RpcLog() { impl_->logger->flush(); }

absl::StatusOr<std::unique_ptr<RpcLog>> RpcLog::Open(const std::string& level,
                                                     const std::string& file) {
  const auto found = Levels().find(level);
  if (found == Levels().end()) {
    return absl::InvalidArgumentError("logging.level: must be debug, info, warning or error");
  }
  spdlog::sink_ptr sink;
  try {  // spdlog's file sink throws when it cannot open
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    }
  } catch (const spdlog::spdlog_ex&) {
    return absl::InvalidArgumentError("logging.file: cannot be opened");
  }
  auto impl = std::make_unique<Impl>();
  impl->logger = std::make_shared<spdlog::logger>("auditledgerd", sink);
  impl->logger->set_level(found->second);
  impl->logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                            spdlog::pattern_time_type::utc);
  impl->logger->flush_on(spdlog::level::info);
  return std::unique_ptr<RpcLog>(new RpcLog(std::move(impl)));
}

void RpcLog::Rpc(absl::string_view method, absl::string_view principal, const absl::Status& status,
                 uint64_t micros) {
  const bool failed = !status.ok();
  const bool internal = status.code() == absl::StatusCode::kInternal ||
                        status.code() == absl::StatusCode::kUnknown ||
                        status.code() == absl::StatusCode::kDataLoss;
  const auto level = internal ? spdlog::level::err
                     : failed ? spdlog::level::info
                              : spdlog::level::debug;
  if (!impl_->logger->should_log(level)) return;
  Fields fields = {{"method", std::string(method)},
                   {"code", CodeName(status.code())},
                   {"principal", std::string(principal)},
                   {"micros", absl::StrCat(micros)}};
  if (failed) fields.emplace_back("reason", ReasonName(status));
  if (internal) fields.emplace_back("cause", std::string(status.message()));
  impl_->logger->log(level, Object("rpc", fields));
}

void RpcLog::Debug(absl::string_view event, const Fields& fields) {
  impl_->logger->debug(Object(event, fields));
}
void RpcLog::Event(absl::string_view event, const Fields& fields) {
  impl_->logger->info(Object(event, fields));
}
void RpcLog::Warning(absl::string_view event, const Fields& fields) {
  impl_->logger->warn(Object(event, fields));
}
void RpcLog::Error(absl::string_view event, const Fields& fields) {
  impl_->logger->error(Object(event, fields));
}

}  // namespace auditledger
