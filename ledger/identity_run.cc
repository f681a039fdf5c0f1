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

constexpr uint8_t kVersion = 2;  // 1 had one digest at the end
constexpr size_t kReservedBytes = 7;
constexpr size_t kRunHeaderBytes = 40;
constexpr uint64_t kHeaderPage = 0;
constexpr uint64_t kFirstEntryPage = 1;
constexpr uint64_t kFilterBlocksPerPage = kRunPageContentBytes / kFilterBlockBytes;  // 63
constexpr uint64_t kFilterBytesPerPage = kFilterBlocksPerPage * kFilterBlockBytes;
constexpr uint64_t kStreamPages = 48;                // 192 KiB a piece
constexpr uint64_t kMaxEntries = uint64_t{1} << 48;  // keeps lengths far from overflow

uint64_t EntryPages(uint64_t count) {
  return (count + kRunEntriesPerPage - 1) / kRunEntriesPerPage;
}
uint64_t FirstFilterPage(uint64_t count) { return kFirstEntryPage + EntryPages(count); }
uint64_t FilterPages(uint64_t filter_bytes) {
  return (filter_bytes + kFilterBytesPerPage - 1) / kFilterBytesPerPage;
}

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

uint64_t PagesOf(const Header& header) {
  return FirstFilterPage(header.count) + FilterPages(header.filter_bytes);
}

absl::StatusOr<Header> ParseHeader(absl::string_view page) {
  ByteReader in(page.substr(0, kRunHeaderBytes));
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
  ASSIGN_OR_RETURN(const std::string page, ReadRunPages(file, range, kHeaderPage, 1));
  const absl::StatusOr<Header> header = ParseHeader(page);
  if (!header.ok()) return Damaged(file.path(), header.status().message());
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (header->range != range || size != PagesOf(*header) * kRunPageBytes) {
    return Damaged(file.path(), "name, header and length do not agree");
  }
  std::shared_ptr<IdentityRun> run(
      new IdentityRun(std::move(file), range, header->count, header->filter_bytes));
  if (filter_in_memory) RETURN_IF_ERROR(run->LoadFilter());
  return run;
}

absl::Status IdentityRun::LoadFilter() {
  const uint64_t first = FirstFilterPage(count_);
  const uint64_t end = first + FilterPages(filter_bytes_);
  filter_.reserve(filter_bytes_);
  for (uint64_t at = first; at < end; at += kStreamPages) {
    const uint64_t count = std::min(kStreamPages, end - at);
    ASSIGN_OR_RETURN(const std::string pages, ReadRunPages(file_, range_, at, count));
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t bytes =
          std::min<uint64_t>(kFilterBytesPerPage, filter_bytes_ - filter_.size());
      filter_.append(pages, i * kRunPageBytes, bytes);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IdentityRun::MayContain(const Mac128& identity) const {
  const uint64_t block = FilterBlockOf(identity, filter_bytes_ / kFilterBlockBytes);
  if (!filter_.empty()) {
    return FilterMayContain(
        identity, reinterpret_cast<const uint8_t*>(filter_.data()) + block * kFilterBlockBytes);
  }
  const uint64_t page = FirstFilterPage(count_) + block / kFilterBlocksPerPage;
  ASSIGN_OR_RETURN(const std::string bytes, ReadRunPages(file_, range_, page, 1));
  return FilterMayContain(identity, reinterpret_cast<const uint8_t*>(bytes.data()) +
                                        block % kFilterBlocksPerPage * kFilterBlockBytes);
}

absl::StatusOr<std::optional<uint64_t>> IdentityRun::Lookup(const Mac128& identity) const {
  ASSIGN_OR_RETURN(const bool may, MayContain(identity));
  if (!may) return std::nullopt;
  return Find(identity);
}

// The pages of entries that can still hold the first entry not below the target, and what is known
// about their edges.
struct IdentityRun::Search {
  uint64_t low = 0;
  uint64_t high = 0;
  uint64_t low_prefix = 0;
  uint64_t high_prefix = UINT64_MAX;

  // Where the target would stand if the keys were spread evenly; now and then the middle, so that
  // keys that are not take no more than some times a binary search.
  uint64_t Guess(uint64_t target, bool bisect) const {
    const uint64_t span = high - low;
    const uint64_t width = high_prefix - low_prefix;
    if (bisect || width == 0 || target < low_prefix) return low + span / 2;
    const double share = static_cast<double>(target - low_prefix) / static_cast<double>(width);
    const auto ahead = static_cast<uint64_t>(std::min(share, 1.0) * static_cast<double>(span));
    return low + std::min(ahead, span - 1);
  }
};

absl::StatusOr<std::optional<uint64_t>> IdentityRun::Find(const Mac128& identity) const {
  constexpr uint64_t kBisectEvery = 4;
  const RunEntry target{identity, 0};  // not above any entry of this identity
  std::optional<RunEntry> found;       // the lowest entry known not to be below the target
  Search search;
  search.high = EntryPages(count_);
  for (uint64_t step = 1; search.low < search.high; ++step) {
    const uint64_t page = search.Guess(MacPrefix(identity), step % kBisectEvery == 0);
    const uint64_t count = std::min(kRunEntriesPerPage, count_ - page * kRunEntriesPerPage);
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadRunPages(file_, range_, kFirstEntryPage + page, 1));
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
    if (below == count) {
      search.low = page + 1;
      search.low_prefix = MacPrefix(last.identity);
      continue;
    }
    found = EntryAt(bytes, below);
    if (below > 0) break;
    search.high = page;
    search.high_prefix = MacPrefix(found->identity);
  }
  if (!found.has_value() || found->identity != identity) return std::nullopt;
  return found->index;
}

absl::Status RunWriter::Start(const std::string& dir, RunRange range, uint64_t count) {
  path_ = absl::StrCat(dir, "/", RunName(range));
  ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(path_ + ".tmp", O_RDWR | O_CREAT | O_TRUNC));
  file_.emplace(std::move(file));
  range_ = range;
  left_ = count;
  const Header header{range, count, FilterBytes(count)};
  entries_.content = EncodeHeader(header);
  RETURN_IF_ERROR(EndPage(entries_));
  filter_.next = FirstFilterPage(count);
  filter_blocks_ = header.filter_bytes / kFilterBlockBytes;
  block_bytes_.assign(kFilterBlockBytes, '\0');
  return absl::OkStatus();
}

