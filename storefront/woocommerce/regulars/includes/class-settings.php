<?php
/**
 * Owns the merchant's choices on this side: where shelves show, what is noted of carts, what is said at the checkout.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * The merchant's choices.
 */
class Settings {

	const OPTION = 'regulars_settings';

	const PLACEMENTS = array( 'product', 'cart' );
	const WAYS       = array( 'hook', 'block', 'off' );
	const LAYOUTS    = array( 'grid', 'carousel' );

	const MIN_PRODUCTS = 2;
	const MAX_PRODUCTS = 12;

	/**
	 * What is stored, over what holds when nothing is.
	 *
	 * @return array<string, mixed>
	 */
	public function all(): array {
		$stored = get_option( self::OPTION, array() );
		return ( is_array( $stored ) ? $stored : array() ) + array(
			'app_url'        => '',
			'product'        => 'hook',
			'cart'           => 'hook',
			'n_products'     => 4,
			'layout'         => 'grid',
			'captures_carts' => true,
			'asks_consent'   => true,
			'consent_text'   => '',
			'notice_text'    => '',
			'replaces_core'  => false,
		);
	}

	/**
	 * The app's address as far as it is known before connecting: from the file that came with the plugin, else as typed.
	 */
	public function app_url(): string {
		if ( defined( 'REGULARS_APP_URL' ) ) {
			return untrailingslashit( (string) REGULARS_APP_URL );
		}
		return (string) $this->all()['app_url'];
	}

	/**
	 * How shelves get onto a kind of page.
	 *
	 * @param string $placement `product` or `cart`.
	 * @return string `hook` by itself, `block` where the merchant puts one, `off` not at all.
	 */
	public function way( string $placement ): string {
		return (string) $this->all()[ $placement ];
	}

	/**
	 * How many products a shelf shows.
	 */
	public function n_products(): int {
		return (int) $this->all()['n_products'];
	}

	/**
	 * `grid` or `carousel`.
	 */
	public function layout(): string {
		return (string) $this->all()['layout'];
	}

	/**
	 * Whether carts are told to the app before they are orders.
	 */
	public function captures_carts(): bool {
		return (bool) $this->all()['captures_carts'];
	}

	/**
	 * Whether the checkouts have a box to tick for mails.
	 */
	public function asks_consent(): bool {
		return (bool) $this->all()['asks_consent'];
	}

	/**
	 * Whether WooCommerce's own recovery e-mail stays silent.
	 */
	public function replaces_core(): bool {
		return (bool) $this->all()['replaces_core'];
	}

	/**
	 * What stands beside the box at the checkout.
	 */
	public function consent_text(): string {
		$text = (string) $this->all()['consent_text'];
		return '' !== $text ? $text : __( 'Send me reminders and recommendations by e-mail. I can unsubscribe at any time.', 'regulars' );
	}

	/**
	 * What stands at the checkout's e-mail field where a typed address counts before the order is placed.
	 */
	public function notice_text(): string {
		$text = (string) $this->all()['notice_text'];
		return '' !== $text ? $text : __( 'If you leave before ordering, we may use this address to remind you of your cart.', 'regulars' );
	}

	/**
	 * What a form handed in, as it may be stored.
	 *
	 * @param mixed $given The form's fields.
	 * @return array<string, mixed>
	 */
	public function clean( $given ): array {
		$given = is_array( $given ) ? $given : array();
		$clean = array(
			'n_products'     => max( self::MIN_PRODUCTS, min( self::MAX_PRODUCTS, absint( $given['n_products'] ?? 4 ) ) ),
			'layout'         => self::one_of( $given['layout'] ?? '', self::LAYOUTS ),
			'captures_carts' => ! empty( $given['captures_carts'] ),
			'asks_consent'   => ! empty( $given['asks_consent'] ),
			'replaces_core'  => ! empty( $given['replaces_core'] ),
			'consent_text'   => self::line( $given['consent_text'] ?? '' ),
			'notice_text'    => self::line( $given['notice_text'] ?? '' ),
			'app_url'        => $this->clean_app_url( $given['app_url'] ?? '' ),
		);
		foreach ( self::PLACEMENTS as $placement ) {
			$clean[ $placement ] = self::one_of( $given[ $placement ] ?? '', self::WAYS );
		}
		return $clean;
	}

	/**
	 * The typed address of the app, or the one there was, with a word about it.
	 *
	 * @param mixed $typed What was typed.
	 */
	private function clean_app_url( $typed ): string {
		$url = untrailingslashit( trim( is_string( $typed ) ? $typed : '' ) );
		if ( '' === $url || Connection::is_app_address( $url ) ) {
			return $url;
		}
		add_settings_error( self::OPTION, 'regulars_app_url', __( 'The address of Regulars has to begin with https://, as in https://regulars.example.', 'regulars' ) );
		return (string) $this->all()['app_url'];
	}

	/**
	 * One of the allowed texts; the first for anything else.
	 *
	 * @param mixed    $given   What was handed in.
	 * @param string[] $allowed What may be stored.
	 */
	private static function one_of( $given, array $allowed ): string {
		return is_string( $given ) && in_array( $given, $allowed, true ) ? $given : $allowed[0];
	}

	/**
	 * One line of plain text.
	 *
	 * @param mixed $given What was handed in.
	 */
	private static function line( $given ): string {
		return is_string( $given ) ? mb_substr( sanitize_text_field( $given ), 0, 300 ) : '';
	}
}
