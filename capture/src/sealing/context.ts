/** Bind bytes to a purpose: parts, each preceded by its length (docs/formats/sealed-blob.md). */
import { type Bytes, concat, fromHex, utf8 } from './bytes'

/** A UUID's 16 bytes. Only the one canonical spelling, as the server refuses any other. */
export function uuidBytes(uuid: string): Bytes {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid))
    throw new RangeError('not a UUID')
  return fromHex(uuid.replaceAll('-', ''))
}

function lengthOf(part: Bytes): Bytes {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, part.length)
  return length
}

/** Texts become their UTF-8 bytes; for a UUID give `uuidBytes`, for a number `numberBytes`. */
export function context(...parts: readonly (string | Bytes)[]): Bytes {
  const bytes = parts.map((part) => (typeof part === 'string' ? utf8(part) : part))
  return concat(...bytes.flatMap((part) => [lengthOf(part), part]))
}

export function numberBytes(number: number | bigint): Bytes {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number))
  return bytes
}
