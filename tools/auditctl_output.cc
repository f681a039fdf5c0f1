#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tools/auditctl.h"
#include "tools/strict_json.h"

namespace auditledger::ctl {
namespace {

constexpr int64_t kRedrawMs = 200;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void PrintRow(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (!line.empty() || &cell != &cells.front()) line.push_back('\t');
    for (const char c : cell)
      line.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  }
  std::cout << line << "\n";
}

void PrintJson(const nlohmann::ordered_json& value) {
  std::cout << value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

std::string TimeText(uint64_t unix_us) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ",
                          absl::FromUnixMicros(static_cast<int64_t>(unix_us)), absl::UTCTimeZone());
}

Progress::Progress(std::string what, bool always)
    : what_(std::move(what)), terminal_(isatty(STDERR_FILENO) == 1), on_(terminal_ || always) {}

Progress::~Progress() {
  if (on_ && terminal_ && shown_ > 0) std::fputs("\n", stderr);
}

void Progress::Update(uint64_t done, uint64_t total) {
  const int64_t now = NowMs();
  const bool last = total != 0 && done == total;
  if (!on_ || (!last && now - last_ms_ < kRedrawMs)) return;
  last_ms_ = now;
  ++shown_;
  const std::string of = total == 0 ? "" : absl::StrCat(" of ", total);
  std::fprintf(stderr, "%s%s %llu%s%s", terminal_ ? "\r" : "", what_.c_str(),
               static_cast<unsigned long long>(done), of.c_str(), terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace auditledger::ctl
