#include "ledger/stream_table.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "ledger/mutex.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kRecordVersion = 1;
constexpr uint8_t kRangesVersion = 1;

// What the file of ranges says of one stream:
//   u64 received_count | u8 truncated | u32 range count | (u64 first | u64 last)*
absl::StatusOr<SequenceRanges> ReadRanges(ByteReader& in) {
  SequenceRanges out;
  uint8_t truncated = 0;
  uint32_t count = 0;
  RETURN_IF_ERROR(in.U64("received_count", out.received_count));
  RETURN_IF_ERROR(in.U8("truncated", truncated));
  RETURN_IF_ERROR(in.U32("range count", count));
  out.truncated = truncated != 0;
  for (uint32_t i = 0; i < count; ++i) {
    SequenceRange range;
    RETURN_IF_ERROR(in.U64("first", range.first));
    RETURN_IF_ERROR(in.U64("last", range.last));
    const bool apart = out.ranges.empty() || range.first > out.ranges.back().last + 1;
    if (range.first == 0 || range.first > range.last || !apart) {
      return absl::InvalidArgumentError("ranges do not ascend");
    }
    out.ranges.push_back(range);
  }
  return out;
}

}  // namespace

std::string EncodeStreamRecord(absl::string_view principal, absl::string_view stream_id) {
  std::string out;
  PutU8(out, kRecordVersion);
  PutBytes16(out, principal);
  PutBytes16(out, stream_id);
  return out;
}

absl::StatusOr<std::pair<std::string, std::string>> ParseStreamRecord(absl::string_view bytes) {
  ByteReader in(bytes);
  uint8_t version = 0;
  absl::string_view principal, stream_id;
  RETURN_IF_ERROR(in.U8("stream record version", version));
  if (version != kRecordVersion) {
    return absl::InvalidArgumentError(absl::StrCat("stream record version ", version));
  }
  RETURN_IF_ERROR(in.Bytes16("principal", principal));
  RETURN_IF_ERROR(in.Bytes16("stream_id", stream_id));
  RETURN_IF_ERROR(in.Finish("stream record"));
  return std::make_pair(std::string(principal), std::string(stream_id));
}

struct StreamTable::Impl {
  struct Stream {
    std::string principal;
    std::string stream_id;
    SequenceRanges received;
  };

  explicit Impl(const LedgerLimits& l) : limits(l) {}

  const LedgerLimits limits;
  mutable Mutex mutex;
  std::vector<Stream> streams ABSL_GUARDED_BY(mutex);                            // by number
  absl::flat_hash_map<std::string, uint32_t> numbers ABSL_GUARDED_BY(mutex);     // by record
  absl::flat_hash_map<std::string, uint32_t> streams_of ABSL_GUARDED_BY(mutex);  // by principal
};

