/** Owns what the widget knows of the shop's cart and puts into it; must not touch the shelf. WooCommerce's is cart.woocommerce.js. */

import { safeAddress } from './addresses.js'
import { ask } from './ask.js'
import { get } from './dom.js'
import { ADD_PATIENCE_MS } from './limits.js'
import { shopRoot } from './root.js'

/** Address of the shop's cart.js; undefined where this origin has none: then nothing is read and nothing added. */
export function cartAddress(host) {
  const root = shopRoot()
  const address = safeAddress(get(host, 'cart') || (root && root + 'cart.js'))
  if (address?.origin === location.origin) return address.href
}

/** Ids of the products in the cart, as text; none when the cart can't be read. */
export async function productsInCart(address) {
  try {
    return (await ask(address)).items.map((line) => '' + line.product_id)
  } catch {
    return []
  }
}

/** Adds one piece and gives the shop's answer; throws what the shop answered instead. */
export async function addToCart(address, variant, listId, button) {
  // Dawn and its relatives redraw their cart from sections that the same request brings along.
  const theme = document.querySelector('cart-notification,cart-drawer')
  const wanted = {
    id: variant,
    quantity: 1,
    properties: { _regulars: listId },
    sections: theme?.getSectionsToRender?.().map((section) => section.id),
    sections_url: location.pathname,
  }
  const headers = { 'Content-Type': 'application/json' }
  const request = { method: 'POST', headers, body: JSON.stringify(wanted) }
  const line = await ask(address.replace('.js', '/add.js'), request, ADD_PATIENCE_MS)
  try {
    theme.setActiveElement?.(button)
    theme.classList.remove('is-empty')
    theme.renderContents?.(line)
  } catch {
    // The product is in the cart; how the theme shows it, if it has such a part at all, is the theme's affair.
  }
  return line
}
