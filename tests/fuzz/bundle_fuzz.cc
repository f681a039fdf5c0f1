// An evidence bundle, whatever its bytes: no crash; what parses is written again to the same bytes,
// record by record; and only a file that passes each core claim is verified.
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_log.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_entry.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_verify.h"

namespace auditledger {
namespace {

void CheckRecords(const BundleFile& bundle) {
  for (const absl::string_view record : RecordsOf(bundle.frame, BundleSection::kEntries)) {
    FUZZ_CHECK(EncodeBundleEntry(ParseBundleEntry(record).value()) == record);
  }
  for (const absl::string_view record : RecordsOf(bundle.frame, BundleSection::kInclusion)) {
    FUZZ_CHECK(EncodeInclusionRun(ParseInclusionRun(record).value()) == record);
  }
  FUZZ_CHECK(FormatBundleScope(bundle.scope) == OnlyRecord(bundle.frame, BundleSection::kScope));
  FUZZ_CHECK(FormatBundleManifest(bundle.manifest) ==
             OnlyRecord(bundle.frame, BundleSection::kManifest));
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  BundleInput input;
  input.bytes = FuzzInput(data, size);
  input.index_key = std::string(32, 'i');
  const absl::StatusOr<BundleFile> bundle = ParseBundle(input.bytes);
  if (bundle.ok()) CheckRecords(*bundle);
  const BundleReport report = VerifyBundle(input, FuzzPin());
  FUZZ_CHECK(bundle.ok() || report.ExitCode() == 1);
  FUZZ_CHECK(report.ExitCode() != 0);  // there is no policy
  if (report.ExitCode() == 3) {
    for (size_t i = 0; i < kBundleClaims; ++i) {
      FUZZ_CHECK(!IsCoreClaim(static_cast<BundleClaim>(i)) ||
                 report.findings.claims[i].result == ClaimResult::kPass);
    }
  }
  FUZZ_CHECK(!BundleText(report).empty() && !BundleJson(report).empty());
  return 0;
}
