/** Build elements without markup strings: the pages forbid innerHTML by Trusted Types. */

type Attributes = Readonly<Record<string, string>>
type Child = Node | string

const SVG = 'http://www.w3.org/2000/svg'

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** 24 grid, 2 px line; always beside a word (docs: the look's "Under the hood"). */
const ICONS = {
  check: 'M4 12.5l5 5L20 6.5',
  covered: 'M12 2.8a9.2 9.2 0 100 18.4 9.2 9.2 0 000-18.4zM7.6 12.4l3 3 5.8-6.2',
  hold: 'M12 2.8a9.2 9.2 0 100 18.4 9.2 9.2 0 000-18.4zM9.6 8.4v7.2M14.4 8.4v7.2',
  info: 'M12 2.8a9.2 9.2 0 100 18.4 9.2 9.2 0 000-18.4zM12 11v5.4M12 7.6v.1',
  warn: 'M12 3.4L22 20.4H2zM12 10v4.6M12 17.5v.1',
  undo: 'M8.5 5L4 9.5 8.5 14M4 9.5h10a6 6 0 010 12h-3',
  remove: 'M6 6l12 12M18 6L6 18',
  zoom: 'M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.500L21 21M10.500 7.800v5.400M7.800 10.500h5.400',
  pick: 'M6 3l13 9.500-6 1.200 3.400 6.300-2.800 1.400-3.200-6.500L6 18.500z',
  frame: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  ruler: 'M2.500 8h19v8h-19zM6 8v3.500M10 8v4.500M14 8v3.500M18 8v4.500',
  solid: 'M4 6h16v12H4zM7 9h10M7 12h10M7 15h10',
} as const

export type Icon = keyof typeof ICONS

export function icon(name: Icon): SVGSVGElement {
  return svg(
    'svg',
    { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    svg('path', { d: ICONS[name] }),
  )
}

/** Fill an element anew with an icon and its word. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...children)
}

/** Find the part of a server-rendered component that goes by this name. */
export function part<Kind extends Element>(
  root: ParentNode,
  name: string,
  kind: new () => Kind,
): Kind | null {
  const found = root.querySelector(`[data-part="${name}"]`)
  return found instanceof kind ? found : null
}

/** Like `part`, for what a component cannot do without. */
export function needed<Kind extends Element>(
  root: ParentNode,
  name: string,
  kind: new () => Kind,
): Kind {
  const found = part(root, name, kind)
  if (found === null) throw new Error(`the page lacks data-part="${name}"`)
  return found
}

/** Django's token against forged requests, from the page or from a form in it. */
export function csrfToken(root: ParentNode): string {
  const meta = document.querySelector('meta[name="csrf"]')
  if (meta instanceof HTMLMetaElement && meta.content) return meta.content
  const input = root.querySelector('input[name="csrfmiddlewaretoken"]')
  return input instanceof HTMLInputElement ? input.value : ''
}
