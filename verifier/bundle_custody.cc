#include "verifier/bundle_custody.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/commitment.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/units.h"
#include "merkle/verify.h"
#include "merkle/wire.h"
#include "verifier/bundle_proofs.h"

namespace auditledger {
namespace {

constexpr uint32_t kCodeField = 8;           // of AuditEvent
constexpr uint32_t kEntityDigestField = 12;  // of Entity: content_sha256
constexpr uint32_t kConceptCodingField = 1;  // of CodeableConcept
constexpr uint32_t kCodingSystemField = 1;   // of Coding
constexpr uint32_t kCodingCodeField = 3;
constexpr absl::string_view kNotWellFormed = "not well formed";

struct Handed {
  uint64_t index = 0;
  std::string principal;
};

// The length-delimited fields `number` of a message.
absl::StatusOr<std::vector<absl::string_view>> Messages(absl::string_view message,
                                                        uint32_t number) {
  std::vector<absl::string_view> out;
  WireReader reader(message);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number == number && field.type == WireType::kLengthDelimited) {
      out.push_back(field.value);
    }
  }
  return out;
}

absl::StatusOr<bool> NamesDigest(const std::vector<UnitView>& units, const Hash& digest) {
  bool named = false;
  for (const UnitView& unit : units) {
    if (unit.path.field != kEntityField) continue;
    ASSIGN_OR_RETURN(const auto values, Messages(unit.bytes, kEntityDigestField));
    named = named || std::find(values.begin(), values.end(), digest.view()) != values.end();
  }
  return named;
}

// The codes of the system of custody.
absl::Status ReadCodes(absl::string_view concept_bytes, std::vector<std::string>& out) {
  ASSIGN_OR_RETURN(const auto codings, Messages(concept_bytes, kConceptCodingField));
  for (const absl::string_view coding : codings) {
    ASSIGN_OR_RETURN(const auto systems, Messages(coding, kCodingSystemField));
    ASSIGN_OR_RETURN(const auto codes, Messages(coding, kCodingCodeField));
    for (const auto* list : {&systems, &codes}) {
      if (!std::all_of(list->begin(), list->end(), IsUtf8)) {
        return absl::InvalidArgumentError("not UTF-8");
      }
    }
    if (std::find(systems.begin(), systems.end(), kCustodySystem) == systems.end()) continue;
    for (const absl::string_view code : codes) out.emplace_back(code);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CustodyCode(const std::vector<UnitView>& units) {
  std::vector<std::string> codes;
  for (const UnitView& unit : units) {
    if (unit.path.field != kCodeField) continue;
    ASSIGN_OR_RETURN(const auto concepts, Messages(unit.bytes, kCodeField));
    for (const absl::string_view each : concepts) RETURN_IF_ERROR(ReadCodes(each, codes));
  }
  return codes.size() == 1 ? codes.front() : std::string();
}

class Chain {
 public:
  Chain(const BundleFile& bundle, const HeadOpener& open)
      : bundle_(bundle),
        open_(open),
        digest_(Sha256({OnlyRecord(bundle.frame, BundleSection::kManifest)})) {}

  // "" or what is wrong; InvalidArgument for what is not well formed.
  absl::StatusOr<std::string> Add(absl::string_view bytes) {
    ASSIGN_OR_RETURN(const CustodyRecord record, ParseCustodyRecord(bytes));
    ASSIGN_OR_RETURN(const TlogProof proof, ParseTlogProof(record.receipt));
    RETURN_IF_ERROR(ParseUncheckedHead(proof.checkpoint).status());
    const absl::StatusOr<SignedCheckpoint> head = open_(proof.checkpoint);
    if (!head.ok()) return "its head is not signed by the log's key";
    const Checkpoint& mine = bundle_.head;
    if (!VerifyConsistency(mine.size, mine.root, head->checkpoint.size, head->checkpoint.root,
                           record.proof)
             .ok()) {
      return "its head does not extend the bundle's";
    }
    if (!proof.extra) return absl::InvalidArgumentError("extra");
    ASSIGN_OR_RETURN(const ReceiptExtra extra, ParseReceiptExtra(*proof.extra));
    if (!extra.opening) return absl::InvalidArgumentError("opening");
    if (!VerifyInclusion(proof.index, head->checkpoint.size, LeafHash(extra.leaf), proof.path,
                         head->checkpoint.root)
             .ok()) {
      return "it is not in the log";
    }
    return AddEvent(proof.index, extra, record.event);
  }

  const std::vector<Handed>& handed() const { return handed_; }

 private:
  absl::StatusOr<std::string> AddEvent(uint64_t index, const ReceiptExtra& extra,
                                       absl::string_view event) {
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(extra.leaf));
    ASSIGN_OR_RETURN(const std::vector<UnitView> units, CutUnitViews(event));
    const Hash made = EntryCommitment(HeaderHash(extra.opening->seed, extra.opening->header),
                                      EventCommitment(DigestUnits(extra.opening->seed, units)));
    if (leaf.kind != EntryKind::kEvent || leaf.commitment != made) {
      return "its event is not what its leaf commits to";
    }
    ASSIGN_OR_RETURN(const bool named, NamesDigest(units, digest_));
    if (!named) return "it names another bundle";
    ASSIGN_OR_RETURN(const std::string code, CustodyCode(units));
    const bool later = handed_.empty() ? index >= bundle_.head.size : index > handed_.back().index;
    if (code != (handed_.empty() ? kCustodyExport : kCustodyHandOver) || !later) {
      return "out of order";
    }
    ASSIGN_OR_RETURN(EntryHeader header, ParseHeader(extra.opening->header));
    if (!IsUtf8(header.principal)) return absl::InvalidArgumentError("principal");
    handed_.push_back({index, std::move(header.principal)});
    return std::string();
  }

  const BundleFile& bundle_;
  const HeadOpener& open_;
  const Hash digest_;
  std::vector<Handed> handed_;
};

}  // namespace

ClaimFinding CheckCustody(const BundleFile& bundle, const HeadOpener& open) {
  if (bundle.frame.of(BundleSection::kCustody).records == 0) {
    return CannotTell("nothing shows that the log knows of this bundle");
  }
  Chain chain(bundle, open);
  uint64_t number = 0;
  for (const absl::string_view record : RecordsOf(bundle.frame, BundleSection::kCustody)) {
    ++number;
    const absl::StatusOr<std::string> wrong = chain.Add(record);
    const std::string why = wrong.ok() ? *wrong : std::string(kNotWellFormed);
    if (!why.empty()) return Fail(absl::StrCat("record ", number, ": ", why));
  }
  const Handed& made = chain.handed().front();
  const size_t handed_on = chain.handed().size() - 1;
  return Pass(absl::StrCat("recorded as entry ", made.index, " by ", made.principal,
                           handed_on > 0 ? absl::StrCat("; hand-overs: ", handed_on) : ""));
}

}  // namespace auditledger
