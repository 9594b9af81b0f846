/** Owns what the visitor can see: when to load, what counts as seen, and that nothing in view ever moves. */

import { NEAR_MARGIN, SEEN_MS, SEEN_SHARE } from './limits.js'

// Calls `callback` with each change in sight and with a function that ends the watch of that element.
function watch(elements, options, callback) {
  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries) callback(entry, () => sight.unobserve(entry.target))
  }, options)
  elements.forEach((element) => sight.observe(element))
}

/** Calls back when the element is near the view. */
export function whenNear(element, callback) {
  watch([element], { rootMargin: NEAR_MARGIN }, (entry, done) => entry.isIntersecting && callback(done()))
}

/** Calls back when the element's box may change without moving anything in view. */
export function whenUnseen(element, callback) {
  // Below the view, that is: above it, a browser without scroll anchoring would jump.
  const isBelow = (entry) => !entry.isIntersecting && entry.boundingClientRect.top > 0
  watch([element], {}, (entry, done) => isBelow(entry) && callback(done()))
}

/** Calls back with the index of each card that was in view for long enough, once each. */
export function whenSeen(cards, callback) {
  const timers = []
  watch(cards, { threshold: SEEN_SHARE }, (entry, done) => {
    const position = cards.indexOf(entry.target)
    clearTimeout(timers[position])
    if (entry.isIntersecting) timers[position] = setTimeout(() => callback(position, done()), SEEN_MS)
  })
}
