/** Owns what is told back and when: one beacon as the page is hidden, only with consent, an id only then. */

import { mayMeasure, watchConsent } from './consent.js'
import { MAX_EVENTS } from './limits.js'

const VISIT = 'regulars-visit'

let events = []
let page
let eventsAddress

// Without consent, or once it is withdrawn, nothing stays: neither what was seen nor who saw it.
function forgetUnlessAllowed() {
  if (mayMeasure()) return
  events = []
  try {
    delete sessionStorage[VISIT]
  } catch {
    // Storage is switched off: there is nothing to remove.
  }
}

function send() {
  try {
    forgetUnlessAllowed()
    if (!events.length) return
    const visit = (sessionStorage[VISIT] ||= crypto.randomUUID().replace(/-/g, ''))
    // text/plain needs no preflight, which a page on its way out could not wait for.
    const body = new Blob([JSON.stringify({ ...page, visit, events })], { type: 'text/plain' })
    if (navigator.sendBeacon(eventsAddress, body)) events = []
  } catch {
    // Being measured is never worth an error in the shop.
  }
}

/** Says where the beacon goes: the way the latest question went. */
export const tellBy = (address) => (eventsAddress = address)

/** Remembers the page's first shelf, whose shop and placement the beacon carries. */
export function openPage(firstShelf) {
  if (page) return
  page = firstShelf
  addEventListener('visibilitychange', () => document.hidden && send())
  addEventListener('pagehide', send)
  watchConsent(forgetUnlessAllowed)
}

/** Keeps one event, in memory only, for the beacon. */
export function note(type, listId, product, position) {
  if (events.length < MAX_EVENTS) events.push({ type, list_id: listId, product, position, at: Date.now() })
}
