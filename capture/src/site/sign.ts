/** Sign with a finger. The strokes stay as points, so that turning the phone doesn't lose them. */
type Point = readonly [x: number, y: number]

interface Pad {
  readonly canvas: HTMLCanvasElement
  readonly field: HTMLInputElement | null
  readonly strokes: Point[][]
}

const PEN_PX = 2.4

function fitted({ canvas }: Pad): CanvasRenderingContext2D | null {
  const pen = canvas.getContext('2d')
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio)
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio)
  pen?.scale(devicePixelRatio, devicePixelRatio)
  return pen
}

function draw(pad: Pad): void {
  const pen = fitted(pad)
  if (pen === null) return
  pen.lineWidth = PEN_PX
  pen.lineCap = 'round'
  pen.lineJoin = 'round'
  pen.strokeStyle = getComputedStyle(pad.canvas).color
  for (const stroke of pad.strokes) {
    pen.beginPath()
    stroke.forEach(([x, y], index) => {
      if (index === 0) pen.moveTo(x, y)
      pen.lineTo(x, y)
    })
    pen.stroke()
  }
}

/** Write the drawing as a PNG data URL into the hidden field, and nothing when it is empty. */
function write(pad: Pad): void {
  if (pad.field === null) return
  pad.field.value = pad.strokes.length === 0 ? '' : pad.canvas.toDataURL('image/png')
  pad.field.dispatchEvent(new Event('change', { bubbles: true }))
}

/** `<canvas data-field="signature">` inside `.sign-field`, beside `[data-clear]`. */
export function sign(canvas: HTMLCanvasElement): void {
  const form = canvas.closest('form')
  const name = canvas.dataset.field ?? 'signature'
  const field = form?.querySelector<HTMLInputElement>(`input[type="hidden"][name="${name}"]`)
  const pad: Pad = { canvas, field: field ?? null, strokes: [] }
  canvas.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary) return
    canvas.setPointerCapture(event.pointerId)
    pad.strokes.push([[event.offsetX, event.offsetY]])
    draw(pad)
  })
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return
    pad.strokes.at(-1)?.push([event.offsetX, event.offsetY])
    draw(pad)
  })
  canvas.addEventListener('pointerup', () => write(pad))
  const clear = canvas.closest('.sign-field')?.querySelector('[data-clear]')
  clear?.addEventListener('click', () => {
    pad.strokes.length = 0
    draw(pad)
    write(pad)
  })
  new ResizeObserver(() => draw(pad)).observe(canvas)
}
