#include "ledger/identity_run.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/identity_filter.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kReservedBytes = 7;
constexpr uint64_t kWindowEntries = 170;   // one page
constexpr uint64_t kStreamEntries = 8192;  // 192 KiB a piece
constexpr size_t kFilterBufferBytes = 1 << 16;
constexpr uint64_t kMaxEntries = uint64_t{1} << 48;  // keeps lengths far from overflow

RunEntry EntryAt(absl::string_view entries, uint64_t i) {
  const char* raw = entries.data() + i * kRunEntryBytes;
  RunEntry entry;
  std::memcpy(entry.identity.data(), raw, entry.identity.size());
  for (size_t k = 0; k < 8; ++k) {
    entry.index = entry.index << 8 | static_cast<uint8_t>(raw[entry.identity.size() + k]);
  }
  return entry;
}

absl::Status Damaged(const std::string& path, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(path, ": ", why));
}

struct Header {
  RunRange range;
  uint64_t count = 0;
  uint64_t filter_bytes = 0;
};

std::string EncodeHeader(const Header& header) {
  std::string out;
  PutU8(out, kVersion);
  out.append(kReservedBytes, '\0');
  PutU64(out, header.range.from);
  PutU64(out, header.range.to);
  PutU64(out, header.count);
  PutU64(out, header.filter_bytes);
  return out;
}

absl::StatusOr<Header> ParseHeader(absl::string_view bytes) {
  ByteReader in(bytes);
  uint8_t version = 0;
  absl::string_view reserved;
  Header header;
  RETURN_IF_ERROR(in.U8("version", version));
  RETURN_IF_ERROR(in.Raw("reserved", kReservedBytes, reserved));
  RETURN_IF_ERROR(in.U64("from", header.range.from));
  RETURN_IF_ERROR(in.U64("to", header.range.to));
  RETURN_IF_ERROR(in.U64("count", header.count));
  RETURN_IF_ERROR(in.U64("filter bytes", header.filter_bytes));
  RETURN_IF_ERROR(in.Finish("run header"));
  if (version != kVersion || reserved != std::string(kReservedBytes, '\0')) {
    return absl::DataLossError("version is unknown");
  }
  if (header.count > kMaxEntries || header.filter_bytes != FilterBytes(header.count)) {
    return absl::DataLossError("count and filter do not agree");
  }
  return header;
}

}  // namespace

std::string RunName(RunRange range) {
  return absl::StrFormat("ids-%016x-%016x", range.from, range.to);
}

std::optional<RunRange> ParseRunName(absl::string_view name) {
  if (name.size() != 4 + 16 + 1 + 16) return std::nullopt;
  RunRange range;
  const auto hex = [](absl::string_view digits, uint64_t& value) {
    for (const char c : digits) {
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
      value = value << 4 | static_cast<uint64_t>(digit);
    }
  };
  hex(name.substr(4, 16), range.from);
  hex(name.substr(21, 16), range.to);
  if (name != RunName(range) || range.from >= range.to) return std::nullopt;
  return range;
}

absl::StatusOr<std::shared_ptr<const IdentityRun>> IdentityRun::Open(const std::string& dir,
                                                                     RunRange range,
                                                                     bool filter_in_memory) {
  ASSIGN_OR_RETURN(PosixFile file,
                   PosixFile::Open(absl::StrCat(dir, "/", RunName(range)), O_RDONLY));
  ASSIGN_OR_RETURN(const std::string raw, file.ReadExactly(0, kRunHeaderBytes));
  const absl::StatusOr<Header> header = ParseHeader(raw);
  if (!header.ok()) return Damaged(file.path(), header.status().message());
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  const uint64_t entries_end = kRunHeaderBytes + header->count * kRunEntryBytes;
  if (header->range != range || size != entries_end + header->filter_bytes + Hash::kSize) {
    return Damaged(file.path(), "name, header and length do not agree");
  }
  auto* run = new IdentityRun(std::move(file), range, header->count, header->filter_bytes);
  std::shared_ptr<const IdentityRun> shared(run);
  if (filter_in_memory) {
    ASSIGN_OR_RETURN(run->filter_, run->file_.ReadExactly(
                                       entries_end, static_cast<size_t>(header->filter_bytes)));
  }
  return shared;
}

