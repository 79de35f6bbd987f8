/** `<safelight-camera>`: takes one picture, seals it in this page and posts the sealed bytes. */
import { csrfToken, fill, icon, needed, part } from '../dom'
import { type Sealed, sealCapture } from '../sealing/capture'
import { type Offer, readOffer } from '../sealing/offer'
import { freeze, jpeg, look, wipe } from './frame'
import type { Hints } from './hints'
import { type Camera, canShoot, type Event, next, type Phase, START } from './machine'
import { postStop } from './stop'
import { advice, closeCamera, hasTorch, INSECURE, openCamera, setTorch } from './stream'
import { sameSite, upload } from './upload'

const LOOK_EVERY_MS = 400
/** Away for this long, whoever comes back starts anew (OWASP MASVS; ADR on the open app). */
const AWAY_MS = 60_000

const BAD_OFFER =
  'This page can’t seal a picture now. Load it again; if that doesn’t help, tell your administrator.'
const UNSEALED = 'The picture could not be sealed, so it was thrown away. Take it again.'
const UNSTOPPED = 'The server can’t be reached'
const MAY_HAVE = 'It may have the picture. Press “Stop” again until it answers.'
const NOTHING_SENT = 'No picture was sent, but the agreement is still there. Press “Stop” again.'
const ENDED = 'The camera stopped. Try again.'

/** Which control takes the focus when a phase begins, for people without a pointer. */
const FOCUS: Partial<Record<Phase, string>> = {
  frozen: 'keep',
  failed: 'retry',
  refused: 'message',
  blocked: 'message',
  unstopped: 'message',
}

export class SafelightCamera extends HTMLElement {
  #camera: Camera = START
  #offer: Offer | null = null
  #stream: MediaStream | null = null
  #sealed: Sealed | null = null
  #sentId: string | null = null
  #takenAt = ''
  #sending = new AbortController()
  #hiddenAt = 0
  #timers: ReturnType<typeof setInterval>[] = []
  readonly #scratch = document.createElement('canvas')
  readonly #left = new AbortController()

  connectedCallback(): void {
    this.#listen()
    this.#show()
    void this.#start()
  }

  disconnectedCallback(): void {
    this.#left.abort()
    this.#clear()
  }

