#include "api/search/search_terms.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace auditledger {
namespace {

using Dimension = SearchDimension;

// The tag of no patient, agent or override: none has such a kind.
constexpr char kKeyKind[] = "search-key/v1";
constexpr char kCheckText[] = "key check";

class Collector {
 public:
  explicit Collector(const SearchKey& key) : key_(key) {}

  void Add(Dimension dimension, absl::string_view a, absl::string_view b) {
    if (!b.empty()) terms_.push_back(key_.Term(dimension, a, b));
  }
  void AddText(Dimension dimension, absl::string_view text) { Add(dimension, "", text); }
  void AddNumber(Dimension dimension, uint64_t number) {
    if (number != 0) Add(dimension, "", absl::StrCat(number));
  }
  // A value under its system, and alone.
  void AddPair(Dimension dimension, absl::string_view system, absl::string_view value) {
    if (!system.empty()) Add(dimension, system, value);
    AddText(dimension, value);
  }
  // As tags are made: a value of a system is not found without it.
  void AddIdentifier(Dimension dimension, const v1::Identifier& identifier) {
    Add(dimension, identifier.system(), identifier.value());
  }
  void AddReference(Dimension dimension, const v1::Reference& reference) {
    AddText(dimension, reference.reference());
    AddIdentifier(dimension, reference.identifier());
  }
  void AddConcept(Dimension dimension, const v1::CodeableConcept& concept_) {
    for (const v1::Coding& coding : concept_.coding()) {
      AddPair(dimension, coding.system(), coding.code());
    }
    AddText(dimension, concept_.text());
  }
  void AddCount(uint64_t count) {
    for (const uint64_t threshold : kRecordCountThresholds) {
      if (count >= threshold) AddNumber(Dimension::kRecordCount, threshold);
    }
  }

  std::vector<PostingTerm> Take() {
    std::sort(terms_.begin(), terms_.end());
    terms_.erase(std::unique(terms_.begin(), terms_.end()), terms_.end());
    return std::move(terms_);
  }

 private:
  const SearchKey& key_;
  std::vector<PostingTerm> terms_;
};

void AddAgent(const v1::Agent& agent, Collector& out) {
  out.AddReference(Dimension::kUser, agent.who());
  out.AddReference(Dimension::kUser, agent.on_behalf_of());
  out.AddText(Dimension::kUser, agent.alt_id());
  for (const v1::Identifier& id : agent.other_id()) out.AddIdentifier(Dimension::kUser, id);
  out.AddText(Dimension::kDepartment, agent.department());
  out.AddReference(Dimension::kOrganization, agent.organization());
  out.AddText(Dimension::kOrganization, agent.organization().display());
  for (const v1::CodeableConcept& purpose : agent.purpose_of_use()) {
    out.AddConcept(Dimension::kPurpose, purpose);
  }
  out.AddText(Dimension::kNetwork, agent.network().address());
  out.AddText(Dimension::kCorrelation, agent.auth().session_id());
}

void AddSource(const v1::Source& source, Collector& out) {
  out.AddReference(Dimension::kSource, source.observer());
  out.AddText(Dimension::kSource, source.observer().display());
  out.AddReference(Dimension::kSource, source.site());
  out.AddText(Dimension::kSource, source.site().display());
  out.AddText(Dimension::kSource, source.host());
  out.AddText(Dimension::kStream, source.stream_id());
}

void AddCorrelation(const v1::AuditEvent& event, Collector& out) {
  out.AddText(Dimension::kCorrelation, event.event_id());
  const v1::Correlation& correlation = event.correlation();
  for (const std::string* id :
       {&correlation.request_id(), &correlation.trace_id(), &correlation.span_id(),
        &correlation.transaction_id(), &correlation.parent_event_id()}) {
    out.AddText(Dimension::kCorrelation, *id);
  }
}

void AddEmergency(const v1::EmergencyAccess& emergency, Collector& out) {
  out.AddText(Dimension::kEmergency, "any");
  out.AddNumber(Dimension::kEmergencyPhase, static_cast<uint64_t>(emergency.phase()));
  out.AddText(Dimension::kOverride, emergency.override_id());
}

}  // namespace

SearchKey::SearchKey(const Sealer& sealer)
    : key_(sealer.TagOf({kKeyKind, "", ""}).value().view()), check_(key_.Mac({kCheckText})) {}

PostingTerm SearchKey::Term(SearchDimension dimension, absl::string_view a,
                            absl::string_view b) const {
  const std::array<char, 3> head = {static_cast<char>(dimension), static_cast<char>(a.size() >> 8),
                                    static_cast<char>(a.size())};
  const Hash mac = key_.Mac({absl::string_view(head.data(), head.size()), a, b});
  PostingTerm term;
  term.bytes[0] = static_cast<char>(dimension);
  std::copy_n(mac.bytes.begin(), kPostingTermBytes - 1, term.bytes.begin() + 1);
  return term;
}

std::vector<PostingTerm> TermsOf(const SearchKey& key, const std::string& principal,
                                 const v1::AuditEvent& event) {
  Collector out(key);
  out.AddText(Dimension::kEvent, "any");
  out.AddText(Dimension::kPrincipal, principal);
  for (const v1::Reference& patient : event.patient()) {
    out.AddReference(Dimension::kPatient, patient);
  }
  AddSource(event.source(), out);
  for (const v1::CodeableConcept& category : event.category()) {
    out.AddConcept(Dimension::kCategory, category);
  }
  for (const v1::CodeableConcept& code : event.code()) out.AddConcept(Dimension::kCode, code);
  out.AddNumber(Dimension::kAction, static_cast<uint64_t>(event.action()));
  out.AddNumber(Dimension::kOutcome, static_cast<uint64_t>(event.outcome().indicator()));
  for (const v1::CodeableConcept& purpose : event.purpose_of_use()) {
    out.AddConcept(Dimension::kPurpose, purpose);
  }
  if (event.has_emergency_access()) AddEmergency(event.emergency_access(), out);
  AddCorrelation(event, out);
  for (const v1::Agent& agent : event.agent()) AddAgent(agent, out);
  uint64_t records = event.affected_record_count();
  for (const v1::Entity& entity : event.entity()) {
    out.AddReference(Dimension::kWhat, entity.what());
    for (const v1::Agent& agent : entity.agent()) AddAgent(agent, out);
    records = std::max(records, entity.record_count());
  }
  out.AddCount(records);
  return out.Take();
}

}  // namespace auditledger
