/** The server's offer of an ingest key, checked before anything is closed to it. */
import { type Bytes, fromBase64, hex } from './bytes'
import { context } from './context'

export const SUITES = ['x25519-sha256-aes256gcm', 'p256-sha256-aes256gcm'] as const
export type Suite = (typeof SUITES)[number]

export interface Offer {
  readonly suite: Suite
  readonly kid: string
  readonly public: Bytes
  readonly expiresAt: Date
}

/** The offer is not one that a picture may be closed to. */
export class OfferRefused extends Error {
  override name = 'OfferRefused'
}

/** A picture that waits in a queue must still be openable when it arrives (ADR on the envelope). */
const LEAST_LEFT_MS = 48 * 60 * 60 * 1000

const isSuite = (value: unknown): value is Suite => SUITES.some((suite) => suite === value)

export async function kidOf(suite: Suite, publicKey: Bytes): Promise<string> {
  const named = context('safelight-ingest-v1', suite, publicKey)
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', named))).slice(0, 32)
}

async function readOne(value: unknown, now: Date): Promise<Offer> {
  const given = value as Record<string, unknown> | null
  if (typeof given !== 'object' || given === null) throw new OfferRefused('not an offer')
  const { suite, kid, public: encoded, expires_at: expires } = given
  if (!isSuite(suite) || typeof kid !== 'string' || typeof encoded !== 'string')
    throw new OfferRefused('not an offer')
  const publicKey = fromBase64(encoded)
  if ((await kidOf(suite, publicKey)) !== kid) throw new OfferRefused('another key’s name')
  const expiresAt = new Date(String(expires))
  if (!(expiresAt.getTime() - now.getTime() >= LEAST_LEFT_MS)) throw new OfferRefused('too old')
  return { suite, kid, public: publicKey, expiresAt }
}

async function isSupported(suite: Suite): Promise<boolean> {
  if (suite === 'p256-sha256-aes256gcm') return true
  try {
    await crypto.subtle.generateKey('X25519', false, ['deriveBits'])
    return true
  } catch {
    return false
  }
}

/**
 * Read the page's offer, or a list of them, and return the first that this browser can use.
 *
 * Raises OfferRefused when there is none, or when any of them is not what it says it is.
 */
export async function readOffer(data: unknown, { now }: { now: Date }): Promise<Offer> {
  const offers = await Promise.all(
    (Array.isArray(data) ? data : [data]).map((one) => readOne(one, now)),
  )
  for (const suite of SUITES) {
    const offer = offers.find((each) => each.suite === suite)
    if (offer !== undefined && (await isSupported(suite))) return offer
  }
  throw new OfferRefused('no suite that this browser knows')
}
