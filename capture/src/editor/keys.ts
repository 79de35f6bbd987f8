/** What a key does to the box that has the focus. */
import { type Point, type Size, step } from './geometry'

export type Command =
  | { readonly does: 'move' | 'resize'; readonly by: Point }
  | { readonly does: 'remove' | 'undo' | 'settle-cover' | 'settle-leave' }

export interface Press {
  readonly key: string
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}

/** Alt makes a step one pixel, for fine work. */
function arrow(press: Press, direction: Point, size: Size): Command {
  const far = press.altKey ? 1 : step(size)
  return {
    does: press.shiftKey ? 'resize' : 'move',
    by: { x: direction.x * far, y: direction.y * far },
  }
}

/** Translate a key press, or null where the browser should have it. */
export function command(
  press: Press,
  { isMark, size }: { isMark: boolean; size: Size },
): Command | null {
  if ((press.ctrlKey || press.metaKey) && press.key.toLowerCase() === 'z') return { does: 'undo' }
  if (press.ctrlKey || press.metaKey) return null
  const direction = ARROWS[press.key]
  if (direction !== undefined) return isMark ? arrow(press, direction, size) : null
  if (isMark && (press.key === 'Delete' || press.key === 'Backspace')) return { does: 'remove' }
  if (!isMark && press.key.toLowerCase() === 'c') return { does: 'settle-cover' }
  if (!isMark && press.key.toLowerCase() === 'l') return { does: 'settle-leave' }
  return null
}
