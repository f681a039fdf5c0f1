"""When to send again, and after how long.

Appending is exactly-once at the ledger (principal, stream, event id), so whatever has no answer may
be sent again with the same bytes. The numbers are those of the published service configuration,
which a stock gRPC client takes as it is; the ledger's hint (RetryInfo), which gRPC does not read,
comes on top: a wait is never shorter.
"""
import importlib.resources
import json
import random
import time
from dataclasses import dataclass
from typing import Callable

from .errors import LedgerError


def service_config():
    """The text of the service configuration that is published with the protos."""
    return importlib.resources.files("auditledger").joinpath("v1/service_config.json").read_text()


@dataclass(frozen=True)
class RetryPolicy:
    max_attempts: int  # the first one counts
    initial: float  # seconds
    longest: float
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    @classmethod
    def published(cls, **changes):
        policies = [method["retryPolicy"] for method in json.loads(service_config())["methodConfig"]
                    if "retryPolicy" in method]
        policy = policies[0]
        numbers = {"max_attempts": policy["maxAttempts"],
                   "initial": float(policy["initialBackoff"].rstrip("s")),
                   "longest": float(policy["maxBackoff"].rstrip("s"))}
        return cls(**{**numbers, **changes})

    def wait(self, attempt, error):
        """After ``attempt`` attempts, the last of which ended with ``error``."""
        bound = min(self.initial * 2**min(attempt - 1, 20), self.longest)
        self.sleep(max(self.uniform(0, bound), error.retry_after or 0))

    def run(self, call):
        attempt = 1
        while True:
            try:
                return call()
            except LedgerError as error:
                if not error.retryable or attempt >= self.max_attempts:
                    raise
                self.wait(attempt, error)
            attempt += 1
