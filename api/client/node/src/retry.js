// When to send again, and after how long. Appending is exactly-once at the ledger (principal,
// stream, event id), so whatever has no answer may be sent again with the same bytes. The numbers
// are those of the published service configuration, which a stock gRPC client takes as it is; the
// ledger's hint (RetryInfo), which gRPC does not read, comes on top: a wait is never shorter.
import {readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {LedgerError} from './errors.js';

/** The gRPC service configuration that is published with the protos. */
export const serviceConfig =
    JSON.parse(readFileSync(new URL('../gen/service_config.json', import.meta.url), 'utf8'));

const milliseconds = duration => 1000 * Number.parseFloat(duration);

/** The published policy; `changes` may give `sleep` and `random` for tests. */
export function retryPolicy(changes = {}) {
  const {maxAttempts, initialBackoff, maxBackoff} =
      serviceConfig.methodConfig.find(method => method.retryPolicy).retryPolicy;
  return {maxAttempts, initialMs: milliseconds(initialBackoff), maxMs: milliseconds(maxBackoff),
          sleep, random: Math.random, ...changes};
}

/** After `attempt` attempts, the last of which ended with `error`. */
export function waitAfter(policy, attempt, error) {
  const bound = Math.min(policy.initialMs * 2 ** Math.min(attempt - 1, 20), policy.maxMs);
  return policy.sleep(Math.max(policy.random() * bound, error.retryAfterMs ?? 0));
}

/** Calls until there is an answer, a refusal, or too many attempts. */
export async function retry(policy, call) {
  for (let attempt = 1;; ++attempt) {
    try {
      return await call();
    } catch (error) {
      const again = error instanceof LedgerError && error.retryable;
      if (!again || attempt >= policy.maxAttempts) throw error;
      await waitAfter(policy, attempt, error);
    }
  }
}
