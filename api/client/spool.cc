#include "api/client/spool.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status CheckOptions(const SpoolOptions& options) {
  const std::string& stream = options.stream;
  const bool printable = std::all_of(stream.begin(), stream.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '@';
  });
  if (stream.empty() || stream.size() > kMaxStreamNameBytes || !printable) {
    return absl::InvalidArgumentError(
        absl::StrCat("stream: a name of 1 to ", kMaxStreamNameBytes,
                     " printable ASCII characters without space and '@'"));
  }
  if (options.max_bytes < kLeastSpoolBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_bytes: at least ", kLeastSpoolBytes, ", not ", options.max_bytes));
  }
  if (options.folder.empty()) return absl::InvalidArgumentError("folder: is missing");
  return absl::OkStatus();
}

// Time first, so that people see which came later; the rest, so that two spools of one millisecond
// differ.
uint64_t NewEpoch(const SpoolWorld& world) {
  const std::string random = world.random_bytes(2);
  const uint64_t low =
      static_cast<uint64_t>(static_cast<uint8_t>(random[0])) << 8 | static_cast<uint8_t>(random[1]);
  return (world.wall_us() / 1000) << 16 | low;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(SpoolWorld world,
                                                   std::shared_ptr<const SpoolKey> key,
                                                   SpoolOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  RETURN_IF_ERROR(MakeSpoolFolder(*world.system, options.folder));
  ASSIGN_OR_RETURN(SpoolFile lock,
                   SpoolFile::Open(*world.system, options.folder + "/lock", O_RDWR | O_CREAT));
  RETURN_IF_ERROR(lock.Lock());
  std::unique_ptr<Spool> spool(
      new Spool(std::move(world), std::move(key), std::move(options), std::move(lock)));
  RETURN_IF_ERROR(spool->Load());
  if (spool->options_.sync == SpoolSync::kGroups) {
    spool->syncer_ = std::thread([raw = spool.get()] { raw->SyncInGroups(); });
  }
  return spool;
}

Spool::Spool(SpoolWorld world, std::shared_ptr<const SpoolKey> key, SpoolOptions options,
             SpoolFile lock)
    : world_(std::move(world)),
      key_(std::move(key)),
      options_(std::move(options)),
      lock_(std::move(lock)) {}

Spool::~Spool() {
  if (syncer_.joinable()) {
    {
      const std::lock_guard<std::mutex> lock(syncer_mutex_);
      stop_ = true;
    }
    syncer_wake_.notify_all();
    syncer_.join();
  }
  // Without it the next start sends some events once more.
  if (!noted_) WriteState().IgnoreError();
}

absl::Status Spool::Load() {
  RecordLogOptions log;
  log.folder = options_.folder;
  log.name = "events";
  log.max_bytes = options_.max_bytes;
  log.segment_bytes = std::min(kSegmentBytes, options_.max_bytes / 4);
  ASSIGN_OR_RETURN(events_, RecordLog::Open(world_, key_, std::move(log)));
  const std::string path = options_.folder + "/state";
  const auto bytes = ReadSpoolFile(*world_.system, path, kMaxSpoolStateBytes);
  if (bytes.ok()) {
    auto state = ParseSpoolState(*key_, *bytes);
    if (!state.ok()) {
      return absl::DataLossError(absl::StrCat(path, ": ", state.status().message()));
    }
    state_ = *std::move(state);
    if (state_.acknowledged >= events_->next() || state_.epoch != events_->epoch()) {
      return absl::DataLossError(absl::StrCat(
          options_.folder, ": event ", state_.acknowledged,
          " was acknowledged, but the events end ",
          "before it: files were lost or are of another time. Begin with an empty folder"));
    }
  } else if (!absl::IsNotFound(bytes.status())) {
    return bytes.status();
  }
  if (events_->empty()) events_->SetEpoch(NewEpoch(world_));
  state_.epoch = events_->epoch();
  // What is no longer kept was settled.
  state_.acknowledged = std::max(state_.acknowledged, events_->first() - 1);
  stream_id_ = absl::StrCat(options_.stream, "@", absl::Hex(events_->epoch(), absl::kZeroPad16));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Spool::RecordOf(v1::AuditEvent& event, uint64_t sequence) const {
  event.mutable_source()->set_stream_id(stream_id_);
  event.mutable_source()->set_stream_sequence(sequence);
  std::string record;
  PutU64(record, world_.wall_us());
  event.AppendToString(&record);
  const size_t size = record.size() - sizeof(uint64_t);
  if (size <= kMaxEmittedEventBytes) return record;
  return absl::InvalidArgumentError(
      absl::StrCat("an event of ", size, " bytes, at most ", kMaxEmittedEventBytes,
                   ": keep digests and identifiers in it, not content"));
}

absl::StatusOr<Emitted> Spool::Append(v1::AuditEvent event) {
  if (event.event_id().empty()) event.set_event_id(UuidOf(world_.random_bytes(16)));
  Emitted emitted{event.event_id(), stream_id_, 0};
  RETURN_IF_ERROR(events_->Append([&](uint64_t sequence) {
    emitted.sequence = sequence;
    return RecordOf(event, sequence);
  }));
  if (options_.sync == SpoolSync::kEachEvent) {
    RETURN_IF_ERROR(events_->Sync());
    return emitted;
  }
  {
    const std::lock_guard<std::mutex> lock(syncer_mutex_);
    if (written_) return emitted;
    written_ = true;
  }
  syncer_wake_.notify_all();
  return emitted;
}

absl::Status Spool::Sync() { return events_->Sync(); }

void Spool::SyncInGroups() {
  std::unique_lock<std::mutex> lock(syncer_mutex_);
  while (!stop_) {
    syncer_wake_.wait(lock, [this] { return stop_ || written_; });
    syncer_wake_.wait_for(lock, options_.sync_interval, [this] { return stop_; });
    written_ = false;
    lock.unlock();
    events_->Sync().IgnoreError();  // the log has stopped then, and says so to everybody
    lock.lock();
  }
}

absl::StatusOr<std::vector<SpooledEvent>> Spool::Next(size_t max_events, size_t max_bytes) {
  const uint64_t from = acknowledged() + 1;
  ASSIGN_OR_RETURN(const std::vector<std::string> records,
                   events_->Read(from, max_events, max_bytes));
  std::vector<SpooledEvent> out;
  out.reserve(records.size());
  for (const std::string& record : records) {
    SpooledEvent& spooled = out.emplace_back();
    spooled.sequence = from + out.size() - 1;
    ByteReader in(record);
    if (!in.U64("spooled at", spooled.spooled_at_us).ok() ||
        !spooled.event.ParseFromArray(in.rest().data(), static_cast<int>(in.rest().size()))) {
      return absl::DataLossError(
          absl::StrCat(options_.folder, ": record ", spooled.sequence, " holds no event"));
    }
  }
  return out;
}

absl::Status Spool::Acknowledge(uint64_t sequence, const std::string& head) {
  uint64_t acknowledged = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    acknowledged = state_.acknowledged = std::max(state_.acknowledged, sequence);
    state_.head = head;
    noted_ = false;
  }
  const absl::Status removed = events_->RemoveThrough(acknowledged);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++settlings_;
  }
  settled_.notify_all();
  RETURN_IF_ERROR(removed);
  return NoteState();
}

