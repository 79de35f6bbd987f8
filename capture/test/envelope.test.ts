import { describe, expect, it } from 'vitest'
import { unseal } from '../src/sealing/blob'
import { type Bytes, fromBase64, fromHex, hex } from '../src/sealing/bytes'
import { sealCapture } from '../src/sealing/capture'
import { context, uuidBytes } from '../src/sealing/context'
import { closeEnvelope, type Envelope, envelopeInfo, hpke } from '../src/sealing/envelope'
import { kidOf, OfferRefused, readOffer, SUITES, type Suite } from '../src/sealing/offer'
import { plaintext, vectors } from './vectors'

interface Known {
  private: string
  public: string
  info: string
  data_key: string
  envelope: Envelope & { device_id?: string }
}

interface EnvelopeVectors {
  envelopes: Known[]
  broken: { name: string; set?: Partial<Envelope>; flip?: number }[]
}

const given = vectors<EnvelopeVectors>('envelope')
const now = new Date('2026-11-22T10:00:00Z')
const tenant = '6f0c1b9e-52a4-4c0e-9d6b-0d1c7a2e4f10'
const captureId = '0190f3a2-6c1e-7cc3-8f53-5a7a5f3a9d10'

/** What only the server does: open an envelope. Written out here, so that no phone can. */
async function opened(known: Known, envelope: Known['envelope'], info: Bytes): Promise<Bytes> {
  const suite = hpke(envelope.suite)
  const secret = fromHex(known.private)
  const recipientKey = await suite.kem.importKey('raw', secret.buffer, false)
  const wrapped = fromBase64(envelope.wrapped_key)
  const enc = envelope.suite === 'x25519-sha256-aes256gcm' ? 32 : 65
  const plain = await suite.open(
    { recipientKey, enc: wrapped.slice(0, enc).buffer, info: info.buffer },
    wrapped.slice(enc).buffer,
  )
  return new Uint8Array(plain)
}

function knownOf(suite: Suite): Known {
  const found = given.envelopes.find(({ envelope }) => envelope.suite === suite)
  if (found === undefined) throw new Error(`no vector for ${suite}`)
  return found
}

function offerOf(suite: Suite) {
  const { envelope, public: publicKey } = knownOf(suite)
  return { suite, kid: envelope.kid, public: publicKey, expires_at: '2026-12-06T10:00:00Z' }
}

describe('an envelope', () => {
  it.each(given.envelopes)('of $envelope.suite made elsewhere opens here', async (known) => {
    const info = envelopeInfo(known.envelope)
    expect(hex(info)).toBe(known.info)
    expect(hex(await opened(known, known.envelope, info))).toBe(known.data_key)
  })

  it.each(SUITES)('of %s made here opens with the private key', async (suite) => {
    const offer = await readOffer(offerOf(suite), { now })
    const dataKey = fromHex(knownOf(suite).data_key)
    const envelope = await closeEnvelope(offer, dataKey, { captureId, blob: plaintext(100) })
    expect(Object.keys(envelope).sort()).toEqual([
      'capture_id',
      'kid',
      'sha256',
      'suite',
      'v',
      'wrapped_key',
    ])
    const open = await opened(knownOf(suite), envelope, envelopeInfo(envelope))
    expect(hex(open)).toBe(hex(dataKey))
  })

  const bindings = given.broken.filter(
    ({ name }) =>
      !['unknown field', 'another version', 'unknown suite', 'upper case id'].includes(name),
  )
  it.each(bindings)('does not open: $name', async ({ set, flip }) => {
    for (const known of given.envelopes) {
      const envelope = { ...known.envelope, ...set }
      const wrapped = fromBase64(envelope.wrapped_key)
      if (flip !== undefined) {
        const at = flip < 0 ? wrapped.length + flip : flip
        wrapped[at] = (wrapped[at] ?? 0) ^ 1
      }
      const wrapped_key = btoa(String.fromCharCode(...wrapped))
      const changed = { ...envelope, wrapped_key }
      await expect(opened(known, changed, envelopeInfo(changed))).rejects.toThrow()
    }
  })
})

describe('a capture', () => {
  it('opens for the server, and neither its picture nor its key stays in the page', async () => {
    const offer = await readOffer(offerOf('x25519-sha256-aes256gcm'), { now })
    const picture = plaintext(40_000)
    const { envelope, blob } = await sealCapture(picture, { offer, tenant, captureId })
    const dataKey = await opened(knownOf(offer.suite), envelope, envelopeInfo(envelope))
    const bound = context('safelight-blob-v1', uuidBytes(tenant), uuidBytes(captureId), 'original')
    expect(hex(await unseal(dataKey, blob, { context: bound })) === hex(plaintext(40_000))).toBe(
      true,
    )
    expect(picture.every((byte) => byte === 0)).toBe(true)
  })
})

describe('an offer', () => {
  it('is named after its own key', async () => {
    for (const { envelope, public: publicKey } of given.envelopes)
      expect(await kidOf(envelope.suite, fromBase64(publicKey))).toBe(envelope.kid)
  })

  it('is taken with X25519 first when both are there', async () => {
    const both = [...SUITES].reverse().map(offerOf)
    expect((await readOffer(both, { now })).suite).toBe('x25519-sha256-aes256gcm')
  })

  const good = offerOf('p256-sha256-aes256gcm')
  const cases: readonly (readonly [string, unknown])[] = [
    ['nothing', null],
    ['a text', 'x25519'],
    ['no offers', []],
    ['an unknown suite', { ...good, suite: 'rot13' }],
    ['another key under its name', { ...good, public: knownOf('x25519-sha256-aes256gcm').public }],
    ['one that ends in under 48 hours', { ...good, expires_at: '2026-11-24T09:59:59Z' }],
    ['one without an end', { ...good, expires_at: undefined }],
    ['one good and one bad', [good, { ...good, kid: '0'.repeat(32) }]],
  ]
  it.each(cases)('is refused: %s', async (_, data) => {
    await expect(readOffer(data, { now })).rejects.toThrow(OfferRefused)
  })

  it('falls back to P-256 where the browser has no X25519', async () => {
    const real = crypto.subtle.generateKey
    crypto.subtle.generateKey = (() => Promise.reject(new Error('no X25519'))) as typeof real
    try {
      const offer = await readOffer(SUITES.map(offerOf), { now })
      expect(offer.suite).toBe('p256-sha256-aes256gcm')
      const only = offerOf('x25519-sha256-aes256gcm')
      await expect(readOffer(only, { now })).rejects.toThrow(OfferRefused)
    } finally {
      crypto.subtle.generateKey = real
    }
  })
})
