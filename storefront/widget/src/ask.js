/** Owns how the widget asks for JSON: with a time limit, and with what the caller says and no more. */

import { LIST_PATIENCE_MS } from './limits.js'

/** The parsed body of a 2xx answer, ids exact; throws that of any other, or an error when none comes in time. */
export async function ask(address, options, patienceMs = LIST_PATIENCE_MS) {
  const response = await fetch(address, { ...options, signal: AbortSignal.timeout(patienceMs) })
  // An id past 2^53 that is a number would be rounded: it becomes text. `_id":` can only be the end of a key, as
  // quotes inside a string are escaped.
  const body = JSON.parse((await response.text()).replace(/_id":\s*(\d{16,})/g, '_id":"$1"'))
  if (!response.ok) throw body
  return body
}