  get #video(): HTMLVideoElement {
    return needed(this, 'live', HTMLVideoElement)
  }

  get #canvas(): HTMLCanvasElement {
    return needed(this, 'frozen', HTMLCanvasElement)
  }

  #listen(): void {
    const signal = this.#left.signal
    this.addEventListener('click', (event) => this.#onClick(event), { signal })
    this.addEventListener('change', (event) => this.#onConfirm(event.target), { signal })
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal })
    window.addEventListener('pagehide', () => this.#clear(), { signal })
    window.addEventListener(
      'pageshow',
      (event) => {
        if (event.persisted) location.reload()
      },
      { signal },
    )
  }

  #onClick(event: MouseEvent): void {
    const pressed = event.target instanceof Element ? event.target.closest('[data-part]') : null
    const name = pressed instanceof HTMLElement ? pressed.dataset.part : undefined
    const does: Readonly<Record<string, () => unknown>> = {
      shutter: () => this.#shoot(),
      keep: () => this.#keep(),
      again: () => this.#again(),
      retry: () => this.#send('retry'),
      restart: () => this.#start(),
      stop: () => this.#stop(pressed instanceof HTMLElement ? (pressed.dataset.said ?? '') : ''),
      torch: () => this.#toggleTorch(pressed),
      'last-picture': () => this.#toggleGhost(pressed),
      'right-patient': () => this.#onConfirm(pressed),
    }
    const action = name === undefined ? undefined : does[name]
    if (action === undefined) return
    if (!(pressed instanceof HTMLInputElement)) event.preventDefault()
    void action()
  }

  /** The right-patient check: a checkbox that was ticked, or a button that was pressed. */
  #onConfirm(target: EventTarget | null): void {
    if (!(target instanceof HTMLElement) || target.dataset.part !== 'right-patient') return
    if (target instanceof HTMLInputElement && !target.checked) return
    this.#hear({ is: 'confirmed' })
    part(this, 'shutter', HTMLButtonElement)?.focus()
  }

  #hear(event: Event): boolean {
    const before = this.#camera
    this.#camera = next(before, event)
    if (this.#camera === before) return false
    this.#show()
    if (this.#camera.phase !== before.phase) this.#focusFor(this.#camera.phase)
    return true
  }

  #focusFor(phase: Phase): void {
    const name = FOCUS[phase]
    if (name !== undefined) part(this, name, HTMLElement)?.focus()
  }

  #show(): void {
    const { phase, isConfirmed, sent, text } = this.#camera
    this.dataset.phase = phase
    for (const element of this.querySelectorAll<HTMLElement | SVGElement>('[data-when]'))
      element.toggleAttribute('hidden', !element.dataset.when?.split(' ').includes(phase))
    const gate = part(this, 'gate', HTMLElement)
    if (gate !== null) gate.hidden = isConfirmed || !(phase === 'live' || phase === 'starting')
    const tick = part(this, 'right-patient', HTMLInputElement)
    if (tick !== null) tick.checked = isConfirmed
    const shutter = part(this, 'shutter', HTMLButtonElement)
    if (shutter !== null) shutter.disabled = !canShoot(this.#camera)
    const progress = part(this, 'progress', HTMLProgressElement)
    if (progress !== null) progress.value = sent
    const message = part(this, 'message', HTMLElement)
    if (message !== null) message.textContent = text
  }

  async #start(): Promise<void> {
    if (navigator.mediaDevices === undefined) {
      this.#hear({ is: 'blocked', text: INSECURE })
      return
    }
    const offer = await this.#readOffer()
    if (offer === null) {
      this.#hear({ is: 'blocked', text: BAD_OFFER })
      return
    }
    this.#offer = offer
    await this.#openStream()
  }

  async #readOffer(): Promise<Offer | null> {
    const given = this.dataset.offer ?? ''
    try {
      const isInline = given.startsWith('{') || given.startsWith('[')
      const data: unknown = isInline
        ? JSON.parse(given)
        : await (await fetch(given, { headers: { Accept: 'application/json' } })).json()
      return await readOffer(data, { now: new Date() })
    } catch {
      return null
    }
  }

  async #openStream(): Promise<void> {
    closeCamera(this.#stream)
    try {
      const stream = await openCamera()
      const { phase } = this.#camera
      if (document.hidden || !['starting', 'blocked', 'live'].includes(phase)) {
        closeCamera(stream)
        return
      }
      closeCamera(this.#stream)
      this.#stream = stream
      stream.getVideoTracks()[0]?.addEventListener('ended', () => {
        this.#hear({ is: 'blocked', text: ENDED })
      })
      this.#video.srcObject = stream
      await this.#video.play()
    } catch (error) {
      closeCamera(this.#stream)
      this.#hear({ is: 'blocked', text: advice(error) })
      return
    }
    const torch = part(this, 'torch', HTMLElement)
    if (torch !== null) torch.hidden = !hasTorch(this.#stream)
    this.#hear({ is: 'ready' })
    this.#watch()
  }

  #watch(): void {
    this.#unwatch()
    this.#timers.push(
      setInterval(() => {
        const seen = this.#camera.phase === 'live' ? look(this.#video, this.#scratch) : null
        if (seen !== null) this.#showHints(seen)
      }, LOOK_EVERY_MS),
    )
  }

  #unwatch(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  #showHints({ isSharp, light }: Hints): void {
    const words = { enough: 'Light enough', dark: 'More light', glare: 'Less glare' } as const
    this.#showPill('hint-sharp', isSharp, isSharp ? 'Sharp' : 'Hold still')
    this.#showPill('hint-light', light === 'enough', words[light])
  }

  #showPill(name: string, isGood: boolean, word: string): void {
    const pill = part(this, name, HTMLElement)
    if (pill === null || pill.dataset.word === word) return
    pill.dataset.word = word
    pill.className = isGood ? 'pill ok' : 'pill'
    pill.hidden = false
    fill(pill, icon(isGood ? 'check' : 'info'), word)
  }

  async #toggleTorch(button: Element | null): Promise<void> {
    if (this.#stream === null || button === null) return
    const isOn = button.getAttribute('aria-pressed') !== 'true'
    await setTorch(this.#stream, isOn)
    button.setAttribute('aria-pressed', String(isOn))
  }

  #toggleGhost(button: Element | null): void {
    const ghost = this.querySelector<HTMLElement>('.ghost')
    if (ghost === null || button === null) return
    ghost.hidden = !ghost.hidden
    button.setAttribute('aria-pressed', String(!ghost.hidden))
  }

  #shoot(): void {
    // Coming back to the page, the camera needs a moment; until then the element holds an old frame.
    const isRunning =
      this.#stream !== null && this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA
    if (!canShoot(this.#camera) || !isRunning) return
    freeze(this.#video, this.#canvas)
    this.#takenAt = new Date().toISOString()
    this.#hear({ is: 'shot' })
    this.#closeStream()
  }

  #closeStream(): void {
    this.#unwatch()
    closeCamera(this.#stream)
    this.#stream = null
    this.#video.srcObject = null
  }

  async #again(): Promise<void> {
    this.#sealed = null
    wipe(this.#canvas)
    if (this.#hear({ is: 'again' })) await this.#openStream()
    part(this, 'shutter', HTMLButtonElement)?.focus()
  }

  async #keep(): Promise<void> {
    const offer = this.#offer
    if (offer === null || !this.#hear({ is: 'kept' })) return
    const { signal } = this.#sending
    try {
      const picture = await jpeg(this.#canvas)
      const captureId = crypto.randomUUID()
      const tenant = this.dataset.tenant ?? ''
      const sealed = await sealCapture(picture, { offer, tenant, captureId })
      signal.throwIfAborted()
      this.#sealed = sealed
    } catch {
      if (!signal.aborted) this.#hear({ is: 'refused', text: UNSEALED })
      return
    } finally {
      wipe(this.#canvas)
    }
    await this.#send('kept')
  }

  async #send(why: 'kept' | 'retry'): Promise<void> {
    const sealed = this.#sealed
    if (sealed === null || (why === 'retry' && !this.#hear({ is: 'retry' }))) return
    const { signal } = this.#sending
    this.#sentId = sealed.captureId
    this.#hear({ is: 'posted' })
    try {
      const answer = await upload(sealed, {
        url: this.dataset.uploadUrl ?? '',
        csrf: csrfToken(this),
        fields: this.#fields(),
        signal,
        onProgress: (sent) => this.#hear({ is: 'progress', sent }),
      })
      if (answer.is !== 'arrived') this.#hear(answer)
      else if (this.#hear({ is: 'arrived' })) this.#leave(answer.next)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** What the page wants sent along, and when this phone says it was taken. */
  #fields(): Record<string, string> {
    const fields: Record<string, string> = { taken_at: this.#takenAt, right_patient: 'confirmed' }
    for (const input of this.querySelectorAll<HTMLInputElement>('input[type="hidden"][data-send]'))
      fields[input.name] = input.value
    return fields
  }

  #leave(url: string): void {
    this.#clear()
    const home = new URL(this.dataset.doneUrl ?? '/', location.href).href
    location.replace(sameSite(url, home))
  }

  /** Stop, and leave nothing. `said` is the patient's own no, where that is why. */
  async #stop(said: string): Promise<void> {
    if (!this.#hear({ is: 'stop' })) return
    const captureId = this.#camera.wasSent ? this.#sentId : null
    this.#sending.abort()
    this.#closeStream()
    wipe(this.#canvas)
    const url = this.dataset.stopUrl ?? ''
    const answer = await postStop(url, { csrf: csrfToken(this), captureId, said })
    if (answer.is === 'stopped') this.#leave(answer.next ?? this.dataset.doneUrl ?? '/')
    else if (answer.is === 'refused') this.#hear({ is: 'unstopped', text: answer.text })
    else {
      const rest = captureId === null ? NOTHING_SENT : MAY_HAVE
      this.#hear({ is: 'unstopped', text: `${UNSTOPPED}. ${rest}` })
    }
  }

  #onVisibility(): void {
    this.classList.toggle('is-blank', document.hidden)
    if (document.hidden) {
      this.#hiddenAt = Date.now()
      this.#closeStream()
      this.#timers.push(setTimeout(() => this.#onAway(), AWAY_MS))
      return
    }
    this.#unwatch()
    if (Date.now() - this.#hiddenAt >= AWAY_MS) this.#onAway()
    if (['starting', 'live', 'blocked'].includes(this.#camera.phase)) void this.#start()
  }

  #onAway(): void {
    if (!this.#hear({ is: 'away' })) return
    this.#sealed = null
    wipe(this.#canvas)
  }

  /** Leave nothing in this page: no stream, no pixels, no sealed bytes, no running upload. */
  #clear(): void {
    this.#sending.abort()
    this.#closeStream()
    wipe(this.#canvas)
    this.#sealed = null
  }
}
