/**
 * The sealed blob: C2SP chunked encryption, Cobblestone-256 (docs/formats/sealed-blob.md).
 *
 * salt (24) · commitment (32) · chunks of 16 KiB under AES-256-GCM, the last one always shorter.
 */
import { type Bytes, concat, same, utf8 } from './bytes'

const SALT = 24
const COMMITMENT = 32
const HEADER = SALT + COMMITMENT
const CHUNK = 16 * 1024
const TAG = 16
const KEY = 32
const NONCE = 12
const HASH = 64
const LABEL = concat(utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM'), Uint8Array.of(0))

/** The bytes are not what was sealed: wrong key, wrong context, cut short, or tampered with. */
export class SealBroken extends Error {
  override name = 'SealBroken'
}

interface Derived {
  readonly key: CryptoKey
  readonly nonce: Bytes
  readonly commitment: Bytes
}

/** HKDF-Expand with SHA-512 (RFC 5869, 2.3). WebCrypto has only extract and expand in one. */
async function expand(prk: Bytes, info: Bytes, length: number): Promise<Bytes> {
  const hmac = await crypto.subtle.importKey('raw', prk, { name: 'HMAC', hash: 'SHA-512' }, false, [
    'sign',
  ])
  const blocks: Bytes[] = []
  let last: Bytes = new Uint8Array()
  for (let n = 1; n <= Math.ceil(length / HASH); n += 1) {
    last = new Uint8Array(
      await crypto.subtle.sign('HMAC', hmac, concat(last, info, Uint8Array.of(n))),
    )
    blocks.push(last)
  }
  return concat(...blocks).slice(0, length)
}

async function derived(dataKey: Bytes, salt: Bytes, context: Bytes): Promise<Derived> {
  if (dataKey.length !== KEY) throw new RangeError('a data key has 32 bytes')
  const material = await expand(dataKey, concat(LABEL, salt, context), KEY + NONCE + COMMITMENT)
  const raw = material.slice(0, KEY)
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
  raw.fill(0)
  return { key, nonce: material.slice(KEY, KEY + NONCE), commitment: material.slice(KEY + NONCE) }
}

/** The base nonce XOR the chunk's number, big-endian. Pictures need far fewer than 2³² chunks. */
function nonceOf(base: Bytes, number: number): Bytes {
  const nonce = base.slice()
  const view = new DataView(nonce.buffer)
  view.setUint32(NONCE - 4, view.getUint32(NONCE - 4) ^ number)
  return nonce
}

/** Seal under a data key that is used once. `salt` is given only to reproduce test vectors. */
export async function seal(
  dataKey: Bytes,
  plaintext: Bytes,
  { context, salt }: { context: Bytes; salt?: Bytes },
): Promise<Bytes> {
  const fresh = salt ?? crypto.getRandomValues(new Uint8Array(SALT))
  if (fresh.length !== SALT) throw new RangeError('a salt has 24 bytes')
  const { key, nonce, commitment } = await derived(dataKey, fresh, context)
  const count = Math.floor(plaintext.length / CHUNK) + 1
  const sealed = new Uint8Array(HEADER + plaintext.length + count * TAG)
  sealed.set(fresh)
  sealed.set(commitment, SALT)
  for (let n = 0; n < count; n += 1) {
    const chunk = plaintext.subarray(n * CHUNK, (n + 1) * CHUNK)
    const iv = nonceOf(nonce, n)
    const box = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, chunk)
    sealed.set(new Uint8Array(box), HEADER + n * (CHUNK + TAG))
  }
  return sealed
}

/**
 * Open bytes start to stop, of a blob that is read in parts: `read(a, b)` gives its bytes a to b, and
 * `length` is all it has. The last chunk is opened first, since it proves the length: a cut blob gives
 * nothing. Stop past the end means the end.
 */
export async function unsealRange(
  dataKey: Bytes,
  read: (start: number, stop: number) => Promise<Bytes>,
  length: number,
  { start, stop, context }: { start: number; stop: number; context: Bytes },
): Promise<Bytes> {
  if (start < 0 || stop < start) throw new RangeError('a range runs upwards from 0')
  if (length < HEADER || (length - HEADER) % (CHUNK + TAG) < TAG) throw new SealBroken()
  const head = await read(0, HEADER)
  const { key, nonce, commitment } = await derived(dataKey, head.slice(0, SALT), context)
  if (!same(commitment, head.subarray(SALT))) throw new SealBroken()
  const last = Math.floor((length - HEADER) / (CHUNK + TAG))
  const piece = async (n: number): Promise<Bytes> => {
    const at = HEADER + n * (CHUNK + TAG)
    const chunk = await read(at, Math.min(at + CHUNK + TAG, length))
    const iv = nonceOf(nonce, n)
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, chunk))
    } catch {
      throw new SealBroken()
    }
  }
  const tail = await piece(last)
  const end = Math.min(stop, last * CHUNK + tail.length)
  if (start >= end) return new Uint8Array()
  const first = Math.floor(start / CHUNK)
  const pieces: Bytes[] = []
  for (let n = first; n * CHUNK < end; n += 1) pieces.push(n === last ? tail : await piece(n))
  return concat(...pieces).slice(start - first * CHUNK, end - first * CHUNK)
}

/** Open what `seal` made. Raises SealBroken and gives nothing back unless every byte is right. */
export async function unseal(
  dataKey: Bytes,
  sealed: Bytes,
  { context }: { context: Bytes },
): Promise<Bytes> {
  const body = sealed.subarray(HEADER)
  if (sealed.length < HEADER || body.length % (CHUNK + TAG) < TAG) throw new SealBroken()
  const { key, nonce, commitment } = await derived(dataKey, sealed.slice(0, SALT), context)
  if (!same(commitment, sealed.subarray(SALT, HEADER))) throw new SealBroken()
  const count = Math.floor(body.length / (CHUNK + TAG)) + 1
  const plaintext = new Uint8Array(body.length - count * TAG)
  for (let n = 0; n < count; n += 1) {
    const chunk = body.subarray(n * (CHUNK + TAG), (n + 1) * (CHUNK + TAG))
    try {
      const open = await crypto.subtle.decrypt(
        { name: 'AES-GCM', iv: nonceOf(nonce, n) },
        key,
        chunk,
      )
      plaintext.set(new Uint8Array(open), n * CHUNK)
    } catch {
      throw new SealBroken()
    }
  }
  return plaintext
}
