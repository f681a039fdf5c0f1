// An evidence bundle as a page for people: one HTML file without network, which checks the bundle
// by itself in a browser (web/) and shows what it holds.
//
// Example:
//   WriteFileAtomically({.path = "report.html", .temporary = "report.html.tmp"},
//                       BundlePage(bytes, pin.key.ToVkey()));
//
// The key is what whoever makes the page has pinned: a reader compares it with the one that the
// log's operator published. A bundle is embedded in base64: a browser holds all of it in memory, so
// that over some 500 MB auditledger-verify is the one to ask.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_PAGE_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace auditledger {

// Without a bundle: a page that opens any, by drag and drop. REQUIRES: `vkey` is one, or empty.
std::string BundlePage(absl::string_view bundle, absl::string_view vkey);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_PAGE_H_
