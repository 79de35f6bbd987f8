/** The list of what was found, each with its two answers. */
import { el, fill, icon } from '../dom'
import { type Finding, open, type Review, type Settled } from './model'

const CHOICES: readonly (readonly [Settled, string])[] = [
  ['cover', 'Cover'],
  ['leave', 'Leave in'],
]

/** What is known of it beyond its kind: "text, text" would say nothing. */
export const told = ({ kind, why }: Finding) =>
  why.toLowerCase() === kind.toLowerCase() ? '' : why

export const titled = (kind: string) => kind.charAt(0).toUpperCase() + kind.slice(1)

function fixedState(word: string): HTMLElement {
  return el('span', { class: 'state yes' }, icon('covered'), word)
}

function choices(finding: Finding, number: number, review: Review): HTMLElement {
  const row = el('span', { class: 'row' })
  for (const [how, word] of CHOICES) {
    row.append(
      el(
        'button',
        {
          type: 'button',
          class: 'mini',
          ...(how === 'cover' ? { id: `finding-${finding.id}` } : {}),
          'data-finding': finding.id,
          'data-settle': how,
          'aria-pressed': String(review.settled[finding.id] === how),
          'aria-label': `${word}: ${number}, ${finding.kind}`,
        },
        word,
      ),
    )
  }
  return row
}

function answerOf(finding: Finding, number: number, review: Review): HTMLElement {
  if (finding.box === null) return fixedState('Not copied')
  if (finding.fixed) return fixedState('Covered')
  return choices(finding, number, review)
}

/** Draw the card anew, and give the focus back to the answer that had it. */
export function drawFinds(card: HTMLElement, review: Review): void {
  const active = document.activeElement
  const had = active instanceof HTMLElement && card.contains(active) ? active.dataset : null
  const waiting = new Set(open(review).map(({ id }) => id))
  const total = review.findings.length
  const items = review.findings.map((finding, index) =>
    el(
      'li',
      {},
      el('span', { class: waiting.has(finding.id) ? 'k held' : 'k' }, String(index + 1)),
      el(
        'span',
        { class: 'who-what' },
        el('b', {}, titled(finding.kind)),
        ' ',
        el('span', { class: 'soft' }, told(finding)),
      ),
      answerOf(finding, index + 1, review),
    ),
  )
  const count = total === 0 ? 'Nothing found' : `${total - waiting.size} of ${total} settled`
  fill(
    card,
    el(
      'div',
      { class: 'row' },
      el('h2', { class: 'grow', id: 'finds-title' }, 'Found in the picture'),
      el('span', { class: 'small soft' }, count),
    ),
    total === 0
      ? el('p', { class: 'small soft' }, 'The machine found nothing. You are the check.')
      : el('ul', { class: 'finds' }, ...items),
  )
  if (had?.finding !== undefined) refocus(card, had)
}

function refocus(card: HTMLElement, had: DOMStringMap): void {
  for (const button of card.querySelectorAll<HTMLElement>('[data-settle]')) {
    if (button.dataset.finding === had.finding && button.dataset.settle === had.settle)
      button.focus({ preventScroll: true })
  }
}