StreamTable::StreamTable(const LedgerLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
StreamTable::~StreamTable() = default;

StreamTable::Number StreamTable::NumberOf(absl::string_view principal,
                                          absl::string_view stream_id) {
  std::string record = EncodeStreamRecord(principal, stream_id);
  MutexLock lock(impl_->mutex);
  const auto found = impl_->numbers.find(record);
  if (found != impl_->numbers.end()) return {found->second, false};
  if (impl_->streams.size() >= impl_->limits.max_streams) return {};
  uint32_t& of_principal = impl_->streams_of[std::string(principal)];
  if (of_principal >= impl_->limits.max_streams_per_principal) return {};
  ++of_principal;
  const auto number = static_cast<uint32_t>(impl_->streams.size());
  impl_->streams.push_back({std::string(principal), std::string(stream_id), {}});
  impl_->numbers.emplace(std::move(record), number);
  return {number, true};
}

absl::Status StreamTable::Restore(uint32_t number, absl::string_view record) {
  auto parsed = ParseStreamRecord(record);
  if (!parsed.ok()) {
    return absl::DataLossError(absl::StrCat("stream ", number, ": ", parsed.status().message()));
  }
  MutexLock lock(impl_->mutex);
  if (number != impl_->streams.size()) {
    return absl::DataLossError(
        absl::StrCat("stream records: number ", number, " follows ", impl_->streams.size()));
  }
  if (!impl_->numbers.emplace(std::string(record), number).second) {
    return absl::DataLossError(absl::StrCat("stream ", number, " is there twice"));
  }
  ++impl_->streams_of[parsed->first];
  impl_->streams.push_back({std::move(parsed->first), std::move(parsed->second), {}});
  return absl::OkStatus();
}

void StreamTable::Received(uint32_t number, uint64_t sequence) {
  MutexLock lock(impl_->mutex);
  if (number >= impl_->streams.size()) return;
  impl_->streams[number].received.Add(sequence, impl_->limits.max_ranges_per_stream);
}

std::vector<StreamInfo> StreamTable::List(uint32_t first, size_t limit, size_t max_gaps) const {
  std::vector<StreamInfo> out;
  MutexLock lock(impl_->mutex);
  for (size_t i = first; i < impl_->streams.size() && out.size() < limit; ++i) {
    const Impl::Stream& stream = impl_->streams[i];
    StreamInfo info;
    info.principal = stream.principal;
    info.stream_id = stream.stream_id;
    info.received_count = stream.received.received_count;
    info.last_sequence = stream.received.last();
    info.gaps = stream.received.Gaps(max_gaps);
    info.gaps_truncated = stream.received.truncated || stream.received.GapCount() > max_gaps;
    out.push_back(std::move(info));
  }
  return out;
}

uint32_t StreamTable::count() const {
  MutexLock lock(impl_->mutex);
  return static_cast<uint32_t>(impl_->streams.size());
}

std::string StreamTable::SaveRanges(uint64_t size) const {
  std::string out;
  PutU8(out, kRangesVersion);
  PutU64(out, size);
  {
    MutexLock lock(impl_->mutex);
    PutU32(out, static_cast<uint32_t>(impl_->streams.size()));
    for (const Impl::Stream& stream : impl_->streams) {
      const SequenceRanges& received = stream.received;
      PutU64(out, received.received_count);
      PutU8(out, received.truncated ? 1 : 0);
      PutU32(out, static_cast<uint32_t>(received.ranges.size()));
      for (const SequenceRange& range : received.ranges) {
        PutU64(out, range.first);
        PutU64(out, range.last);
      }
    }
  }
  const Hash digest = Sha256({out});
  out.append(digest.view().data(), Hash::kSize);
  return out;
}

absl::StatusOr<uint64_t> StreamTable::LoadRanges(absl::string_view bytes) {
  if (bytes.size() < Hash::kSize) return absl::DataLossError("stream ranges: cut short");
  const absl::string_view body = bytes.substr(0, bytes.size() - Hash::kSize);
  if (Sha256({body}).view() != bytes.substr(body.size())) {
    return absl::DataLossError("stream ranges: the digest differs");
  }
  ByteReader in(body);
  uint8_t version = 0;
  uint64_t size = 0;
  uint32_t count = 0;
  RETURN_IF_ERROR(in.U8("version", version));
  RETURN_IF_ERROR(in.U64("size", size));
  RETURN_IF_ERROR(in.U32("stream count", count));
  MutexLock lock(impl_->mutex);
  if (version != kRangesVersion || count > impl_->streams.size()) {
    return absl::DataLossError(absl::StrCat("stream ranges: version ", version, ", ", count,
                                            " streams of ", impl_->streams.size()));
  }
  std::vector<SequenceRanges> loaded;
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(SequenceRanges ranges, ReadRanges(in));
    loaded.push_back(std::move(ranges));
  }
  RETURN_IF_ERROR(in.Finish("stream ranges"));
  for (uint32_t i = 0; i < count; ++i) impl_->streams[i].received = std::move(loaded[i]);
  return size;
}

}  // namespace auditledger
