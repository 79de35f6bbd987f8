/** Small writing at even steps in a line, as a ruler's figures stand: one look, one answer. */
import type { Box, Point } from './geometry'
import type { Finding } from './model'

/** Fewer are as quickly answered one by one. */
const LEAST = 4
/** More is a page of writing. */
const MOST = 150
/** How far from its place a figure may be, in steps. */
const OFF = 0.25
/** From one figure to the next that was found: the detector misses some. */
const MOST_STEPS = 3
/** How much larger one may be than another: 10 is wider than 1. */
const LARGER = 3

interface Piece {
  readonly id: string
  readonly at: Point
  readonly side: number
}

/** The ids of each row of writing, longest row first. Nothing is in two rows. */
export function rowsIn(findings: readonly Finding[]): readonly (readonly string[])[] {
  const rows: string[][] = []
  let left = findings.flatMap(pieceOf)
  if (left.length > MOST) return rows
  for (;;) {
    const row = longest(left)
    if (row.length < LEAST) return rows
    rows.push(row.map(({ id }) => id))
    left = left.filter((piece) => !row.includes(piece))
  }
}

function pieceOf({ id, kind, box, fixed }: Finding): Piece[] {
  if (kind !== 'text' || box === null || fixed) return []
  return [{ id, at: centre(box), side: Math.max(box.width, box.height) }]
}

const centre = ({ x, y, width, height }: Box): Point => ({ x: x + width / 2, y: y + height / 2 })

function longest(pieces: readonly Piece[]): readonly Piece[] {
  let best: readonly Piece[] = []
  for (const first of pieces)
    for (const second of pieces) {
      const row = walked(first, second, pieces)
      if (row.length > best.length) best = row
    }
  return best
}

/** Go on from the second as the first led to it, for as long as there is one in its place. */
function walked(first: Piece, second: Piece, pieces: readonly Piece[]): readonly Piece[] {
  let step = { x: second.at.x - first.at.x, y: second.at.y - first.at.y }
  const isAlike = (piece: Piece) =>
    Math.max(piece.side, first.side) <= LARGER * Math.min(piece.side, first.side) &&
    piece.side < Math.hypot(step.x, step.y)
  if (first === second || ![first, second].every(isAlike)) return []
  const row = [first, second]
  for (let last = second; ; ) {
    const found = following(
      last,
      step,
      pieces.filter((piece) => isAlike(piece) && !row.includes(piece)),
    )
    if (found === null) return row
    const { piece, steps } = found
    step = { x: (piece.at.x - last.at.x) / steps, y: (piece.at.y - last.at.y) / steps }
    row.push(piece)
    last = piece
  }
}

function following(last: Piece, step: Point, pieces: readonly Piece[]) {
  const near = OFF * Math.hypot(step.x, step.y)
  for (let steps = 1; steps <= MOST_STEPS; steps += 1) {
    const place = { x: last.at.x + step.x * steps, y: last.at.y + step.y * steps }
    const piece = pieces.find(({ at }) => Math.hypot(at.x - place.x, at.y - place.y) <= near)
    if (piece !== undefined) return { piece, steps }
  }
  return null
}

/** Numbers as people write them: 1, 3–5, 9. */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = parts.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else parts.push([number, number])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}
