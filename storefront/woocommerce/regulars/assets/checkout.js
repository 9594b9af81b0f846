/** Owns telling the shop the address typed at the classic checkout; whatever goes wrong, the checkout never notices. */
( function () {
	'use strict';

	const told = window.regularsCheckout;
	let last = '';

	function tell() {
		try {
			const field = document.getElementById( 'billing_email' );
			const box = document.getElementById( 'regulars_consent' );
			const email = field ? field.value.trim() : '';
			const isTicked = Boolean( box && box.checked );
			const state = email + ' ' + isTicked;
			if ( ! told || state === last || ! /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test( email ) ) {
				return;
			}
			last = state;
			const body = new URLSearchParams( { nonce: told.nonce, email } );
			if ( isTicked ) {
				body.set( 'consent', '1' );
			}
			fetch( told.url, { method: 'POST', body, credentials: 'same-origin', keepalive: true } ).catch( () => {} );
		} catch ( error ) {
			// An old browser: it orders as well without this.
		}
	}

	const isOurs = ( event ) => event.target && /^(billing_email|regulars_consent)$/.test( event.target.id );
	// The document hears these also after the checkout has redrawn itself.
	for ( const name of [ 'change', 'focusout' ] ) {
		document.addEventListener( name, ( event ) => isOurs( event ) && tell() );
	}
} )();
