/** Lock a page that nobody uses. The server locks by itself; this hides the page at that time. */
import { csrfToken, el } from '../dom'

export interface Idle {
  readonly lockAfterMs: number
  readonly warnMs: number
}

export type Verdict =
  | { readonly is: 'used' | 'lock' }
  | { readonly is: 'warn'; readonly seconds: number }

/** Judge by the wall clock, so that a phone that slept is locked when it wakes. */
export function judge(idleMs: number, { lockAfterMs, warnMs }: Idle): Verdict {
  if (idleMs >= lockAfterMs) return { is: 'lock' }
  const left = lockAfterMs - idleMs
  return left <= warnMs ? { is: 'warn', seconds: Math.ceil(left / 1000) } : { is: 'used' }
}

/** Say the countdown at these seconds only: a reader must not be told every second. */
const SAID_AT = [30, 20, 10, 5]
const WARN_MS = 30_000
const PING_EVERY_MS = 60_000
const USE = ['pointerdown', 'keydown', 'wheel', 'touchstart', 'input'] as const

interface Notice {
  readonly box: HTMLElement
  readonly left: HTMLElement
  readonly said: HTMLElement
}

function makeNotice(): Notice {
  const left = el('b')
  const said = el('span', { class: 'hide', role: 'status' })
  const stay = el('button', { type: 'button', class: 'btn btn-plain' }, 'Stay')
  const words = el('span', {}, 'This page locks in ', left, ' seconds')
  const box = el(
    'div',
    { class: 'toast idle', role: 'region', 'aria-label': 'Locking', hidden: '' },
    words,
    stay,
  )
  document.body.append(box, said)
  return { box, left, said }
}

/**
 * `<body data-idle-seconds="600" data-idle-ping="…">`, and the form that locks.
 *
 * The ping is optional: an address told once a minute that somebody is there, so that the server
 * doesn't lock under a person who is writing.
 */
export class IdleLock {
  readonly #form: HTMLFormElement
  readonly #idle: Idle
  readonly #ping: string | undefined
  readonly #notice = makeNotice()
  #usedAt = Date.now()
  #pingedAt = Date.now()
  #isLocked = false

  constructor(form: HTMLFormElement, { idleSeconds, idlePing }: DOMStringMap) {
    this.#form = form
    const lockAfterMs = Number(idleSeconds) * 1000
    this.#idle = { lockAfterMs, warnMs: Math.min(WARN_MS, lockAfterMs / 2) }
    this.#ping = idlePing
  }

  start(): void {
    if (!(this.#idle.lockAfterMs > 0)) return
    for (const name of USE) document.addEventListener(name, () => this.#used(), { passive: true })
    document.addEventListener('visibilitychange', () => this.#look())
    window.addEventListener('pageshow', () => this.#look())
    setInterval(() => this.#look(), 1000)
  }

  /** Use after the time was up doesn't count: a sleeping page hears the key before the clock. */
  #used(): void {
    if (judge(Date.now() - this.#usedAt, this.#idle).is !== 'lock') this.#usedAt = Date.now()
    this.#look()
    if (this.#ping === undefined || Date.now() - this.#pingedAt < PING_EVERY_MS) return
    this.#pingedAt = Date.now()
    const headers = { 'X-CSRFToken': csrfToken(this.#form) }
    // Without an answer the server simply locks; there is nothing to tell the person here.
    fetch(this.#ping, { method: 'POST', headers }).catch(() => undefined)
  }

  #look(): void {
    const verdict = judge(Date.now() - this.#usedAt, this.#idle)
    if (verdict.is === 'lock') this.#lock()
    const { box, left, said } = this.#notice
    box.hidden = verdict.is !== 'warn'
    if (verdict.is !== 'warn') return
    left.textContent = String(verdict.seconds)
    if (SAID_AT.includes(verdict.seconds))
      said.textContent = `This page locks in ${verdict.seconds} seconds`
  }

  #lock(): void {
    if (this.#isLocked) return
    this.#isLocked = true
    document.documentElement.classList.add('is-locked')
    this.#form.submit()
  }
}