absl::StatusOr<bool> IdentityRun::MayContain(const Mac128& identity) const {
  const uint64_t offset =
      FilterBlockOf(identity, filter_bytes_ / kFilterBlockBytes) * kFilterBlockBytes;
  if (!filter_.empty()) {
    return FilterMayContain(identity, reinterpret_cast<const uint8_t*>(filter_.data()) + offset);
  }
  uint8_t block[kFilterBlockBytes];
  const uint64_t at = kRunHeaderBytes + count_ * kRunEntryBytes + offset;
  ASSIGN_OR_RETURN(const size_t got,
                   file_.ReadAt(at, reinterpret_cast<char*>(block), sizeof(block)));
  if (got != sizeof(block)) return Damaged(file_.path(), "is shorter than it was");
  return FilterMayContain(identity, block);
}

absl::StatusOr<std::string> IdentityRun::ReadEntries(uint64_t first, uint64_t count) const {
  return file_.ReadExactly(kRunHeaderBytes + first * kRunEntryBytes,
                           static_cast<size_t>(count * kRunEntryBytes));
}

absl::StatusOr<std::optional<uint64_t>> IdentityRun::Lookup(const Mac128& identity) const {
  ASSIGN_OR_RETURN(const bool may, MayContain(identity));
  if (!may) return std::nullopt;
  return Search(identity);
}

// The part of the run that can still hold the first entry not below the target, and what is known
// about its edges.
struct IdentityRun::Window {
  uint64_t low = 0;
  uint64_t high = 0;
  uint64_t low_prefix = 0;
  uint64_t high_prefix = UINT64_MAX;

  // Where the target would stand if the keys were spread evenly; every second time the middle, so
  // that keys that are not take no more than a binary search twice over.
  uint64_t Guess(uint64_t target, bool bisect) const {
    const uint64_t span = high - low;
    const uint64_t width = high_prefix - low_prefix;
    if (bisect || width == 0 || target < low_prefix) return low + span / 2;
    const double share = static_cast<double>(target - low_prefix) / static_cast<double>(width);
    const auto ahead = static_cast<uint64_t>(std::min(share, 1.0) * static_cast<double>(span));
    return low + std::min(ahead, span - 1);
  }
};

absl::StatusOr<std::optional<uint64_t>> IdentityRun::Search(const Mac128& identity) const {
  const RunEntry target{identity, 0};  // not above any entry of this identity
  const uint64_t prefix = MacPrefix(identity);
  Window window;
  window.high = count_;
  for (bool bisect = false; window.low < window.high; bisect = !bisect) {
    const uint64_t guess = window.Guess(prefix, bisect);
    const uint64_t first =
        std::max(window.low, guess < kWindowEntries / 2 ? 0 : guess - kWindowEntries / 2);
    const uint64_t count = std::min(kWindowEntries, window.high - first);
    ASSIGN_OR_RETURN(const std::string bytes, ReadEntries(first, count));
    uint64_t below = 0;  // entries of the page below the target
    RunEntry last = EntryAt(bytes, 0);
    for (uint64_t i = 0; i < count; ++i) {
      const RunEntry entry = EntryAt(bytes, i);
      if (entry < last || entry.index < range_.from || entry.index >= range_.to) {
        return Damaged(file_.path(), "its entries are out of order or range");
      }
      if (entry < target) below = i + 1;
      last = entry;
    }
    const uint64_t first_prefix = MacPrefix(EntryAt(bytes, 0).identity);
    if (first_prefix < window.low_prefix || MacPrefix(last.identity) > window.high_prefix) {
      return Damaged(file_.path(), "its entries are out of order");
    }
    if (below == count) {
      window.low = first + count;
      window.low_prefix = MacPrefix(last.identity);
    } else if (below == 0 && first > window.low) {
      window.high = first + 1;  // the page's first may be it
      window.high_prefix = first_prefix;
    } else {
      const RunEntry found = EntryAt(bytes, below);
      if (found.identity != identity) return std::nullopt;
      return found.index;
    }
  }
  return std::nullopt;
}

absl::Status RunWriter::Start(const std::string& dir, RunRange range, uint64_t count) {
  path_ = absl::StrCat(dir, "/", RunName(range));
  ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(path_ + ".tmp", O_RDWR | O_CREAT | O_TRUNC));
  file_.emplace(std::move(file));
  const Header header{range, count, FilterBytes(count)};
  buffer_ = EncodeHeader(header);
  left_ = count;
  filter_at_ = kRunHeaderBytes + count * kRunEntryBytes;
  filter_blocks_ = header.filter_bytes / kFilterBlockBytes;
  block_bytes_.assign(kFilterBlockBytes, '\0');
  return absl::OkStatus();
}

