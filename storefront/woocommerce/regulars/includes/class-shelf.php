<?php
/**
 * Owns what a shelf looks like in a page: the widget's element and its empty box. The same for every visitor, as pages are cached whole.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * One shelf. Its attributes and its box are laid down in storefront/widget/README.md of the app.
 */
class Shelf {

	const SCRIPT = 'regulars-shelf';

	// The widget's rows are this wide before cards become small.
	const MAX_COLUMNS = 4;

	// Thousands and decimal separators for which Shopify, whose way of writing formats the widget reads, has a name.
	const SEPARATORS = array(
		',.' => '',
		'.,' => '_with_comma_separator',
		'’.' => '_with_apostrophe_separator',
		"'." => '_with_apostrophe_separator',
		' ,' => '_with_space_separator',
		' .' => '_with_period_and_space_separator',
	);

	/**
	 * The connection.
	 *
	 * @var Connection
	 */
	private $connection;

	/**
	 * The merchant's choices.
	 *
	 * @var Settings
	 */
	private $settings;

	/**
	 * What this page has a shelf for already.
	 *
	 * @var array<string, bool>
	 */
	private $printed = array();

	/**
	 * With the connection and the merchant's choices.
	 *
	 * @param Connection $connection The connection.
	 * @param Settings   $settings   The merchant's choices.
	 */
	public function __construct( Connection $connection, Settings $settings ) {
		$this->connection = $connection;
		$this->settings   = $settings;
	}

	/**
	 * The element, escaped and ready to print; empty when there is nothing to show or the page has this shelf already.
	 *
	 * @param string               $placement `product`, `cart` or `home`.
	 * @param array<string, mixed> $wanted    `product`, `heading`, `limit`, `layout` where they differ from the settings.
	 */
	public function html( string $placement, array $wanted = array() ): string {
		$product = (int) ( $wanted['product'] ?? 0 );
		$place   = $placement . ':' . $product;
		if ( 'off' === $this->way( $placement ) || isset( $this->printed[ $place ] ) || ( 'product' === $placement && $product < 1 ) ) {
			return '';
		}
		$this->printed[ $place ] = true;
		$this->load_script();

		$heading = sanitize_text_field( (string) ( $wanted['heading'] ?? '' ) );
		$heading = '' !== $heading ? $heading : $this->heading( $placement );
		$limit   = max( 1, min( Settings::MAX_PRODUCTS, (int) ( $wanted['limit'] ?? 0 ) ? (int) $wanted['limit'] : $this->settings->n_products() ) );
		$layout  = in_array( $wanted['layout'] ?? '', Settings::LAYOUTS, true ) ? $wanted['layout'] : $this->settings->layout();
		$named   = $this->attributes( $placement, $product, $heading, $limit, $layout );
		if ( ! empty( $wanted['class'] ) ) {
			$named['class'] = (string) $wanted['class'];
		}
		return '<regulars-shelf' . self::escaped( $named ) . '>' . $this->skeleton( $heading, $limit, $layout ) . '</regulars-shelf>';
	}

	/**
	 * How shelves get onto pages of that kind; home pages have them only where the merchant puts one.
	 *
	 * @param string $placement `product`, `cart` or `home`.
	 */
	private function way( string $placement ): string {
		return in_array( $placement, Settings::PLACEMENTS, true ) ? $this->settings->way( $placement ) : 'block';
	}

	/**
	 * The heading until the app names another. It promises only what also holds for a shop that has learned nothing yet.
	 *
	 * @param string $placement `product`, `cart` or `home`.
	 */
	private function heading( string $placement ): string {
		return 'home' === $placement ? __( 'Popular right now', 'regulars' ) : __( 'You may also like', 'regulars' );
	}

	/**
	 * The element's attributes by name.
	 *
	 * @param string $placement `product`, `cart` or `home`.
	 * @param int    $product   The product to recommend for; 0 for none.
	 * @param string $heading   The heading.
	 * @param int    $limit     How many products.
	 * @param string $layout    `grid` or `carousel`.
	 * @return array<string, string>
	 */
	private function attributes( string $placement, int $product, string $heading, int $limit, string $layout ): array {
		return array_filter(
			array(
				'shop'           => $this->connection->text( 'public_key' ),
				'api'            => $this->connection->text( 'app_url' ),
				'placement'      => $placement,
				'product'        => $product > 0 ? (string) $product : '',
				'heading'        => $heading,
				'heading-seen'   => $this->heading( 'home' ) === $heading ? $this->heading( 'product' ) : '',
				'limit'          => (string) $limit,
				'layout'         => $layout,
				'locale'         => str_replace( '_', '-', determine_locale() ),
				'currency'       => get_woocommerce_currency(),
				'money-format'   => self::money_format(),
				'cart'           => rest_url( 'wc/store/v1/cart' ),
				'root'           => home_url( '/' ),
				'prices'         => self::shows_other_prices() ? 'shop' : '',
				'label-add'      => __( 'Add to cart', 'regulars' ),
				'label-adding'   => __( 'Adding…', 'regulars' ),
				'label-added'    => __( 'Added', 'regulars' ),
				'label-choose'   => __( 'Choose options', 'regulars' ),
				'label-error'    => __( 'Could not be added', 'regulars' ),
				'label-from'     => __( 'From', 'regulars' ),
				'label-was'      => __( 'Was', 'regulars' ),
				'label-next'     => __( 'Next', 'regulars' ),
				'label-previous' => __( 'Previous', 'regulars' ),
			),
			'strlen'
		);
	}

