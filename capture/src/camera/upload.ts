/** Post a sealed capture, and try again with the same id where only the network failed. */
import type { Sealed } from '../sealing/capture'

export type Answer =
  | { readonly is: 'arrived'; readonly next: string }
  | { readonly is: 'refused' | 'failed'; readonly text: string }

export interface Reply {
  readonly status: number
  readonly body: string
}

export const UNREACHABLE = 'The server can’t be reached. The picture is sealed and waits here.'
const UNCLEAR = 'The server did not say that it has the picture.'
const SIGNED_OUT = 'You have been signed out. Stop, sign in and take the picture again.'

function field(body: string, name: 'next' | 'error'): string | null {
  try {
    const value = (JSON.parse(body) as Record<string, unknown> | null)?.[name]
    return typeof value === 'string' && value !== '' ? value : null
  } catch {
    return null
  }
}

/** Read the server's reply. Only a 2xx that names the next page counts as arrived. */
export function read({ status, body }: Reply): Answer {
  const next = field(body, 'next')
  if (status >= 200 && status < 300 && next !== null) return { is: 'arrived', next }
  if (status >= 200 && status < 300) return { is: 'refused', text: `${UNCLEAR} ${SIGNED_OUT}` }
  if (status === 0) return { is: 'failed', text: UNREACHABLE }
  if (status === 408 || status === 429 || status >= 500)
    return { is: 'failed', text: field(body, 'error') ?? UNCLEAR }
  if (status === 401 || status === 403)
    return { is: 'refused', text: field(body, 'error') ?? SIGNED_OUT }
  return { is: 'refused', text: field(body, 'error') ?? 'The server did not take the picture.' }
}

export interface Posting {
  readonly url: string
  readonly csrf: string
  readonly fields: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly onProgress: (share: number) => void
}

function form(sealed: Sealed, fields: Posting['fields']): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.set(name, value)
  data.set('envelope', JSON.stringify(sealed.envelope))
  data.set('blob', new Blob([sealed.blob], { type: 'application/octet-stream' }), 'sealed')
  return data
}

/** XMLHttpRequest, because fetch tells nothing about how much has gone. Status 0: no reply. */
function post(sealed: Sealed, { url, csrf, fields, signal, onProgress }: Posting): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    signal.addEventListener('abort', abort, { once: true })
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    })
    request.addEventListener('abort', () => reject(signal.reason))
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', abort)
      resolve({ status: request.status, body: request.responseText })
    })
    request.open('POST', url)
    request.timeout = 120_000
    request.setRequestHeader('X-CSRFToken', csrf)
    request.setRequestHeader('Accept', 'application/json')
    request.send(form(sealed, fields))
  })
}

const PAUSES_MS = [1_000, 2_000, 4_000]

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}

/**
 * Send until the server has answered for good, or give up for now after four tries.
 *
 * Raises the signal's reason when it is aborted.
 */
export async function upload(
  sealed: Sealed,
  posting: Posting,
  { send = post, pauses = PAUSES_MS }: { send?: typeof post; pauses?: readonly number[] } = {},
): Promise<Answer> {
  let answer: Answer = { is: 'failed', text: UNREACHABLE }
  for (const wait of [0, ...pauses]) {
    if (wait > 0) await pause(wait, posting.signal)
    posting.signal.throwIfAborted()
    answer = read(await send(sealed, posting))
    if (answer.is !== 'failed') return answer
  }
  return answer
}

/** Where to go next: only ever a page of this same site. */
export function sameSite(url: string, otherwise: string): string {
  const target = new URL(url, location.href)
  return target.origin === location.origin ? target.href : otherwise
}