absl::Status Spool::NoteState() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (noted_ || world_.monotonic_us() < next_note_us_) return absl::OkStatus();
  }
  const absl::Status written = WriteState();
  return absl::IsResourceExhausted(written) ? absl::OkStatus() : written;
}

absl::Status Spool::WriteState() {
  SpoolState state;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    state = state_;
    noted_ = true;
    next_note_us_ = world_.monotonic_us() +
                    static_cast<uint64_t>(std::chrono::microseconds(kStateInterval).count());
  }
  ASSIGN_OR_RETURN(const std::string bytes,
                   EncodeSpoolState(*key_, state, world_.random_bytes(kSpoolSaltBytes)));
  const absl::Status put = PutSpoolFile(*world_.system, options_.folder + "/state", bytes).status();
  if (put.ok()) return put;
  const std::lock_guard<std::mutex> lock(mutex_);
  noted_ = false;
  return put;
}

bool Spool::WaitForRoom(uint64_t seen, std::chrono::microseconds limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  return settled_.wait_for(lock, limit, [&] { return settlings_ != seen; });
}

uint64_t Spool::settlings() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return settlings_;
}

std::string Spool::head() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_.head;
}

uint64_t Spool::acknowledged() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_.acknowledged;
}

uint64_t Spool::depth() const {
  const uint64_t last_event = last();
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_event - std::min(last_event, state_.acknowledged);
}

}  // namespace auditledger
