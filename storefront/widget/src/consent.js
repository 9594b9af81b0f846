/** Owns whether this visitor may be measured; must not store or send anything. WooCommerce's is consent.woocommerce.js. */

/** True only when a consent API on the page says yes and the browser does not say no. */
export function mayMeasure() {
  try {
    return !navigator.globalPrivacyControl && window.Shopify.customerPrivacy.analyticsProcessingAllowed()
  } catch {
    // No consent API on this page, which is not a yes.
  }
}

/** Loads Shopify's consent API where the theme has not, and calls `onChoice` whenever the visitor chooses. */
export function watchConsent(onChoice) {
  document.addEventListener('visitorConsentCollected', onChoice)
  try {
    window.Shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], () => {})
  } catch {
    // Not on Shopify, or not in working order: then nobody says yes.
  }
}
