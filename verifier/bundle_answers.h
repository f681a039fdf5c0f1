// The complete answers in an evidence bundle (section completeness): which entries have the tags
// that were asked for, and that these are all, by the verifiable index of the log.
//
// An answer counts for its tag: the n-th for the n-th tag of the query. It must be under the very
// head of the bundle, whose signature is checked elsewhere, and about the window that was asked.
// The index key is not needed, and never in a bundle: that a tag is a certain patient's nobody can
// tell without it.
//
// Example:
//   const BundleAnswers answers = CheckAnswers(bundle);
//   if (!answers.wrong.empty()) ...
//
// Memory: an answer at a time (kMaxAnswerBytes), and the indexes of what they found.
// Thread-safety: pure function. Errors: all of them are findings.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_ANSWERS_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_ANSWERS_H_

#include <cstdint>
#include <set>
#include <string>

#include "verifier/bundle_file.h"

namespace auditledger {

struct BundleAnswers {
  uint64_t count = 0;
  std::string wrong;    // why the first that is refused is; "" where none is
  std::string unknown;  // the type of the first proof that is no answer
  // Below it no entry with the tags is left out; 0 unless each tag has its answer.
  uint64_t complete_size = 0;
  std::set<uint64_t> entries;      // that were found
  std::set<uint64_t> index_heads;  // entries of the log whose maps they rest on
};
BundleAnswers CheckAnswers(const BundleFile& bundle);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_ANSWERS_H_
