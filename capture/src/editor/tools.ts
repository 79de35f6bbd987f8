/** The editor's buttons. They only say what was pressed; the element decides. */
import { el, type Icon, icon } from '../dom'

export type Mode = 'select' | 'keep' | 'cover'
export type View = 'marked' | 'leaves' | 'original'

export interface Tools {
  readonly bar: HTMLElement
  readonly undo: HTMLButtonElement
  readonly remove: HTMLButtonElement
  readonly zoom: HTMLButtonElement
  showMode(mode: Mode): void
  showView(view: View): void
}

const MODES: readonly (readonly [Mode, string, Icon])[] = [
  ['select', 'Select', 'pick'],
  ['keep', 'Keep', 'frame'],
  ['cover', 'Cover', 'solid'],
]
const VIEWS: readonly (readonly [View, string])[] = [
  ['marked', 'Marked'],
  ['leaves', 'As it leaves'],
  ['original', 'Original'],
]

function segment(label: string, buttons: readonly HTMLElement[]): HTMLElement {
  return el('div', { class: 'seg', role: 'group', 'aria-label': label }, ...buttons)
}

function press(within: HTMLElement, name: string, value: string): void {
  for (const button of within.querySelectorAll<HTMLElement>(`[data-${name}]`))
    button.setAttribute('aria-pressed', String(button.dataset[name] === value))
}

function mini(name: string, word: string, sign: Icon): HTMLButtonElement {
  return el('button', { type: 'button', class: 'mini', 'data-tool': name }, icon(sign), word)
}

export function makeTools(): Tools {
  const modes = MODES.map(([mode, word, sign]) =>
    el('button', { type: 'button', 'data-mode': mode }, icon(sign), word),
  )
  const views = VIEWS.map(([view, word]) =>
    el('button', { type: 'button', 'data-view': view }, word),
  )
  const undo = mini('undo', 'Undo', 'undo')
  const remove = mini('remove', 'Remove', 'remove')
  const zoom = mini('zoom', 'Full size', 'zoom')
  zoom.setAttribute('aria-pressed', 'false')
  const bar = el(
    'div',
    { class: 'tools' },
    segment('View', views),
    segment('What drawing does', modes),
    undo,
    remove,
    zoom,
  )
  return {
    bar,
    undo,
    remove,
    zoom,
    showMode: (mode) => press(bar, 'mode', mode),
    showView: (view) => press(bar, 'view', view),
  }
}
