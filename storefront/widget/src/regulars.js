/** Owns the life of one <regulars-shelf>: skeleton, list, cards. Must never throw into the page. */

import { safeAddress } from './addresses.js'
import { ask } from './ask.js'
import { note, openPage, seen, tellBy } from './beacon.js'
import { productCard } from './card.js'
import { addScrollers } from './carousel.js'
import { cartAddress, productsInCart } from './cart.js'
import { get, make, set } from './dom.js'
import { MAX_CART_IDS } from './limits.js'
import { productAddress } from './root.js'
import css from './shelf.css'
import { whenNear, whenSeen, whenUnseen } from './sight.js'
import { limitOf, skeleton } from './skeleton.js'

/** Nothing to show: invisible at once, and gone as soon as that moves nothing in view. */
function leave(host, section) {
  set(host, 'state', 'empty')
  section.style.visibility = 'hidden'
  whenUnseen(host, () => (host.style.display = 'none'))
}

// Fewer cards than the skeleton had must not pull up what stands below, in view.
function holdHeight(host) {
  host.style.minHeight = host.getBoundingClientRect().height + 'px'
  whenUnseen(host, () => (host.style.minHeight = ''))
}

function question(host, placement, inCart) {
  const query = new URLSearchParams({ shop: get(host, 'shop'), placement, limit: limitOf(host) })
  const product = get(host, 'product')
  if (product) query.set('product', product)
  else if (seen) query.set('seen', seen)
  if (inCart[0]) query.set('cart', [...new Set(inCart)].sort().slice(0, MAX_CART_IDS))
  return query
}

/** Asks by the road in this attribute, and tells by the same; throws what `ask` throws. */
function askBy(host, attribute, query) {
  const road = safeAddress(get(host, attribute)).href.replace(/\/*$/, '/storefront/v1/')
  tellBy(road + 'events')
  return ask(road + 'shelf?' + query, { credentials: 'omit' })
}

async function list(host, query) {
  try {
    return await askBy(host, 'api', query)
  } catch (problem) {
    // fetch's word for an address that could not be reached at all: the page's own policy, or a blocker in the
    // browser. The shop's own domain is allowed everywhere; there the shop's name is added, signed, on the way.
    if (!(problem instanceof TypeError)) throw problem
    query.delete('shop')
    return askBy(host, 'proxy', query)
  }
}

function choose(host, products, inCart) {
  const unwanted = [...inCart, get(host, 'product')]
  const isWanted = ({ id, url, is_available: isAvailable }) => isAvailable && !unwanted.includes(id) && productAddress(url)
  return products.filter(isWanted).slice(0, limitOf(host))
}

function setHeading(host, section, text) {
  if (!text) return
  const heading = host.querySelector('[slot=heading]') || section.querySelector('h2')
  heading.textContent = text
  set(section, 'aria-label', text)
}

function fill(section, cards, status) {
  const list = section.querySelector('.list')
  list.replaceChildren(...cards)
  list.removeAttribute('aria-hidden')
  section.append(status)
  return list
}

function show(host, section, cart, answer, inCart) {
  const products = choose(host, answer.products, inCart)
  if (!products[0]) return leave(host, section)
  const status = make('p', 'unseen', { role: 'status' })
  const noteOf = (type, position) => note(type, answer.list_id, products[position].id, position)
  const shelf = { host, answer, cart, status, note: noteOf }
  const cards = products.map((product, position) => productCard(shelf, product, position))
  holdHeight(host)
  setHeading(host, section, answer.heading || (seen && get(host, 'heading-seen')))
  const list = fill(section, cards, status)
  if (section.matches('.carousel')) addScrollers(host, section.firstElementChild, list)
  set(host, 'state', 'ready')
  whenSeen(cards, (position) => noteOf('impression', position))
}

// Nothing is asked, and as no page is opened nothing is told.
function preview(host, section, cart) {
  section.inert = true
  show(host, section, cart, host.data || JSON.parse(get(host, 'data')), [])
}

async function live(host, section, cart) {
  const placement = get(host, 'placement') || 'product'
  openPage(get(host, 'shop'), placement === 'product' && get(host, 'product'))
  const reading = productsInCart(cart)
  // Only the cart's own shelf waits for the cart: everywhere else its address is the same for everybody.
  const query = question(host, placement, placement === 'cart' ? await reading : [])
  show(host, section, cart, await list(host, query), await reading)
}

async function load(host, section, cart) {
  try {
    await (get(host, 'preview') == null ? live : preview)(host, section, cart)
  } catch {
    leave(host, section)
  }
}

function start(host) {
  const cart = cartAddress(host)
  const root = host.shadowRoot || host.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  root.adoptedStyleSheets = [sheet]
  let section = root.querySelector('.shelf')
  if (!section) root.append((section = skeleton(host, cart)))
  set(host, 'state', 'loading')
  whenNear(host, () => load(host, section, cart))
}

class Shelf extends HTMLElement {
  connectedCallback() {
    try {
      // An element that is moved within the page is connected again.
      if (!get(this, 'state')) start(this)
    } catch {
      this.style.display = 'none'
    }
  }
}

// The parser must be past the shelves: a skeleton it meets after the script has drawn one is an error in the console.
function define() {
  try {
    customElements.define('regulars-shelf', Shelf)
  } catch {
    // Another copy of this script was here first.
  }
}

if (document.readyState === 'loading') addEventListener('DOMContentLoaded', define)
else define()
