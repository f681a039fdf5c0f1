// Coverage report: what of each stream is in the log, by the entries themselves: gaps of its
// numbers, outages its emitter declared, when it stopped recording, how far its clock was off.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report.h"

namespace auditledger {
namespace {

// DICOM Audit Recording Stopped and Started; an emitter's own codes (api/client).
constexpr absl::string_view kStopped = "110133";
constexpr absl::string_view kStarted = "110134";
constexpr absl::string_view kOutage = "outage";
constexpr absl::string_view kHeartbeat = "heartbeat";
constexpr size_t kMostGaps = 100;  // of a stream, in words

class Coverage : public Report {
 public:
  explicit Coverage(const ReportOptions& options) : options_(options) {}

  // By the ledger's clock: this is about what arrived.
  void Add(const ReportEvent& event, const Access& access) override {
    const auto arrived = static_cast<int64_t>(event.recorded_at_us);
    if ((options_.from_us != 0 && arrived < options_.from_us) ||
        (options_.to_us != 0 && arrived >= options_.to_us)) {
      return;
    }
    if (!event.header.has_value()) {
      ++without_header_;
      return;
    }
    Stream& stream = streams_[{event.header->principal, event.header->stream_id}];
    if (stream.events++ == 0) stream.first_us = arrived;
    stream.last_us = arrived;
    if (event.header->stream_sequence != 0) stream.numbers.push_back(event.header->stream_sequence);
    AddClock(*event.header, access, stream);
    AddState(event.event, access, stream);
    entries_.push_back(event.index);
  }

  void AddUnread() override { ++unread_; }

  ReportTable Finish() override {
    ReportTable table;
    table.title = "Coverage of the log";
    table.columns = {"sender",         "stream",           "events",        "numbers",
                     "missing",        "out of order",     "first arrived", "last arrived",
                     "last heartbeat", "outages declared", "recording",     "clock"};
    uint64_t missing = 0;
    for (auto& [key, stream] : streams_) {
      const Numbers numbers = Count(stream.numbers);
      missing += numbers.missing;
      table.rows.push_back({key.first, key.second, absl::StrCat(stream.events), numbers.range,
                            numbers.text, absl::StrCat(numbers.reordered),
                            LocalTime(stream.first_us, 0), LocalTime(stream.last_us, 0),
                            stream.heartbeat_us == 0 ? "" : LocalTime(stream.heartbeat_us, 0),
                            absl::StrJoin(stream.outages, "; "), Recording(stream), Clock(stream)});
    }
    table.totals = {{"streams", absl::StrCat(streams_.size())},
                    {"numbers missing", absl::StrCat(missing)}};
    if (without_header_ > 0) {
      table.totals.push_back({"events whose sender is withheld", absl::StrCat(without_header_)});
    }
    table.notes = {
        !IsWhole()
            ? "Out of the entries that were asked for: numbers outside of them are not judged."
        : unread_ + without_header_ > 0
            ? absl::StrCat("Out of every entry of the log: a number that is missing here never "
                           "arrived, or is one of the ",
                           unread_ + without_header_, " entries that are erased or withheld.")
            : "Out of every entry of the log: a number that is missing here never arrived.",
        "Streams that never sent anything are not here, nor events without a number that were "
        "lost."};
    return table;
  }

 private:
  struct Stream {
    uint64_t events = 0;
    std::vector<uint64_t> numbers;  // as they arrived
    int64_t first_us = 0;
    int64_t last_us = 0;
    int64_t heartbeat_us = 0;
    std::vector<std::string> outages;
    int64_t stopped_us = 0;          // and not started again
    std::vector<std::string> stops;  // that ended
    uint64_t skewed = 0;
    uint64_t late = 0;
    int64_t ahead_us = 0;  // at most
    int64_t behind_us = 0;
  };
  struct Numbers {
    std::string range;
    std::string text;
    uint64_t missing = 0;
    uint64_t reordered = 0;
  };

