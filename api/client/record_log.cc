#include "api/client/record_log.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kNumberDigits = 16;
constexpr size_t kReadBytes = 512 << 10;  // a record of the largest size fits
static_assert(kReadBytes > kMaxSpoolRecordBytes + kRecordOverhead);

std::string NameOf(absl::string_view name, uint64_t number) {
  return absl::StrCat(name, "-", absl::Hex(number, absl::kZeroPad16));
}

// Nothing for another name.
std::optional<uint64_t> NumberOf(absl::string_view name, absl::string_view file) {
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&file, name) || !absl::ConsumePrefix(&file, "-") ||
      file.size() != kNumberDigits || !absl::SimpleHexAtoi(file, &number)) {
    return std::nullopt;
  }
  if (number == 0 || absl::StrCat(absl::Hex(number, absl::kZeroPad16)) != file) return std::nullopt;
  return number;
}

absl::Status In(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

RecordLog::RecordLog(SpoolWorld world, std::shared_ptr<const SpoolKey> key,
                     RecordLogOptions options)
    : world_(std::move(world)), key_(std::move(key)), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<RecordLog>> RecordLog::Open(SpoolWorld world,
                                                           std::shared_ptr<const SpoolKey> key,
                                                           RecordLogOptions options) {
  if (options.segment_bytes > kMaxSegmentBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("segment_bytes: at most ", kMaxSegmentBytes, ", not ", options.segment_bytes));
  }
  std::unique_ptr<RecordLog> log(
      new RecordLog(std::move(world), std::move(key), std::move(options)));
  RETURN_IF_ERROR(log->Load());
  return log;
}

std::string RecordLog::PathOf(uint64_t number) const {
  return absl::StrCat(options_.folder, "/", NameOf(options_.name, number));
}

absl::Status RecordLog::Load() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListSpoolFolder(*world_.system, options_.folder));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = NumberOf(options_.name, name)) numbers.push_back(*number);
    absl::string_view unfinished = name;
    if (absl::ConsumeSuffix(&unfinished, ".tmp") && NumberOf(options_.name, unfinished)) {
      RETURN_IF_ERROR(RemoveSpoolFile(*world_.system, absl::StrCat(options_.folder, "/", name)));
    }
  }
  if (numbers.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(LoadFiles(numbers));
  // What was read may be in memory alone: written, but not synced, by a process that was killed.
  ASSIGN_OR_RETURN(const SpoolFile newest,
                   SpoolFile::Open(*world_.system, PathOf(numbers.back()), O_RDWR));
  RETURN_IF_ERROR(newest.Sync());
  RETURN_IF_ERROR(SyncSpoolFolder(*world_.system, options_.folder));
  synced_ = next_ - 1;
  return absl::OkStatus();
}

absl::Status RecordLog::CheckNext(const SegmentHeader& header, uint64_t number) const {
  if (header.number != number || header.kind != options_.kind) {
    return absl::DataLossError("is another file than its name says");
  }
  if (files_.empty()) return absl::OkStatus();
  if (number != files_.back().number + 1) {
    return absl::DataLossError(
        absl::StrCat("file ", NameOf(options_.name, files_.back().number + 1), " is missing"));
  }
  if (header.epoch != epoch_ || header.first_record != next_) {
    return absl::DataLossError(absl::StrCat("does not go on where the file before it ends, at ",
                                            next_, " of epoch ", epoch_));
  }
  return absl::OkStatus();
}

absl::Status RecordLog::LoadFiles(const std::vector<uint64_t>& numbers) {
  const auto read = [&](uint64_t number) {
    return ReadSpoolFile(*world_.system, PathOf(number), kMaxSegmentBytes + kReadBytes);
  };
  ASSIGN_OR_RETURN(std::string bytes, read(numbers.front()));
  for (size_t i = 0; i < numbers.size(); ++i) {
    std::string following;
    std::optional<uint64_t> that_count;
    if (i + 1 < numbers.size()) {
      ASSIGN_OR_RETURN(following, read(numbers[i + 1]));
      const auto header = ParseSegmentHeader(*key_, following);
      RETURN_IF_ERROR(In(PathOf(numbers[i + 1]), header.status()));
      that_count = header->previous_bytes;
    }
    const auto segment = ParseSegment(*key_, bytes, that_count);
    RETURN_IF_ERROR(In(PathOf(numbers[i]), segment.status()));
    RETURN_IF_ERROR(In(PathOf(numbers[i]), CheckNext(segment->header, numbers[i])));
    epoch_ = segment->header.epoch;
    next_ = segment->header.first_record + segment->records.size();
    files_.push_back(
        {numbers[i], segment->header.first_record, segment->records.size(), segment->bytes});
    bytes_ += segment->bytes;
    torn_bytes_ = segment->torn_bytes;
    bytes = std::move(following);
  }
  return absl::OkStatus();
}

