/** Owns which addresses the widget may use; must not fetch anything. */

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1])$/

/** The address as a URL when it is https, of this page's origin, or http on loopback; else undefined. */
export function safeAddress(text) {
  try {
    const address = new URL(text, location)
    const isOurs = address.origin === location.origin || LOOPBACK.test(address.hostname)
    // The protocol as well: in a sandboxed page every origin, javascript: included, reads "null".
    if (text && (isOurs ? /^http/ : /^https:/).test(address)) return address
  } catch {
    // Not an address at all.
  }
}

/** Shopify's own root, "/" or "/fr/" on a translated storefront; undefined away from Shopify. */
export const shopRoot = () => window.Shopify?.routes?.root

/** A product's address in the language the visitor reads: "/products/cup" is "/fr/products/cup" under "/fr/". */
export function productAddress(url) {
  const root = shopRoot()
  return safeAddress(root && /^\/(?!\/)/.test(url) && !url.startsWith(root) ? root + url.slice(1) : url)
}
