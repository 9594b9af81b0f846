/** Owns one product's card: its link, picture, price and button. */

import { safeAddress } from './addresses.js'
import { addToCart } from './cart.js'
import { get, label, make, set, unseen } from './dom.js'
import { ADDED_MS, PICTURE_WIDTH } from './limits.js'
import { priceText } from './money.js'
import { productAddress } from './root.js'
import { hasButtons } from './skeleton.js'
import { visitorPrice } from './visitor.js'

function picture(product) {
  const address = safeAddress(product.image)
  if (!address) return make('span', 'image')
  // Shopify's CDN scales by `width=`, whether on its own host or on the shop's.
  if (!IS_WOOCOMMERCE && /^\/(cdn\/shop|s\/files)\//.test(address.pathname)) address.searchParams.set('width', PICTURE_WIDTH)
  const alt = (product.alt !== product.title && product.alt) || ''
  return make('img', 'image', { alt, loading: 'lazy', src: address })
}

function paintPrice({ host }, place, currency, exponent, nDigits, amount, formerAmount, varies) {
  const write = (minor) => priceText(host, minor / 10 ** exponent, currency, nDigits)
  // Also false for what is no number: no price is better than a wrong one.
  if (!(parseInt(amount) >= 0)) return
  place.append(make('span', 'now', {}, (varies ? label(host, 'from') + ' ' : '') + write(amount)))
  if (!(formerAmount > amount)) return
  const former = make('s', 'compare', {}, unseen(label(host, 'was') + ' '), write(formerAmount))
  place.append(make('span', 'was', {}, former))
}

// Unanswered, it stays blank: that is better than a wrong one.
async function paintVisitorPrice(shelf, place, asked) {
  try {
    paintPrice(shelf, place, ...(await asked))
  } catch {
    // The shop does not know the product, or not in time.
  }
}

function price(shelf, product, address) {
  const place = make('span', 'price')
  const { currency, exponent } = shelf.answer
  const { price, compare_at: was, price_varies: varies } = product
  const asked = visitorPrice(shelf, address, product)
  if (asked) paintVisitorPrice(shelf, place, asked)
  else paintPrice(shelf, place, currency, exponent, exponent, price?.amount, was?.amount, varies)
  return place
}

async function press(shelf, product, position, button, error) {
  const { host, answer } = shelf
  const say = (text) => (shelf.status.textContent = text)
  const show = (name) => (button.firstChild.data = label(host, name))
  if (get(button, 'aria-disabled')) return
  // aria-disabled, not disabled: the button keeps the focus.
  set(button, 'aria-disabled', true)
  error.textContent = ''
  show('adding')
  try {
    const response = await addToCart(shelf.cart, product.variant_id, answer.list_id, button)
    show('added')
    say(label(host, 'added') + ': ' + product.title)
    shelf.note('add', position)
    const detail = { list_id: answer.list_id, product: product.id, variant: product.variant_id, response }
    host.dispatchEvent(new CustomEvent('regulars:added', { bubbles: true, composed: true, detail }))
    await new Promise((done) => setTimeout(done, ADDED_MS))
  } catch (refusal) {
    error.textContent = say(refusal?.description || label(host, 'error'))
  }
  show('add')
  button.removeAttribute('aria-disabled')
}

/** The card's element. `shelf` is what its cards share: host, answer, cart, status, note. */
export function productCard(shelf, product, position) {
  const address = productAddress(product.url)
  const follow = (name, ...content) => {
    const link = make('a', name, { href: address }, ...content)
    link.onclick = link.onauxclick = (event) => event.button < 2 && shelf.note('click', position)
    return link
  }
  const title = make('span', 'title', {}, product.title)
  const card = make('li', 'card', {}, follow('link', picture(product), title), price(shelf, product, address))
  const words = (name) => [label(shelf.host, name), unseen(product.title)]
  if (!hasButtons(shelf.host, shelf.cart)) return card
  if (!product.variant_id) {
    card.append(follow('button', ...words('choose')))
    return card
  }
  const button = make('button', 'button', { type: 'button' }, ...words('add'))
  const error = make('span', 'error')
  button.onclick = () => press(shelf, product, position, button, error)
  card.append(button, error)
  return card
}
