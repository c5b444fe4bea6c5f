import { findSession } from '../../src/session/registry'

/**
 * Readies the key of the ciphertexts before a button that yields one may be tapped: renewing it after the tap would
 * make the ciphertext of that tap useless. Resolves with the error, where there is one.
 */
export async function readyKey(name: string): Promise<unknown> {
  try {
    // Without a session nobody here can decrypt, and whoever can has a key of their own.
    await findSession(name)?.ensureSessionKey()
    return null
  } catch (error) {
    return error
  }
}
