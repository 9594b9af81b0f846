/** Owns what this visitor pays where that is not what the list says. WooCommerce's is visitor.woocommerce.js. */

import { ask } from './ask.js'

// The list is in the shop's currency; only the shop knows the visitor's own price. Shopify's Ajax amounts
// are hundredths in every currency, yen included (reference: storefront §1.3, 8).
async function askShop(currency, address) {
  const { price, compare_at_price: was, price_varies: varies } = await ask(address.origin + address.pathname + '.js')
  return [currency, 2, price % 100 ? 2 : undefined, price, was, varies]
}

/** What to paint, once the shop has told it; nothing where the list's own price holds. */
export function visitorPrice({ answer }, address) {
  const active = window.Shopify?.currency?.active
  return active && active !== answer.currency && askShop(active, address)
}
