#include "merkle/evidence.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr absl::string_view kFirstLine = "auditledger-evidence/v1";
constexpr std::array<absl::string_view, 6> kKindNames = {"fork",     "history", "receipt",
                                                         "rollback", "leaf",    "order"};

void AppendHead(std::string& out, absl::string_view note) {
  absl::StrAppend(&out, "head ", std::count(note.begin(), note.end(), '\n'), "\n", note);
}

void AppendProof(std::string& out, const std::vector<Hash>& proof) {
  absl::StrAppend(&out, "proof ", proof.size(), "\n");
  for (const Hash& hash : proof) absl::StrAppend(&out, hash.ToBase64(), "\n");
}

// Reads the file line by line; every error is InvalidArgument.
class Lines {
 public:
  explicit Lines(absl::string_view text) : rest_(text) {}

  absl::StatusOr<absl::string_view> Line() {
    absl::string_view line;
    RETURN_IF_ERROR(TakeLine("evidence", rest_, line));
    return line;
  }
  // What follows `word` and a space.
  absl::StatusOr<absl::string_view> Field(absl::string_view word) {
    ASSIGN_OR_RETURN(absl::string_view line, Line());
    if (absl::ConsumePrefix(&line, word) && absl::ConsumePrefix(&line, " ")) return line;
    return absl::InvalidArgumentError(absl::StrCat("evidence: a \"", word, "\" line is due"));
  }
  absl::StatusOr<uint64_t> Number(absl::string_view word) {
    ASSIGN_OR_RETURN(const absl::string_view field, Field(word));
    return ParseDecimal("evidence", field);
  }
  absl::StatusOr<std::string> Head() {
    ASSIGN_OR_RETURN(const uint64_t lines, Number("head"));
    const absl::string_view from = rest_;
    for (uint64_t i = 0; i < lines; ++i) RETURN_IF_ERROR(Line().status());
    std::string note(from.substr(0, from.size() - rest_.size()));
    RETURN_IF_ERROR(ParseNote(note).status());
    return note;
  }
  absl::StatusOr<Hash> HashOf(absl::string_view word) {
    ASSIGN_OR_RETURN(const absl::string_view field, Field(word));
    return Hash::FromBase64(field);
  }
  absl::StatusOr<std::vector<Hash>> Proof() {
    ASSIGN_OR_RETURN(const uint64_t count, Number("proof"));
    if (count > kMaxEvidenceHashes) {
      return absl::InvalidArgumentError(
          absl::StrCat("evidence: a proof has at most ", kMaxEvidenceHashes, " hashes"));
    }
    std::vector<Hash> proof;
    for (uint64_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(const absl::string_view line, Line());
      ASSIGN_OR_RETURN(const Hash hash, Hash::FromBase64(line));
      proof.push_back(hash);
    }
    return proof;
  }
  absl::StatusOr<std::string> OneLeaf() {
    ASSIGN_OR_RETURN(const absl::string_view field, Field("leaf"));
    return DecodeBase64("evidence", field);
  }
  // One or two.
  absl::StatusOr<std::vector<std::string>> Leaves() {
    std::vector<std::string> leaves;
    do {
      ASSIGN_OR_RETURN(std::string leaf, OneLeaf());
      leaves.push_back(std::move(leaf));
    } while (leaves.size() < 2 && rest_.substr(0, 5) == "leaf ");
    return leaves;
  }
  bool done() const { return rest_.empty(); }

 private:
  absl::string_view rest_;
};

absl::StatusOr<Evidence::Kind> ParseKind(absl::string_view name) {
  for (size_t i = 0; i < kKindNames.size(); ++i) {
    if (kKindNames[i] == name) return static_cast<Evidence::Kind>(i);
  }
  return absl::InvalidArgumentError("evidence: of a kind that this version does not know");
}

