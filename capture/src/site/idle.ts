/** Lock a page that nobody uses. The server locks by itself; this hides the page at that time. */

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

const USE = ['pointerdown', 'keydown', 'wheel', 'touchstart', 'input'] as const
const PING_EVERY_MS = 60_000

/**
 * `<form data-idle-lock="120" data-idle-warn="30" method="post">`: posted when time is up.
 *
 * Inside: `[data-idle-notice]` (shown for the countdown), `[data-idle-left]` (the seconds) and
 * `[data-idle-say]` (role="status"). `data-idle-ping` is an address told of use once a minute.
 */
export class IdleLock {
  readonly #form: HTMLFormElement
  readonly #idle: Idle
  #usedAt = Date.now()
  #pingedAt = Date.now()
  #isLocked = false

  constructor(form: HTMLFormElement) {
    this.#form = form
    this.#idle = {
      lockAfterMs: Number(form.dataset.idleLock) * 1000,
      warnMs: Number(form.dataset.idleWarn ?? 30) * 1000,
    }
  }

  start(): void {
    if (!(this.#idle.lockAfterMs > 0)) return
    for (const name of USE) document.addEventListener(name, () => this.#used(), { passive: true })
    document.addEventListener('visibilitychange', () => this.#look())
    window.addEventListener('pageshow', ({ persisted }) => {
      if (persisted) this.#look()
    })
    setInterval(() => this.#look(), 1000)
  }

  /** Use after the time was up doesn't count: a sleeping page hears the key before the clock. */
  #used(): void {
    if (judge(Date.now() - this.#usedAt, this.#idle).is === 'lock') {
      this.#look()
      return
    }
    this.#usedAt = Date.now()
    this.#look()
    const url = this.#form.dataset.idlePing
    if (url === undefined || Date.now() - this.#pingedAt < PING_EVERY_MS) return
    this.#pingedAt = Date.now()
    const token = this.#form.querySelector<HTMLInputElement>('[name="csrfmiddlewaretoken"]')
    const headers = { 'X-CSRFToken': token?.value ?? '' }
    // Without an answer the server simply locks; there is nothing to tell the person here.
    fetch(url, { method: 'POST', headers }).catch(() => undefined)
  }

  #look(): void {
    const verdict = judge(Date.now() - this.#usedAt, this.#idle)
    if (verdict.is === 'lock') this.#lock()
    const notice = this.#form.querySelector<HTMLElement>('[data-idle-notice]')
    if (notice !== null) notice.hidden = verdict.is !== 'warn'
    if (verdict.is === 'warn') this.#count(verdict.seconds)
  }

  #count(seconds: number): void {
    const left = this.#form.querySelector('[data-idle-left]')
    if (left !== null) left.textContent = String(seconds)
    const say = this.#form.querySelector('[data-idle-say]')
    if (say !== null && SAID_AT.includes(seconds))
      say.textContent = `This page locks in ${seconds} seconds`
  }

  #lock(): void {
    if (this.#isLocked) return
    this.#isLocked = true
    document.documentElement.classList.add('is-locked')
    this.#form.submit()
  }
}
