// Secrets that events bring along (passwords, keys, tokens in native records), overwritten before
// an event is sealed: in an immutable store there is no after (shared/reference/domain.md 1).
//
// What is taken for a secret: the values of names like password, client_secret, sessionToken or
// Authorization, in JSON (also as text within JSON), XML, key=value, HTTP headers and SQL; the
// password of a URL; private keys in PEM; the signature of a JSON Web Token; tokens that tell
// themselves by their beginning (ghp_, xoxb-, AIza ...); what a name in another place tells of: the
// fields of FieldChange, Detail and Extension, {"name": "password", "value": ...} in JSON. Every
// byte of it becomes '*', in its place: lengths stay, and what is around it says that there was a
// secret, whose. JSON stays JSON, but where the secret was a number: digits in its place could not
// be told from what was sent, and a ledger that lies could write any.
//
// Not found: what is encoded once more (base64 in a field, compressed), secrets without a name or a
// shape. Not looked at: event_id and source, which are the event's identity.
//
// Example:
//   if (std::optional<MaskedEvent> masked = MaskSecrets(bytes)) {
//     flags |= kFlagSecretsMasked;
//     bytes = std::move(masked->event);
//   }
//
// Thread-safety: pure function. Cost: one pass over the bytes by an automaton, a second one of each
// field where the first finds something. No secret is ever in a message.
#ifndef AUDITLEDGER_API_SECRET_MASK_H_
#define AUDITLEDGER_API_SECRET_MASK_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace auditledger {

struct MaskedEvent {
  std::string event;  // of the same length
  // The paths of what held a secret ("original.content"), in the event's order.
  std::vector<std::string> fields;
};

// `event`: a serialized AuditEvent, canonical. Nothing when there is no secret in it.
std::optional<MaskedEvent> MaskSecrets(absl::string_view event);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SECRET_MASK_H_