absl::Status ParseBody(Lines& lines, Evidence& out) {
  switch (out.kind) {
    case Evidence::Kind::kFork:
    case Evidence::Kind::kRollback:
      return absl::OkStatus();
    case Evidence::Kind::kHistory: {
      ASSIGN_OR_RETURN(out.prefix, lines.HashOf("prefix"));
      ASSIGN_OR_RETURN(out.proof, lines.Proof());
      return absl::OkStatus();
    }
    case Evidence::Kind::kReceipt: {
      ASSIGN_OR_RETURN(out.index, lines.Number("entry"));
      ASSIGN_OR_RETURN(out.first_hash, lines.HashOf("hash"));
      ASSIGN_OR_RETURN(out.proof, lines.Proof());
      ASSIGN_OR_RETURN(out.second_hash, lines.HashOf("hash"));
      ASSIGN_OR_RETURN(out.second_proof, lines.Proof());
      return absl::OkStatus();
    }
    case Evidence::Kind::kLeaf: {
      ASSIGN_OR_RETURN(out.index, lines.Number("entry"));
      ASSIGN_OR_RETURN(out.leaves, lines.Leaves());
      ASSIGN_OR_RETURN(out.proof, lines.Proof());
      return absl::OkStatus();
    }
    case Evidence::Kind::kOrder: {
      out.leaves.resize(2);
      ASSIGN_OR_RETURN(out.index, lines.Number("entry"));
      ASSIGN_OR_RETURN(out.leaves[0], lines.OneLeaf());
      ASSIGN_OR_RETURN(out.proof, lines.Proof());
      ASSIGN_OR_RETURN(out.second_index, lines.Number("entry"));
      ASSIGN_OR_RETURN(out.leaves[1], lines.OneLeaf());
      ASSIGN_OR_RETURN(out.second_proof, lines.Proof());
      return absl::OkStatus();
    }
  }
  return absl::InternalError("unknown kind");
}

}  // namespace

absl::string_view EvidenceKindName(Evidence::Kind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

bool HasSecondHead(Evidence::Kind kind) {
  return kind != Evidence::Kind::kLeaf && kind != Evidence::Kind::kOrder;
}

std::string FormatEvidence(const Evidence& evidence) {
  std::string out = absl::StrCat(kFirstLine, "\n", EvidenceKindName(evidence.kind), "\n");
  AppendHead(out, evidence.first);
  if (HasSecondHead(evidence.kind)) AppendHead(out, evidence.second);
  switch (evidence.kind) {
    case Evidence::Kind::kFork:
    case Evidence::Kind::kRollback:
      break;
    case Evidence::Kind::kHistory:
      absl::StrAppend(&out, "prefix ", evidence.prefix.ToBase64(), "\n");
      AppendProof(out, evidence.proof);
      break;
    case Evidence::Kind::kReceipt:
      absl::StrAppend(&out, "entry ", evidence.index, "\n");
      absl::StrAppend(&out, "hash ", evidence.first_hash.ToBase64(), "\n");
      AppendProof(out, evidence.proof);
      absl::StrAppend(&out, "hash ", evidence.second_hash.ToBase64(), "\n");
      AppendProof(out, evidence.second_proof);
      break;
    case Evidence::Kind::kLeaf:
      absl::StrAppend(&out, "entry ", evidence.index, "\n");
      for (const std::string& leaf : evidence.leaves) {
        absl::StrAppend(&out, "leaf ", EncodeBase64(leaf), "\n");
      }
      AppendProof(out, evidence.proof);
      break;
    case Evidence::Kind::kOrder:
      absl::StrAppend(&out, "entry ", evidence.index, "\nleaf ", EncodeBase64(evidence.leaves[0]),
                      "\n");
      AppendProof(out, evidence.proof);
      absl::StrAppend(&out, "entry ", evidence.second_index, "\nleaf ",
                      EncodeBase64(evidence.leaves[1]), "\n");
      AppendProof(out, evidence.second_proof);
      break;
  }
  return out;
}

absl::StatusOr<Evidence> ParseEvidence(absl::string_view text) {
  if (text.size() > kMaxEvidenceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("evidence: over ", kMaxEvidenceBytes, " bytes"));
  }
  Lines lines(text);
  ASSIGN_OR_RETURN(const absl::string_view first, lines.Line());
  if (first != kFirstLine) {
    return absl::InvalidArgumentError("evidence: not an evidence file of a version we know");
  }
  Evidence out;
  ASSIGN_OR_RETURN(const absl::string_view kind, lines.Line());
  ASSIGN_OR_RETURN(out.kind, ParseKind(kind));
  ASSIGN_OR_RETURN(out.first, lines.Head());
  if (HasSecondHead(out.kind)) {
    ASSIGN_OR_RETURN(out.second, lines.Head());
  }
  RETURN_IF_ERROR(ParseBody(lines, out));
  if (!lines.done()) return absl::InvalidArgumentError("evidence: something follows its end");
  return out;
}

}  // namespace auditledger
