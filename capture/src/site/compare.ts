/** Two pictures of one site: the range input moves the cut, by pointer and by keyboard. */
export function compare(box: HTMLElement): void {
  const range = box.querySelector<HTMLInputElement>('input[type="range"]')
  if (range === null) return
  const move = () => box.style.setProperty('--cut', `${range.value}%`)
  range.addEventListener('input', move)
  move()
}
