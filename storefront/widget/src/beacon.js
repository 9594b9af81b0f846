/**
 * Owns what is told back and what is remembered: one beacon as the page is hidden, an id and the last products looked
 * at in this tab; all of it only with consent.
 */

import { mayMeasure, watchConsent } from './consent.js'
import { MAX_EVENTS, MAX_SEEN } from './limits.js'

const VISIT = 'regulars-visit'
const SEEN = 'regulars-seen'

let events = []
let shop
let product

/** Ids of the products last looked at before this page, newest first, separated by commas; none before `openPage`. */
export let seen
let eventsAddress

// Without consent, or once it is withdrawn, nothing stays: neither what was seen nor who saw it.
function forgetUnlessAllowed() {
  if (mayMeasure()) return true
  events = []
  try {
    delete sessionStorage[VISIT]
    delete sessionStorage[SEEN]
  } catch {
    // Storage is switched off: there is nothing to remove.
  }
}

function send() {
  try {
    if (!forgetUnlessAllowed()) return
    if (product) sessionStorage[SEEN] = [...new Set([product, ...(seen || product).split(',')])].slice(0, MAX_SEEN)
    if (!events.length) return
    const visit = (sessionStorage[VISIT] ||= crypto.randomUUID().replace(/-/g, ''))
    // A text is sent as text/plain, which needs no preflight: a page on its way out could not wait for one.
    if (navigator.sendBeacon(eventsAddress, JSON.stringify({ shop, visit, events }))) events = []
  } catch {
    // Being measured is never worth an error in the shop.
  }
}

/** Says where the beacon goes: the way the latest question went. */
export const tellBy = (address) => (eventsAddress = address)

/** Remembers whose page this is, and the product that it shows; the page's first shelf says. */
export function openPage(ofShop, ofProduct) {
  if (shop) return
  shop = ofShop
  product = ofProduct
  try {
    seen = sessionStorage[SEEN]
  } catch {
    // Storage is switched off: nothing was remembered.
  }
  addEventListener('visibilitychange', () => document.hidden && send())
  addEventListener('pagehide', send)
  watchConsent(forgetUnlessAllowed)
}

/** Keeps one event, in memory only, for the beacon. */
export function note(type, listId, product, position) {
  if (events.length < MAX_EVENTS) events.push({ type, list_id: listId, product, position })
}