  bool IsWhole() const {
    return options_.whole_log && options_.from_us == 0 && options_.to_us == 0;
  }

  static void AddClock(const EntryHeader& header, const Access& access, Stream& stream) {
    const auto received = static_cast<int64_t>(
        std::min<uint64_t>(header.received_at_us, kMaxTimestampSeconds * 1'000'000));
    const int64_t ahead = access.at_us - received;
    stream.skewed += (header.flags & kFlagClockSkew) != 0 ? 1 : 0;
    stream.late += (header.flags & kFlagLate) != 0 ? 1 : 0;
    stream.ahead_us = std::max(stream.ahead_us, ahead);
    stream.behind_us = std::max(stream.behind_us, -ahead);
  }

  static void AddState(const v1::AuditEvent& event, const Access& access, Stream& stream) {
    if (IsKind(event, kHeartbeat)) stream.heartbeat_us = access.at_us;
    if (IsKind(event, kOutage)) {
      const uint64_t lost = event.entity_size() == 0 ? 0 : event.entity(0).record_count();
      stream.outages.push_back(
          absl::StrCat(Span(MicrosOf(event.occurred_start()), MicrosOf(event.occurred_end())), ", ",
                       lost, " events: ", event.outcome().description()));
    } else if (IsKind(event, kStopped) && stream.stopped_us == 0) {
      stream.stopped_us = access.at_us;
    }
    if (IsKind(event, kStarted) && stream.stopped_us != 0) {
      stream.stops.push_back(Span(stream.stopped_us, access.at_us));
      stream.stopped_us = 0;
    }
  }

  static std::string Span(int64_t from_us, int64_t to_us) {
    return absl::StrCat(LocalTime(from_us, 0), " to ", LocalTime(to_us, 0));
  }

  static std::string Recording(const Stream& stream) {
    std::vector<std::string> out;
    for (const std::string& stop : stream.stops) out.push_back("stopped " + stop);
    if (stream.stopped_us != 0) {
      out.push_back(absl::StrCat("stopped since ", LocalTime(stream.stopped_us, 0)));
    }
    return out.empty() ? "on" : absl::StrJoin(out, "; ");
  }

  static std::string Clock(const Stream& stream) {
    return absl::StrCat("at most ", DurationText(stream.ahead_us), " ahead, ",
                        DurationText(stream.behind_us), " behind; flagged: ", stream.skewed,
                        " ahead, ", stream.late, " late");
  }

  Numbers Count(std::vector<uint64_t>& numbers) const {
    Numbers out;
    if (numbers.empty()) return {"none", "not known", 0, 0};
    uint64_t highest = 0;
    for (const uint64_t number : numbers) {
      out.reordered += number < highest ? 1 : 0;
      highest = std::max(highest, number);
    }
    std::sort(numbers.begin(), numbers.end());
    uint64_t next = IsWhole() ? 1 : numbers.front();
    out.range = absl::StrCat(next, " to ", highest);
    std::vector<std::string> gaps;
    for (const uint64_t number : numbers) {
      if (number > next) {
        out.missing += number - next;
        if (gaps.size() < kMostGaps) {
          gaps.push_back(number - next == 1 ? absl::StrCat(next)
                                            : absl::StrCat(next, " to ", number - 1));
        }
      }
      next = std::max(next, number) + (number == highest ? 0 : 1);
    }
    out.text =
        out.missing == 0 ? "none" : absl::StrCat(out.missing, ": ", absl::StrJoin(gaps, ", "));
    return out;
  }

  const ReportOptions& options_;
  std::map<std::pair<std::string, std::string>, Stream> streams_;
  uint64_t without_header_ = 0;
  uint64_t unread_ = 0;
};

}  // namespace

std::unique_ptr<Report> CoverageReport(const ReportOptions& options) {
  return std::make_unique<Coverage>(options);
}

}  // namespace auditledger
