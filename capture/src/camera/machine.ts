/** What the camera page may be doing, and what leads from one to the next. Values only. */

export type Phase =
  | 'starting'
  | 'blocked'
  | 'live'
  | 'frozen'
  | 'sending'
  | 'failed'
  | 'refused'
  | 'done'
  | 'stopping'
  | 'unstopped'

export interface Camera {
  readonly phase: Phase
  /** A person has said that this is the right patient. */
  readonly isConfirmed: boolean
  /** Ciphertext may have reached the server, so that only it can undo the capture. */
  readonly wasSent: boolean
  /** Share of the upload that has gone, 0 to 1. */
  readonly sent: number
  /** What to tell the person, if anything. */
  readonly text: string
}

export type Event =
  | {
      readonly is:
        | 'ready'
        | 'confirmed'
        | 'shot'
        | 'again'
        | 'kept'
        | 'posted'
        | 'retry'
        | 'arrived'
        | 'stop'
    }
  | { readonly is: 'blocked' | 'failed' | 'refused' | 'unstopped'; readonly text: string }
  | { readonly is: 'progress'; readonly sent: number }
  | { readonly is: 'away' }

export const START: Camera = {
  phase: 'starting',
  isConfirmed: false,
  wasSent: false,
  sent: 0,
  text: '',
}

/** Where each event is heard; anywhere else it is a late answer and changes nothing. */
const HEARD: Readonly<Record<Event['is'], readonly Phase[]>> = {
  ready: ['starting', 'blocked'],
  blocked: ['starting', 'live', 'frozen'],
  confirmed: ['starting', 'live'],
  shot: ['live'],
  again: ['frozen', 'refused'],
  kept: ['frozen'],
  posted: ['sending'],
  progress: ['sending'],
  failed: ['sending'],
  refused: ['sending'],
  retry: ['failed'],
  arrived: ['sending'],
  away: ['starting', 'blocked', 'live', 'frozen'],
  stop: ['starting', 'blocked', 'live', 'frozen', 'sending', 'failed', 'refused', 'unstopped'],
  unstopped: ['stopping'],
}

export function canShoot(camera: Camera): boolean {
  return camera.phase === 'live' && camera.isConfirmed
}

/** Answer with the next state; the same one where the event has no meaning. */
export function next(camera: Camera, event: Event): Camera {
  if (!HEARD[event.is].includes(camera.phase)) return camera
  switch (event.is) {
    case 'ready':
      return { ...camera, phase: 'live', text: '' }
    case 'confirmed':
      return { ...camera, isConfirmed: true }
    case 'shot':
      return camera.isConfirmed ? { ...camera, phase: 'frozen', text: '' } : camera
    case 'again':
      return { ...camera, phase: 'live', text: '' }
    case 'kept':
    case 'retry':
      return { ...camera, phase: 'sending', sent: 0, text: '' }
    case 'posted':
      return { ...camera, wasSent: true }
    case 'progress':
      return { ...camera, sent: Math.min(1, Math.max(camera.sent, event.sent)) }
    case 'arrived':
      return { ...camera, phase: 'done', sent: 1, text: '' }
    case 'stop':
      return { ...camera, phase: 'stopping', text: '' }
    case 'away':
      // Whoever comes back may be somebody else, with somebody else before the camera.
      return { ...camera, phase: 'starting', isConfirmed: false, text: '' }
    default:
      return { ...camera, phase: event.is, text: event.text }
  }
}
