// An HTTP server in process that shows a log as tiles, and lies as the test says: another branch,
// an older head, leaves or tiles that are missing, damaged or made up.
//
// Thread-safety: all methods; the logs themselves must not change while it serves them.
#ifndef AUDITLEDGER_TESTS_TOOLS_MONITOR_MALICIOUS_SERVER_H_
#define AUDITLEDGER_TESTS_TOOLS_MONITOR_MALICIOUS_SERVER_H_

#include <httplib.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/tile.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

// A log of `size` entries that is the same as every other up to `fork_at`.
inline TestLog Branch(uint64_t fork_at, uint64_t size, uint64_t branch) {
  TestLog log;
  while (log.size() < size) {
    Leaf leaf;
    leaf.kind = EntryKind::kOperator;
    leaf.recorded_at_us = log.NextTime();
    leaf.body = absl::StrCat("entry ", log.size(), " of ", log.size() < fork_at ? 0 : branch);
    log.AddLeaf(leaf, std::nullopt);
  }
  return log;
}

class MaliciousServer {
 public:
  explicit MaliciousServer(TestLog& log) : log_(&log), shown_(log.size()) {
    http_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          ++requests_;
          const std::optional<std::string> bytes = Answer(request.path.substr(1));
          response.status = bytes ? 200 : 404;
          if (bytes) response.set_content(*bytes, "application/octet-stream");
          return httplib::Server::HandlerResponse::Handled;
        });
    http_.set_keep_alive_max_count(1'000'000);
    http_.set_tcp_nodelay(true);
    port_ = http_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    while (!http_.is_running()) std::this_thread::yield();
  }
  ~MaliciousServer() {
    http_.stop();
    thread_.join();
  }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/"); }
  // The first `size` entries of `log`, under a head of that size.
  void Show(TestLog& log, uint64_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    log_ = &log;
    shown_ = size;
  }
  // Instead of the file at `path`; nothing: it is not there.
  void Lie(const std::string& path, std::optional<std::string> bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    lies_[path] = std::move(bytes);
  }
  void BeHonest() {
    const std::lock_guard<std::mutex> lock(mutex_);
    lies_.clear();
  }
  uint64_t requests() const { return requests_; }

 private:
  std::optional<std::string> Answer(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto lie = lies_.find(path);
    if (lie != lies_.end()) return lie->second;
    if (path == "checkpoint") return log_->CheckpointAt(shown_);
    const absl::StatusOr<ParsedTilePath> parsed = ParseTilePath(path);
    if (!parsed.ok()) return std::nullopt;
    const uint64_t first = parsed->id.index * kTileWidth;
    if (parsed->entries) {
      if (first + parsed->width > shown_) return std::nullopt;
      const auto begin = log_->leaves().begin() + static_cast<std::ptrdiff_t>(first);
      return EncodeEntryBundle(std::vector<std::string>(
                                   begin, begin + static_cast<std::ptrdiff_t>(parsed->width)))
          .value();
    }
    if (parsed->width > TileWidthAt(parsed->id, shown_)) return std::nullopt;
    std::vector<NodeId> ids;
    for (uint64_t i = 0; i < parsed->width; ++i) {
      ids.push_back({static_cast<uint8_t>(parsed->id.level * kTileHeight), first + i});
    }
    std::string tile;
    const std::vector<Hash> hashes = log_->ReadNodes(ids).value();
    for (const Hash& hash : hashes) absl::StrAppend(&tile, hash.view());
    return tile;
  }

  std::mutex mutex_;
  TestLog* log_;
  uint64_t shown_;
  std::map<std::string, std::optional<std::string>> lies_;
  std::atomic<uint64_t> requests_{0};
  httplib::Server http_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TOOLS_MONITOR_MALICIOUS_SERVER_H_
