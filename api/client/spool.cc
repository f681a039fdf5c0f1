#include "api/client/spool.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "auditledger/v1/ledger_service.pb.h"
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

absl::Status Lost(const std::string& folder, const std::string& what) {
  return absl::DataLossError(absl::StrCat(folder, ": ", what,
                                          ": files were lost or are of another time. Put the "
                                          "folder away and begin with an empty one"));
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

absl::Status CheckTravels(const v1::AuditEvent& event) {
  v1::AppendEventStreamRequest request;
  *request.add_requests()->mutable_event() = event;
  if (request.ParseFromString(request.SerializeAsString())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the event has a text that is not UTF-8, or is nested too deep: the ledger could not read "
      "it");
}

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
  // What kGroups took since the last sync. A spool that did not open has neither.
  if (events_ != nullptr) events_->Sync().IgnoreError();
  // Without it the next start sends some events once more.
  if (!noted_) WriteState().IgnoreError();
}

absl::Status Spool::Load() {
  RecordLogOptions log;
  log.folder = options_.folder;
  log.name = "events";
  log.max_bytes = options_.max_bytes;
  log.segment_bytes = std::min(kSegmentBytes, options_.max_bytes / 4);
  log.on_file = [this](uint64_t number) { return NoteFile(number); };
  ASSIGN_OR_RETURN(events_, RecordLog::Open(world_, key_, std::move(log)));
  RETURN_IF_ERROR(LoadState());
  has_reserve_ = SpoolFile::Open(*world_.system, options_.folder + "/reserve", O_RDONLY).ok();
  if (events_->empty()) events_->SetEpoch(state_.epoch == 0 ? NewEpoch(world_) : state_.epoch);
  state_.epoch = events_->epoch();
  stream_id_ = absl::StrCat(options_.stream, "@", absl::Hex(events_->epoch(), absl::kZeroPad16));
  return absl::OkStatus();
}

absl::Status Spool::LoadState() {
  const std::string path = options_.folder + "/state";
  const auto bytes = ReadSpoolFile(*world_.system, path, kMaxSpoolStateBytes);
  if (bytes.ok()) {
    auto state = ParseSpoolState(*key_, *bytes);
    if (!state.ok()) {
      return absl::DataLossError(absl::StrCat(path, ": ", state.status().message()));
    }
    state_ = *std::move(state);
  } else if (!absl::IsNotFound(bytes.status())) {
    return bytes.status();
  }
  RETURN_IF_ERROR(CheckState(bytes.ok()));
  state_.stream = options_.stream;
  return absl::OkStatus();
}

// State is written before a file gets its first record and before one is removed: whatever a crash
// cut off, no file is missing at either end.
absl::Status Spool::CheckState(bool found) const {
  const std::string& folder = options_.folder;
  if (!found) {
    return events_->next() == 1 ? absl::OkStatus() : Lost(folder, "the file `state` is missing");
  }
  if (state_.stream != options_.stream) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is of the stream ", state_.stream, ", not of ", options_.stream));
  }
  if (events_->newest_file() < state_.newest_file) {
    return Lost(folder, absl::StrCat("of the files of events ", state_.newest_file, " is missing"));
  }
  if (!events_->empty() && state_.epoch != events_->epoch()) {
    return Lost(folder, "state and events are not of one epoch");
  }
  if (state_.acknowledged >= events_->next()) {
    return Lost(folder, absl::StrCat("event ", state_.acknowledged,
                                     " was acknowledged, but the events end before it"));
  }
  if (state_.acknowledged + 1 < events_->first()) {
    return Lost(folder, absl::StrCat("events end at ", state_.acknowledged, " and go on at ",
                                     events_->first()));
  }
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
  RETURN_IF_ERROR(CheckTravels(event));  // what RecordOf adds is ASCII
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
      // It stands before all that follow: nothing can be sent, and everybody is to know.
      return events_->Halt(absl::DataLossError(
          absl::StrCat(options_.folder, ": record ", spooled.sequence, " holds no event")));
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
  absl::Status removed;
  if (events_->Removes(acknowledged)) removed = WriteState();  // else they would seem lost
  if (removed.ok()) removed = events_->RemoveThrough(acknowledged);
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
    next_note_us_ = world_.monotonic_us() +
                    static_cast<uint64_t>(std::chrono::microseconds(kStateInterval).count());
  }
  const absl::Status written = WriteState();
  return absl::IsResourceExhausted(written) ? absl::OkStatus() : written;
}

absl::Status Spool::NoteFile(uint64_t number) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    state_.newest_file = number;
  }
  return WriteState();
}

absl::Status Spool::WriteState() {
  const std::lock_guard<std::mutex> writing(note_mutex_);
  SpoolState state;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    state = state_;
    noted_ = true;
  }
  ASSIGN_OR_RETURN(const std::string bytes,
                   EncodeSpoolState(*key_, state, world_.random_bytes(kSpoolSaltBytes)));
  const absl::Status put = PutState(bytes);
  if (put.ok()) return put;
  const std::lock_guard<std::mutex> lock(mutex_);
  noted_ = false;
  return put;
}

absl::Status Spool::PutState(const std::string& bytes) {
  SpoolSystem& system = *world_.system;
  const std::string path = options_.folder + "/state";
  const std::string reserve = options_.folder + "/reserve";
  absl::Status put = PutSpoolFile(system, path, bytes).status();
  if (absl::IsResourceExhausted(put)) {
    RETURN_IF_ERROR(RemoveSpoolFile(system, reserve));
    has_reserve_ = false;
    return PutSpoolFile(system, path, bytes).status();
  }
  if (put.ok() && !has_reserve_) {
    const std::string zeros(kSpoolReserveBytes, '\0');
    has_reserve_ = PutSpoolFile(system, reserve, zeros).ok();  // or the next time
  }
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
