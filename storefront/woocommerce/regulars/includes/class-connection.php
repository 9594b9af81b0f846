<?php
/**
 * Owns what the app has handed over: its addresses, the shared secret, the public key. Never shows the secret.
 *
 * @package Regulars
 */

namespace Regulars;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * The connection between this shop and the app.
 */
class Connection {

	const OPTION = 'regulars_connection';

	/**
	 * What is stored, or an empty array.
	 *
	 * @var array<string, mixed>
	 */
	private $stored;

	/**
	 * Read what is stored.
	 */
	public function __construct() {
		$stored       = get_option( self::OPTION, array() );
		$this->stored = is_array( $stored ) ? $stored : array();
	}

	/**
	 * Whether the app has connected this shop.
	 */
	public function is_connected(): bool {
		return '' !== $this->text( 'secret' ) && '' !== $this->text( 'hook_url' );
	}

	/**
	 * One of the texts that were handed over; empty when there is none.
	 *
	 * @param string $name Name of the field.
	 */
	public function text( string $name ): string {
		return isset( $this->stored[ $name ] ) && is_string( $this->stored[ $name ] ) ? $this->stored[ $name ] : '';
	}

	/**
	 * Whether an address counts that was typed at the checkout and not yet submitted. The merchant decides that in the app.
	 */
	public function takes_typed_addresses(): bool {
		return ! empty( $this->stored['takes_typed_addresses'] );
	}

	/**
	 * Whether the app holds its cart reminders back because something else in this shop sends them.
	 */
	public function is_conflicted(): bool {
		return ! empty( $this->stored['is_conflicted'] );
	}

	/**
	 * By which the app recognises its secret without being told it; null when there is none.
	 */
	public function secret_mark(): ?string {
		$secret = $this->text( 'secret' );
		return '' === $secret ? null : substr( hash( 'sha256', $secret ), 0, 16 );
	}

	/**
	 * Store what the app hands over.
	 *
	 * @param array<string, mixed> $given The request's body.
	 * @return true|WP_Error What is wrong with it, naming the field.
	 */
	public function accept( array $given ) {
		$app_url = self::given_text( $given, 'app_url' );
		if ( ! self::is_app_address( $app_url ) ) {
			return self::refusal( 'app_url', 'an https address without a slash at its end' );
		}
		foreach ( array( 'hook_url', 'desk_url' ) as $name ) {
			if ( 0 !== strpos( self::given_text( $given, $name ), $app_url . '/' ) ) {
				return self::refusal( $name, 'an address below app_url' );
			}
		}
		foreach ( array( 'secret', 'public_key' ) as $name ) {
			if ( 1 !== preg_match( '/\A[A-Za-z0-9_-]{8,200}\z/', self::given_text( $given, $name ) ) ) {
				return self::refusal( $name, '8 to 200 letters, digits, - and _' );
			}
		}
		$this->stored = array(
			'app_url'               => $app_url,
			'hook_url'              => esc_url_raw( $given['hook_url'] ),
			'desk_url'              => esc_url_raw( $given['desk_url'] ),
			'secret'                => $given['secret'],
			'public_key'            => $given['public_key'],
			'takes_typed_addresses' => ! empty( $given['takes_typed_addresses'] ),
			'is_conflicted'         => ! empty( $given['is_conflicted'] ),
			'shop_name'             => sanitize_text_field( self::given_text( $given, 'shop_name' ) ),
		);
		// Not loaded with every page's options.
		update_option( self::OPTION, $this->stored, false );
		return true;
	}

	/**
	 * Forget everything that was handed over.
	 */
	public function forget(): void {
		$this->stored = array();
		delete_option( self::OPTION );
	}

	/**
	 * Whether this can be the app's address: https, or http on this very machine for trying things out.
	 *
	 * @param string $url The address.
	 */
	public static function is_app_address( string $url ): bool {
		$parts = wp_parse_url( $url );
		if ( ! is_array( $parts ) || empty( $parts['host'] ) || empty( $parts['scheme'] ) || '/' === substr( $url, -1 ) ) {
			return false;
		}
		if ( isset( $parts['user'] ) || isset( $parts['query'] ) || isset( $parts['fragment'] ) || esc_url_raw( $url ) !== $url ) {
			return false;
		}
		return 'https' === $parts['scheme'] || ( 'http' === $parts['scheme'] && self::is_local( $url ) );
	}

	/**
	 * Whether an address is this very machine's.
	 *
	 * @param string $url The address.
	 */
	public static function is_local( string $url ): bool {
		return in_array( wp_parse_url( $url, PHP_URL_HOST ), array( 'localhost', '127.0.0.1' ), true );
	}

	/**
	 * A text of the request; empty when it is none.
	 *
	 * @param array<string, mixed> $given The request's body.
	 * @param string               $name  Name of the field.
	 */
	private static function given_text( array $given, string $name ): string {
		return isset( $given[ $name ] ) && is_string( $given[ $name ] ) ? $given[ $name ] : '';
	}

	/**
	 * What is wrong, for the app's log.
	 *
	 * @param string $name     Name of the field.
	 * @param string $expected What it should have been.
	 */
	private static function refusal( string $name, string $expected ): WP_Error {
		return new WP_Error( 'regulars_bad_connection', $name . ' is not ' . $expected, array( 'status' => 400 ) );
	}
}
