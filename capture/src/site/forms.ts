/** Small manners of forms. Every one of them works without these. */

/** After a failed send the summary has the focus, and its links lead into the fields. */
export function errorSummary(summary: HTMLElement): void {
  summary.tabIndex = -1
  summary.focus()
  summary.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    const id = link?.hash.slice(1)
    const field = id ? document.getElementById(id) : null
    if (field === null) return
    event.preventDefault()
    const block = field.closest('.field, fieldset') ?? field
    block.scrollIntoView()
    field.focus({ preventScroll: true })
  })
}

const SENT_MS = 5_000

/**
 * A second press while the first is under way must not send twice.
 *
 * Heard at the document, after everyone who may still say that the form is not ready.
 */
export function sendOnce(): void {
  let sent = new WeakSet<HTMLFormElement>()
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented || form.method !== 'post')
      return
    if (sent.has(form)) {
      event.preventDefault()
      return
    }
    sent.add(form)
    event.submitter?.setAttribute('aria-busy', 'true')
    // A reply that is a download leaves this page where it is.
    setTimeout(() => rest(form), SENT_MS)
  })
  const rest = (form: HTMLFormElement) => {
    sent.delete(form)
    for (const button of form.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy')
  }
  window.addEventListener('pageshow', () => {
    sent = new WeakSet()
    for (const form of document.forms) rest(form)
  })
}

/** `data-exclusive`: this answer and all others of its name rule each other out. */
export function exclusive(box: HTMLInputElement): void {
  const form = box.form
  const peers = () =>
    [...(form?.querySelectorAll<HTMLInputElement>(`input[name="${box.name}"]`) ?? [])].filter(
      (peer) => peer !== box,
    )
  form?.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.name !== box.name || !target.checked) return
    if (target === box) for (const peer of peers()) peer.checked = false
    else box.checked = false
    count(form)
  })
}

/** `data-count="use"`: how many boxes of that name are ticked, in words for the button. */
export function count(form: HTMLFormElement): void {
  for (const place of document.querySelectorAll<HTMLElement>('[data-count]')) {
    const boxes = [
      ...form.querySelectorAll<HTMLInputElement>(`input[name="${place.dataset.count}"]`),
    ].filter((box) => box.dataset.exclusive === undefined)
    if (boxes.length === 0) continue
    const ticked = boxes.filter((box) => box.checked).length
    place.textContent = ticked === 0 ? '' : String(ticked)
  }
}

/** A choice of views: one button is pressed, and the page is told which. */
export function segment(group: HTMLElement): void {
  group.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('[aria-pressed]') : null
    if (button === null) return
    for (const peer of group.querySelectorAll('[aria-pressed]'))
      peer.setAttribute('aria-pressed', String(peer === button))
    const view = button instanceof HTMLElement ? button.dataset.view : undefined
    if (view !== undefined) showView(group, view)
  })
}

/** With `data-views="id"` on the group, the children of #id take turns by their data-view. */
function showView(group: HTMLElement, view: string): void {
  const views = group.dataset.views ? document.getElementById(group.dataset.views) : null
  for (const child of views?.children ?? []) {
    if (child instanceof HTMLElement && child.dataset.view !== undefined)
      child.hidden = child.dataset.view !== view
  }
}

/** `data-show="id"`: open what was closed and go there. */
export function show(button: HTMLElement): void {
  button.addEventListener('click', () => {
    const target = document.getElementById(button.dataset.show ?? '')
    if (target === null) return
    target.hidden = false
    const door = button.closest<HTMLElement>('[data-door]')
    if (door !== null) door.hidden = true
    target.focus()
  })
}
