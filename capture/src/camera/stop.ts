/** Tell the server that nothing is to remain. */

export type Stopped =
  | { readonly is: 'stopped'; readonly next: string | null }
  | { readonly is: 'unknown' }

/** Post the stop. `captureId` names what may have arrived; null when nothing was ever sent. */
export async function postStop(
  url: string,
  { csrf, captureId }: { csrf: string; captureId: string | null },
): Promise<Stopped> {
  const body = new URLSearchParams(captureId === null ? {} : { capture_id: captureId })
  try {
    const reply = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'X-CSRFToken': csrf, Accept: 'application/json' },
      keepalive: true,
      signal: AbortSignal.timeout(10_000),
    })
    if (!reply.ok) return { is: 'unknown' }
    const isJson = reply.headers.get('Content-Type')?.startsWith('application/json') ?? false
    const said: unknown = isJson ? await reply.json() : null
    const next = (said as { next?: unknown } | null)?.next
    return {
      is: 'stopped',
      next: typeof next === 'string' ? next : reply.redirected ? reply.url : null,
    }
  } catch {
    return { is: 'unknown' }
  }
}
