/** `<safelight-editor>`: a person reviews a copy before it may leave. */
import { el, fill, icon } from '../dom'
import { Boxes, put } from './boxes'
import { drawFinds, titled } from './finds'
import { type Box, between, isTooSmall, type Point, type Size } from './geometry'
import { KeptCard } from './kept'
import { command, type Press } from './keys'
import {
  added,
  begin,
  changed,
  decided,
  type History,
  leftOver,
  movedBy,
  open,
  type Review,
  type Role,
  readReview,
  removed,
  resizedBy,
  type Settled,
  settleAll,
  spread,
  undone,
} from './model'
import { type Mode, makeTools, type Tools, type View } from './tools'

interface Drag {
  readonly pointer: number
  readonly from: Point
  readonly does: 'draw' | 'move' | 'resize'
  readonly id: string
}

const HELP = [
  ['Tab', 'goes from box to box'],
  ['Enter on Keep or Cover', 'puts a box in the middle'],
  ['Arrow keys', 'move it; with Shift they change its size, with Alt by one pixel'],
  ['Delete', 'removes it; Control and Z undoes'],
  ['C or L on a found box', 'covers it or leaves it in'],
] as const

function help(): HTMLElement {
  const lines = HELP.map(([key, does]) => el('li', {}, el('b', {}, key), ` ${does}`))
  return el(
    'details',
    {},
    el('summary', {}, icon('info'), 'With a keyboard'),
    el('ul', { class: 'small soft stack-s' }, ...lines),
  )
}

export class SafelightEditor extends HTMLElement {
  #history: History | null = null
  #mode: Mode = 'select'
  #chosen: string | null = null
  #drag: Drag | null = null
  #tools: Tools = makeTools()
  #boxes: Boxes | null = null
  #kept: KeptCard | null = null
  readonly #frame = el('div', { class: 'editor', 'data-mode': 'select', 'data-view': 'marked' })
  readonly #canvas = el('div', { class: 'canvas' })
  readonly #viewport = el('div', { class: 'viewport' })
  readonly #card = el('section', { class: 'card stack-s', 'aria-labelledby': 'finds-title' })
  readonly #status = el('p', { class: 'hide', role: 'status' })
  readonly #error = el('div', { class: 'notice bad', role: 'alert', tabindex: '-1', hidden: '' })
  readonly #ghost = el('div', { class: 'box ghost', hidden: '' })

