import { describe, expect, it } from 'vitest'
import { grey, hints, sharpness } from '../src/camera/hints'
import { type Camera, canShoot, type Event, next, type Phase, START } from '../src/camera/machine'
import { readStop, stopFields } from '../src/camera/stop'
import { read, UNREACHABLE, upload } from '../src/camera/upload'
import type { Sealed } from '../src/sealing/capture'

const EVENTS: readonly Event[] = [
  { is: 'ready' },
  { is: 'confirmed' },
  { is: 'shot' },
  { is: 'again' },
  { is: 'kept' },
  { is: 'posted' },
  { is: 'retry' },
  { is: 'arrived' },
  { is: 'stop' },
  { is: 'away' },
  { is: 'blocked', text: 'b' },
  { is: 'failed', text: 'f' },
  { is: 'refused', text: 'r' },
  { is: 'unstopped', text: 'u' },
  { is: 'progress', sent: 0.5 },
]

const led = (...events: readonly Event[]) => events.reduce(next, START)

/** Every state that any order of events can lead to. */
function reachable(): Map<string, Camera> {
  const seen = new Map<string, Camera>()
  const todo = [START]
  for (let camera = todo.pop(); camera !== undefined; camera = todo.pop()) {
    const key = JSON.stringify(camera)
    if (seen.has(key)) continue
    seen.set(key, camera)
    todo.push(...EVENTS.map((event) => next(camera, event)))
  }
  return seen
}

describe('a stop', () => {
  it('says what may have arrived and the patient’s no, and nothing else', () => {
    expect(stopFields(null, '')).toEqual({})
    expect(stopFields('id', '')).toEqual({ capture_id: 'id' })
    expect(stopFields(null, 'no')).toEqual({ said: 'no' })
    expect(stopFields('id', 'no')).toEqual({ capture_id: 'id', said: 'no' })
  })
})

describe('the camera', () => {
  const all = [...reachable().values()]

  it('takes no picture before a person has said whose it is', () => {
    for (const camera of all) {
      const shot = next(camera, { is: 'shot' })
      if (shot.phase === 'frozen' && camera.phase !== 'frozen')
        expect(camera.isConfirmed).toBe(true)
    }
    expect(canShoot(led({ is: 'ready' }))).toBe(false)
    expect(canShoot(led({ is: 'ready' }, { is: 'confirmed' }))).toBe(true)
    expect(canShoot(led({ is: 'confirmed' }))).toBe(false)
  })

  it('can be stopped from everywhere but the end and the stopping itself', () => {
    for (const camera of all) {
      const { phase } = next(camera, { is: 'stop' })
      expect(phase).toBe(camera.phase === 'done' ? 'done' : 'stopping')
    }
  })

  it('comes to its end only from sending', () => {
    for (const camera of all)
      if (next(camera, { is: 'arrived' }).phase === 'done' && camera.phase !== 'done')
        expect(camera.phase).toBe('sending')
  })

  it('remembers for good that something was sent', () => {
    for (const camera of all) {
      if (!camera.wasSent) continue
      for (const event of EVENTS) expect(next(camera, event).wasSent).toBe(true)
    }
  })

  it('asks again who the patient is after somebody was away', () => {
    const back = led({ is: 'ready' }, { is: 'confirmed' }, { is: 'shot' }, { is: 'away' })
    expect(back).toEqual(START)
  })

  it('hears late answers in no other phase', () => {
    const stopped = led({ is: 'ready' }, { is: 'stop' })
    for (const event of EVENTS) {
      if (event.is !== 'unstopped') expect(next(stopped, event)).toBe(stopped)
    }
  })

  it('reaches every phase', () => {
    const phases: Phase[] = [
      'starting',
      'blocked',
      'live',
      'frozen',
      'sending',
      'failed',
      'refused',
      'done',
      'stopping',
      'unstopped',
    ]
    expect([...new Set(all.map(({ phase }) => phase))].sort()).toEqual(phases.sort())
  })

  it('never lets progress go backwards', () => {
    const sending = led({ is: 'ready' }, { is: 'confirmed' }, { is: 'shot' }, { is: 'kept' })
    const half = next(sending, { is: 'progress', sent: 0.5 })
    expect(next(half, { is: 'progress', sent: 0.2 }).sent).toBe(0.5)
    expect(next(half, { is: 'progress', sent: 7 }).sent).toBe(1)
  })
})

describe('a reply', () => {
  it.each([
    [201, '{"next":"/p/1"}', { is: 'arrived', next: '/p/1' }],
    [400, '{"error":"Not sealed."}', { is: 'refused', text: 'Not sealed.' }],
    [409, '{"error":"Other bytes."}', { is: 'refused', text: 'Other bytes.' }],
    [0, '', { is: 'failed', text: UNREACHABLE }],
    [503, '{"error":"No room."}', { is: 'failed', text: 'No room.' }],
  ])('%i %s', (status, body, wanted) => expect(read({ status, body })).toEqual(wanted))

  it.each([
    [200, '<!doctype html>', 'refused'],
    [200, 'null', 'refused'],
    [200, '{"next":""}', 'refused'],
    [204, '', 'refused'],
    [302, '', 'refused'],
    [403, '<html>', 'refused'],
    [410, '{"error":7}', 'refused'],
    [408, '', 'failed'],
    [429, '', 'failed'],
    [502, '{"next":"/p/1"}', 'failed'],
  ])('%i %s never counts as arrived', (status, body, wanted) => {
    expect(read({ status, body }).is).toBe(wanted)
  })
})

