<?php
/**
 * Owns what is said of a cart: its lines, its total, and an address where one may be used. Changes nothing.
 *
 * @package Regulars
 */

namespace Regulars;

use WC_Cart;

defined( 'ABSPATH' ) || exit;

/**
 * A cart as the app reads it.
 */
class Cart_Reading {

	/**
	 * The address typed at the checkout.
	 *
	 * @var Checkout_Email
	 */
	private $email;

	/**
	 * The box at the checkout.
	 *
	 * @var Checkout_Consent
	 */
	private $consent;

	/**
	 * With what the shopper said at the checkout.
	 *
	 * @param Checkout_Email   $email   The address typed at the checkout.
	 * @param Checkout_Consent $consent The box at the checkout.
	 */
	public function __construct( Checkout_Email $email, Checkout_Consent $consent ) {
		$this->email   = $email;
		$this->consent = $consent;
	}

	/**
	 * The body of the cart topic, without its name, time and link.
	 *
	 * @param WC_Cart $cart The cart.
	 * @return array<string, mixed>
	 */
	public function read( WC_Cart $cart ): array {
		$customer = get_current_user_id();
		return array(
			'currency'    => get_woocommerce_currency(),
			'items'       => array_values( array_map( array( $this, 'line' ), $cart->get_cart(), array_keys( $cart->get_cart() ) ) ),
			'total'       => self::decimal( $cart->is_empty() ? 0 : $cart->get_total( 'edit' ) ),
			'email'       => $this->email->current(),
			'customer_id' => $customer > 0 ? $customer : null,
			'locale'      => str_replace( '_', '-', determine_locale() ),
			'consent'     => $this->consent->current(),
		);
	}

	/**
	 * One line, at the price the shopper sees and before discounts.
	 *
	 * @param array<string, mixed> $line The cart's line.
	 * @param string               $key  Its key.
	 * @return array<string, mixed>
	 */
	private function line( array $line, string $key ): array {
		$price = (float) ( $line['line_subtotal'] ?? 0 );
		if ( WC()->cart->display_prices_including_tax() ) {
			$price += (float) ( $line['line_subtotal_tax'] ?? 0 );
		}
		$list = Listed_Lines::list_of( $key );
		return array(
			'product_id'   => (int) $line['product_id'],
			'variation_id' => (int) ( $line['variation_id'] ?? 0 ) > 0 ? (int) $line['variation_id'] : null,
			'variation'    => (object) ( $line['variation'] ?? array() ),
			'name'         => html_entity_decode( wp_strip_all_tags( $line['data']->get_name() ), ENT_QUOTES, 'UTF-8' ),
			'quantity'     => $line['quantity'],
			'line_total'   => self::decimal( $price ),
			'list_id'      => '' !== $list ? $list : null,
		);
	}

	/**
	 * An amount as decimal text.
	 *
	 * @param float|int|string $amount The amount.
	 */
	private static function decimal( $amount ): string {
		return (string) wc_format_decimal( $amount, wc_get_price_decimals() );
	}
}