bool RecordLog::empty() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return files_.empty();
}

uint64_t RecordLog::epoch() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return epoch_;
}

void RecordLog::SetEpoch(uint64_t epoch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  epoch_ = epoch;
}

uint64_t RecordLog::first() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return files_.empty() ? next_ : files_.front().first;
}

uint64_t RecordLog::next() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return next_;
}

uint64_t RecordLog::synced() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return synced_;
}

uint64_t RecordLog::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

uint64_t RecordLog::newest_file() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return files_.empty() ? 0 : files_.back().number;
}

absl::Status RecordLog::status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopped_;
}

absl::Status RecordLog::Stop(const absl::Status& status) {
  // "Full" would say that there may be room another time.
  const absl::StatusCode code =
      absl::IsResourceExhausted(status) ? absl::StatusCode::kInternal : status.code();
  stopped_ = absl::Status(
      code, absl::StrCat(options_.folder, "/", options_.name, " has stopped: ", status.message()));
  return stopped_;
}

absl::Status RecordLog::Halt(const absl::Status& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopped_.ok() ? Stop(why) : stopped_;
}

absl::Status RecordLog::Fail(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? status : Stop(status);
}

absl::Status RecordLog::Roll() {
  if (current_ != nullptr) {
    const absl::Status synced = current_->SyncData();
    if (!synced.ok()) return Stop(synced);
    synced_ = next_ - 1;
  }
  SegmentHeader header;
  header.kind = options_.kind;
  header.epoch = epoch_;
  header.number = files_.empty() ? 1 : files_.back().number + 1;
  header.first_record = next_;
  header.previous_bytes = files_.empty() ? 0 : files_.back().bytes;
  header.salt = world_.random_bytes(kSpoolSaltBytes);
  ASSIGN_OR_RETURN(SegmentWriter writer, SegmentWriter::Begin(*key_, header));
  auto file = PutSpoolFile(*world_.system, PathOf(header.number), writer.header_bytes());
  if (!file.ok()) return Fail(file.status());
  current_ = std::make_shared<SpoolFile>(*std::move(file));
  writer_.emplace(std::move(writer));
  files_.push_back({header.number, next_, 0, kSegmentHeaderBytes});
  bytes_ += kSegmentHeaderBytes;
  return absl::OkStatus();
}

bool RecordLog::NeedsFile() const {
  return !writer_.has_value() || files_.back().bytes >= options_.segment_bytes;
}

absl::Status RecordLog::BeginFile() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (syncing_) sync_ended_.wait(lock);
  RETURN_IF_ERROR(stopped_);
  return Roll();
}

absl::Status RecordLog::Append(const MakeRecord& make) {
  std::unique_lock<std::mutex> lock(mutex_);
  // The kernel tells of a write that failed only once: to the sync under way, or to Roll's own.
  while (NeedsFile() && syncing_) sync_ended_.wait(lock);
  RETURN_IF_ERROR(stopped_);
  ASSIGN_OR_RETURN(const std::string record, make(next_));
  if (bytes_ + record.size() + kRecordOverhead + kSegmentHeaderBytes > options_.max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(options_.folder, "/", options_.name,
                                                     " is full: ", bytes_, " of ",
                                                     options_.max_bytes, " bytes"));
  }
  if (record.size() > kMaxSpoolRecordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a record of ", record.size(), " bytes, at most ", kMaxSpoolRecordBytes));
  }
  if (NeedsFile()) RETURN_IF_ERROR(Roll());
  File& file = files_.back();
  if (options_.on_file && told_file_ != file.number) {
    const absl::Status told = options_.on_file(file.number);
    if (!told.ok()) return Fail(told);
    told_file_ = file.number;
  }
  std::string out;
  const uint64_t synced = synced_ < file.first ? 0 : synced_ - file.first + 1;
  absl::Status status = writer_->Add(record, static_cast<uint32_t>(synced), out);
  if (!status.ok()) return Stop(status);
  status = current_->WriteAt(file.bytes, out);
  if (!status.ok()) {
    // A part of it may stand there under its number, which must not be used again.
    writer_.reset();
    return Fail(status);
  }
  file.bytes += out.size();
  bytes_ += out.size();
  ++file.records;
  ++next_;
  return absl::OkStatus();
}

