/** Live hints on a frame's grey values. They advise and never stop a picture. */

export interface Hints {
  readonly isSharp: boolean
  readonly light: 'dark' | 'enough' | 'glare'
}

export interface Grey {
  readonly values: Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** Canvas pixels (RGBA) as luma, ITU-R BT.601. */
export function grey({ data, width, height }: ImageData): Grey {
  const values = new Uint8ClampedArray(width * height)
  for (let i = 0; i < values.length; i += 1) {
    const at = i * 4
    values[i] = 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0)
  }
  return { values, width, height }
}

function mean(values: Uint8ClampedArray): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function shareAbove(values: Uint8ClampedArray, limit: number): number {
  return values.reduce((count, value) => count + Number(value > limit), 0) / values.length
}

/** Energy of the 4-neighbour Laplacian over the grey values' variance: blur lowers it. */
export function sharpness({ values, width, height }: Grey): number {
  const middle = mean(values)
  let edges = 0
  let spread = 0
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x
      const here = values[at] ?? 0
      const around =
        (values[at - 1] ?? 0) +
        (values[at + 1] ?? 0) +
        (values[at - width] ?? 0) +
        (values[at + width] ?? 0)
      edges += (around - 4 * here) ** 2
      spread += (here - middle) ** 2
    }
  }
  return spread === 0 ? 0 : edges / spread
}

/**
 * Measured on the middles of 70 photographs from public collections: as they
 * are, 94 % reach it; after a Gaussian blur of 1.5 px 26 %, of 2 px 11 %, of 3 px 7 %.
 */
const SHARP_FROM = 0.02
/** Judged by the brighter tenth, not the mean: dark skin in good light is not a dark picture. */
const LIT_ABOVE = 60
const LIT_SHARE = 0.1
const GLARE_ABOVE = 250
const GLARE_SHARE = 0.25

export function hints(frame: Grey): Hints {
  const isDark = shareAbove(frame.values, LIT_ABOVE) < LIT_SHARE
  const isGlare = shareAbove(frame.values, GLARE_ABOVE) > GLARE_SHARE
  return {
    isSharp: sharpness(frame) >= SHARP_FROM,
    light: isDark ? 'dark' : isGlare ? 'glare' : 'enough',
  }
}