  connectedCallback(): void {
    if (this.#history !== null) return
    const image = this.querySelector('img')
    if (image === null) return
    if (image.complete || this.dataset.width) this.#start(image)
    else image.addEventListener('load', () => this.#start(image), { once: true })
  }

  #start(image: HTMLImageElement): void {
    const size = {
      width: Number(this.dataset.width) || image.naturalWidth,
      height: Number(this.dataset.height) || image.naturalHeight,
    }
    const data = this.querySelector('script[type="application/json"]')
    try {
      this.#history = begin(readReview(JSON.parse(data?.textContent || '{}'), size))
    } catch {
      this.append(this.#error)
      this.#say('This picture can’t be reviewed here. Please tell your administrator.')
      return
    }
    this.#build(image, size)
    this.#listen()
    this.#show()
  }

  #build(image: HTMLImageElement, size: Size): void {
    image.draggable = false
    this.#frame.style.setProperty('--natural', `${size.width}px`)
    this.#canvas.append(image)
    this.#boxes = new Boxes(this.#canvas, size)
    this.#canvas.append(this.#ghost)
    this.#viewport.append(this.#canvas)
    this.#kept = new KeptCard(this.#review)
    this.#frame.append(
      this.#tools.bar,
      this.#viewport,
      help(),
      this.#kept.card,
      this.#error,
      this.#card,
    )
    this.append(this.#frame, this.#status)
    this.#tools.showMode('select')
    this.#tools.showView('marked')
  }

  #listen(): void {
    this.#tools.bar.addEventListener('click', (event) => this.#onTool(event))
    this.#card.addEventListener('click', (event) => this.#onAnswer(event))
    this.#kept?.card.addEventListener('click', (event) => this.#onKept(event))
    this.#canvas.addEventListener('pointerdown', (event) => this.#onDown(event))
    this.#canvas.addEventListener('pointermove', (event) => this.#onMove(event))
    this.#canvas.addEventListener('pointerup', (event) => this.#onUp(event))
    this.#canvas.addEventListener('pointercancel', () => this.#endDrag())
    this.#canvas.addEventListener('focusin', (event) => this.#choose(boxOf(event.target)))
    this.#frame.addEventListener('keydown', (event) => this.#onKey(event))
    this.closest('form')?.addEventListener('submit', (event) => this.#onSubmit(event))
  }

  get #review(): Review {
    if (this.#history === null) throw new Error('the editor has not started')
    return this.#history.now
  }

  #change(review: Review, { isRepeat = false } = {}): void {
    if (this.#history === null) return
    this.#history = isRepeat ? { ...this.#history, now: review } : changed(this.#history, review)
    this.#show()
  }

  #show(review: Review = this.#review): void {
    const mark = review.marks.find(({ id }) => id === this.#chosen)
    this.#boxes?.draw(review, this.#chosen)
    drawFinds(this.#card, review)
    this.#kept?.draw(review)
    this.#tools.undo.disabled = this.#history?.before.length === 0
    this.#tools.remove.disabled = mark === undefined
    if (open(review).length === 0) this.#error.hidden = true
    this.#write(review)
  }

  /** Keep the form's hidden fields in step, so that an ordinary submit carries the review. */
  #write(review: Review): void {
    const form = this.closest('form')
    const answers: Readonly<Record<string, unknown>> = { ...decided(review) }
    for (const [name, value] of Object.entries(answers)) {
      let field = (form ?? this).querySelector<HTMLInputElement>(`input[name="${name}"]`)
      if (field === null) {
        field = el('input', { type: 'hidden', name })
        this.append(field)
      }
      field.value = JSON.stringify(value)
    }
  }

  #announce(text: string): void {
    this.#status.textContent = text
  }

  #say(text: string): void {
    fill(this.#error, icon('warn'), el('p', {}, text))
    this.#error.hidden = false
  }

  #choose(id: string | null): void {
    if (id === null || id === this.#chosen) return
    this.#chosen = id
    this.#show()
  }

