/** Owns what the widget knows of a WooCommerce cart and puts into it, by the Store API; must not touch the shelf. */

import { safeAddress } from './addresses.js'
import { ask } from './ask.js'
import { get } from './dom.js'
import { ADD_PATIENCE_MS } from './limits.js'

/** Address of the Store API's cart; undefined where this origin has none: then nothing is read and nothing added. */
export function cartAddress(host) {
  const address = safeAddress(get(host, 'cart'))
  if (address?.origin === location.origin) return address.href
}

/** Ids of the products in the cart, as text; none when the cart can't be read. */
export async function productsInCart(address) {
  try {
    // A variation's line has the variation's id; the plugin says which product it is of.
    return (await ask(address)).items.map((line) => '' + (line.extensions?.regulars?.product_id || line.id))
  } catch {
    return []
  }
}

// Both kinds of cart and mini-cart draw themselves again: blocks by the first, classic ones by the others.
function tellTheme() {
  const { body } = document
  body.dispatchEvent(new CustomEvent('wc-blocks_added_to_cart', { bubbles: true, detail: { preserveCartData: false } }))
  window.jQuery?.(body).trigger('wc_fragment_refresh').trigger('wc_update_cart')
}

/** Adds one piece and gives the shop's answer; throws what the shop answered instead. */
export async function addToCart(address, variant, listId) {
  // A page out of a cache would bring a stale nonce: it is asked for, not printed.
  const { headers } = await fetch(address, { signal: AbortSignal.timeout(ADD_PATIENCE_MS) })
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Nonce: headers.get('Nonce') },
    body: JSON.stringify({ id: +variant, quantity: 1, regulars_list: listId }),
  }
  try {
    const cart = await ask(address + '/add-item', request, ADD_PATIENCE_MS)
    setTimeout(tellTheme)
    return cart
  } catch (refusal) {
    throw { description: refusal.data && refusal.message }
  }
}
