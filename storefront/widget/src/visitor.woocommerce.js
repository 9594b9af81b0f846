/** Owns what this visitor pays where that is not what the list says, in WooCommerce. */

import { ask } from './ask.js'
import { get } from './dom.js'

async function askShop(host, product) {
  const { prices } = await ask(get(host, 'cart').replace(/cart\/?$/, 'products/') + product.id)
  const { currency_code: currency, currency_minor_unit: exponent, price, regular_price: was, price_range: range } = prices
  return [currency, exponent, exponent, +(range ? range.min_amount : price), range ? 0 : +was, range]
}

/** What to paint, once the shop has told it; nothing where the list's own price holds. */
export function visitorPrice({ host, answer }, _address, product) {
  // `prices`: the shop shows them with a tax they were not entered with, or without one they were.
  if (get(host, 'prices') || get(host, 'currency') !== answer.currency) return askShop(host, product)
}
