/** The list of what was found, each with its two answers. */
import { el, fill, icon } from '../dom'
import { type Finding, isOpen, open, type Review, type Settled } from './model'
import { ranges } from './rows'

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

const anchor = (id: string) => `finding-${id}`

/** The two answers to one finding or to several at once; what they are about, for people who can't see them. */
function choices(ids: readonly string[], about: string, review: Review): HTMLElement {
  const row = el('span', { class: 'row wrapping' })
  for (const [how, word] of CHOICES) {
    row.append(
      el(
        'button',
        {
          type: 'button',
          class: 'mini',
          ...(how === 'cover' ? { id: anchor(ids[0] ?? '') } : {}),
          'data-findings': ids.join(' '),
          'data-settle': how,
          'aria-pressed': String(ids.every((id) => review.settled[id] === how)),
          'aria-label': `${word}: ${about}`,
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
  return choices([finding.id], `${number}, ${finding.kind}`, review)
}

function item(finding: Finding, number: number, review: Review): HTMLElement {
  return el(
    'li',
    {},
    el('span', { class: isOpen(finding, review) ? 'k held' : 'k' }, String(number)),
    el(
      'span',
      { class: 'who-what' },
      el('b', {}, titled(finding.kind)),
      ' ',
      el('span', { class: 'soft' }, told(finding)),
    ),
    answerOf(finding, number, review),
  )
}

function rowItem(row: readonly string[], review: Review): HTMLElement {
  const members = review.findings.filter(({ id }) => row.includes(id))
  const ids = members.map(({ id }) => id)
  const numbers = ranges(members.map((finding) => review.findings.indexOf(finding) + 1))
  const waits = members.some((finding) => isOpen(finding, review))
  const answers = choices(ids, `${numbers}, writing in a row`, review)
  answers.append(
    el(
      'button',
      {
        type: 'button',
        class: 'mini',
        'data-spread': ids[0] ?? '',
        'aria-label': `Answer one by one: ${numbers}`,
      },
      'One by one',
    ),
  )
  return el(
    'li',
    {},
    el('span', { class: waits ? 'k held' : 'k' }, icon('ruler')),
    el(
      'span',
      { class: 'who-what' },
      el('b', {}, `Writing ${numbers}`),
      ' ',
      el('span', { class: 'soft' }, 'in a row: a ruler’s figures, or a number in boxes?'),
      ...ids.slice(1).map((id) => el('span', { id: anchor(id) })),
    ),
    answers,
  )
}

/** What is listed: a finding, or a whole row where its first one comes. */
function items(review: Review): HTMLElement[] {
  const drawn = new Set<readonly string[]>()
  return review.findings.flatMap((finding, index) => {
    const row = review.rows.find((each) => each.includes(finding.id))
    if (row === undefined) return [item(finding, index + 1, review)]
    if (drawn.has(row)) return []
    drawn.add(row)
    return [rowItem(row, review)]
  })
}

/** Draw the card anew, and give the focus back to the answer that had it. */
export function drawFinds(card: HTMLElement, review: Review): void {
  const active = document.activeElement
  const had = active instanceof HTMLElement && card.contains(active) ? active.dataset : null
  const total = review.findings.length
  const settled = total - open(review).length
  const count = total === 0 ? 'Nothing found' : `${settled} of ${total} settled`
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
      : el('ul', { class: 'finds' }, ...items(review)),
  )
  if (had?.findings !== undefined) refocus(card, had)
}

function refocus(card: HTMLElement, had: DOMStringMap): void {
  for (const button of card.querySelectorAll<HTMLElement>('[data-settle]')) {
    if (button.dataset.findings === had.findings && button.dataset.settle === had.settle)
      button.focus({ preventScroll: true })
  }
}
