// What can be asked for: an event as terms, each the keyed hash of one thing that it says.
//
//   search_key = tag of kind "search-key/v1" under the ledger's index key (merkle/tags.h)
//   term       = u8 dimension || HMAC-SHA-256(search_key, u8 dimension || BE16 len(a) || a ||
//   b)[0:16]
//
// `a` is the system of an identifier or coding, else empty; `b` its value. So the index on the disk
// (ledger/posting_store.h) shows which entries have something in common, as tags in leaves do for
// patients and users, and not what; who has the index key can say what. Values are not normalised:
// two spellings are two values, as they are for tags.
//
// Example:
//   const SearchKey key(ledger.sealer());
//   for (const PostingTerm& term : TermsOf(key, principal, event)) ...
//   key.Term(SearchDimension::kDepartment, "", "ER")
//
// Thread-safety: immutable.
#ifndef AUDITLEDGER_API_SEARCH_SEARCH_TERMS_H_
#define AUDITLEDGER_API_SEARCH_SEARCH_TERMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/posting_format.h"
#include "ledger/sealer.h"
#include "merkle/sha256.h"

namespace auditledger {

// Stand in the index: never renumber. What each is made of, TermsOf says.
enum class SearchDimension : uint8_t {
  kEvent = 0,  // every entry whose event can be read
  kPatient = 1,
  kUser = 2,
  kWhat = 3,
  kDepartment = 4,
  kOrganization = 5,
  kSource = 6,
  kStream = 7,
  kPrincipal = 8,
  kCategory = 9,
  kCode = 10,
  kAction = 11,
  kOutcome = 12,
  kPurpose = 13,
  kEmergency = 14,  // of any phase
  kEmergencyPhase = 15,
  kOverride = 16,
  kNetwork = 17,
  kCorrelation = 18,
  kRecordCount = 19,  // one for each threshold that is reached
};

// Counts that can be asked for: one of them, or more. Powers of ten, as "bulk" is meant.
inline constexpr uint64_t kRecordCountThresholds[] = {1,      10,      100,      1'000,
                                                      10'000, 100'000, 1'000'000};

class SearchKey {
 public:
  explicit SearchKey(const Sealer& sealer);
  PostingTerm Term(SearchDimension dimension, absl::string_view a, absl::string_view b) const;
  // Tells whether an index was made under this key.
  const Hash& check() const { return check_; }

 private:
  const HmacKey key_;
  const Hash check_;
};

// Distinct, ascending. `principal`: who sent the event.
std::vector<PostingTerm> TermsOf(const SearchKey& key, const std::string& principal,
                                 const v1::AuditEvent& event);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SEARCH_SEARCH_TERMS_H_
