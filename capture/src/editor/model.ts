/** What a person has decided about one picture: marks drawn, findings settled. Values only. */
import {
  type Box,
  centred,
  fromList,
  isSame,
  isTooSmall,
  moved,
  type Point,
  resized,
  type Size,
  shareLeft,
  toList,
} from './geometry'
import { rowsIn } from './rows'

export type Role = 'keep' | 'cover'
export type Settled = 'cover' | 'leave'
export type Kept = 'skin' | 'lesion' | 'everything'

/** A box that a person drew. */
export interface Mark {
  readonly id: string
  readonly role: Role
  readonly box: Box
}

/** What a detector found (sure enough to cover) or held (a person must look). */
export interface Finding {
  readonly id: string
  readonly kind: string
  readonly why: string
  readonly box: Box | null
  readonly answer: 'found' | 'held'
  readonly fixed: boolean
}

/** What the server proposes to keep; null where it could tell nothing. */
export interface Proposals {
  readonly skin: Box | null
  readonly lesion: Box | null
}

export interface Review {
  readonly size: Size
  readonly proposals: Proposals
  readonly findings: readonly Finding[]
  /** Ids of findings that are answered together, because they stand in a row. */
  readonly rows: readonly (readonly string[])[]
  readonly marks: readonly Mark[]
  readonly settled: Readonly<Record<string, Settled>>
  readonly made: number
}

/** The page's JSON is not what the editor was built for; it must not guess. */
export class ReviewRefused extends Error {
  override name = 'ReviewRefused'
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ReviewRefused('a list was expected')
  return value
}

function readFinding(value: unknown, index: number): Finding {
  if (!isObject(value)) throw new ReviewRefused('a finding must be an object')
  const { id, kind, why, box, answer, fixed } = value
  if (answer !== 'found' && answer !== 'held') throw new ReviewRefused('unknown answer')
  const region = readBox(box)
  return {
    id: String(id ?? `finding-${index + 1}`),
    kind: String(kind ?? ''),
    why: String(why ?? ''),
    box: region,
    answer,
    fixed: fixed === true,
  }
}

function readBox(value: unknown): Box | null {
  if (value === null || value === undefined) return null
  const box = fromList(value)
  if (box === null) throw new ReviewRefused('no such box')
  return box
}

function readProposals(value: unknown): Proposals {
  const { skin, lesion } = isObject(value) ? value : {}
  return { skin: readBox(skin), lesion: readBox(lesion) }
}

/** Read the page's JSON. What was found, or may never be left in, starts covered; what was held starts open. */
export function readReview(data: unknown, size: Size): Review {
  if (!isObject(data)) throw new ReviewRefused('an object was expected')
  const findings = listOf(data.findings).map(readFinding)
  const given = isObject(data.settled) ? data.settled : {}
  const settled: Record<string, Settled> = {}
  for (const { id, answer, box, fixed } of findings) {
    const before = given[id]
    if (fixed && box !== null) settled[id] = 'cover'
    else if (before === 'cover' || before === 'leave') settled[id] = before
    else if (answer === 'found' && box !== null) settled[id] = 'cover'
  }
  const proposals = readProposals(data.proposals)
  const rows = rowsIn(findings)
  let review: Review = { size, proposals, findings, rows, marks: [], settled, made: 0 }
  for (const role of ['keep', 'cover'] as const) {
    for (const list of listOf(data[role])) {
      const box = fromList(list)
      if (box === null) throw new ReviewRefused('no such box')
      review = added(review, role, box)
    }
  }
  return review
}

export function added(review: Review, role: Role, box: Box = centred(review.size)): Review {
  if (isTooSmall(box)) return review
  const made = review.made + 1
  return { ...review, made, marks: [...review.marks, { id: `mark-${made}`, role, box }] }
}

function reshaped(review: Review, id: string, shape: (box: Box) => Box): Review {
  return {
    ...review,
    marks: review.marks.map((mark) => (mark.id === id ? { ...mark, box: shape(mark.box) } : mark)),
  }
}

