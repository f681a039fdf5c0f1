// A day of access events of a small hospital, made up: staff with roles and departments, patients
// with encounters, orders and care teams that explain most of what is opened, logins, exports,
// break-glass, and a few planted cases that an investigator should find, with the truth about them.
//
//   GeneratedDay day = GenerateDay({.seed = 7, .events = 2000});
//   day.events        in the order of time; three emitters' streams, numbered from 1
//   day.planted       which events are what, by the rule ids of shared/reference/domain.md 5.3
//   day.gap           one sequence number of one stream that was never emitted
//
// Everything follows from the options: the same options, the same bytes. No name of a person is in
// it. About 93 of 100 accesses carry an encounter or an order, which is what studies of real logs
// found explained (domain.md 4): with fewer, rules would look better than they are.
//
// Thread-safety: a pure function.
#ifndef AUDITLEDGER_TOOLS_GENERATOR_H_
#define AUDITLEDGER_TOOLS_GENERATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

// The planted cases alone are about 60 events; a million is 1.5 GB of JSON.
inline constexpr size_t kMinGeneratedEvents = 200;
inline constexpr size_t kMaxGeneratedEvents = 1'000'000;
inline constexpr size_t kBillingSpreeEvents = 500;

struct GeneratorOptions {
  uint64_t seed = 1;
  std::string date = "2025-03-03";  // YYYY-MM-DD, local to the hospital (UTC+01:00)
  size_t events = 2000;             // at least kMinGeneratedEvents
  bool billing_spree = false;       // rule V1: 500 patients in an hour, beside `events`
};

struct PlantedCase {
  std::string rule;  // "S2", ...
  std::string why;
  std::vector<std::string> event_ids;
};

struct SequenceGap {
  std::string stream_id;
  uint64_t sequence = 0;
};

struct GeneratedDay {
  std::vector<v1::AuditEvent> events;
  std::vector<PlantedCase> planted;
  SequenceGap gap;
};

// InvalidArgument: a date that is none, or a count out of its limits.
absl::StatusOr<GeneratedDay> GenerateDay(const GeneratorOptions& options);

// The truth file: options, counts, planted cases and gap.
std::string TruthJson(const GeneratorOptions& options, const GeneratedDay& day);

// An access to a patient's data, and whether an encounter or an order explains it.
bool IsAccess(const v1::AuditEvent& event);
bool IsExplained(const v1::AuditEvent& event);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_GENERATOR_H_
