// What reports tell of an event, in words: who, when, what, why, from where.
//
// What is withheld is told so ("withheld: staff-names"), what the event does not say is empty.
//
// Example:
//   const AccessWords words(scope.rules);
//   const Access access = words.Read(event);
//   row = {access.time, access.user, access.what};
//
// Thread-safety: const methods.
#ifndef AUDITLEDGER_TOOLS_REPORT_ACCESS_H_
#define AUDITLEDGER_TOOLS_REPORT_ACCESS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tools/report_event.h"
#include "verifier/bundle_scope.h"

namespace auditledger {

// Somebody outside to whom records went.
struct Recipient {
  std::string name;
  std::string address;
  std::vector<std::string> names;  // all that it is known by
};

struct Access {
  uint64_t index = 0;
  int64_t at_us = 0;         // Unix; as the source says, or the ledger where it does not
  int offset_minutes = 0;    // of the source's zone
  std::string time;          // "2025-03-03 10:00:00 +01:00"
  std::string user;          // id of the agent that asked
  std::string user_name;     //
  std::string role;          //
  std::string department;    //
  std::string organization;  //
  std::string address;       // network
  std::string kind;          // code or category: what happened
  std::string action;        //
  std::string outcome;       //
  std::string what;          // was touched, beside people
  // The same without free text, and a machine's address alone: names of staff are in neither.
  std::string kind_of_what;
  std::string machine;
  std::string purpose;      //
  std::string explanation;  // encounter, order; empty where nothing explains it
  bool override = false;    // break-glass
  bool failed = false;      //
  // Of each patient of the event: SYSTEM|ID, or |REFERENCE, as `auditctl bundle --subject` takes
  // it; "?" of one that has neither.
  std::vector<std::string> patients;
  std::vector<Recipient> recipients;
};

class AccessWords {
 public:
  explicit AccessWords(const std::vector<BundleRule>& rules);
  Access Read(const ReportEvent& event) const;
  // "withheld: NAME OF THE RULE", or empty where it is not withheld.
  std::string Withheld(const ReportEvent& event, UnitPath path) const;

 private:
  void ReadAgent(const ReportEvent& event, Access& out) const;
  void ReadPatients(const ReportEvent& event, Access& out) const;
  void ReadRecipients(const ReportEvent& event, Access& out) const;
  void ReadWhat(const ReportEvent& event, Access& out) const;
  std::string Explanation(const ReportEvent& event) const;

  std::map<uint8_t, std::string> names_;
};

// Every way to name a patient of the event: each identifier, and the reference.
std::vector<std::string> PatientKeys(const v1::Reference& patient);
// The text, or the display or code of the first coding that has one.
std::string ConceptText(const v1::CodeableConcept& concept_value);
// Whether a coding of it has that code, of whatever system.
bool HasCode(const v1::CodeableConcept& concept_value, absl::string_view code);
// The display, identifier or reference.
std::string ReferenceText(const v1::Reference& reference);
// Of the event, and where it has none of the agent that asked.
std::vector<v1::CodeableConcept> PurposesOf(const v1::AuditEvent& event);
// Unix time in microseconds; what no calendar has is the nearest that it has.
int64_t MicrosOf(const v1::Time& time);
bool IsPatient(const v1::Entity& entity);
// A patient, a member of staff.
bool IsPerson(const v1::Entity& entity);
// The place among the agents of the one that asked: `requestor`, or the first. -1: there is none.
int RequestorOf(const v1::AuditEvent& event);
// Codes and categories, one of which has that code.
bool IsKind(const v1::AuditEvent& event, absl::string_view code);

// "2025-03-03 10:00:00 +01:00"
std::string LocalTime(int64_t unix_us, int offset_minutes);
// "2025-03-03"
std::string LocalDay(int64_t unix_us, int offset_minutes);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_REPORT_ACCESS_H_
