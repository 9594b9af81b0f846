/** Owns where the shop's pages begin, and so where a product's page is, in WooCommerce. */

import { safeAddress } from './addresses.js'
import { get } from './dom.js'

/** A product's address: the list names it from the shop's home on, which may lie in a folder. */
export function productAddress(url) {
  const root = get(document.querySelector('regulars-shelf'), 'root') || '/'
  return safeAddress(/^\/(?!\/)/.test(url) ? root.replace(/\/*$/, url) : url)
}
