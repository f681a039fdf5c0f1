#include "merkle/erasure_history.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

template <typename... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat(parts...));
}

absl::Status CheckEarlier(uint64_t index, const EntryRanges& ranges) {
  if (ranges.empty() || ranges.back().last < index) return absl::OkStatus();
  return Broken("names entry ", ranges.back().last, ", which is not earlier");
}

// As a request's body has it.
absl::StatusOr<Hash> ScopeHash(const ErasureScope& scope) {
  ASSIGN_OR_RETURN(const std::string body, EncodeErasureRequest(scope));
  return Sha256({body});
}

bool Overlap(absl::Span<const EntryRange> a, absl::Span<const EntryRange> b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i].last < b[j].first) {
      ++i;
    } else if (b[j].last < a[i].first) {
      ++j;
    } else {
      return true;
    }
  }
  return false;
}

}  // namespace

absl::Status ErasureHistory::Add(uint64_t index, EntryKind kind, absl::string_view body) {
  if (kind == EntryKind::kErasure) return AddErasure(index, body);
  return kind == EntryKind::kErasureRequest ? AddRequest(index, body) : AddHold(index, body);
}

absl::Status ErasureHistory::AddErasure(uint64_t index, absl::string_view body) {
  const absl::StatusOr<Erasure> erasure = ParseErasure(body);
  if (!erasure.ok()) return Broken(erasure.status().message());
  const EntryRanges& ranges = erasure->scope.ranges;
  RETURN_IF_ERROR(CheckEarlier(index, ranges));
  const auto request = requests_.find(erasure->request);
  if (request == requests_.end()) {
    return Broken("carries out entry ", erasure->request, ", which is no request");
  }
  if (request->second.done_by.has_value()) {
    return Broken("carries out the request of entry ", erasure->request, ", which entry ",
                  *request->second.done_by, " did before");
  }
  ASSIGN_OR_RETURN(const Hash scope, ScopeHash(erasure->scope));
  if (scope != request->second.scope) {
    return Broken("is of other entries, or for another reason, than the request of entry ",
                  erasure->request);
  }
  if (const auto erased = FirstErased(ranges); erased.has_value()) {
    return Broken("names entry ", erased->index, ", which was erased by entry ", erased->by);
  }
  if (const auto held = HeldBy(ranges); held.has_value()) {
    return Broken("names what the legal hold of entry ", *held, " stands on");
  }
  request->second.done_by = index;
  for (const EntryRange& range : ranges) erased_[range.first] = {range.last, index};
  return absl::OkStatus();
}

absl::Status ErasureHistory::AddRequest(uint64_t index, absl::string_view body) {
  const absl::StatusOr<ErasureScope> request = ParseErasureRequest(body);
  if (!request.ok()) return Broken(request.status().message());
  RETURN_IF_ERROR(CheckEarlier(index, request->ranges));
  requests_[index] = {Sha256({body}), std::nullopt};
  return absl::OkStatus();
}

absl::Status ErasureHistory::AddHold(uint64_t index, absl::string_view body) {
  absl::StatusOr<LegalHold> hold = ParseLegalHold(body);
  if (!hold.ok()) return Broken(hold.status().message());
  if (hold->lifts) {
    if (holds_.erase(hold->placed) > 0) return absl::OkStatus();
    return Broken("lifts the legal hold of entry ", hold->placed, ", where none stands");
  }
  RETURN_IF_ERROR(CheckEarlier(index, hold->ranges));
  holds_[index] = std::move(hold->ranges);
  return absl::OkStatus();
}

std::optional<uint64_t> ErasureHistory::ErasedBy(uint64_t index) const {
  const auto after = erased_.upper_bound(index);
  if (after == erased_.begin() || std::prev(after)->second.last < index) return std::nullopt;
  return std::prev(after)->second.by;
}

std::optional<ErasureHistory::Erased> ErasureHistory::FirstErased(
    absl::Span<const EntryRange> ranges) const {
  for (const EntryRange& range : ranges) {
    if (const auto by = ErasedBy(range.first); by.has_value()) return Erased{range.first, *by};
    const auto inside = erased_.upper_bound(range.first);
    if (inside != erased_.end() && inside->first <= range.last) {
      return Erased{inside->first, inside->second.by};
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> ErasureHistory::HeldBy(absl::Span<const EntryRange> ranges) const {
  const auto held = std::find_if(holds_.begin(), holds_.end(), [&](const auto& hold) {
    return hold.second.empty() || Overlap(hold.second, ranges);
  });
  if (held == holds_.end()) return std::nullopt;
  return held->first;
}

const ErasureHistory::Request* ErasureHistory::FindRequest(uint64_t index) const {
  const auto found = requests_.find(index);
  return found == requests_.end() ? nullptr : &found->second;
}

}  // namespace auditledger
