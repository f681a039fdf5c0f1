#include "verifier/bundle_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "verifier/bundle_redaction.h"

namespace auditledger {
namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr size_t kCopyBytes = size_t{1} << 16;

absl::Status Failed(const std::string& path) {
  return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
}

absl::StatusOr<std::FILE*> OpenNew(const std::string& path) {
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return Failed(path);
  return ::fdopen(fd, "w+b");
}

absl::StatusOr<std::FILE*> OpenInMemory(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "w+be");
  if (file == nullptr) return Failed(path);
  return file;
}

absl::Status WriteAll(std::FILE* file, absl::string_view bytes, const std::string& path) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size()) return absl::OkStatus();
  return Failed(path);
}

absl::Status CloseSynced(std::FILE* file, const std::string& path) {
  absl::Status status;
  if (std::fflush(file) != 0 || ::fsync(::fileno(file)) != 0) status = Failed(path);
  std::fclose(file);
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BundleWriter>> BundleWriter::Create(const std::string& path) {
  std::unique_ptr<BundleWriter> writer(
      new BundleWriter(path, path + ".entries.tmp", path + ".tmp"));
  ASSIGN_OR_RETURN(writer->spool_, OpenNew(writer->spool_path_));
  return writer;
}

absl::StatusOr<std::unique_ptr<BundleWriter>> BundleWriter::Into(const MemoryFile& file,
                                                                 uint64_t max_bytes) {
  ASSIGN_OR_RETURN(MemoryFile spool, MemoryFile::Create());
  std::unique_ptr<BundleWriter> writer(new BundleWriter(file.path(), spool.path(), file.path()));
  writer->memory_spool_ = std::make_unique<MemoryFile>(std::move(spool));
  writer->max_bytes_ = max_bytes;
  ASSIGN_OR_RETURN(writer->spool_, OpenInMemory(writer->spool_path_));
  return writer;
}

BundleWriter::~BundleWriter() {
  if (spool_ != nullptr) std::fclose(spool_);
  if (out_ != nullptr) std::fclose(out_);
  ::unlink(spool_path_.c_str());  // which takes nothing away where it lies in memory
  ::unlink(new_path_.c_str());
}

void BundleWriter::Count(const std::string& content, Sums& sums) {
  ++sums.records;
  sums.bytes += content.size();
  sums.frontier.Append(LeafHash(content));
}

BundleRule& BundleWriter::Counted(uint8_t rule) {
  return rules_.try_emplace(rule, BundleRuleOf(rule)).first->second;
}

absl::Status BundleWriter::Add(const BundleEntry& entry) {
  if (!runs_.empty() && entry.index < runs_.back().end) {
    return absl::InvalidArgumentError("bundle: entries do not ascend");
  }
  const std::string record = EncodeBundleEntry(entry);
  if (record.size() > kMaxBundleRecordBytes) {
    return absl::InvalidArgumentError("bundle: an entry over the limit of a record");
  }
  RETURN_IF_ERROR(Grow(record.size()));
  if (!runs_.empty() && entry.index == runs_.back().end) {
    ++runs_.back().end;
  } else {
    runs_.push_back({entry.index, entry.index + 1});
  }
  ++(entry.role == BundleEntry::Role::kMatch ? matched_ : context_);
  if (entry.rule != kShown) ++Counted(entry.rule).entries;
  if (entry.header.rule != kShown) ++Counted(entry.header.rule).headers;
  for (const BundlePart& unit : entry.units) {
    if (unit.rule != kShown) ++Counted(unit.rule).units;
  }
  Count(record, entries_);
  std::string framed;
  AppendBundleRecord(BundleSection::kEntries, record, framed);
  return WriteAll(spool_, framed, spool_path_);
}

absl::Status BundleWriter::Grow(size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= max_bytes_) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("bundle: over ", max_bytes_,
                   " bytes, which is what can be sealed and opened in memory: ask for it in parts "
                   "(--recorded), or write it onto an encrypted disk (--in-clear)"));
}

std::string BundleWriter::ScopeJson(const BundleParts& parts) const {
  BundleScope scope;
  scope.query = parts.query;
  scope.size = parts.size;
  scope.examined = parts.examined;
  scope.matched = matched_;
  scope.context = context_;
  for (const auto& [rule, counted] : rules_) scope.rules.push_back(counted);
  return FormatBundleScope(scope);
}

