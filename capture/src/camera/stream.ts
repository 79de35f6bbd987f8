/** The camera's stream: opened with the largest still the phone offers, and closed for certain. */

const WANTED: MediaStreamConstraints = {
  audio: false,
  video: { facingMode: { ideal: 'environment' }, width: { ideal: 4032 }, height: { ideal: 3024 } },
}

const ADVICE: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The camera is switched off for this page. Allow it beside the page’s address, then try again.',
  NotFoundError: 'This device has no camera. Open this page on a phone.',
  OverconstrainedError: 'This device has no camera that fits. Open this page on a phone.',
  NotReadableError: 'Another app is using the camera. Close it, then try again.',
}

export const INSECURE =
  'The camera works only over a safe connection (https). Please tell your administrator.'

/** Say what a person can do about a camera that did not open. */
export function advice(error: unknown): string {
  const name = error instanceof DOMException ? error.name : ''
  return ADVICE[name] ?? 'The camera did not start. Try again, or restart the phone.'
}

export async function openCamera(): Promise<MediaStream> {
  return await navigator.mediaDevices.getUserMedia(WANTED)
}

export function closeCamera(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

/** The lamp is not in the DOM's types yet; browsers without it simply have no such capability. */
interface WithTorch {
  readonly torch?: boolean
}

export function hasTorch(stream: MediaStream): boolean {
  const track = stream.getVideoTracks()[0]
  const abilities = track?.getCapabilities?.() as (MediaTrackCapabilities & WithTorch) | undefined
  return abilities?.torch === true
}

export async function setTorch(stream: MediaStream, isOn: boolean): Promise<void> {
  const wanted: MediaTrackConstraintSet & WithTorch = { torch: isOn }
  await stream.getVideoTracks()[0]?.applyConstraints({ advanced: [wanted] })
}
