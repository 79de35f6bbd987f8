/** Tell the server that nothing is to remain. */

export type Stopped =
  | { readonly is: 'stopped'; readonly next: string | null }
  | { readonly is: 'refused'; readonly text: string }
  | { readonly is: 'unknown' }

const WAIT_MS = 10_000

async function said(reply: Response): Promise<Record<string, unknown>> {
  try {
    const data: unknown = await reply.json()
    return typeof data === 'object' && data !== null ? { ...data } : {}
  } catch {
    return {}
  }
}

/** Read the answer. Only a 2xx counts as stopped; a reason is the server's own, or there is none. */
export async function readStop(reply: Response): Promise<Stopped> {
  const { next, error } = await said(reply)
  if (reply.ok) {
    const page = reply.redirected ? reply.url : null
    return { is: 'stopped', next: typeof next === 'string' ? next : page }
  }
  return typeof error === 'string' ? { is: 'refused', text: error } : { is: 'unknown' }
}

/** What the stop says: what may have arrived (null when nothing was ever sent), and the patient's no. */
export function stopFields(captureId: string | null, said: string): Record<string, string> {
  return {
    ...(captureId === null ? {} : { capture_id: captureId }),
    ...(said === '' ? {} : { said }),
  }
}

/** Post the stop. */
export async function postStop(
  url: string,
  { csrf, captureId, said }: { csrf: string; captureId: string | null; said: string },
): Promise<Stopped> {
  try {
    return await readStop(
      await fetch(url, {
        method: 'POST',
        body: new URLSearchParams(stopFields(captureId, said)),
        headers: { 'X-CSRFToken': csrf, Accept: 'application/json' },
        keepalive: true,
        signal: AbortSignal.timeout(WAIT_MS),
      }),
    )
  } catch {
    return { is: 'unknown' }
  }
}