absl::Status BundleWriter::Put(BundleSection section, const std::string& content) {
  if (content.size() > kMaxBundleRecordBytes) {
    return absl::InvalidArgumentError(absl::StrCat("bundle: ", SectionName(section), " has ",
                                                   content.size(), " bytes in a record, at most ",
                                                   kMaxBundleRecordBytes));
  }
  RETURN_IF_ERROR(Grow(content.size()));
  std::string framed;
  AppendBundleRecord(section, content, framed);
  RETURN_IF_ERROR(WriteAll(out_, framed, new_path_));
  if (section > BundleSection::kCertificate) return absl::OkStatus();
  if (listed_.empty() || listed_.back().section != SectionName(section)) {
    listed_.push_back({std::string(SectionName(section)), 0, 0, {}});
    open_section_ = {};
  }
  Count(content, open_section_);
  listed_.back() = {std::string(SectionName(section)), open_section_.records, open_section_.bytes,
                    open_section_.frontier.Root()};
  return absl::OkStatus();
}

absl::Status BundleWriter::CopySpool() {
  if (entries_.records == 0) return absl::OkStatus();
  listed_.push_back({std::string(SectionName(BundleSection::kEntries)), entries_.records,
                     entries_.bytes, entries_.frontier.Root()});
  if (std::fflush(spool_) != 0) return Failed(spool_path_);
  std::rewind(spool_);
  std::array<char, kCopyBytes> buffer{};
  for (size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), spool_)) > 0;) {
    RETURN_IF_ERROR(WriteAll(out_, absl::string_view(buffer.data(), got), new_path_));
  }
  return std::ferror(spool_) == 0 ? absl::OkStatus() : Failed(spool_path_);
}

absl::Status BundleWriter::WriteSections(const BundleParts& parts) {
  RETURN_IF_ERROR(WriteAll(out_, BundleMagic(), new_path_));
  RETURN_IF_ERROR(Put(BundleSection::kScope, ScopeJson(parts)));
  RETURN_IF_ERROR(Put(BundleSection::kHead, parts.head));
  if (!parts.key_changes.empty()) {
    RETURN_IF_ERROR(Put(BundleSection::kKeyChanges, parts.key_changes));
  }
  RETURN_IF_ERROR(CopySpool());
  for (const InclusionRun& run : parts.inclusion) {
    RETURN_IF_ERROR(Put(BundleSection::kInclusion, EncodeInclusionRun(run)));
  }
  for (const std::string& earlier : parts.consistency) {
    RETURN_IF_ERROR(Put(BundleSection::kConsistency, earlier));
  }
  for (const std::string& part : parts.completeness) {
    RETURN_IF_ERROR(Put(BundleSection::kCompleteness, part));
  }
  for (const StreamCoverage& stream : parts.coverage) {
    RETURN_IF_ERROR(Put(BundleSection::kCoverage, FormatStreamCoverage(stream)));
  }
  for (const GlossaryCode& code : parts.glossary) {
    RETURN_IF_ERROR(Put(BundleSection::kGlossary, FormatGlossaryCode(code)));
  }
  if (parts.certificate.empty()) return absl::OkStatus();
  return Put(BundleSection::kCertificate, parts.certificate);
}

absl::StatusOr<Hash> BundleWriter::Finish(const BundleParts& parts) {
  ASSIGN_OR_RETURN(out_, in_memory() ? OpenInMemory(new_path_) : OpenNew(new_path_));
  RETURN_IF_ERROR(WriteSections(parts));
  BundleManifest manifest = parts.manifest;
  manifest.sections = listed_;
  const std::string json = FormatBundleManifest(manifest);
  RETURN_IF_ERROR(Put(BundleSection::kManifest, json));
  RETURN_IF_ERROR(CloseSynced(std::exchange(out_, nullptr), new_path_));
  if (!in_memory() && std::rename(new_path_.c_str(), path_.c_str()) != 0) return Failed(path_);
  return Sha256({json});
}

absl::Status AppendCustody(const std::string& path, const std::string& record) {
  if (record.size() > kMaxBundleRecordBytes) {
    return absl::InvalidArgumentError("bundle: a record of custody over the limit");
  }
  std::string framed;
  AppendBundleRecord(BundleSection::kCustody, record, framed);
  std::FILE* const file = std::fopen(path.c_str(), "ab");
  if (file == nullptr) return Failed(path);
  const absl::Status written = WriteAll(file, framed, path);
  const absl::Status closed = CloseSynced(file, path);
  return written.ok() ? closed : written;
}

}  // namespace auditledger
