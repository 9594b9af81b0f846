<?php
/**
 * Owns by what name the app knows a cart: random, kept in the shopper's session, copied to the order it becomes.
 *
 * @package Regulars
 */

namespace Regulars;

use WC_Order;

defined( 'ABSPATH' ) || exit;

/**
 * The cart's name.
 */
class Cart_Token {

	// Order webhooks carry underscored meta along; that is how the app knows which cart an order closes.
	const META    = '_regulars_cart_token';
	const SESSION = 'regulars_cart_token';
	const ORDERED = 'regulars_ordered_token';

	const N_CHARS = 40;

	/**
	 * Hook up.
	 */
	public function register(): void {
		add_action( 'woocommerce_checkout_create_order', array( $this, 'mark' ) );
		add_action( 'woocommerce_store_api_checkout_update_order_meta', array( $this, 'mark_and_save' ) );
		add_action( 'woocommerce_checkout_order_processed', array( $this, 'note_order' ) );
		add_action( 'woocommerce_store_api_checkout_order_processed', array( $this, 'note_order' ) );
	}

	/**
	 * This session's token; empty when it has none yet.
	 */
	public function current(): string {
		return WC()->session ? (string) WC()->session->get( self::SESSION, '' ) : '';
	}

	/**
	 * This session's token, made now if there was none.
	 */
	public function ensure(): string {
		$token = $this->current();
		if ( '' === $token ) {
			$token = wp_generate_password( self::N_CHARS, false );
			$this->adopt( $token );
		}
		return $token;
	}

	/**
	 * From now on this session's cart is that one.
	 *
	 * @param string $token The cart's token.
	 */
	public function adopt( string $token ): void {
		WC()->session->set( self::SESSION, $token );
	}

	/**
	 * Whether this session's cart has become an order, and is emptied because of that.
	 */
	public function is_ordered(): bool {
		return '' !== $this->current() && WC()->session->get( self::ORDERED ) === $this->current();
	}

	/**
	 * The next cart is another one.
	 */
	public function forget(): void {
		WC()->session->set( self::SESSION, null );
		WC()->session->set( self::ORDERED, null );
	}

	/**
	 * Write the token onto an order that will be saved.
	 *
	 * @param WC_Order $order The order.
	 */
	public function mark( $order ): void {
		if ( $order instanceof WC_Order && '' !== $this->current() ) {
			$order->update_meta_data( self::META, $this->current() );
		}
	}

	/**
	 * Write the token onto an order of the checkout block.
	 *
	 * @param WC_Order $order The order.
	 */
	public function mark_and_save( $order ): void {
		if ( $order instanceof WC_Order && $order->get_meta( self::META ) !== $this->current() ) {
			$this->mark( $order );
			$order->save();
		}
	}

	/**
	 * The button was pressed: when the cart is emptied after this, it was bought.
	 */
	public function note_order(): void {
		if ( WC()->session ) {
			WC()->session->set( self::ORDERED, $this->current() );
		}
	}
}
