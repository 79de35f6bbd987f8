/** Small helpers for every page. Each page can be used without them. */
import './../style/site.css'
import { compare } from './site/compare'
import { count, errorSummary, exclusive, segment, sendOnce, show } from './site/forms'
import { IdleLock } from './site/idle'
import { sign } from './site/sign'

function each<Kind extends Element>(selector: string, does: (element: Kind) => void): void {
  for (const element of document.querySelectorAll<Kind>(selector)) does(element)
}

each('.compare', compare)
each('.sign canvas', sign)
each('.seg[role="group"]', segment)
each('[data-show]', show)
each('input[data-exclusive]', exclusive)
sendOnce()
each('.summary', errorSummary)
each<HTMLFormElement>('form:has(input[type="checkbox"])', (form) => {
  count(form)
  form.addEventListener('change', () => count(form))
})

const lock = document.querySelector<HTMLFormElement>('form[data-lock], .bar form[method="post"]')
if (lock !== null && document.body.dataset.idleSeconds)
  new IdleLock(lock, document.body.dataset).start()
