/** One frame in memory: drawn, encoded, wiped. It is never a file and never has an address. */
import type { Bytes } from '../sealing/bytes'
import { grey, type Hints, hints } from './hints'

const QUALITY = 0.92
const LOOK = { width: 240, height: 180 }

/** Copy what the camera shows at this instant, at its full size. */
export function freeze(video: HTMLVideoElement, canvas: HTMLCanvasElement): void {
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext('2d')?.drawImage(video, 0, 0)
}

/** Encode as a fresh JPEG: what a canvas writes has no place, time or device in it. */
export async function jpeg(canvas: HTMLCanvasElement): Promise<Bytes> {
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', QUALITY)
  })
  if (blob === null || blob.type !== 'image/jpeg') throw new Error('the frame was not encoded')
  return new Uint8Array(await blob.arrayBuffer())
}

/** Setting the size throws the pixels away at once. */
export function wipe(canvas: HTMLCanvasElement): void {
  canvas.width = 0
  canvas.height = 0
}

/** Judge the middle of the live picture at its own resolution: shrinking would hide blur. */
export function look(video: HTMLVideoElement, scratch: HTMLCanvasElement): Hints | null {
  const pen = scratch.getContext('2d', { willReadFrequently: true })
  if (pen === null || video.videoWidth === 0) return null
  const { width, height } = LOOK
  scratch.width = width
  scratch.height = height
  const left = (video.videoWidth - width) / 2
  const top = (video.videoHeight - height) / 2
  pen.drawImage(video, left, top, width, height, 0, 0, width, height)
  const seen = hints(grey(pen.getImageData(0, 0, width, height)))
  wipe(scratch)
  return seen
}
