// What reads as an archive is the archive of what was read, each file one that an export has. The
// checksums of what look like headers are put right first: no mutation would hit them.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/fuzz/fuzz_check.h"
#include "verifier/export_archive.h"

namespace {

// Puts the files it gets together again.
class Rewriter : public auditledger::ExportSink {
 public:
  absl::Status Put(const std::string& name, absl::string_view bytes) override {
    const auto limit = auditledger::ExportFileLimit(name);
    FUZZ_CHECK(limit.has_value() && bytes.size() <= *limit);
    FUZZ_CHECK(name.find("..") == std::string::npos && name.front() != '/');
    FUZZ_CHECK(names_.insert(name).second);
    absl::StrAppend(&archive, auditledger::ArchiveHeader(name, bytes.size()), bytes,
                    auditledger::ArchivePadding(bytes.size()));
    return absl::OkStatus();
  }
  std::string archive;

 private:
  std::set<std::string> names_;
};

std::string WithChecksums(absl::string_view input) {
  std::string out(input);
  for (size_t at = 0; at + auditledger::kArchiveBlock <= out.size();
       at += auditledger::kArchiveBlock) {
    if (out.compare(at + 257, 5, "ustar") != 0) continue;
    out.replace(at + 148, 8, "        ");
    unsigned int sum = 0;
    for (size_t i = 0; i < auditledger::kArchiveBlock; ++i) {
      sum += static_cast<unsigned char>(out[at + i]);
    }
    out.replace(at + 148, 7, absl::StrFormat("%06o", sum).append(1, '\0'));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const std::string input = WithChecksums(FuzzInput(data, size));
  absl::string_view rest = input;
  Rewriter out;
  const absl::Status status = ReadArchive(
      [&rest](char* to, size_t n) -> absl::StatusOr<size_t> {
        const size_t got = rest.copy(to, std::min(n, size_t{700}));
        rest.remove_prefix(got);
        return got;
      },
      out);
  if (!status.ok()) {
    FUZZ_CHECK(!status.message().empty());
    return 0;
  }
  FUZZ_CHECK(out.archive.append(kArchiveEndBytes, '\0') == input);
  return 0;
}
