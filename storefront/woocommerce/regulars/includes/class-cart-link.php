<?php
/**
 * Owns the links that bring a cart back. They add what is missing, log nobody in, and fill in nobody's address.
 *
 * @package Regulars
 */

namespace Regulars;

use Throwable;

defined( 'ABSPATH' ) || exit;

/**
 * `?regulars_restore=<token>`, with `regulars_coupon=<code>` where a mail has one.
 */
class Cart_Link {

	const PARAMETER = 'regulars_restore';
	const COUPON    = 'regulars_coupon';

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
	 * With what it brings back.
	 *
	 * @param Cart_Table $table Where carts are kept.
	 * @param Cart_Token $token The cart's name.
	 */
	public function __construct( Cart_Table $table, Cart_Token $token ) {
		$this->table = $table;
		$this->token = $token;
	}

	/**
	 * Hook up: after WooCommerce has loaded the visitor's own cart.
	 */
	public function register(): void {
		add_action( 'wp_loaded', array( $this, 'follow' ), 30 );
	}

	/**
	 * The token of a cart's link: made from the cart's name with a key that is not in the database, so that nothing has
	 * to be stored but its hash, and links in earlier mails stay good.
	 *
	 * @param string $token The cart's token.
	 */
	public static function token_for( string $token ): string {
		return hash_hmac( 'sha256', 'regulars cart link ' . $token, wp_salt( 'auth' ) );
	}

	/**
	 * The link of a cart.
	 *
	 * @param string $token The cart's token.
	 */
	public static function url_for( string $token ): string {
		return add_query_arg( self::PARAMETER, self::token_for( $token ), home_url( '/' ) );
	}

	/**
	 * A visitor comes by such a link.
	 */
	public function follow(): void {
		// phpcs:disable WordPress.Security.NonceVerification.Recommended -- A link in a mail: its token is what proves it.
		$link_token = isset( $_GET[ self::PARAMETER ] ) ? sanitize_key( wp_unslash( $_GET[ self::PARAMETER ] ) ) : '';
		$coupon     = isset( $_GET[ self::COUPON ] ) ? wc_format_coupon_code( sanitize_text_field( wp_unslash( $_GET[ self::COUPON ] ) ) ) : '';
		// phpcs:enable
		if ( '' === $link_token || is_admin() || ! WC()->cart || ! WC()->session ) {
			return;
		}
		nocache_headers();
		$page = wc_get_cart_url();
		$row  = $this->table->find_by_link( $link_token );
		if ( null === $row || ! $row['cart']['items'] ) {
			wc_add_notice( __( 'This link is no longer valid. Your cart is as you left it.', 'regulars' ), 'notice' );
		} elseif ( $this->bring_back( $row, $coupon ) ) {
			$page = wc_get_checkout_url();
		}
		wp_safe_redirect( add_query_arg( self::campaign(), $page ) );
		exit;
	}

	/**
	 * Put into the cart what is missing from it.
	 *
	 * @param array<string, mixed> $row    The cart as it was left.
	 * @param string               $coupon A coupon's code; empty for none.
	 * @return bool Whether there is something to check out.
	 */
	private function bring_back( array $row, string $coupon ): bool {
		if ( ! WC()->session->has_session() ) {
			WC()->session->set_customer_session_cookie( true );
		}
		$this->token->adopt( (string) $row['token'] );
		foreach ( $row['cart']['items'] as $line ) {
			$this->add_missing( $line );
		}
		if ( '' !== $coupon && ! WC()->cart->has_discount( $coupon ) ) {
			WC()->cart->apply_coupon( $coupon );
		}
		return ! WC()->cart->is_empty();
	}

	/**
	 * One line: as many pieces as are missing. What can't be bought any more is told by WooCommerce's own notice.
	 *
	 * @param array<string, mixed> $line The line as it was left.
	 */
	private function add_missing( array $line ): void {
		$product   = (int) $line['product_id'];
		$variation = (int) ( $line['variation_id'] ?? 0 );
		$missing   = (float) $line['quantity'];
		foreach ( WC()->cart->get_cart() as $present ) {
			if ( (int) $present['product_id'] === $product && (int) $present['variation_id'] === $variation ) {
				$missing -= (float) $present['quantity'];
			}
		}
		if ( $missing <= 0 ) {
			return;
		}
		try {
			$key = WC()->cart->add_to_cart( $product, wc_stock_amount( $missing ), $variation, array_map( 'strval', (array) ( $line['variation'] ?? array() ) ) );
			if ( $key && $missing >= (float) $line['quantity'] ) {
				Listed_Lines::remember( $key, (string) ( $line['list_id'] ?? '' ) );
			}
		} catch ( Throwable $error ) {
			wc_get_logger()->notice( 'A product of a cart could not be brought back: ' . get_class( $error ), array( 'source' => 'regulars' ) );
		}
	}

	/**
	 * The campaign's names in this request's address, which the order is attributed by.
	 *
	 * @return array<string, string>
	 */
	private static function campaign(): array {
		$kept = array();
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- Only handed on.
		foreach ( $_GET as $name => $value ) {
			if ( is_string( $name ) && is_string( $value ) && 0 === strpos( $name, 'utm_' ) ) {
				$kept[ sanitize_key( $name ) ] = rawurlencode( sanitize_text_field( wp_unslash( $value ) ) );
			}
		}
		return $kept;
	}
}
