/** Owns how a price reads; must not decide which price is shown. */

import { get } from './dom.js'

// Shopify's money formats: thousands and decimal separator by the end of the placeholder's name
// (`amount_no_decimals_with_comma_separator` has the comma's, and no decimals).
const SEPARATORS = { comma: '.,', apostrophe: '’.', period: ' .', space: ' ,' }
const PLACEHOLDER = /{{\s*amount(_no_decimals)?(?:_with_([a-z]+)\w*)?\s*}}/

/** `value` in Shopify's `format`, whose markup is dropped. */
const formatted = (value, nDigits, format) =>
  format.replace(/<[^>]*>/g, '').replace(PLACEHOLDER, (_, isWhole, separator) => {
    const [thousands, decimal] = SEPARATORS[separator] || ',.'
    const [whole, rest] = value.toFixed(isWhole ? 0 : nDigits).split('.')
    return whole.replace(/\B(?=(\d{3})+$)/g, thousands) + (rest ? decimal + rest : '')
  })

/** The price as the page writes prices, with so many digits; with the currency's own where that is undefined. */
export function priceText(host, value, currency, nDigits) {
  // "en_IE" is a language to many pages and an error to Intl.
  const locale = (get(host, 'locale') || document.documentElement.lang).replace(/_/g, '-') || []
  // Browsers round dinars and forints, which the shop sells by the hundredth: the digits are said.
  const digits = { minimumFractionDigits: nDigits, maximumFractionDigits: nDigits }
  const intl = new Intl.NumberFormat(locale, { style: 'currency', currency, ...digits })
  const format = get(host, 'money-format')
  // The theme's format belongs to the theme's currency: "€{{amount}}" around dollars would be a wrong price.
  return format && currency === get(host, 'currency')
    ? formatted(value, intl.resolvedOptions().maximumFractionDigits, format)
    : intl.format(value)
}