  #setMode(mode: Mode): void {
    this.#mode = mode
    this.#frame.dataset.mode = mode
    this.#tools.showMode(mode)
    if (mode !== 'select') this.#setView('marked')
  }

  #setView(view: View): void {
    this.#frame.dataset.view = view
    this.#tools.showView(view)
  }

  #onTool(event: MouseEvent): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null
    if (button === null) return
    const { mode, view, tool } = button.dataset
    if (view === 'marked' || view === 'leaves' || view === 'original') this.#setView(view)
    if (mode === 'select') this.#setMode('select')
    if (mode === 'keep' || mode === 'cover') this.#onRole(mode, event)
    if (tool === 'undo') this.#undo()
    if (tool === 'remove' && this.#chosen !== null) this.#remove(this.#chosen)
    if (tool === 'zoom') this.#toggleZoom()
  }

  /** A press without a pointer (keyboard, voice, switch) can't draw: it gets its box at once. */
  #onRole(role: Role, event: MouseEvent): void {
    if (event.detail !== 0) {
      this.#setMode(this.#mode === role ? 'select' : role)
      return
    }
    this.#setMode('select')
    this.#add(role)
    this.#announce(
      `${titled(role)} box added in the middle. Arrow keys move it, Shift and arrows resize it.`,
    )
  }

  #add(role: Role, box?: Box): void {
    const review = box === undefined ? added(this.#review, role) : added(this.#review, role, box)
    const mark = review.marks.at(-1)
    if (review === this.#review || mark === undefined) return
    this.#chosen = mark.id
    this.#change(review)
    this.#boxes?.focus(mark.id)
  }

  #undo(): void {
    if (this.#history === null || this.#history.before.length === 0) return
    this.#history = undone(this.#history)
    this.#show()
    this.#announce('Undone')
  }

  #remove(id: string): void {
    const marks = this.#review.marks
    const index = marks.findIndex((mark) => mark.id === id)
    if (index < 0) return
    this.#chosen = null
    this.#change(removed(this.#review, id))
    const next = this.#review.marks[Math.min(index, marks.length - 2)]
    if (next === undefined) this.#tools.undo.focus()
    else this.#boxes?.focus(next.id)
    this.#announce('Box removed')
  }

  #toggleZoom(): void {
    const isZoomed = this.#frame.dataset.zoom !== '1'
    this.#frame.dataset.zoom = isZoomed ? '1' : '0'
    this.#tools.zoom.setAttribute('aria-pressed', String(isZoomed))
    if (isZoomed) {
      this.#viewport.setAttribute('tabindex', '0')
      this.#viewport.setAttribute('role', 'region')
      this.#viewport.setAttribute('aria-label', 'The picture at full size; arrow keys scroll it')
    } else
      for (const name of ['tabindex', 'role', 'aria-label']) this.#viewport.removeAttribute(name)
  }

  #onAnswer(event: MouseEvent): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null
    const { findings, settle: how, spread: row } = button?.dataset ?? {}
    if (findings !== undefined && (how === 'cover' || how === 'leave'))
      this.#settle(findings.split(' '), how)
    if (row !== undefined) this.#spread(row)
  }

  /** Give each finding of a row an answer of its own, beginning with the first. */
  #spread(first: string): void {
    const row = this.#review.rows.find((each) => each.includes(first))
    if (row === undefined) return
    this.#change(spread(this.#review, row))
    this.#focusAnswer(first)
    this.#announce(`${row.length} to answer one by one`)
  }

  #onKept(event: MouseEvent): void {
    const review = this.#kept?.pressed(this.#review, event.target) ?? this.#review
    if (review === this.#review) return
    this.#chosen = null
    this.#change(review)
    this.#announce(`${Math.round(leftOver(review) * 100)} % of the picture remains`)
  }

  #settle(ids: readonly string[], how: Settled): void {
    const review = settleAll(this.#review, ids, how)
    if (review === this.#review) {
      this.#announce('This one stays covered')
      return
    }
    this.#chosen = ids[0] ?? null
    this.#change(review)
    const left = open(review).length
    this.#announce(
      `${how === 'cover' ? 'Covered' : 'Left in'}. ${left === 0 ? 'All settled.' : `${left} to settle.`}`,
    )
  }

  #at(event: PointerEvent): Point {
    const frame = this.#canvas.getBoundingClientRect()
    const { width, height } = this.#review.size
    return {
      x: ((event.clientX - frame.left) / frame.width) * width,
      y: ((event.clientY - frame.top) / frame.height) * height,
    }
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary) return
    const from = this.#at(event)
    const id = boxOf(event.target)
    if (this.#mode !== 'select') {
      this.#startDrag({ pointer: event.pointerId, from, does: 'draw', id: '' })
      event.preventDefault()
    } else if (id !== null) {
      this.#choose(id)
      if (!this.#review.marks.some((mark) => mark.id === id)) return
      const isGrip = event.target instanceof Element && event.target.closest('[data-grip]') !== null
      this.#startDrag({ pointer: event.pointerId, from, does: isGrip ? 'resize' : 'move', id })
    } else if (this.#chosen !== null) {
      this.#chosen = null
      this.#show()
    }
  }

  #startDrag(drag: Drag): void {
    this.#drag = drag
    this.#canvas.setPointerCapture(drag.pointer)
  }

  #endDrag(): void {
    if (this.#drag === null) return
    this.#canvas.releasePointerCapture(this.#drag.pointer)
    this.#drag = null
    this.#ghost.hidden = true
    this.#show()
  }

  #dragged(drag: Drag, to: Point): Review {
    const by = { x: to.x - drag.from.x, y: to.y - drag.from.y }
    return drag.does === 'move'
      ? movedBy(this.#review, drag.id, by)
      : resizedBy(this.#review, drag.id, by)
  }

  #onMove(event: PointerEvent): void {
    const drag = this.#drag
    if (drag === null || event.pointerId !== drag.pointer) return
    if (drag.does !== 'draw') {
      this.#show(this.#dragged(drag, this.#at(event)))
      return
    }
    const box = between(drag.from, this.#at(event), this.#review.size)
    this.#ghost.className = `box ghost ${this.#mode}`
    this.#ghost.hidden = false
    put(this.#ghost, box, this.#review.size)
  }

  #onUp(event: PointerEvent): void {
    const drag = this.#drag
    if (drag === null || event.pointerId !== drag.pointer) return
    const to = this.#at(event)
    const role = this.#mode
    if (drag.does !== 'draw') {
      const isStill = Math.hypot(to.x - drag.from.x, to.y - drag.from.y) < 1
      const review = this.#dragged(drag, to)
      this.#endDrag()
      if (!isStill) this.#change(review)
      return
    }
    this.#endDrag()
    const box = between(drag.from, to, this.#review.size)
    if (role === 'select' || isTooSmall(box)) return
    this.#setMode('select')
    this.#add(role, box)
  }

  #onKey(event: KeyboardEvent): void {
    const id = boxOf(event.target)
    const press: Press = event
    const isMark = this.#review.marks.some((mark) => mark.id === id)
    const asked = command(press, { isMark, size: this.#review.size })
    if (asked === null || (id === null && asked.does !== 'undo')) return
    event.preventDefault()
    if (asked.does === 'undo') this.#undo()
    else if (id !== null) this.#obey(asked, id, event.repeat)
  }

  #obey(asked: NonNullable<ReturnType<typeof command>>, id: string, isRepeat: boolean): void {
    switch (asked.does) {
      case 'move':
        this.#change(movedBy(this.#review, id, asked.by), { isRepeat })
        break
      case 'resize':
        this.#change(resizedBy(this.#review, id, asked.by), { isRepeat })
        break
      case 'remove':
        this.#remove(id)
        return
      case 'settle-cover':
        this.#settle([id], 'cover')
        return
      case 'settle-leave':
        this.#settle([id], 'leave')
        return
      default:
        return
    }
    const box = this.#review.marks.find((mark) => mark.id === id)?.box
    if (box !== undefined)
      this.#announce(`${box.x} across, ${box.y} down, ${box.width} wide, ${box.height} high`)
  }

  /** Stop a review with open questions, except for buttons that don't need one (formnovalidate). */
  #onSubmit(event: SubmitEvent): void {
    const submitter = event.submitter
    if (submitter instanceof HTMLButtonElement && submitter.formNoValidate) return
    const waiting = open(this.#review)
    const first = waiting[0]
    if (first === undefined) return
    event.preventDefault()
    this.#say(
      waiting.length === 1
        ? 'One thing is not settled. Choose “Cover” or “Leave in” for it.'
        : `${waiting.length} things are not settled. Choose “Cover” or “Leave in” for each.`,
    )
    this.#focusAnswer(first.id)
  }

  #focusAnswer(id: string): void {
    const buttons = [...this.#card.querySelectorAll<HTMLElement>('[data-findings]')]
    buttons.find(({ dataset }) => dataset.findings?.split(' ').includes(id))?.focus()
  }
}

function boxOf(target: EventTarget | null): string | null {
  const box = target instanceof Element ? target.closest('[data-box]') : null
  return box instanceof HTMLElement ? (box.dataset.box ?? null) : null
}