	/**
	 * How this shop writes prices, in Shopify's words; empty where those have none for it: then the browser's locale decides.
	 */
	private static function money_format(): string {
		$separators = wc_get_price_thousand_separator() . wc_get_price_decimal_separator();
		$name       = self::SEPARATORS[ $separators ] ?? null;
		$n_digits   = wc_get_price_decimals();
		if ( null === $name || ! in_array( $n_digits, array( 0, 2 ), true ) ) {
			return '';
		}
		$amount = '{{amount' . ( 0 === $n_digits ? '_no_decimals' : '' ) . $name . '}}';
		return html_entity_decode( sprintf( get_woocommerce_price_format(), get_woocommerce_currency_symbol(), $amount ), ENT_QUOTES, 'UTF-8' );
	}

	/**
	 * Whether this shop shows prices with a tax they were not entered with, or without one they were. The app knows only
	 * what was entered, so the widget asks the shop for what is shown.
	 */
	private static function shows_other_prices(): bool {
		return wc_tax_enabled() && wc_prices_include_tax() !== ( 'incl' === get_option( 'woocommerce_tax_display_shop' ) );
	}

	/**
	 * The box the shelf will fill: it is there before any script, so nothing moves when the products come.
	 *
	 * @param string $heading The heading.
	 * @param int    $limit   How many products.
	 * @param string $layout  `grid` or `carousel`.
	 */
	private function skeleton( string $heading, int $limit, string $layout ): string {
		$card = '<li class="card" part="card"><span class="link" part="link"><span class="image" part="image"></span><span class="title" part="title"></span></span><span class="price" part="price"></span><span class="button" part="button">' . esc_html__( 'Add to cart', 'regulars' ) . '</span></li>';
		$look = 'shelf ' . $layout;
		return '<template shadowrootmode="open"><style>' . self::style() . '</style>'
			. '<section class="' . esc_attr( $look ) . '" part="' . esc_attr( $look ) . '" aria-label="' . esc_attr( $heading ) . '" style="--n:' . min( $limit, self::MAX_COLUMNS ) . '">'
			. '<div class="head" part="head"><slot name="heading"><h2 class="heading" part="heading">' . esc_html( $heading ) . '</h2></slot></div>'
			. '<ul class="list" part="list" role="list" aria-hidden="true">' . str_repeat( $card, $limit ) . '</ul></section></template>';
	}

	/**
	 * The skeleton's style sheet, which comes with the widget.
	 */
	private static function style(): string {
		return trim( (string) file_get_contents( plugin_dir_path( REGULARS_FILE ) . 'assets/skeleton.css' ) );
	}

	/**
	 * Load the widget, once, with nothing waiting for it.
	 */
	private function load_script(): void {
		$options = array(
			'in_footer' => true,
			'strategy'  => 'async',
		);
		wp_enqueue_script( self::SCRIPT, plugins_url( 'assets/regulars.js', REGULARS_FILE ), array(), REGULARS_VERSION, $options );
		// A theme's ring around what has the focus is for the button that has it, not for the shelf around it.
		wp_register_style( self::SCRIPT, false, array(), REGULARS_VERSION );
		wp_enqueue_style( self::SCRIPT );
		wp_add_inline_style( self::SCRIPT, 'regulars-shelf:focus{outline:0}' );
	}

	/**
	 * Attributes as they stand in a tag.
	 *
	 * @param array<string, string> $named Attributes by name.
	 */
	private static function escaped( array $named ): string {
		$tag = '';
		foreach ( $named as $name => $value ) {
			$tag .= ' ' . $name . '="' . ( in_array( $name, array( 'api', 'cart', 'root' ), true ) ? esc_url( $value ) : esc_attr( $value ) ) . '"';
		}
		return $tag;
	}
}
