/**
 * Owns what the web pixel tells: which products a visit looked at, put into the cart, took to the checkout, bought.
 * Must not tell who: no name, no address, no order's number, no customer's id, though Shopify would hand them over.
 */

// The widget's: what it tells of the shelves and what this tells of the shop belong to one visit.
const VISIT = 'regulars-visit'

const ofVariant = ({ productVariant: variant }) => [variant?.product]
const ofCartLine = ({ cartLine: line }) => [line?.merchandise?.product]
const ofCheckout = ({ checkout }) => checkout?.lineItems?.map((line) => line.variant?.product)

const EVENTS = {
  product_viewed: ['view', ofVariant],
  product_added_to_cart: ['cart', ofCartLine],
  checkout_started: ['checkout', ofCheckout],
  checkout_completed: ['purchase', ofCheckout],
}

// A number, or the end of `gid://shopify/Product/123`.
const idsOf = (products) =>
  [...new Set((products || []).map((product) => product?.id && String(product.id).split('/').pop()))].filter(Boolean)

/** Subscribes to the four events, and tells each in a small beacon of its own while the visitor allows it. */
export function watch({ analytics, browser, customerPrivacy, init, settings }) {
  const store = browser.sessionStorage
  // Shopify starts a pixel only with the consent its toml asks for; asked again, as it may be taken back meanwhile.
  let isAllowed = init.customerPrivacy.analyticsProcessingAllowed
  let visit

  async function visitId() {
    const held = await store.getItem(VISIT)
    if (held) return held
    const made = crypto.randomUUID().replace(/-/g, '')
    await store.setItem(VISIT, made)
    return made
  }

  async function tell(type, products) {
    if (!isAllowed || navigator.globalPrivacyControl || !products.length) return
    // One promise for all: two events at once would each make an id.
    const id = await (visit ||= visitId())
    const events = products.map((product) => ({ type, product }))
    const body = JSON.stringify({ shop: settings.accountID, visit: id, events })
    // A text needs no preflight, which a page on its way out could not wait for.
    await fetch(settings.endpoint, { method: 'POST', body, keepalive: true, credentials: 'omit' })
  }

  customerPrivacy.subscribe('visitorConsentCollected', ({ customerPrivacy: said }) => {
    isAllowed = said.analyticsProcessingAllowed
    if (isAllowed) return
    visit = undefined
    store.removeItem(VISIT)
  })

  for (const [name, [type, productsOf]] of Object.entries(EVENTS))
    analytics.subscribe(name, async ({ data }) => {
      try {
        await tell(type, idsOf(productsOf(data)).slice(0, 100))
      } catch {
        // Being counted is never worth an error in the shop.
      }
    })
}
