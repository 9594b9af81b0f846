<?php
/**
 * Owns the table of carts as they were last seen: what is sent to the app from there, and restored from there.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.DB.DirectDatabaseQuery -- A table of our own, in which every row is read once per change.

/**
 * Carts, by token.
 */
class Cart_Table {

	const VERSION        = '1';
	const VERSION_OPTION = 'regulars_table_version';

	// How long a link in a mail brings a cart back, and so how long a cart is kept.
	const KEPT_DAYS = 90;

	/**
	 * Make the table, or bring it up to date.
	 */
	public static function create(): void {
		global $wpdb;
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		$name    = self::name();
		$collate = $wpdb->get_charset_collate();
		dbDelta(
			"CREATE TABLE $name (
			token varchar(64) NOT NULL,
			link_hash char(64) NOT NULL,
			email varchar(254) DEFAULT NULL,
			cart longtext NOT NULL,
			cart_hash char(64) NOT NULL,
			updated_at varchar(32) NOT NULL,
			PRIMARY KEY  (token),
			UNIQUE KEY link_hash (link_hash),
			KEY email (email(100)),
			KEY updated_at (updated_at)
			) $collate;"
		);
		update_option( self::VERSION_OPTION, self::VERSION, false );
	}

	/**
	 * Make the table where it is missing, as after an update that changed it.
	 */
	public static function ensure(): void {
		if ( get_option( self::VERSION_OPTION ) !== self::VERSION ) {
			self::create();
		}
	}

	/**
	 * The table's full name.
	 */
	public static function name(): string {
		global $wpdb;
		return $wpdb->prefix . 'regulars_carts';
	}

	/**
	 * A cart by its token.
	 *
	 * @param string $token The cart's token.
	 * @return array<string, mixed>|null
	 */
	public function get( string $token ): ?array {
		global $wpdb;
		return self::row( $wpdb->get_row( $wpdb->prepare( 'SELECT * FROM %i WHERE token = %s', self::name(), $token ), ARRAY_A ) );
	}

	/**
	 * A cart by the token in a mail's link, while it lasts.
	 *
	 * @param string $link_token The link's token.
	 * @return array<string, mixed>|null
	 */
	public function find_by_link( string $link_token ): ?array {
		global $wpdb;
		$found = $wpdb->get_row(
			$wpdb->prepare( 'SELECT * FROM %i WHERE link_hash = %s AND updated_at > %s', self::name(), self::link_hash( $link_token ), self::oldest() ),
			ARRAY_A
		);
		return self::row( $found );
	}

	/**
	 * Store a cart as it is now.
	 *
	 * @param string               $token The cart's token.
	 * @param array<string, mixed> $cart  The cart, without the address.
	 * @param string|null          $email The address, where there is one.
	 * @param string               $hash  What tells whether anything changed.
	 * @return bool Whether it is stored.
	 */
	public function put( string $token, array $cart, ?string $email, string $hash ): bool {
		global $wpdb;
		$stored = $wpdb->replace(
			self::name(),
			array(
				'token'      => $token,
				'link_hash'  => self::link_hash( Cart_Link::token_for( $token ) ),
				'email'      => $email,
				'cart'       => (string) wp_json_encode( $cart ),
				'cart_hash'  => $hash,
				'updated_at' => App::now(),
			)
		);
		return false !== $stored;
	}

	/**
	 * The carts of one person, for their export.
	 *
	 * @param string $email The person's address.
	 * @return array<int, array<string, mixed>>
	 */
	public function list_for( string $email ): array {
		global $wpdb;
		$rows = $wpdb->get_results( $wpdb->prepare( 'SELECT * FROM %i WHERE email = %s', self::name(), $email ), ARRAY_A );
		return array_values( array_filter( array_map( array( self::class, 'row' ), (array) $rows ) ) );
	}

	/**
	 * Delete the carts of one person.
	 *
	 * @param string $email The person's address.
	 * @return int How many there were.
	 */
	public function delete_for( string $email ): int {
		global $wpdb;
		return (int) $wpdb->delete( self::name(), array( 'email' => $email ) );
	}

	/**
	 * Delete the carts nobody has touched for too long.
	 */
	public function delete_old(): void {
		global $wpdb;
		$wpdb->query( $wpdb->prepare( 'DELETE FROM %i WHERE updated_at <= %s', self::name(), self::oldest() ) );
	}

	/**
	 * Only this is stored of a link's token: whoever reads the table can't open carts.
	 *
	 * @param string $link_token The link's token.
	 */
	private static function link_hash( string $link_token ): string {
		return hash( 'sha256', $link_token );
	}

	/**
	 * Before this moment a cart is too old. Moments are stored as text that sorts as they do.
	 */
	private static function oldest(): string {
		return gmdate( 'Y-m-d\TH:i:s', time() - self::KEPT_DAYS * DAY_IN_SECONDS );
	}

	/**
	 * A row with its cart decoded.
	 *
	 * @param array<string, string|null>|null $row As stored.
	 * @return array<string, mixed>|null
	 */
	private static function row( $row ): ?array {
		if ( ! is_array( $row ) ) {
			return null;
		}
		$cart        = json_decode( (string) $row['cart'], true );
		$row['cart'] = is_array( $cart ) ? $cart : array();
		return $row;
	}
}
