/** Stands in for Node's "crypto" where @hpke/core would ask for it; browsers have their own. */
export const webcrypto: Crypto = globalThis.crypto