absl::Status RunWriter::Add(const RunEntry& entry) {
  if (left_ == 0) return absl::InternalError("run: more entries than announced");
  --left_;
  const uint64_t block = FilterBlockOf(entry.identity, filter_blocks_);
  while (block_ < block) RETURN_IF_ERROR(FlushFilterBlock());
  FilterAdd(entry.identity, reinterpret_cast<uint8_t*>(block_bytes_.data()));
  buffer_.append(reinterpret_cast<const char*>(entry.identity.data()), entry.identity.size());
  PutU64(buffer_, entry.index);
  return buffer_.size() < kStreamEntries * kRunEntryBytes ? absl::OkStatus() : FlushEntries();
}

absl::Status RunWriter::FlushEntries() {
  RETURN_IF_ERROR(file_->WriteAt(written_, buffer_));
  digest_.Update(buffer_);
  written_ += buffer_.size();
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status RunWriter::FlushFilterBlock() {
  filter_buffer_ += block_bytes_;
  block_bytes_.assign(kFilterBlockBytes, '\0');
  ++block_;
  if (filter_buffer_.size() < kFilterBufferBytes && block_ < filter_blocks_) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(file_->WriteAt(filter_at_ + filter_written_, filter_buffer_));
  filter_written_ += filter_buffer_.size();
  filter_buffer_.clear();
  return absl::OkStatus();
}

// The filter is made along with the entries but stands, and is hashed, behind them.
absl::Status RunWriter::DigestFilter() {
  for (uint64_t done = 0; done < filter_written_;) {
    const uint64_t bytes = std::min<uint64_t>(kFilterBufferBytes, filter_written_ - done);
    ASSIGN_OR_RETURN(const std::string piece,
                     file_->ReadExactly(filter_at_ + done, static_cast<size_t>(bytes)));
    digest_.Update(piece);
    done += bytes;
  }
  return absl::OkStatus();
}

absl::Status RunWriter::Finish() {
  if (left_ != 0) return absl::InternalError("run: fewer entries than announced");
  RETURN_IF_ERROR(FlushEntries());
  while (block_ < filter_blocks_) RETURN_IF_ERROR(FlushFilterBlock());
  RETURN_IF_ERROR(DigestFilter());
  RETURN_IF_ERROR(file_->WriteAt(filter_at_ + filter_written_, digest_.Finish().view()));
  RETURN_IF_ERROR(file_->Sync());
  return RenameDurably(path_ + ".tmp", path_);
}

absl::Status RunReader::Feed(uint64_t offset, uint64_t bytes) {
  ASSIGN_OR_RETURN(buffer_, run_->file_.ReadExactly(offset, static_cast<size_t>(bytes)));
  digest_.Update(buffer_);
  return absl::OkStatus();
}

absl::Status RunReader::Fill() {
  if (fetched_ == 0) RETURN_IF_ERROR(Feed(0, kRunHeaderBytes));
  const uint64_t count = std::min(kStreamEntries, run_->count_ - fetched_);
  RETURN_IF_ERROR(Feed(kRunHeaderBytes + fetched_ * kRunEntryBytes, count * kRunEntryBytes));
  fetched_ += count;
  at_ = 0;
  return absl::OkStatus();
}

absl::Status RunReader::CheckDigest() {
  if (run_->count_ == 0) RETURN_IF_ERROR(Feed(0, kRunHeaderBytes));
  const uint64_t filter_at = kRunHeaderBytes + run_->count_ * kRunEntryBytes;
  for (uint64_t done = 0; done < run_->filter_bytes_; done += buffer_.size()) {
    RETURN_IF_ERROR(
        Feed(filter_at + done, std::min<uint64_t>(kFilterBufferBytes, run_->filter_bytes_ - done)));
  }
  ASSIGN_OR_RETURN(const std::string stored,
                   run_->file_.ReadExactly(filter_at + run_->filter_bytes_, Hash::kSize));
  if (digest_.Finish().view() == stored) return absl::OkStatus();
  return Damaged(run_->path(), "its digest does not match");
}

absl::StatusOr<std::optional<RunEntry>> RunReader::Next() {
  if (next_ == run_->count_) {
    RETURN_IF_ERROR(CheckDigest());
    return std::nullopt;
  }
  if (next_ == fetched_) RETURN_IF_ERROR(Fill());
  const RunEntry entry = EntryAt(buffer_, at_++);
  ++next_;
  if ((last_.has_value() && !(*last_ < entry)) || entry.index < run_->range_.from ||
      entry.index >= run_->range_.to) {
    return Damaged(run_->path(), "its entries are out of order or range");
  }
  last_ = entry;
  return entry;
}

}  // namespace auditledger
