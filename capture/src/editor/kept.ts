/** What remains of the picture: the proposals for it, how much it is, and a plain word when it is next to nothing. */
import { el, fill, icon } from '../dom'
import { type Kept, kept, keptNow, leftOver, type Review } from './model'

/** Below this share of the picture a person is told, before a black copy is made. */
const NEXT_TO_NOTHING = 0.1

const WORDS: readonly (readonly [Kept, string])[] = [
  ['skin', 'Keep the skin'],
  ['lesion', 'Keep the lesion'],
  ['everything', 'Keep everything'],
]

const SAYS: Readonly<Record<Kept, string>> = {
  skin: 'Proposed: the skin that was seen. What lies outside it is gone from the copy. Look whether that is right; move it, change its size or draw another.',
  lesion:
    'Proposed: what differs from the skin. This proposal is often wrong: look whether the whole of it is inside.',
  everything: 'The whole picture is kept, the room around the patient too.',
}

const percent = (share: number) => `${Math.round(share * 100)} %`

function introduction(review: Review): string {
  const now = keptNow(review)
  if (now === 'everything' && review.proposals.skin === null)
    return 'No skin could be told from the rest, so nothing is proposed. Draw with “Keep” what is to remain.'
  return now === null ? 'What you drew is kept. What lies outside it is gone.' : SAYS[now]
}

/** Why next to nothing is left, and what a person can do about it. */
function blackCopy(review: Review, share: number): HTMLElement {
  const faces = review.findings.flatMap(({ id, kind, box }, index) =>
    kind === 'face' && box !== null && review.settled[id] === 'cover' ? [index + 1] : [],
  )
  const which = faces.length === 1 ? `number ${faces[0]}` : `numbers ${faces.join(', ')}`
  const next =
    faces.length === 0
      ? ['Uncover something below, or keep more of the picture.']
      : [
          `A face, or what may be part of one, fills this picture: ${which} below. So it is covered whole.`,
          'If nobody could be recognised by what would be seen, choose “Leave in” for it. A copy with a face left in counts as one that shows who it is.',
          'If somebody could, this picture can’t leave in this way: take one closer to the place itself, or stop here.',
        ]
  return el(
    'div',
    { class: 'notice warn', 'data-part': 'black-copy' },
    icon('warn'),
    el(
      'div',
      { class: 'stack-s' },
      el('p', {}, el('b', {}, `The copy would be almost black: ${percent(share)} of it is left.`)),
      ...next.map((words) => el('p', {}, words)),
    ),
  )
}

/** Keeps its buttons, so that the focus survives every redrawing. */
export class KeptCard {
  readonly card = el('section', { class: 'card stack-s kept', 'aria-labelledby': 'kept-title' })
  readonly #share = el('span', { class: 'small soft' })
  readonly #says = el('p', { class: 'small soft' })
  readonly #row = el('div', { class: 'row wrapping', role: 'group', 'aria-label': 'What is kept' })
  readonly #notice = el('div', { 'aria-live': 'polite' })
  #isBlack = ''

  constructor(review: Review) {
    for (const [what, word] of WORDS) {
      if (what !== 'everything' && review.proposals[what] === null) continue
      this.#row.append(el('button', { type: 'button', class: 'mini', 'data-kept': what }, word))
    }
    const title = el('h2', { class: 'grow', id: 'kept-title' }, 'What remains')
    this.card.append(
      el('div', { class: 'row' }, title, this.#share),
      this.#row,
      this.#says,
      this.#notice,
    )
  }

  draw(review: Review): void {
    const share = leftOver(review)
    const now = keptNow(review)
    this.#share.textContent = `${percent(share)} of the picture`
    this.#says.textContent = introduction(review)
    for (const button of this.#row.querySelectorAll<HTMLElement>('[data-kept]'))
      button.setAttribute('aria-pressed', String(button.dataset.kept === now))
    const black = share < NEXT_TO_NOTHING ? blackCopy(review, share) : null
    if ((black?.textContent ?? '') === this.#isBlack) return
    this.#isBlack = black?.textContent ?? ''
    fill(this.#notice, ...(black === null ? [] : [black]))
  }

  /** The review after a press on one of the buttons; the same one for any other press. */
  pressed(review: Review, target: EventTarget | null): Review {
    const button = target instanceof Element ? target.closest('[data-kept]') : null
    const what = button instanceof HTMLElement ? button.dataset.kept : undefined
    return what === 'skin' || what === 'lesion' || what === 'everything'
      ? kept(review, what)
      : review
  }
}
