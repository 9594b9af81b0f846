/** Owns the empty shelf: the same box the page's own skeleton reserves, for pages that printed none. */

import { get, label, make } from './dom.js'
import { DEFAULT_PRODUCTS, MAX_COLUMNS, MAX_PRODUCTS } from './limits.js'

export const limitOf = (host) => Math.min(parseInt(get(host, 'limit')) || DEFAULT_PRODUCTS, MAX_PRODUCTS)

export const hasButtons = (host, cart) => cart && get(host, 'quick-add') !== 'off'

/** The section that a page's own template would have held. */
export function skeleton(host, cart) {
  const limit = limitOf(host)
  const heading = get(host, 'heading') || 'You may also like'
  const list = make('ul', 'list', { role: 'list', 'aria-hidden': true })
  for (let n = limit; n-- > 0; ) {
    const link = make('span', 'link', {}, make('span', 'image'), make('span', 'title'))
    const button = hasButtons(host, cart) ? make('span', 'button', {}, label(host, 'add')) : ''
    list.append(make('li', 'card', {}, link, make('span', 'price'), button))
  }
  return make(
    'section',
    'shelf ' + (get(host, 'layout') || 'grid'),
    { 'aria-label': heading, style: '--n:' + Math.min(limit, MAX_COLUMNS) },
    make('div', 'head', {}, make('slot', '', { name: 'heading' }, make('h2', 'heading', {}, heading))),
    list,
  )
}
