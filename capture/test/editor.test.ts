import { describe, expect, it } from 'vitest'
import {
  type Box,
  between,
  centred,
  isTooSmall,
  moved,
  outsidePath,
  resized,
  shareLeft,
  step,
} from '../src/editor/geometry'
import { command } from '../src/editor/keys'
import {
  added,
  begin,
  changed,
  decided,
  kept,
  keptNow,
  leftOver,
  movedBy,
  open,
  ReviewRefused,
  readReview,
  removed,
  resizedBy,
  settle,
  settleAll,
  spread,
  undone,
} from '../src/editor/model'
import { ranges, rowsIn } from '../src/editor/rows'

const size = { width: 1200, height: 800 }
const box: Box = { x: 100, y: 50, width: 200, height: 100 }
const face = { id: 'f1', kind: 'face', why: 'a face', box: [10, 20, 30, 40], answer: 'found' }
const tattoo = { id: 'f2', kind: 'mark', why: 'a swallow', box: [500, 300, 90, 80], answer: 'held' }
const place = { id: 'f3', kind: 'metadata', why: 'where it was taken', box: null, answer: 'found' }

/** A generator that always gives the same numbers, so that a failure can be seen again. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state / 2 ** 32
  }
}

describe('a box', () => {
  it('never leaves the picture, never has a broken pixel and never vanishes', () => {
    const random = numbers(7)
    const any = () => random.next().value * 4000 - 1400
    for (let i = 0; i < 2000; i += 1) {
      const drawn = between({ x: any(), y: any() }, { x: any(), y: any() }, size)
      const start = isTooSmall(drawn) ? box : drawn
      for (const made of [
        moved(start, { x: any(), y: any() }, size),
        resized(start, { x: any(), y: any() }, size),
        start,
      ]) {
        expect(Object.values(made).every(Number.isInteger)).toBe(true)
        expect(Math.min(made.x, made.y)).toBeGreaterThanOrEqual(0)
        expect(made.x + made.width).toBeLessThanOrEqual(size.width)
        expect(made.y + made.height).toBeLessThanOrEqual(size.height)
        expect(isTooSmall(made)).toBe(false)
      }
    }
  })

  it('takes in every pixel that was touched', () => {
    const drawn = between({ x: 10.7, y: 20.2 }, { x: 5.1, y: 40.9 }, size)
    expect(drawn).toEqual({ x: 5, y: 20, width: 6, height: 21 })
  })

  it('keeps its size when it is pushed against the edge', () => {
    expect(moved(box, { x: 9999, y: -9999 }, size)).toEqual({ ...box, x: 1000, y: 0 })
  })

  it('begins in the middle for the keyboard', () => {
    expect(centred(size)).toEqual({ x: 450, y: 300, width: 300, height: 200 })
  })
})

describe('what lies outside', () => {
  it('is nothing while nothing is kept', () => expect(outsidePath([], size)).toBe(''))

  it('is the picture with a hole for each kept box', () => {
    expect(outsidePath([box], size)).toBe('M0 0H1200V800H0ZM100 50V150H300V50Z')
  })
})

describe('what is left', () => {
  const half = { x: 0, y: 0, width: 600, height: 800 }
  const top = { x: 0, y: 0, width: 1200, height: 400 }

  it.each([
    ['everything, while nothing is kept or covered', [], [], 1],
    ['what is kept', [half], [], 0.5],
    ['what is kept, each place once', [half, top], [], 0.75],
    ['what is not covered', [], [half, top], 0.25],
    ['what is kept and not covered', [half], [top], 0.25],
  ])('is %s', (_, keeps, covers, share) => {
    expect(shareLeft(keeps, covers, size)).toBeCloseTo(share, 2)
  })
})

describe('a proposal', () => {
  const proposals = { skin: [100, 50, 200, 100], lesion: [150, 60, 40, 40] }
  const start = readReview({ findings: [face], proposals, keep: [proposals.skin] }, size)

  it('is what is kept from the start where the page says so', () => {
    expect(keptNow(start)).toBe('skin')
    expect(decided(start).keep).toEqual([proposals.skin])
    expect(leftOver(start)).toBeCloseTo((200 * 100) / (1200 * 800), 2)
  })

  it('takes the place of what was kept and leaves the covers', () => {
    const drawn = added(added(start, 'cover', box), 'keep')
    expect(keptNow(drawn)).toBeNull()
    const lesion = kept(drawn, 'lesion')
    expect([keptNow(lesion), decided(lesion).keep]).toEqual(['lesion', [proposals.lesion]])
    expect(decided(lesion).cover).toContainEqual([100, 50, 200, 100])
    expect(keptNow(kept(lesion, 'everything'))).toBe('everything')
    expect(keptNow(kept(lesion, 'skin'))).toBe('skin')
  })

  it('is no longer one once a person changed it', () => {
    expect(keptNow(movedBy(start, 'mark-1', { x: 1, y: 0 }))).toBeNull()
  })

  it('changes nothing where nothing could be told', () => {
    const bare = readReview({ findings: [face] }, size)
    expect(kept(bare, 'skin')).toBe(bare)
    expect(keptNow(bare)).toBe('everything')
    expect(() => readReview({ proposals: { skin: [1, 2] } }, size)).toThrow(ReviewRefused)
  })

  it('tells of an almost black copy by what is covered', () => {
    const whole = { ...face, box: [0, 0, 1200, 800] }
    expect(leftOver(readReview({ findings: [whole] }, size))).toBe(0)
  })
})

describe('a review', () => {
  const start = readReview({ findings: [face, tattoo, place] }, size)

  it('starts with the found covered and the held open', () => {
    expect(decided(start)).toEqual({
      keep: [],
      cover: [[10, 20, 30, 40]],
      leave: [],
      left_as: [],
      settled: { f1: 'cover' },
    })
    expect(open(start).map(({ id }) => id)).toEqual(['f2'])
  })

  it('has nothing open once a person has answered for each', () => {
    const left = settle(start, 'f2', 'leave')
    expect(open(left)).toEqual([])
    expect(decided(left).leave).toEqual([[500, 300, 90, 80]])
    expect(decided(settle(left, 'f2', 'cover')).leave).toEqual([])
  })

  it('covers what is fixed from the start, though it is only held', () => {
    const held = { ...face, answer: 'held', fixed: true }
    const review = readReview({ findings: [held], settled: { f1: 'leave' } }, size)
    expect(open(review)).toEqual([])
    expect(decided(review).cover).toEqual([face.box])
  })

  it('does not leave in what is fixed, unknown or nowhere in the picture', () => {
    const fixed = readReview({ findings: [{ ...face, fixed: true }, place] }, size)
    for (const id of ['f1', 'f3', 'nobody']) expect(settle(fixed, id, 'leave')).toBe(fixed)
  })

  it('takes up again what was decided before', () => {
    const again = readReview(
      {
        findings: [face, tattoo],
        keep: [[0, 0, 600, 800]],
        cover: [[1, 2, 30, 40]],
        settled: { f1: 'leave', f2: 'perhaps' },
      },
      size,
    )
    expect(decided(again)).toEqual({
      keep: [[0, 0, 600, 800]],
      cover: [[1, 2, 30, 40]],
      leave: [[10, 20, 30, 40]],
      left_as: ['face'],
      settled: { f1: 'leave' },
    })
  })

  it('moves, resizes and removes drawn boxes only by their own name', () => {
    const one = added(added(start, 'keep', box), 'cover')
    const [keep, cover] = one.marks
    expect([keep?.role, cover?.role]).toEqual(['keep', 'cover'])
    const shifted = movedBy(resizedBy(one, 'mark-1', { x: 5, y: 6 }), 'mark-1', { x: 1, y: 2 })
    expect(shifted.marks[0]?.box).toEqual({ x: 101, y: 52, width: 205, height: 106 })
    expect(shifted.marks[1]).toEqual(cover)
    expect(removed(shifted, 'mark-1').marks).toEqual([cover])
    expect(added(removed(shifted, 'mark-1'), 'keep').marks[1]?.id).toBe('mark-3')
  })

  it('ignores a tap that was meant to draw nothing', () => {
    expect(added(start, 'cover', { ...box, width: 3 })).toBe(start)
  })

  it('goes back step by step and no further', () => {
    let history = begin(start)
    const states = [start]
    for (let i = 0; i < 5; i += 1) {
      history = changed(history, added(history.now, 'cover'))
      states.push(history.now)
    }
    expect(changed(history, history.now)).toBe(history)
    for (const state of states.reverse()) {
      expect(history.now).toBe(state)
      history = undone(history)
    }
    expect(history.now).toBe(start)
  })

  const bad: readonly (readonly [string, unknown])[] = [
    ['a list', []],
    ['nothing', null],
    ['findings that are no list', { findings: {} }],
    ['a finding that is a text', { findings: ['face'] }],
    ['an unknown answer', { findings: [{ ...face, answer: 'none' }] }],
    ['a box of three numbers', { findings: [{ ...face, box: [1, 2, 3] }] }],
    ['an empty box', { keep: [[1, 2, 0, 4]] }],
    ['a box of words', { cover: [['a', 'b', 'c', 'd']] }],
  ]
  it.each(bad)('is refused for %s', (_, data) => {
    expect(() => readReview(data, size)).toThrow(ReviewRefused)
  })

  it('is empty for a picture in which nothing was found', () => {
    const { id: _, ...nameless } = face
    expect(open(readReview({}, size))).toEqual([])
    expect(readReview({ findings: [nameless] }, size).findings[0]?.id).toBe('finding-1')
  })
})

describe('a key', () => {
  const press = (key: string, more: object = {}) => ({
    key,
    shiftKey: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    ...more,
  })
  const mark = { isMark: true, size }
  const finding = { isMark: false, size }

  it.each([
    ['ArrowLeft', {}, { does: 'move', by: { x: -12, y: 0 } }],
    ['ArrowDown', { altKey: true }, { does: 'move', by: { x: 0, y: 1 } }],
    ['ArrowRight', { shiftKey: true }, { does: 'resize', by: { x: 12, y: 0 } }],
    ['ArrowUp', { shiftKey: true, altKey: true }, { does: 'resize', by: { x: 0, y: -1 } }],
    ['Delete', {}, { does: 'remove' }],
    ['Backspace', {}, { does: 'remove' }],
    ['z', { ctrlKey: true }, { does: 'undo' }],
    ['Z', { metaKey: true }, { does: 'undo' }],
  ])('%s with %o on a drawn box', (key, more, wanted) => {
    const got = command(press(key, more), mark)
    expect(JSON.stringify(got)).toBe(JSON.stringify(wanted).replaceAll('-0', '0'))
  })

  it.each([
    ['c', { does: 'settle-cover' }],
    ['L', { does: 'settle-leave' }],
    ['ArrowLeft', null],
    ['Delete', null],
  ])('%s on a finding', (key, wanted) => expect(command(press(key), finding)).toEqual(wanted))

  it.each(['Tab', 'Enter', 'Escape', 'c'])('%s on a drawn box belongs to the browser', (key) => {
    expect(command(press(key), mark)).toBeNull()
  })

  it('with Control belongs to the browser unless it undoes', () => {
    expect(command(press('c', { ctrlKey: true }), finding)).toBeNull()
  })

  it('goes at least one pixel', () => expect(step({ width: 20, height: 10 })).toBe(1))
})

describe('writing in a row', () => {
  type At = readonly [x: number, y: number, width?: number, height?: number]
  const written = (...places: readonly At[]) => {
    const findings = places.map(([x, y, width = 24, height = 30], index) => ({
      id: `t${index}`,
      kind: 'text',
      why: 'text',
      box: [x, y, width, height],
      answer: 'found',
    }))
    return readReview({ findings }, size)
  }
  const ruler: readonly At[] = [1, 2, 3, 4, 5, 6].map((step) => [90 * step, 500 + 4 * step])

  it('is one thing to answer, and one step to take back', () => {
    const review = written(...ruler)
    expect(review.rows).toHaveLength(1)
    const row = review.rows[0] ?? []
    expect([...row].sort()).toEqual(['t0', 't1', 't2', 't3', 't4', 't5'])
    const left = settleAll(review, row, 'leave')
    expect(decided(left).leave).toEqual(ruler.map(([x, y]) => [x, y, 24, 30]))
    expect(undone(changed(begin(review), left)).now).toBe(review)
  })

  it('can be answered one by one after all', () => {
    const review = written(...ruler)
    const apart = spread(review, review.rows[0] ?? [])
    expect(apart.rows).toEqual([])
    expect(decided(settle(apart, 't2', 'leave')).leave).toHaveLength(1)
  })

  it('may be turned, seen at an angle, have wider figures and some that nobody found', () => {
    const upright = ruler.map(([x, y]): At => [y, x])
    const shrinking = [0, 100, 192, 276, 352, 420].map((x): At => [x, 300])
    const wider = ruler.map(([x, y], index): At => (index < 3 ? [x, y] : [x - 12, y, 48, 30]))
    const missing = ruler.filter((_, index) => index !== 2)
    for (const places of [upright, shrinking, wider, missing, [...ruler].reverse()])
      expect(written(...places).rows.map((row) => row.length)).toEqual([places.length])
  })

  it('leaves out what is elsewhere, larger or at another step', () => {
    const name: At = [100, 100, 260, 40]
    const big: At = [90 * 7, 528, 80, 100]
    const off: At = [90 * 7 + 45, 500 + 4 * 7]
    for (const more of [name, big, off]) {
      const { rows } = written(...ruler, more)
      expect(rows.flat()).not.toContain('t6')
      expect(rows).toHaveLength(1)
    }
  })

  it('is neither three figures, nor lines of a page, nor what must stay covered', () => {
    expect(written(...ruler.slice(0, 3)).rows).toEqual([])
    const lines = [0, 1, 2, 3, 4].map((line): At => [80, 100 + 50 * line, 600, 40])
    expect(written(...lines).rows).toEqual([])
    const { findings } = written(...ruler)
    expect(rowsIn(findings.map((finding) => ({ ...finding, fixed: true })))).toEqual([])
    expect(rowsIn(findings.map((finding) => ({ ...finding, kind: 'face' })))).toEqual([])
    const page = Array.from({ length: 400 }, (_, index): At => [(index % 20) * 40, index, 20, 20])
    expect(written(...page).rows).toEqual([])
  })

  it('finds two rulers, and puts nothing into both', () => {
    const { rows } = written(...ruler, ...ruler.map(([x, y]): At => [x, y - 200]))
    expect(rows.map((row) => row.length)).toEqual([6, 6])
    expect(new Set(rows.flat()).size).toBe(12)
  })

  it('is named by numbers as people write them', () => {
    expect(ranges([])).toBe('')
    expect(ranges([5, 3, 4, 1, 9])).toBe('1, 3–5, 9')
  })
})
