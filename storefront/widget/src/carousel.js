/** Owns the two scroll buttons of the carousel; they never move the focus and never turn by themselves. */

import { label, make, set } from './dom.js'

// The signs ‹ and › turn by themselves where the page runs from right to left.
function scroller(host, list, name, sign, direction) {
  const button = make('button', 'button', { type: 'button', 'aria-label': label(host, name) }, sign)
  button.onclick = () => {
    const isCalm = matchMedia('(prefers-reduced-motion)').matches
    // Smooth here and not in the style sheet: an initial animated scroll would end the page's LCP.
    list.scrollBy({ left: direction * list.clientWidth, behavior: isCalm ? 'auto' : 'smooth' })
  }
  return button
}

/** Puts the buttons into the shelf's head and keeps their state. */
export function addScrollers(host, head, list) {
  const towardsEnd = getComputedStyle(list).direction === 'rtl' ? -1 : 1
  const previous = scroller(host, list, 'previous', '‹', -towardsEnd)
  const next = scroller(host, list, 'next', '›', towardsEnd)
  const nav = make('div', 'nav', {}, previous, next)
  const update = () => {
    const done = Math.abs(list.scrollLeft)
    const left = list.scrollWidth - list.clientWidth - done
    set(previous, 'aria-disabled', done < 2)
    set(next, 'aria-disabled', left < 2)
    nav.hidden = done + left < 2
  }
  head.append(nav)
  list.onscroll = update
  new ResizeObserver(update).observe(list)
}
