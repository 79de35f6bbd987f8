/** Seal one picture for the server: after this, nobody on this phone can open it. */
import { seal } from './blob'
import type { Bytes } from './bytes'
import { context, uuidBytes } from './context'
import { closeEnvelope, type Envelope } from './envelope'
import type { Offer } from './offer'

export interface Sealed {
  readonly captureId: string
  readonly envelope: Envelope
  readonly blob: Bytes
}

/** Seal under a fresh data key; the key and the picture's bytes are wiped before it returns. */
export async function sealCapture(
  picture: Bytes,
  { offer, tenant, captureId }: { offer: Offer; tenant: string; captureId: string },
): Promise<Sealed> {
  const dataKey = crypto.getRandomValues(new Uint8Array(32))
  try {
    const bound = context('safelight-blob-v1', uuidBytes(tenant), uuidBytes(captureId), 'original')
    const blob = await seal(dataKey, picture, { context: bound })
    const envelope = await closeEnvelope(offer, dataKey, { captureId, blob })
    return { captureId, envelope, blob }
  } finally {
    dataKey.fill(0)
    picture.fill(0)
  }
}
