#include "verifier/bundle_page.h"

#include "absl/strings/str_replace.h"
#include "merkle/base64.h"

namespace auditledger {

extern const char kReportPage[];  // web/build_page.py

std::string BundlePage(absl::string_view bundle, absl::string_view vkey) {
  return absl::StrReplaceAll(kReportPage, {{"@KEY@", vkey}, {"@BUNDLE@", EncodeBase64(bundle)}});
}

}  // namespace auditledger
