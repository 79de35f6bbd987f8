/**
 * Open a shared link: its secret is behind the #, which no server, log or mail scanner sees.
 *
 * `<form data-share method="post">` with `<input type="hidden" name="secret">`. The secret goes
 * into the form when a person presses, and never before or by itself.
 */

/** The secret of a link: 32 bytes in base64url without padding, or nothing. */
export function secretIn(hash: string): string | null {
  return /^#[A-Za-z0-9_-]{43}$/.test(hash) ? hash.slice(1) : null
}

function onPress(form: HTMLFormElement, event: SubmitEvent): void {
  const secret = secretIn(location.hash)
  const field = form.querySelector<HTMLInputElement>('input[name="secret"]')
  if (secret === null || field === null) {
    event.preventDefault()
    tell(form, true)
    return
  }
  field.value = secret
  history.replaceState(null, '', location.pathname + location.search)
}

/** A link that was cut in two by a mail program can't be opened, and says so. */
function tell(form: HTMLFormElement, isBroken: boolean): void {
  const notice = form.querySelector<HTMLElement>('[data-part="broken"]')
  if (notice !== null) notice.hidden = !isBroken
  const button = form.querySelector<HTMLButtonElement>('button[type="submit"]')
  if (button !== null) button.disabled = isBroken
}

export function share(form: HTMLFormElement): void {
  tell(form, secretIn(location.hash) === null)
  form.addEventListener('submit', (event) => onPress(form, event))
  window.addEventListener('hashchange', () => tell(form, secretIn(location.hash) === null))
}
