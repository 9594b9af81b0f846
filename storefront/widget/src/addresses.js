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