export function movedBy(review: Review, id: string, by: Point): Review {
  return reshaped(review, id, (box) => moved(box, by, review.size))
}

export function resizedBy(review: Review, id: string, by: Point): Review {
  return reshaped(review, id, (box) => resized(box, by, review.size))
}

export function removed(review: Review, id: string): Review {
  return { ...review, marks: review.marks.filter((mark) => mark.id !== id) }
}

/** Keep what is proposed, or everything, instead of what was kept so far. */
export function kept(review: Review, what: Kept): Review {
  const bare = { ...review, marks: review.marks.filter(({ role }) => role !== 'keep') }
  if (what === 'everything') return bare
  const box = review.proposals[what]
  return box === null ? review : added(bare, 'keep', box)
}

/** Which of these is kept now; null for something that a person drew. */
export function keptNow(review: Review): Kept | null {
  const [box, ...more] = boxesOf(review, 'keep')
  if (box === undefined) return 'everything'
  const { skin, lesion } = review.proposals
  if (more.length > 0) return null
  if (skin !== null && isSame(box, skin)) return 'skin'
  return lesion !== null && isSame(box, lesion) ? 'lesion' : null
}

/** The share of the picture, 0 to 1, that neither lies outside the kept part nor is covered so far. */
export function leftOver(review: Review): number {
  const covers = review.findings.flatMap(({ id, box }) =>
    box !== null && review.settled[id] === 'cover' ? [box] : [],
  )
  return shareLeft(boxesOf(review, 'keep'), [...boxesOf(review, 'cover'), ...covers], review.size)
}

const boxesOf = (review: Review, role: Role) =>
  review.marks.filter((mark) => mark.role === role).map(({ box }) => box)

/** Settle one finding. What the page marks as fixed stays covered. */
export function settle(review: Review, id: string, how: Settled): Review {
  const finding = review.findings.find((each) => each.id === id)
  if (finding?.box === undefined || finding.box === null || finding.fixed) return review
  return { ...review, settled: { ...review.settled, [id]: how } }
}

/** Settle several with one answer. */
export function settleAll(review: Review, ids: readonly string[], how: Settled): Review {
  return ids.reduce((now, id) => settle(now, id, how), review)
}

/** Answer one by one what stands in a row. */
export function spread(review: Review, row: readonly string[]): Review {
  return { ...review, rows: review.rows.filter((each) => each !== row) }
}

/** Whether a person still has to look at it. */
export function isOpen({ id, box }: Finding, review: Review): boolean {
  return box !== null && review.settled[id] === undefined
}

/** Those a person still has to look at. */
export function open(review: Review): readonly Finding[] {
  return review.findings.filter((finding) => isOpen(finding, review))
}

type BoxList = [number, number, number, number]

/** What goes back to the server. `leave` holds findings' own boxes, unchanged; `left_as` what each was found to be. */
export interface Decided {
  readonly keep: readonly BoxList[]
  readonly cover: readonly BoxList[]
  readonly leave: readonly BoxList[]
  readonly left_as: readonly string[]
  readonly settled: Readonly<Record<string, Settled>>
}

export function decided(review: Review): Decided {
  const drawn = (role: Role) => boxesOf(review, role).map(toList)
  const found = (how: Settled) =>
    review.findings.flatMap(({ id, kind, box }) =>
      box !== null && review.settled[id] === how ? [{ kind, box: toList(box) }] : [],
    )
  return {
    keep: drawn('keep'),
    cover: [...drawn('cover'), ...found('cover').map(({ box }) => box)],
    leave: found('leave').map(({ box }) => box),
    left_as: found('leave').map(({ kind }) => kind),
    settled: review.settled,
  }
}

/** A review and all that came before it, newest last. */
export interface History {
  readonly now: Review
  readonly before: readonly Review[]
}

export function begin(now: Review): History {
  return { now, before: [] }
}

export function changed(history: History, now: Review): History {
  return now === history.now ? history : { now, before: [...history.before, history.now] }
}

export function undone(history: History): History {
  const last = history.before.at(-1)
  return last === undefined ? history : { now: last, before: history.before.slice(0, -1) }
}
