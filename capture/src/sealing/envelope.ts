/** Close a data key to the server's ingest key (docs/formats/envelope.md). Never opens one. */
import {
  Aes256Gcm,
  CipherSuite,
  DhkemP256HkdfSha256,
  DhkemX25519HkdfSha256,
  HkdfSha256,
} from '@hpke/core'
import { type Bytes, base64, concat, fromHex, hex } from './bytes'
import { context, uuidBytes } from './context'
import type { Offer, Suite } from './offer'

/** The JSON object that travels with a blob, its fields spelt as they travel. */
export interface Envelope {
  readonly v: 1
  readonly suite: Suite
  readonly kid: string
  readonly capture_id: string
  readonly sha256: string
  readonly wrapped_key: string
}

export function hpke(suite: Suite): CipherSuite {
  const kem = suite === 'x25519-sha256-aes256gcm' ? DhkemX25519HkdfSha256 : DhkemP256HkdfSha256
  return new CipherSuite({ kem: new kem(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
}

/** What HPKE binds the data key to. No device is registered yet: its part is empty. */
export function envelopeInfo(
  bound: Pick<Envelope, 'suite' | 'kid' | 'capture_id' | 'sha256'> & { device_id?: string },
): Bytes {
  return context(
    'safelight-envelope-v1',
    bound.suite,
    bound.kid,
    bound.device_id ?? '',
    uuidBytes(bound.capture_id),
    fromHex(bound.sha256),
  )
}

export async function closeEnvelope(
  offer: Offer,
  dataKey: Bytes,
  { captureId, blob }: { captureId: string; blob: Bytes },
): Promise<Envelope> {
  const sha256 = hex(new Uint8Array(await crypto.subtle.digest('SHA-256', blob)))
  const bound = { suite: offer.suite, kid: offer.kid, capture_id: captureId, sha256 }
  const suite = hpke(offer.suite)
  const recipientPublicKey = await suite.kem.deserializePublicKey(offer.public.slice().buffer)
  const { enc, ct } = await suite.seal({ recipientPublicKey, info: envelopeInfo(bound) }, dataKey)
  const wrapped = concat(new Uint8Array(enc), new Uint8Array(ct))
  return { v: 1, ...bound, wrapped_key: base64(wrapped) }
}