absl::Status RecordLog::Sync() {
  std::unique_lock<std::mutex> lock(mutex_);
  const uint64_t wanted = next_ - 1;
  while (syncing_ && synced_ < wanted) sync_ended_.wait(lock);
  RETURN_IF_ERROR(stopped_);
  if (synced_ >= wanted) return absl::OkStatus();
  syncing_ = true;
  const uint64_t reached = next_ - 1;
  const std::shared_ptr<SpoolFile> file = current_;
  lock.unlock();
  const absl::Status status = file->SyncData();
  lock.lock();
  syncing_ = false;
  sync_ended_.notify_all();
  if (!status.ok()) return Stop(status);
  synced_ = std::max(synced_, reached);
  return absl::OkStatus();
}

std::optional<RecordLog::File> RecordLog::FileOf(uint64_t record, uint64_t& limit) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  limit = synced_;
  if (record > synced_) return std::nullopt;
  for (const File& file : files_) {
    if (record < file.end()) return file;
  }
  return std::nullopt;
}

absl::Status RecordLog::MoveTo(const File& file, uint64_t record) {
  if (!cursor_.has_value() || cursor_->number != file.number || cursor_->next > record) {
    cursor_.reset();
    ASSIGN_OR_RETURN(SpoolFile opened,
                     SpoolFile::Open(*world_.system, PathOf(file.number), O_RDONLY));
    ASSIGN_OR_RETURN(const std::string header, opened.ReadUpTo(0, kSegmentHeaderBytes));
    ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Begin(*key_, header));
    cursor_.emplace(
        Cursor{file.number, std::move(opened), std::move(reader), kSegmentHeaderBytes, file.first});
  }
  std::vector<std::string> passed;
  while (cursor_->next < record) {
    passed.clear();
    RETURN_IF_ERROR(ReadFile(file, record - 1, record - cursor_->next, kMaxSegmentBytes, passed));
  }
  return absl::OkStatus();
}

absl::Status RecordLog::ReadFile(const File& file, uint64_t limit, size_t max_records,
                                 size_t max_bytes, std::vector<std::string>& out) {
  const uint64_t end = std::min(limit + 1, file.end());
  size_t bytes = 0;
  size_t taken = 0;
  while (cursor_->next < end && taken < max_records && bytes < max_bytes) {
    const uint64_t left = file.bytes - cursor_->offset;
    ASSIGN_OR_RETURN(const std::string chunk,
                     cursor_->file.ReadUpTo(cursor_->offset, static_cast<size_t>(std::min<uint64_t>(
                                                                 left, kReadBytes))));
    absl::string_view rest = chunk;
    while (cursor_->next < end && taken < max_records && bytes < max_bytes) {
      ASSIGN_OR_RETURN(std::optional<std::string> record, cursor_->reader.Next(rest));
      if (!record.has_value()) break;
      bytes += record->size();
      out.push_back(*std::move(record));
      ++taken;
      ++cursor_->next;
    }
    if (rest.size() == chunk.size()) return absl::DataLossError("ends too soon");
    cursor_->offset += chunk.size() - rest.size();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> RecordLog::Read(uint64_t from, size_t max_records,
                                                         size_t max_bytes) {
  const std::lock_guard<std::mutex> lock(read_mutex_);
  RETURN_IF_ERROR(status());
  std::vector<std::string> out;
  uint64_t limit = 0;
  const std::optional<File> file = FileOf(from, limit);
  if (!file.has_value()) return out;
  absl::Status status = MoveTo(*file, from);
  if (status.ok()) status = ReadFile(*file, limit, max_records, max_bytes, out);
  if (status.ok()) return out;
  cursor_.reset();
  const std::lock_guard<std::mutex> state(mutex_);
  return Fail(In(PathOf(file->number), status));
}

bool RecordLog::Removes(uint64_t number) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return files_.size() >= 2 && files_.front().end() <= number + 1;
}

absl::Status RecordLog::RemoveOldest() {
  // One at a time: after a power cut none may be missing between two.
  if (!removed_) {
    std::string path;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      RETURN_IF_ERROR(stopped_);
      path = PathOf(files_.front().number);
    }
    RETURN_IF_ERROR(RemoveSpoolFile(*world_.system, path));
    removed_ = true;
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_ -= files_.front().bytes;
    files_.pop_front();
  }
  RETURN_IF_ERROR(SyncSpoolFolder(*world_.system, options_.folder));
  removed_ = false;
  return absl::OkStatus();
}

absl::Status RecordLog::RemoveThrough(uint64_t number) {
  const std::lock_guard<std::mutex> removing(remove_mutex_);
  RETURN_IF_ERROR(status());
  while (removed_ || Removes(number)) {
    const absl::Status removed = RemoveOldest();
    if (removed.ok()) continue;
    const std::lock_guard<std::mutex> lock(mutex_);
    return stopped_.ok() ? Fail(removed) : stopped_;
  }
  return absl::OkStatus();
}

}  // namespace auditledger
