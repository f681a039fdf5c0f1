#include "ledger/identity_run_page.h"

#include "absl/strings/str_cat.h"
#include "ledger/crc32c.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::string Checksum(RunRange range, uint64_t number, absl::string_view content) {
  std::string place;
  PutU64(place, range.from);
  PutU64(place, range.to);
  PutU64(place, number);
  std::string out;
  PutU32(out, Crc32c(content, Crc32c(place)));
  return out;
}

}  // namespace

std::string EncodeRunPage(RunRange range, uint64_t number, absl::string_view content) {
  std::string page(content);
  page.resize(kRunPageContentBytes, '\0');
  return page + Checksum(range, number, page);
}

absl::StatusOr<std::string> ReadRunPages(const PosixFile& file, RunRange range, uint64_t first,
                                         uint64_t count) {
  ASSIGN_OR_RETURN(std::string pages, file.ReadExactly(first * kRunPageBytes,
                                                       static_cast<size_t>(count * kRunPageBytes)));
  for (uint64_t i = 0; i < count; ++i) {
    const auto page = absl::string_view(pages).substr(i * kRunPageBytes, kRunPageBytes);
    if (page.substr(kRunPageContentBytes) !=
        Checksum(range, first + i, page.substr(0, kRunPageContentBytes))) {
      return absl::DataLossError(
          absl::StrCat(file.path(), ": the checksum of page ", first + i, " is wrong"));
    }
  }
  return pages;
}

}  // namespace auditledger
