/** Draw marks and findings as buttons over the picture, and what lies outside the kept part. */
import { el, svg } from '../dom'
import { type Box, outsidePath, type Size } from './geometry'
import type { Finding, Review } from './model'

interface Drawn {
  readonly id: string
  readonly box: Box
  readonly look: string
  readonly word: string
  readonly label: string
}

const place = ({ x, y, width, height }: Box) =>
  `${Math.round(x)} across, ${Math.round(y)} down, ${Math.round(width)} wide, ${Math.round(height)} high`

function lookOf(finding: Finding, review: Review): { look: string; says: string } {
  const how = review.settled[finding.id]
  if (how === 'cover') return { look: 'finding cover', says: 'covered' }
  if (how === 'leave') return { look: 'finding left', says: 'left in' }
  return { look: 'finding held', says: 'not settled' }
}

function findingsDrawn(review: Review): Drawn[] {
  return review.findings.flatMap((finding, index) => {
    if (finding.box === null) return []
    const { look, says } = lookOf(finding, review)
    const word = String(index + 1)
    const label = `${word}, ${finding.kind}, ${says}, at ${place(finding.box)}`
    return [{ id: finding.id, box: finding.box, look, word, label }]
  })
}

function marksDrawn(review: Review): Drawn[] {
  return review.marks.map(({ id, role, box }) => {
    const word = role === 'keep' ? 'Keep' : 'Cover'
    return { id, box, look: `mark ${role}`, word, label: `${word}, at ${place(box)}` }
  })
}

/** Put an element where a box is, in per cent, so that it holds at every zoom. */
export function put(element: HTMLElement, box: Box, size: Size): void {
  const { style } = element
  style.setProperty('left', `${(box.x / size.width) * 100}%`)
  style.setProperty('top', `${(box.y / size.height) * 100}%`)
  style.setProperty('width', `${(box.width / size.width) * 100}%`)
  style.setProperty('height', `${(box.height / size.height) * 100}%`)
}

/** Keeps the same button for the same box, so that focus and a drag survive every redrawing. */
export class Boxes {
  readonly #canvas: HTMLElement
  readonly #buttons = new Map<string, HTMLButtonElement>()
  readonly #outside = svg('path', { class: 'outside' })

  constructor(canvas: HTMLElement, size: Size) {
    this.#canvas = canvas
    const viewBox = `0 0 ${size.width} ${size.height}`
    canvas.append(
      svg('svg', { viewBox, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.#outside),
    )
  }

  draw(review: Review, chosen: string | null): void {
    const kept = review.marks.filter((mark) => mark.role === 'keep').map((mark) => mark.box)
    this.#outside.setAttribute('d', outsidePath(kept, review.size))
    const all = [...findingsDrawn(review), ...marksDrawn(review)]
    const alive = new Set(all.map(({ id }) => id))
    for (const [id, button] of this.#buttons) {
      if (alive.has(id)) continue
      button.remove()
      this.#buttons.delete(id)
    }
    for (const drawn of all) this.#drawOne(drawn, review.size, drawn.id === chosen)
  }

  focus(id: string): void {
    this.#buttons.get(id)?.focus({ preventScroll: false })
  }

  #drawOne({ id, box, look, word, label }: Drawn, size: Size, isChosen: boolean): void {
    const button = this.#buttons.get(id) ?? this.#made(id)
    const isAtTop = box.y < size.height * 0.08
    button.className = `box ${look}${isChosen ? ' chosen' : ''}${isAtTop ? ' low' : ''}`
    button.setAttribute('aria-label', label)
    const badge = button.querySelector('.k')
    if (badge !== null) badge.textContent = word
    put(button, box, size)
  }

  #made(id: string): HTMLButtonElement {
    const button = el(
      'button',
      { type: 'button', 'data-box': id },
      el('span', { class: 'k', 'aria-hidden': 'true' }),
      el('span', { class: 'grip', 'data-grip': '', 'aria-hidden': 'true' }),
    )
    this.#buttons.set(id, button)
    this.#canvas.append(button)
    return button
  }
}
