/** Owns how elements are made, read and worded; texts are always set as text, never parsed. */

const ENGLISH = {
  add: 'Add to cart',
  adding: 'Adding…',
  added: 'Added',
  choose: 'Choose options',
  error: 'Could not be added',
  from: 'From',
  was: 'Was',
  next: 'Next',
  previous: 'Previous',
}

export const get = (element, attribute) => element.getAttribute(attribute)

export const set = (element, attribute, value) => element.setAttribute(attribute, value)

/** An element with one name, as its class and its part, with attributes and with texts or children. */
export function make(tag, name, attributes, ...content) {
  const element = document.createElement(tag)
  if (name) element.className = element.part = name
  for (const attribute in attributes) set(element, attribute, attributes[attribute])
  element.append(...content)
  return element
}

/** One of the widget's own words, in the page's translation where it gives one. */
export const label = (host, name) => get(host, 'label-' + name) || ENGLISH[name]

/** Text that only screen readers meet. */
export const unseen = (text) => make('span', 'unseen', {}, text)
