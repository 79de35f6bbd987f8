import { readFileSync } from 'node:fs'

/** One of the files in tests/vectors, which the server's tests pass as well. */
export function vectors<Shape>(name: string): Shape {
  const path = new URL(`../../tests/vectors/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8')) as Shape
}

/** Byte i of every plaintext in seal.json. */
export function plaintext(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + 7) & 255)
}
