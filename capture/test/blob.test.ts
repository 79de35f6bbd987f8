import { describe, expect, it } from 'vitest'
import { SealBroken, seal, unseal, unsealRange } from '../src/sealing/blob'
import { type Bytes, base64, concat, fromBase64, fromHex, hex } from '../src/sealing/bytes'
import { context, numberBytes, uuidBytes } from '../src/sealing/context'
import { plaintext, vectors } from './vectors'

type Edit = {
  cut?: number
  add?: string
  flip?: number
  swap?: [number, number]
  remove?: number
  bytes?: number
}

interface SealVectors {
  key: string
  context: string
  sealed: { length: number; salt: string; blob: string }[]
  broken: { name: string; length: number; key?: string; context?: string; edits?: Edit[] }[]
  broken_lengths: number[]
}

interface Part {
  name?: string
  length: number
  start: number
  stop: number
  edits?: Edit[]
}

interface RangeVectors {
  opened: (Part & { chunks: number[]; bytes: number; sha256: string })[]
  still_opened: Part[]
  refused: Part[]
}

interface ContextVectors {
  contexts: { parts: Record<string, string>[]; context: string }[]
}

const given = vectors<SealVectors>('seal')
const key = fromHex(given.key)
const bound = fromHex(given.context)

function blobOf(length: number): Bytes {
  const found = given.sealed.find((each) => each.length === length)
  if (found === undefined) throw new Error(`no vector of ${length} bytes`)
  return fromBase64(found.blob)
}

function edited(blob: Bytes, edit: Edit): Bytes {
  const copy = blob.slice()
  const bytes = edit.bytes ?? 0
  if (edit.cut !== undefined) return copy.slice(0, copy.length - edit.cut)
  if (edit.add !== undefined) return concat(copy, fromHex(edit.add))
  if (edit.remove !== undefined) {
    return concat(copy.slice(0, edit.remove), copy.slice(edit.remove + bytes))
  }
  if (edit.swap !== undefined) {
    const [one, other] = edit.swap
    copy.set(blob.slice(other, other + bytes), one)
    copy.set(blob.slice(one, one + bytes), other)
    return copy
  }
  if (edit.flip === undefined) throw new Error('unknown edit')
  copy[edit.flip] = (copy[edit.flip] ?? 0) ^ 1
  return copy
}

function partOf(part: Record<string, string>): string | Bytes {
  if (part.text !== undefined) return part.text
  if (part.bytes !== undefined) return fromHex(part.bytes)
  if (part.uuid !== undefined) return uuidBytes(part.uuid)
  return numberBytes(BigInt(part.number ?? ''))
}

describe('a context', () => {
  it.each(vectors<ContextVectors>('context').contexts)(
    'is $context',
    ({ parts, context: wanted }) => {
      expect(hex(context(...parts.map(partOf)))).toBe(wanted)
    },
  )

  it('takes a UUID in one spelling only', () => {
    expect(() => uuidBytes('6F0C1B9E-52A4-4C0E-9D6B-0D1C7A2E4F10')).toThrow(RangeError)
    expect(() => uuidBytes('6f0c1b9e52a44c0e9d6b0d1c7a2e4f10')).toThrow(RangeError)
  })
})

describe('a sealed blob', () => {
  it.each(given.sealed)(
    'of $length bytes is the one that the server makes',
    async ({ length, salt, blob }) => {
      const made = await seal(key, plaintext(length), { context: bound, salt: fromHex(salt) })
      expect(base64(made) === blob).toBe(true)
    },
  )

  it.each(given.sealed)('of $length bytes made elsewhere opens here', async ({ length, blob }) => {
    const open = await unseal(key, fromBase64(blob), { context: bound })
    expect(hex(open) === hex(plaintext(length))).toBe(true)
  })

  it.each(given.broken)('is refused: $name', async (broken) => {
    const blob = (broken.edits ?? []).reduce(edited, blobOf(broken.length))
    const otherKey = broken.key === undefined ? key : fromHex(broken.key)
    const otherContext = broken.context === undefined ? bound : fromHex(broken.context)
    await expect(unseal(otherKey, blob, { context: otherContext })).rejects.toThrow(SealBroken)
  })

  it.each(given.broken_lengths)('of %i bytes cannot be one', async (length) => {
    await expect(unseal(key, new Uint8Array(length), { context: bound })).rejects.toThrow(
      SealBroken,
    )
  })

  it('takes a fresh salt each time', async () => {
    const once = await seal(key, plaintext(10), { context: bound })
    const twice = await seal(key, plaintext(10), { context: bound })
    expect(hex(once)).not.toBe(hex(twice))
    expect(hex(await unseal(key, twice, { context: bound }))).toBe(hex(plaintext(10)))
  })

  it('takes no other lengths of key and salt', async () => {
    const short = new Uint8Array(16)
    await expect(seal(short, short, { context: bound })).rejects.toThrow(RangeError)
    await expect(seal(key, short, { context: bound, salt: short })).rejects.toThrow(RangeError)
  })
})

describe('a part of a sealed blob', () => {
  const parts = vectors<RangeVectors>('ranges')
  const chunk = 16400

  async function opened({ length, start, stop, edits }: Part, asked: number[] = []) {
    const blob = (edits ?? []).reduce(edited, blobOf(length))
    const read = async (from: number, to: number) => {
      asked.push(from === 0 ? -1 : (from - 56) / chunk)
      return blob.slice(from, to)
    }
    return await unsealRange(key, read, blob.length, { start, stop, context: bound })
  }

  it.each(parts.opened)('of $length bytes from $start to $stop opens', async (part) => {
    const asked: number[] = []
    const open = await opened(part, asked)
    expect(open.length).toBe(part.bytes)
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', open))
    expect(hex(digest)).toBe(part.sha256)
    expect(asked).toEqual([-1, ...part.chunks])
  })

  it.each(parts.still_opened)('opens in spite of $name', async (part) => {
    const whole = plaintext(part.length).slice(part.start, part.stop)
    expect(hex(await opened(part)) === hex(whole)).toBe(true)
  })

  it.each(parts.refused)('is refused: $name', async (part) => {
    await expect(opened(part)).rejects.toThrow(SealBroken)
  })

  it.each(given.broken_lengths)('of a blob of %i bytes cannot be one', async (length) => {
    const read = async (from: number, to: number) => new Uint8Array(to - from)
    const range = { start: 0, stop: 1, context: bound }
    await expect(unsealRange(key, read, length, range)).rejects.toThrow(SealBroken)
  })

  it('never runs backwards', async () => {
    for (const [start, stop] of [
      [-1, 3],
      [4, 3],
    ] as const) {
      await expect(opened({ length: 1, start, stop })).rejects.toThrow(RangeError)
    }
  })
})

describe('hexadecimal', () => {
  it.each(['0', 'zz', '0x10'])('is not %s', (text) => {
    expect(() => fromHex(text)).toThrow(RangeError)
  })
})
