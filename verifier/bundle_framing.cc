#include "verifier/bundle_framing.h"

#include "merkle/bytes.h"

namespace auditledger {
namespace {

constexpr absl::string_view kMagic = "auditledger/bundle/v1\n";
constexpr size_t kRecordHeadBytes = 5;  // section and length

constexpr absl::string_view kNames[kBundleSections] = {
    "scope",       "head",         "key-changes", "entries",  "inclusion",
    "consistency", "completeness", "timestamps",  "coverage", "glossary",
    "certificate", "manifest",     "custody"};

absl::Status Malformed(absl::string_view where) { return absl::InvalidArgumentError(where); }

uint32_t LengthAt(absl::string_view record) {
  uint32_t length = 0;
  for (size_t i = 1; i < kRecordHeadBytes; ++i) {
    length = length << 8 | static_cast<uint8_t>(record[i]);
  }
  return length;
}

}  // namespace

absl::string_view SectionName(BundleSection section) {
  return kNames[static_cast<size_t>(section) - 1];
}

absl::StatusOr<BundleFrame> ParseBundleFrame(absl::string_view file) {
  if (file.substr(0, kMagic.size()) != kMagic) return Malformed("magic");
  absl::string_view rest = file.substr(kMagic.size());
  BundleFrame frame;
  uint8_t last = 1;
  while (!rest.empty()) {
    const auto number = static_cast<uint8_t>(rest[0]);
    if (number < last || number > kBundleSections) return Malformed("section");
    if (rest.size() < kRecordHeadBytes) return Malformed("truncated");
    const size_t length = LengthAt(rest);
    if (length > kMaxBundleRecordBytes) return Malformed("record");
    if (rest.size() - kRecordHeadBytes < length) return Malformed("truncated");
    SectionFrame& section = frame.sections[number - 1];
    if (section.records == 0) section.bytes = rest.substr(0, 0);
    section.bytes =
        absl::string_view(section.bytes.data(), section.bytes.size() + kRecordHeadBytes + length);
    ++section.records;
    section.content_bytes += length;
    rest.remove_prefix(kRecordHeadBytes + length);
    last = number;
  }
  return frame;
}

absl::string_view RecordRange::Iterator::operator*() const {
  return rest_.substr(kRecordHeadBytes, LengthAt(rest_));
}

RecordRange::Iterator& RecordRange::Iterator::operator++() {
  rest_.remove_prefix(kRecordHeadBytes + LengthAt(rest_));
  return *this;
}

RecordRange RecordsOf(const BundleFrame& frame, BundleSection section) {
  return RecordRange(frame.of(section).bytes);
}

absl::string_view OnlyRecord(const BundleFrame& frame, BundleSection section) {
  return *RecordsOf(frame, section).begin();
}

absl::string_view BundleMagic() { return kMagic; }

void AppendBundleRecord(BundleSection section, absl::string_view content, std::string& out) {
  PutU8(out, static_cast<uint8_t>(section));
  PutU32(out, static_cast<uint32_t>(content.size()));
  out.append(content.data(), content.size());
}

}  // namespace auditledger
