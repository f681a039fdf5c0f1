#include "verifier/bundle_file.h"

#include <utility>

#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "verifier/bundle_proofs.h"

namespace auditledger {
namespace {

absl::Status Broken(BundleSection section) {
  return absl::InvalidArgumentError(SectionName(section));
}

absl::Status CheckCounts(const BundleFrame& frame) {
  for (uint8_t number = 1; number <= kBundleSections; ++number) {
    const auto section = static_cast<BundleSection>(number);
    const uint64_t records = frame.of(section).records;
    const bool exactly_one = section == BundleSection::kScope || section == BundleSection::kHead ||
                             section == BundleSection::kManifest;
    if (exactly_one && records != 1) return Broken(section);
    if (section == BundleSection::kKeyChanges && records > 1) return Broken(section);
  }
  return absl::OkStatus();
}

// Whether the runs go on through the entries' indices, none touching the next.
class RunCover {
 public:
  explicit RunCover(const BundleFrame& frame)
      : next_(RecordsOf(frame, BundleSection::kInclusion).begin()),
        end_(RecordsOf(frame, BundleSection::kInclusion).end()) {}

  absl::Status Cover(uint64_t index) {
    if (at_ == run_.end) RETURN_IF_ERROR(TakeRun());
    if (index != at_) return Broken(BundleSection::kInclusion);
    ++at_;
    return absl::OkStatus();
  }
  absl::Status Finish() const {
    const bool whole = begun_ ? at_ == run_.end : true;
    return whole && next_ == end_ ? absl::OkStatus() : Broken(BundleSection::kInclusion);
  }

 private:
  absl::Status TakeRun() {
    if (next_ == end_) return Broken(BundleSection::kInclusion);
    const absl::StatusOr<InclusionRun> run = ParseInclusionRun(*next_);
    if (!run.ok() || (begun_ && run->begin <= run_.end)) return Broken(BundleSection::kInclusion);
    run_ = *run;
    at_ = run_.begin;
    begun_ = true;
    ++next_;
    return absl::OkStatus();
  }

  RecordRange::Iterator next_;
  const RecordRange::Iterator end_;
  InclusionRun run_;
  uint64_t at_ = 0;
  bool begun_ = false;
};

absl::StatusOr<std::vector<uint64_t>> ReadEntries(const BundleFrame& frame) {
  std::vector<uint64_t> indices;
  for (const absl::string_view record : RecordsOf(frame, BundleSection::kEntries)) {
    const absl::StatusOr<BundleEntry> entry = ParseBundleEntry(record);
    if (!entry.ok() || (!indices.empty() && indices.back() >= entry->index)) {
      return Broken(BundleSection::kEntries);
    }
    indices.push_back(entry->index);
  }
  return indices;
}

absl::Status ReadInclusion(const BundleFrame& frame, const std::vector<uint64_t>& indices) {
  RunCover cover(frame);
  for (const uint64_t index : indices) RETURN_IF_ERROR(cover.Cover(index));
  return cover.Finish();
}

template <typename Parse>
absl::Status ReadAll(const BundleFrame& frame, BundleSection section, const Parse& parse) {
  for (const absl::string_view record : RecordsOf(frame, section)) {
    if (!parse(record)) return Broken(section);
  }
  return absl::OkStatus();
}

absl::Status ReadMiddle(const BundleFrame& frame, BundleFile& out) {
  RETURN_IF_ERROR(ReadAll(frame, BundleSection::kConsistency, [](absl::string_view record) {
    const absl::StatusOr<EarlierHead> earlier = ParseEarlierHead(record);
    return earlier.ok() && ParseUncheckedHead(earlier->note).ok();
  }));
  RETURN_IF_ERROR(ReadAll(frame, BundleSection::kCompleteness, [](absl::string_view record) {
    return ParseCompletenessRecord(record).ok();
  }));
  RETURN_IF_ERROR(ReadAll(frame, BundleSection::kTimestamps, [](absl::string_view record) {
    const absl::StatusOr<BundleTimestamp> timestamp = ParseBundleTimestamp(record);
    return timestamp.ok() && ParseUncheckedHead(timestamp->note).ok();
  }));
  RETURN_IF_ERROR(ReadAll(frame, BundleSection::kCoverage, [&](absl::string_view record) {
    absl::StatusOr<StreamCoverage> stream = ParseStreamCoverage(record);
    if (!stream.ok()) return false;
    out.coverage.push_back(*std::move(stream));
    return true;
  }));
  RETURN_IF_ERROR(ReadAll(frame, BundleSection::kGlossary,
                          [](absl::string_view record) { return ParseGlossaryCode(record).ok(); }));
  return ReadAll(frame, BundleSection::kCertificate, IsUtf8);
}

}  // namespace

absl::StatusOr<Checkpoint> ParseUncheckedHead(absl::string_view note) {
  ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
  ASSIGN_OR_RETURN(Checkpoint head, ParseCheckpoint(parsed.text));
  if (head.size > kMaxBundleNumber) return absl::InvalidArgumentError("head: size");
  return head;
}

absl::StatusOr<BundleFile> ParseBundle(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const BundleFrame frame, ParseBundleFrame(bytes));
  RETURN_IF_ERROR(CheckCounts(frame));
  BundleFile out;
  out.frame = frame;
  absl::StatusOr<BundleScope> scope = ParseBundleScope(OnlyRecord(frame, BundleSection::kScope));
  if (!scope.ok()) return Broken(BundleSection::kScope);
  out.scope = *std::move(scope);
  out.note = OnlyRecord(frame, BundleSection::kHead);
  absl::StatusOr<Checkpoint> head = ParseUncheckedHead(out.note);
  if (!head.ok()) return Broken(BundleSection::kHead);
  out.head = *std::move(head);
  if (frame.of(BundleSection::kKeyChanges).records > 0) {
    absl::StatusOr<KeyChangeList> list =
        ParseKeyChangeList(OnlyRecord(frame, BundleSection::kKeyChanges));
    if (!list.ok()) return Broken(BundleSection::kKeyChanges);
    out.key_changes = *std::move(list);
  }
  ASSIGN_OR_RETURN(const std::vector<uint64_t> indices, ReadEntries(frame));
  RETURN_IF_ERROR(ReadInclusion(frame, indices));
  RETURN_IF_ERROR(ReadMiddle(frame, out));
  absl::StatusOr<BundleManifest> manifest =
      ParseBundleManifest(OnlyRecord(frame, BundleSection::kManifest));
  if (!manifest.ok()) return Broken(BundleSection::kManifest);
  out.manifest = *std::move(manifest);
  return out;
}

void ForEachEntry(const BundleFile& bundle, absl::FunctionRef<bool(const BundleEntry&)> each) {
  for (const absl::string_view record : RecordsOf(bundle.frame, BundleSection::kEntries)) {
    const absl::StatusOr<BundleEntry> entry = ParseBundleEntry(record);
    if (!entry.ok() || !each(*entry)) return;
  }
}

}  // namespace auditledger
