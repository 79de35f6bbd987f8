/** Boxes in pixels of the upright picture: whole numbers, never empty, never outside it. */

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** Smaller than this a drag was a tap, and a box could no longer be seen. */
export const SMALLEST = 8

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)

export function fromList(list: unknown): Box | null {
  if (!Array.isArray(list) || list.length !== 4 || !list.every(Number.isFinite)) return null
  const [x, y, width, height] = list as [number, number, number, number]
  return width > 0 && height > 0 ? { x, y, width, height } : null
}

export function toList({ x, y, width, height }: Box): [number, number, number, number] {
  return [x, y, width, height]
}

/** The box between two corners, whichever way it was drawn, cut to the picture. */
export function between(from: Point, to: Point, within: Size): Box {
  const left = Math.floor(clamp(Math.min(from.x, to.x), 0, within.width))
  const top = Math.floor(clamp(Math.min(from.y, to.y), 0, within.height))
  const right = Math.ceil(clamp(Math.max(from.x, to.x), 0, within.width))
  const bottom = Math.ceil(clamp(Math.max(from.y, to.y), 0, within.height))
  return { x: left, y: top, width: right - left, height: bottom - top }
}

export function isTooSmall(box: Box): boolean {
  return box.width < SMALLEST || box.height < SMALLEST
}

/** Shift a box and keep it whole inside the picture. */
export function moved(box: Box, by: Point, within: Size): Box {
  return {
    ...box,
    x: clamp(Math.round(box.x + by.x), 0, within.width - box.width),
    y: clamp(Math.round(box.y + by.y), 0, within.height - box.height),
  }
}

/** Shift the lower right corner; the upper left one stays. */
export function resized(box: Box, by: Point, within: Size): Box {
  return {
    ...box,
    width: clamp(Math.round(box.width + by.x), SMALLEST, within.width - box.x),
    height: clamp(Math.round(box.height + by.y), SMALLEST, within.height - box.y),
  }
}

/** A quarter of the picture in its middle: where a box starts that the keyboard makes. */
export function centred(within: Size): Box {
  const width = Math.max(SMALLEST, Math.round(within.width / 4))
  const height = Math.max(SMALLEST, Math.round(within.height / 4))
  return {
    x: Math.round((within.width - width) / 2),
    y: Math.round((within.height - height) / 2),
    width,
    height,
  }
}

/** How far one press of an arrow key goes: about a hundredth of the picture. */
export function step(within: Size): number {
  return Math.max(1, Math.round(Math.max(within.width, within.height) / 100))
}

/** The path of everything outside the kept boxes; empty when the whole picture is kept. */
export function outsidePath(kept: readonly Box[], within: Size): string {
  if (kept.length === 0) return ''
  const picture = `M0 0H${within.width}V${within.height}H0Z`
  return [
    picture,
    ...kept.map(({ x, y, width, height }) => `M${x} ${y}V${y + height}H${x + width}V${y}Z`),
  ].join('')
}

export function isSame(one: Box, other: Box): boolean {
  return toList(one).every((side, index) => side === toList(other)[index])
}

/** Points across and down at which is looked for how much of a picture is left. */
const GRID = 100

/** The share of the picture inside a kept box (or anywhere, if none is kept) and under no cover. */
export function shareLeft(kept: readonly Box[], covers: readonly Box[], within: Size): number {
  const isIn = (x: number, y: number) => (box: Box) =>
    x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height
  let left = 0
  for (let row = 0; row < GRID; row += 1) {
    for (let column = 0; column < GRID; column += 1) {
      const here = isIn(
        ((column + 0.5) / GRID) * within.width,
        ((row + 0.5) / GRID) * within.height,
      )
      if ((kept.length === 0 || kept.some(here)) && !covers.some(here)) left += 1
    }
  }
  return left / (GRID * GRID)
}
