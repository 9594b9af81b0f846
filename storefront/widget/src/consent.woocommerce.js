/** Owns whether this visitor may be measured, in WooCommerce: the WP Consent API is asked. Must not store or send anything. */

/** True only when a consent API on the page says yes and the browser does not say no. */
export function mayMeasure() {
  try {
    return !navigator.globalPrivacyControl && window.wp_has_consent('statistics')
  } catch {
    // No consent API on this page, which is not a yes.
  }
}

/** Calls `onChoice` whenever the visitor chooses. */
export function watchConsent(onChoice) {
  document.addEventListener('wp_listen_for_consent_change', onChoice)
}
