<?php
/**
 * Owns which lines of a cart came from a shelf, so that an order can be traced to the list it was shown in.
 *
 * @package Regulars
 */

namespace Regulars;

use WC_Order_Item_Product;
use WP_REST_Request;

defined( 'ABSPATH' ) || exit;

/**
 * Lines from shelves. Kept beside the cart and not in its lines: those would no longer merge with the same product
 * added elsewhere.
 */
class Listed_Lines {

	const META    = '_regulars';
	const SESSION = 'regulars_lists';

	// What the widget sends along with a Store API request, and the longest list id the app makes.
	const PARAMETER = 'regulars_list';
	const MAX_CHARS = 120;

	/**
	 * The list of the product that is being added; empty when it came from elsewhere.
	 *
	 * @var string
	 */
	private $adding = '';

	/**
	 * Hook up.
	 */
	public function register(): void {
		add_filter( 'woocommerce_store_api_add_to_cart_data', array( $this, 'notice_list' ), 10, 2 );
		add_action( 'woocommerce_add_to_cart', array( $this, 'note_line' ), 10, 3 );
		add_action( 'woocommerce_checkout_create_order_line_item', array( $this, 'mark_line_item' ), 10, 2 );
		add_action( 'woocommerce_blocks_loaded', array( $this, 'extend_store_api' ) );
		if ( did_action( 'woocommerce_blocks_loaded' ) ) {
			$this->extend_store_api();
		}
	}

	/**
	 * See what list a request of the widget names.
	 *
	 * @param array<string, mixed> $data    What will be added.
	 * @param WP_REST_Request|null $request The request.
	 * @return array<string, mixed> The same.
	 */
	public function notice_list( $data, $request = null ) {
		$list         = $request instanceof WP_REST_Request ? $request->get_param( self::PARAMETER ) : null;
		$this->adding = is_string( $list ) && strlen( $list ) <= self::MAX_CHARS ? sanitize_text_field( $list ) : '';
		return $data;
	}

	/**
	 * Remember the line's list, if all of the line came from there.
	 *
	 * @param string           $key      The line's key.
	 * @param int              $product  Its product.
	 * @param int|float|string $quantity How many were added.
	 */
	public function note_line( $key, $product, $quantity ): void {
		$list         = $this->adding;
		$this->adding = '';
		$line         = WC()->cart ? WC()->cart->get_cart_item( $key ) : array();
		if ( $line && (float) $line['quantity'] === (float) $quantity ) {
			self::remember( (string) $key, $list );
		}
	}

	/**
	 * Note the list a line came from.
	 *
	 * @param string $key  The line's key.
	 * @param string $id   The list's id; empty for none.
	 */
	public static function remember( string $key, string $id ): void {
		if ( '' !== $id && WC()->session ) {
			WC()->session->set( self::SESSION, array_intersect_key( array( $key => $id ) + self::lists(), WC()->cart->get_cart() ) );
		}
	}

	/**
	 * The list a line came from; empty for none.
	 *
	 * @param string $key The line's key.
	 */
	public static function list_of( string $key ): string {
		return (string) ( self::lists()[ $key ] ?? '' );
	}

	/**
	 * Write it onto the order's line, where shoppers don't see it.
	 *
	 * @param WC_Order_Item_Product $item The order's line.
	 * @param string                $key  The cart's line.
	 */
	public function mark_line_item( $item, $key ): void {
		$list = self::list_of( (string) $key );
		if ( '' !== $list ) {
			$item->add_meta_data( self::META, $list, true );
		}
	}

	/**
	 * Let the Store API's cart name a variation's product, which the widget leaves out of its shelves.
	 */
	public function extend_store_api(): void {
		if ( ! function_exists( 'woocommerce_store_api_register_endpoint_data' ) ) {
			return;
		}
		woocommerce_store_api_register_endpoint_data(
			array(
				'endpoint'        => 'cart-item',
				'namespace'       => 'regulars',
				'data_callback'   => static function ( $line ) {
					return array( 'product_id' => (int) ( $line['product_id'] ?? 0 ) );
				},
				'schema_callback' => static function () {
					return array(
						'product_id' => array(
							'description' => __( 'The product, also where the line is a variation of it.', 'regulars' ),
							'type'        => 'integer',
							'readonly'    => true,
						),
					);
				},
				'schema_type'     => ARRAY_A,
			)
		);
	}

	/**
	 * Lists by line.
	 *
	 * @return array<string, string>
	 */
	private static function lists(): array {
		$lists = WC()->session ? WC()->session->get( self::SESSION, array() ) : array();
		return is_array( $lists ) ? $lists : array();
	}
}