absl::Status RunWriter::Add(const RunEntry& entry) {
  if (left_ == 0) return absl::InternalError("run: more entries than announced");
  --left_;
  const uint64_t block = FilterBlockOf(entry.identity, filter_blocks_);
  while (block_ < block) RETURN_IF_ERROR(EndFilterBlock());
  FilterAdd(entry.identity, reinterpret_cast<uint8_t*>(block_bytes_.data()));
  std::string& content = entries_.content;
  content.append(reinterpret_cast<const char*>(entry.identity.data()), entry.identity.size());
  PutU64(content, entry.index);
  const bool full = content.size() == kRunEntriesPerPage * kRunEntryBytes;
  return full ? EndPage(entries_) : absl::OkStatus();
}

absl::Status RunWriter::EndPage(Pages& pages) {
  if (pages.content.empty()) return absl::OkStatus();
  pages.whole += EncodeRunPage(range_, pages.next++, pages.content);
  pages.content.clear();
  return pages.whole.size() < kStreamPages * kRunPageBytes ? absl::OkStatus() : Write(pages);
}

absl::Status RunWriter::Write(Pages& pages) {
  RETURN_IF_ERROR(file_->WriteAt(pages.next * kRunPageBytes - pages.whole.size(), pages.whole));
  pages.whole.clear();
  return absl::OkStatus();
}

absl::Status RunWriter::EndFilterBlock() {
  filter_.content += block_bytes_;
  block_bytes_.assign(kFilterBlockBytes, '\0');
  ++block_;
  return filter_.content.size() == kFilterBytesPerPage ? EndPage(filter_) : absl::OkStatus();
}

absl::Status RunWriter::Finish() {
  if (left_ != 0) return absl::InternalError("run: fewer entries than announced");
  while (block_ < filter_blocks_) RETURN_IF_ERROR(EndFilterBlock());
  for (Pages* pages : {&entries_, &filter_}) {
    RETURN_IF_ERROR(EndPage(*pages));
    RETURN_IF_ERROR(Write(*pages));
  }
  RETURN_IF_ERROR(file_->Sync());
  return RenameDurably(path_ + ".tmp", path_);
}

absl::Status RunReader::Fill() {
  buffer_first_ = buffer_end_;
  const uint64_t count = std::min(kStreamPages, EntryPages(run_->count_) - buffer_first_);
  ASSIGN_OR_RETURN(buffer_,
                   ReadRunPages(run_->file_, run_->range_, kFirstEntryPage + buffer_first_, count));
  buffer_end_ = buffer_first_ + count;
  return absl::OkStatus();
}

absl::Status RunReader::CheckFilter() const {
  const uint64_t first = FirstFilterPage(run_->count_);
  const uint64_t end = first + FilterPages(run_->filter_bytes_);
  for (uint64_t at = first; at < end; at += kStreamPages) {
    RETURN_IF_ERROR(
        ReadRunPages(run_->file_, run_->range_, at, std::min(kStreamPages, end - at)).status());
  }
  return ReadRunPages(run_->file_, run_->range_, kHeaderPage, 1).status();
}

absl::StatusOr<std::optional<RunEntry>> RunReader::Next() {
  if (next_ == run_->count_) {
    RETURN_IF_ERROR(CheckFilter());
    return std::nullopt;
  }
  const uint64_t page = next_ / kRunEntriesPerPage;
  if (page == buffer_end_) RETURN_IF_ERROR(Fill());
  const RunEntry entry =
      EntryAt(absl::string_view(buffer_).substr((page - buffer_first_) * kRunPageBytes),
              next_ % kRunEntriesPerPage);
  ++next_;
  if ((last_.has_value() && !(*last_ < entry)) || entry.index < run_->range_.from ||
      entry.index >= run_->range_.to) {
    return Damaged(run_->path(), "its entries are out of order or range");
  }
  last_ = entry;
  return entry;
}

}  // namespace auditledger
