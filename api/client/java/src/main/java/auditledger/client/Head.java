package auditledger.client;

/**
 * A signed head: how long the log was and the root of its tree. Keep the newest one seen. The note
 * is verbatim, signatures included.
 */
public record Head(String origin, long size, byte[] root, String note) {}
