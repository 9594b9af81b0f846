<?php
/**
 * Owns when a cart is looked at: at the end of a request in which something about it changed, and nothing of it is told twice.
 *
 * @package Regulars
 */

namespace Regulars;

use Throwable;

defined( 'ABSPATH' ) || exit;

/**
 * Notices changed carts. Never in a shopper's way.
 */
class Cart_Watch {

	// What changes a cart, whichever page, block or API does it. woocommerce_cart_updated is not here: it fires on page views.
	const CHANGES = array(
		'woocommerce_add_to_cart',
		'woocommerce_cart_item_removed',
		'woocommerce_cart_item_restored',
		'woocommerce_after_cart_item_quantity_update',
		'woocommerce_cart_emptied',
		'woocommerce_applied_coupon',
		'woocommerce_removed_coupon',
		'woocommerce_store_api_cart_update_customer_from_request',
	);

	/**
	 * Where carts are kept.
	 *
	 * @var Cart_Table
	 */
	private $table;

	/**
	 * The cart's name.
	 *
	 * @var Cart_Token
	 */
	private $token;

	/**
	 * What is said of a cart.
	 *
	 * @var Cart_Reading
	 */
	private $reading;

	/**
	 * Who takes it to the app.
	 *
	 * @var Cart_Courier
	 */
	private $courier;

	/**
	 * Whether this request changed the cart.
	 *
	 * @var bool
	 */
	private $has_changed = false;

	/**
	 * With the parts it needs.
	 *
	 * @param Cart_Table   $table   Where carts are kept.
	 * @param Cart_Token   $token   The cart's name.
	 * @param Cart_Reading $reading What is said of a cart.
	 * @param Cart_Courier $courier Who takes it to the app.
	 */
	public function __construct( Cart_Table $table, Cart_Token $token, Cart_Reading $reading, Cart_Courier $courier ) {
		$this->table   = $table;
		$this->token   = $token;
		$this->reading = $reading;
		$this->courier = $courier;
	}

	/**
	 * Hook up.
	 */
	public function register(): void {
		$this->courier->register();
		foreach ( self::CHANGES as $change ) {
			add_action( $change, array( $this, 'note_change' ), 10, 0 );
		}
		// Before WooCommerce saves the session, at 20.
		add_action( 'shutdown', array( $this, 'look' ), 10 );
	}

	/**
	 * Something about the cart changed.
	 */
	public function note_change(): void {
		$this->has_changed = true;
	}

	/**
	 * At the end of the request: has it changed, and into what?
	 */
	public function look(): void {
		if ( ! $this->has_changed || ! WC()->cart || ! WC()->session || ! self::may_note() ) {
			return;
		}
		$this->has_changed = false;
		try {
			$this->keep();
		} catch ( Throwable $error ) {
			// The name of what went wrong and nothing of the shopper's.
			wc_get_logger()->error( 'A cart could not be noted: ' . get_class( $error ), array( 'source' => 'regulars' ) );
		}
	}

	/**
	 * Store the cart and have it sent, if it is another than the last time.
	 */
	private function keep(): void {
		$cart = WC()->cart;
		if ( $cart->is_empty() && $this->token->is_ordered() ) {
			$this->token->forget();
			return;
		}
		if ( $cart->is_empty() && '' === $this->token->current() ) {
			return;
		}
		Cart_Table::ensure();
		$token = $this->token->ensure();
		$said  = $this->reading->read( $cart );
		$known = $this->table->get( $token );
		// A cart that was brought back on another device keeps the address it was left with.
		$email = $said['email'] ?? ( $known['email'] ?? null );
		unset( $said['email'] );
		$hash = hash( 'sha256', (string) wp_json_encode( array( $said, $email ) ) );
		if ( null !== $known && $known['cart_hash'] === $hash ) {
			return;
		}
		if ( $this->table->put( $token, $said, $email, $hash ) ) {
			$this->courier->schedule( $token );
		}
	}

	/**
	 * Whether the visitor's choice in a consent banner allows it. Without a banner that speaks the WP Consent API the answer
	 * is yes: then the shop relies on its notice at the checkout.
	 */
	private static function may_note(): bool {
		return ! function_exists( 'wp_has_consent' ) || wp_has_consent( 'marketing' );
	}
}
