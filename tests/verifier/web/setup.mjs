// Older node has WebCrypto, but not where a browser has it. Imported first by every test.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