describe('the answer to a stop', () => {
  const json = (status: number, data: unknown) => new Response(JSON.stringify(data), { status })

  it.each([
    [json(200, { next: '/p/1' }), { is: 'stopped', next: '/p/1' }],
    [json(200, null), { is: 'stopped', next: null }],
    [new Response('<html>', { status: 200 }), { is: 'stopped', next: null }],
    [json(409, { error: 'In use by now.' }), { is: 'refused', text: 'In use by now.' }],
    [new Response('', { status: 502 }), { is: 'unknown' }],
    [json(500, [1]), { is: 'unknown' }],
  ])('is read, case %#', async (reply, wanted) => expect(await readStop(reply)).toEqual(wanted))
})

describe('an upload', () => {
  const sealed: Sealed = {
    captureId: '0190f3a2-6c1e-7cc3-8f53-5a7a5f3a9d10',
    envelope: {
      v: 1,
      suite: 'p256-sha256-aes256gcm',
      kid: '',
      capture_id: '',
      sha256: '',
      wrapped_key: '',
    },
    blob: new Uint8Array(3),
  }
  const posting = (signal: AbortSignal) => ({
    url: '/',
    csrf: '',
    fields: {},
    signal,
    onProgress: () => {},
  })

  it('is tried again with the same capture until the server answers', async () => {
    const sent: Sealed[] = []
    const replies = [
      { status: 0, body: '' },
      { status: 503, body: '' },
      { status: 200, body: '{"next":"/x"}' },
    ]
    const send = async (given: Sealed) => {
      sent.push(given)
      return replies[sent.length - 1] ?? { status: 0, body: '' }
    }
    const answer = await upload(sealed, posting(new AbortController().signal), {
      send,
      pauses: [1, 1, 1],
    })
    expect(answer).toEqual({ is: 'arrived', next: '/x' })
    expect(sent).toEqual([sealed, sealed, sealed])
  })

  it('is not tried again after a refusal', async () => {
    let times = 0
    const send = async () => {
      times += 1
      return { status: 409, body: '{"error":"no"}' }
    }
    const answer = await upload(sealed, posting(new AbortController().signal), {
      send,
      pauses: [1],
    })
    expect([answer.is, times]).toEqual(['refused', 1])
  })

  it('gives up for now when nobody answers', async () => {
    const send = async () => ({ status: 0, body: '' })
    const answer = await upload(sealed, posting(new AbortController().signal), {
      send,
      pauses: [1, 1],
    })
    expect(answer.is).toBe('failed')
  })

  it('ends at once when it is stopped, even while it waits', async () => {
    const stop = new AbortController()
    const send = async () => ({ status: 0, body: '' })
    const running = upload(sealed, posting(stop.signal), { send, pauses: [60_000] })
    setTimeout(() => stop.abort(), 5)
    await expect(running).rejects.toThrow()
  })
})

describe('hints', () => {
  const width = 240
  const height = 180

  /** Skin-like noise with a ruler's edges, blurred by a box of `radius`. */
  function scene(radius: number, { level = 140, noise = 4 } = {}): ImageData {
    const sharp = new Float32Array(width * height)
    let state = 1
    for (let i = 0; i < sharp.length; i += 1) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      const x = i % width
      const y = Math.floor(i / width)
      const tick = y > 60 && y < 110 && x % 8 < 2 ? -level * 0.6 : 0
      sharp[i] =
        level +
        tick +
        (((state >>> 16) % 1000) / 1000) * noise +
        Math.min(40, level / 4) * Math.sin(x / 23)
    }
    const data = new Uint8ClampedArray(width * height * 4)
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        let sum = 0
        let count = 0
        for (let dy = -radius; dy <= radius; dy += 1)
          for (let dx = -radius; dx <= radius; dx += 1) {
            const near =
              sharp[
                Math.min(height - 1, Math.max(0, y + dy)) * width +
                  Math.min(width - 1, Math.max(0, x + dx))
              ]
            sum += near ?? 0
            count += 1
          }
        data.fill(sum / count, (y * width + x) * 4, (y * width + x) * 4 + 3)
      }
    }
    return { data, width, height, colorSpace: 'srgb' } as ImageData
  }

  it('say sharp for edges and not for the same edges blurred', () => {
    expect(hints(grey(scene(0))).isSharp).toBe(true)
    for (const radius of [4, 5, 7]) expect(hints(grey(scene(radius))).isSharp).toBe(false)
  })

  it('lose sharpness with every pixel of blur', () => {
    const falling = [0, 1, 2, 3].map((radius) => sharpness(grey(scene(radius))))
    expect(falling).toEqual([...falling].sort((a, b) => b - a))
  })

  it('call an empty frame neither sharp nor bright', () => {
    const blank = { values: new Uint8ClampedArray(100), width: 10, height: 10 }
    expect(hints(blank)).toEqual({ isSharp: false, light: 'dark' })
  })

  it('tell darkness and glare from enough light', () => {
    expect(hints(grey(scene(0, { level: 30 }))).light).toBe('dark')
    expect(hints(grey(scene(0))).light).toBe('enough')
    expect(hints(grey(scene(0, { level: 290 }))).light).toBe('glare')
  })
})
