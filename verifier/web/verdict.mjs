// What a claim comes to.
export const pass = (reason) => ({ result: "PASS", reason });
export const fail = (reason) => ({ result: "FAIL", reason });
export const cannotTell = (reason) => ({ result: "CANNOT TELL", reason });
