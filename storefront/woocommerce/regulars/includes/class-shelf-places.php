<?php
/**
 * Owns where shelves stand: by itself on product and cart pages, and as a block and a shortcode where the merchant wants one.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * The places of shelves.
 */
class Shelf_Places {

	// Related products stand at 20; page builders and block themes fire the same hook.
	const AFTER_RELATED = 25;

	const PLACEMENTS = array( 'product', 'cart', 'home' );

	/**
	 * As wide as what stands above it: themes keep anything else to the width of a text.
	 */
	const WIDE = 'alignwide';

	/**
	 * What is printed.
	 *
	 * @var Shelf
	 */
	private $shelf;

	/**
	 * The merchant's choices.
	 *
	 * @var Settings
	 */
	private $settings;

	/**
	 * With the shelf and the merchant's choices.
	 *
	 * @param Shelf    $shelf    What is printed.
	 * @param Settings $settings The merchant's choices.
	 */
	public function __construct( Shelf $shelf, Settings $settings ) {
		$this->shelf    = $shelf;
		$this->settings = $settings;
	}

	/**
	 * Hook up.
	 */
	public function register(): void {
		if ( 'hook' === $this->settings->way( 'product' ) ) {
			add_action( 'woocommerce_after_single_product_summary', array( $this, 'print_for_product' ), self::AFTER_RELATED );
		}
		if ( 'hook' === $this->settings->way( 'cart' ) ) {
			// By what the page holds, not by the theme: the shortcode fires the first, the block is the second.
			add_action( 'woocommerce_after_cart', array( $this, 'print_for_cart' ) );
			add_filter( 'render_block_woocommerce/cart', array( $this, 'append_to_cart_block' ) );
		}
		add_action( 'init', array( $this, 'register_block' ) );
		add_shortcode( 'regulars_shelf', array( $this, 'render' ) );
	}

	/**
	 * Below a product.
	 */
	public function print_for_product(): void {
		$html = $this->shelf->html(
			'product',
			array(
				'product' => get_queried_object_id(),
				'class'   => self::WIDE,
			)
		);
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- Escaped where it is put together.
		echo $html;
	}

	/**
	 * Below the shortcode's cart.
	 */
	public function print_for_cart(): void {
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- Escaped where it is put together.
		echo $this->shelf->html( 'cart' );
	}

	/**
	 * Below the cart block.
	 *
	 * @param string $content The block as rendered.
	 */
	public function append_to_cart_block( $content ): string {
		return $content . $this->shelf->html( 'cart', array( 'class' => self::WIDE ) );
	}

	/**
	 * The block, drawn here and not in the editor.
	 */
	public function register_block(): void {
		register_block_type( plugin_dir_path( REGULARS_FILE ) . 'blocks/shelf', array( 'render_callback' => array( $this, 'render_block' ) ) );
		wp_set_script_translations( 'regulars-shelf-editor-script', 'regulars', plugin_dir_path( REGULARS_FILE ) . 'languages' );
	}

	/**
	 * The block, with the classes and spacing the merchant chose in the editor.
	 *
	 * @param array<string, mixed> $attributes The block's attributes.
	 */
	public function render_block( $attributes ): string {
		$html = $this->render( $attributes );
		return '' === $html ? '' : '<div ' . get_block_wrapper_attributes() . '>' . $html . '</div>';
	}

	/**
	 * The shortcode: `[regulars_shelf placement="product" product="12" heading="…" limit="4" layout="grid"]`.
	 *
	 * @param array<string, mixed>|string $attributes As written; an empty text when there are none.
	 */
	public function render( $attributes ): string {
		$wanted    = is_array( $attributes ) ? $attributes : array();
		$placement = (string) ( $wanted['placement'] ?? '' );
		$placement = in_array( $placement, self::PLACEMENTS, true ) ? $placement : self::placement_here();
		if ( 'product' === $placement && empty( $wanted['product'] ) ) {
			$wanted['product'] = is_product() ? get_queried_object_id() : 0;
		}
		return $this->shelf->html( $placement, $wanted );
	}

	/**
	 * What this page is about.
	 */
	private static function placement_here(): string {
		if ( is_product() ) {
			return 'product';
		}
		return is_cart() ? 'cart' : 'home';
	}
}
