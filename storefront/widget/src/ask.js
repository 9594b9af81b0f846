/** Owns how the widget asks for JSON: with a time limit, and with what the caller says and no more. */

import { LIST_PATIENCE_MS } from './limits.js'

/** The parsed body of a 2xx answer; throws the parsed body of any other, or an error when there is none in time. */
export async function ask(address, options, patienceMs = LIST_PATIENCE_MS) {
  const response = await fetch(address, { ...options, signal: AbortSignal.timeout(patienceMs) })
  const body = await response.json()
  if (!response.ok) throw body
  return body
}
