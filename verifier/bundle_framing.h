// The frame of an evidence bundle: one file, sections of records. What the sections mean is not
// known here (bundle_scope.h, bundle_entry.h, bundle_proofs.h, bundle_custody.h).
//
//   file     = "auditledger/bundle/v1" 0A | record*          no trailing bytes
//   record   = u8 section | u32 length | content             section never descends
//
// Example:
//   ASSIGN_OR_RETURN(const BundleFrame frame, ParseBundleFrame(file));
//   for (absl::string_view record : RecordsOf(frame, BundleSection::kEntries)) ...
//
//   std::string out = BundleMagic();
//   AppendBundleRecord(BundleSection::kScope, scope_json, out);
//
// Memory: the file is not copied; a frame is a view for each section.
// Thread-safety: values and pure functions; a frame is a view of the bytes that were parsed.
// Errors: InvalidArgument, whose message is where the frame breaks: "magic", "section", "record",
// "truncated". Format: verifier/README.md, "The evidence bundle".
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_FRAMING_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_FRAMING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// An entry of the most units and bytes takes 330 KiB; a note may have a million bytes.
inline constexpr size_t kMaxBundleRecordBytes = size_t{1} << 20;

// Never renumber: the order in the file.
enum class BundleSection : uint8_t {
  kScope = 1,
  kHead = 2,
  kKeyChanges = 3,
  kEntries = 4,
  kInclusion = 5,
  kConsistency = 6,
  kCompleteness = 7,
  kTimestamps = 8,
  kCoverage = 9,
  kGlossary = 10,
  kCertificate = 11,
  kManifest = 12,
  kCustody = 13,
};
inline constexpr uint8_t kBundleSections = 13;
// The manifest lists the sections before it.
inline constexpr uint8_t kListedSections = 11;
// "scope", "head" ...
absl::string_view SectionName(BundleSection section);

struct SectionFrame {
  absl::string_view bytes;  // its records, frames and all
  uint64_t records = 0;
  uint64_t content_bytes = 0;
};
struct BundleFrame {
  std::array<SectionFrame, kBundleSections> sections;
  const SectionFrame& of(BundleSection section) const {
    return sections[static_cast<size_t>(section) - 1];
  }
};
absl::StatusOr<BundleFrame> ParseBundleFrame(absl::string_view file);

// The contents of a section's records, one after the other.
class RecordRange {
 public:
  class Iterator {
   public:
    explicit Iterator(absl::string_view rest) : rest_(rest) {}
    absl::string_view operator*() const;
    Iterator& operator++();
    bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }

   private:
    absl::string_view rest_;
  };
  explicit RecordRange(absl::string_view bytes) : bytes_(bytes) {}
  Iterator begin() const { return Iterator(bytes_); }
  Iterator end() const { return Iterator(bytes_.substr(bytes_.size())); }

 private:
  absl::string_view bytes_;
};
// REQUIRES: ParseBundleFrame made the frame.
RecordRange RecordsOf(const BundleFrame& frame, BundleSection section);
// Of a section that has exactly one record. REQUIRES: it has.
absl::string_view OnlyRecord(const BundleFrame& frame, BundleSection section);

// What a bundle begins with.
absl::string_view BundleMagic();
// REQUIRES: content.size() <= kMaxBundleRecordBytes.
void AppendBundleRecord(BundleSection section, absl::string_view content, std::string& out);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_FRAMING_H_
