/** Owns where the shop's pages begin, and so where a product's page is. WooCommerce's is root.woocommerce.js. */

import { safeAddress } from './addresses.js'

/** Shopify's own root, "/" or "/fr/" on a translated storefront; undefined away from Shopify. */
export const shopRoot = () => window.Shopify?.routes?.root

/** A product's address in the language the visitor reads: "/products/cup" is "/fr/products/cup" under "/fr/". */
export function productAddress(url) {
  const root = shopRoot()
  return safeAddress(root && /^\/(?!\/)/.test(url) && !url.startsWith(root) ? root + url.slice(1) : url)
}
