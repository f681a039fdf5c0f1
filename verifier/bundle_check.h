// One bundle of an export, up to 256 entries: the leaves against their tile and their kinds' rules,
// and the payloads that are there against the leaves. Bundles do not depend on each other, so
// threads check them side by side.
//
// Thread-safety: pure function of bytes; it reads no file.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_CHECK_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_CHECK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/erasure_history.h"
#include "merkle/hash.h"
#include "merkle/sha256.h"
#include "merkle/tag_log.h"
#include "verifier/pins.h"
#include "verifier/timestamps.h"
#include "verifier/verdict.h"

namespace auditledger {

struct Finding {
  Outcome outcome = Outcome::kRefused;
  std::string text;  // names entry and file
};

// The first kMaxReasons, and a count of the rest.
class Findings {
 public:
  void Refuse(std::string text) { Add({Outcome::kRefused, std::move(text)}); }
  void CannotTell(std::string text) { Add({Outcome::kCannotTell, std::move(text)}); }
  // `what` failed with `status`: what is not there cannot be told, what is there and wrong is
  // refused.
  void AddStatus(absl::string_view what, const absl::Status& status);
  void MoveInto(Verdict& verdict);
  bool empty() const { return kept_.empty(); }
  const std::vector<Finding>& kept() const { return kept_; }

 private:
  void Add(Finding finding);
  std::vector<Finding> kept_;
  uint64_t left_out_ = 0;
  Outcome worst_ = Outcome::kVerified;
};

// What the files of one bundle held, or why they could not be read.
struct BundleFiles {
  uint64_t bundle = 0;  // its index: entries from bundle * 256
  uint64_t width = 0;   // how many entries the head says it has
  absl::StatusOr<std::string> entries = absl::NotFoundError("entries");
  absl::StatusOr<std::string> tile = absl::NotFoundError("tile");
  absl::StatusOr<std::string> payload = absl::NotFoundError("payload");
};

struct BundleRules {
  Pin pin;
  std::shared_ptr<const HmacKey> index_key;                  // nullptr: tags are not checked
  std::shared_ptr<const ErasureHistory> erasures = nullptr;  // nullptr: nothing is known of any
  bool for_index = false;  // whether the log has index heads to compare: then BundleResult::indexed
};

struct BundleResult {
  Findings findings;
  // `width` of them: of the entries, or the tile's where there are no entries; else empty.
  std::vector<Hash> leaf_hashes;
  std::optional<uint64_t> first_recorded_us;  // of the leaves that parsed; nullopt for none
  std::optional<uint64_t> last_recorded_us;
  std::map<uint8_t, uint64_t> kinds;
  uint64_t opened = 0;
  uint64_t emitter_signed = 0;
  // Indices, ascending.
  std::vector<uint64_t> withheld;  // without payload, though an event stands behind them
  struct Erased {
    uint64_t index = 0;
    uint64_t by = 0;
    bool shown = false;  // its payload is there all the same
  };
  std::vector<Erased> erased;  // that an erasure names
  struct Erasing {
    uint64_t index = 0;
    std::string principal;            // who asked, or approved
    std::optional<uint64_t> request;  // of an erasure: that it carries out
  };
  std::vector<Erasing> erasing;     // requests and erasures whose content is there
  std::vector<uint64_t> unread;     // payloads of kinds that this version does not open
  std::vector<NamedToken> anchors;  // entries that name a timestamp
  // What the verifiable index is made of (merkle/index_audit.h), of each entry; empty where a leaf
  // is missing or does not parse.
  struct Indexed {
    TagLogEntry entry;
    std::vector<Hash> tags;
  };
  std::vector<Indexed> indexed;
};

BundleResult CheckBundle(const BundleRules& rules, const BundleFiles& files);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_CHECK_H_
