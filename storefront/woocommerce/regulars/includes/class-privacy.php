<?php
/**
 * Owns what WordPress's privacy tools and consent managers are told: export, erasure, the policy's paragraph, what is stored in
 * browsers.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * Privacy, as WordPress asks for it.
 */
class Privacy {

	const NAME = 'regulars';

	// WordPress asks again at once while something is left to do; an app that stays away has to end that.
	const MAX_PAGES = 5;

	/**
	 * The connection.
	 *
	 * @var Connection
	 */
	private $connection;

	/**
	 * The app's side.
	 *
	 * @var App
	 */
	private $app;

	/**
	 * With the app that holds what is asked for.
	 *
	 * @param Connection $connection The connection.
	 * @param App        $app        The app's side.
	 */
	public function __construct( Connection $connection, App $app ) {
		$this->connection = $connection;
		$this->app        = $app;
	}

	/**
	 * Hook up.
	 */
	public function register(): void {
		add_action( 'admin_init', array( $this, 'suggest_policy' ) );
		add_filter( 'wp_consent_api_registered_' . plugin_basename( REGULARS_FILE ), '__return_true' );
		add_action( 'init', array( $this, 'tell_storage' ), 11 );
		add_filter( 'wp_privacy_personal_data_exporters', array( $this, 'add_exporter' ) );
		add_filter( 'wp_privacy_personal_data_erasers', array( $this, 'add_eraser' ) );
	}

	/**
	 * A paragraph for the shop's privacy policy.
	 */
	public function suggest_policy(): void {
		if ( ! function_exists( 'wp_add_privacy_policy_content' ) ) {
			return;
		}
		$texts = array(
			__( 'We use Regulars, a service we run or have run for us, to recommend products and to write to you about carts you left and after a long time away. It receives orders, customers’ e-mail addresses and first names, and what was in carts.', 'regulars' ),
			__( 'We write only to those who allowed it, and every e-mail has a link to unsubscribe. If you type your e-mail address at the checkout and leave, and a notice there says so, it may be used to remind you of your cart; carts are kept for 90 days.', 'regulars' ),
			__( 'If you allow statistics, your browser keeps a random number until it is closed, by which we count which recommendations are looked at, and the last products you looked at, by which we recommend others.', 'regulars' ),
		);
		wp_add_privacy_policy_content( 'Regulars', wp_kses_post( '<p>' . implode( '</p><p>', $texts ) . '</p>' ) );
	}

	/**
	 * Tell consent managers what the widget keeps in the browser.
	 */
	public function tell_storage(): void {
		if ( function_exists( 'wp_add_cookie_info' ) ) {
			wp_add_cookie_info(
				'regulars-visit',
				'Regulars',
				'statistics',
				__( 'Until the browser tab is closed', 'regulars' ),
				__( 'Counts which recommendations are looked at; kept in the browser’s session storage, not as a cookie', 'regulars' ),
				__( 'A random number', 'regulars' ),
				false,
				false,
				false
			);
			wp_add_cookie_info(
				'regulars-seen',
				'Regulars',
				'statistics',
				__( 'Until the browser tab is closed', 'regulars' ),
				__( 'Recommends by the products looked at last; kept in the browser’s session storage, not as a cookie', 'regulars' ),
				__( 'The numbers of up to five products', 'regulars' ),
				false,
				false,
				false
			);
		}
	}

	/**
	 * Have the app asked when a person wants to see their data.
	 *
	 * @param array<string, mixed> $exporters The exporters there are.
	 * @return array<string, mixed>
	 */
	public function add_exporter( $exporters ): array {
		$exporters[ self::NAME ] = array(
			'exporter_friendly_name' => 'Regulars',
			'callback'               => array( $this, 'export' ),
		);
		return $exporters;
	}

	/**
	 * Have the app asked when a person wants their data gone.
	 *
	 * @param array<string, mixed> $erasers The erasers there are.
	 * @return array<string, mixed>
	 */
	public function add_eraser( $erasers ): array {
		$erasers[ self::NAME ] = array(
			'eraser_friendly_name' => 'Regulars',
			'callback'             => array( $this, 'erase' ),
		);
		return $erasers;
	}

	/**
	 * What the app and this plugin hold about a person.
	 *
	 * @param string $email The person's address.
	 * @param int    $page  How often it was asked.
	 * @return array<string, mixed>|\WP_Error
	 */
	public function export( $email, $page = 1 ) {
		$items = array_map( array( self::class, 'cart_item' ), self::carts( (string) $email ) );
		if ( ! $this->connection->is_connected() ) {
			return self::exported( $items, true );
		}
		$answer = $this->app->ask( 'export', array( 'email' => (string) $email ) );
		if ( is_wp_error( $answer ) ) {
			// Nothing is handed out yet, or the next page would hand it out again.
			return self::may_ask_again( $answer, (int) $page ) ? self::exported( array(), false ) : $answer;
		}
		$told = isset( $answer['items'] ) && is_array( $answer['items'] ) ? $answer['items'] : array();
		return self::exported( array_merge( $items, array_map( array( self::class, 'app_item' ), $told, array_keys( $told ) ) ), true );
	}

	/**
	 * Forget a person, here and in the app.
	 *
	 * @param string $email The person's address.
	 * @param int    $page  How often it was asked.
	 * @return array<string, mixed>
	 */
	public function erase( $email, $page = 1 ): array {
		$n_carts = '' === (string) get_option( Cart_Table::VERSION_OPTION, '' ) ? 0 : ( new Cart_Table() )->delete_for( strtolower( (string) $email ) );
		if ( ! $this->connection->is_connected() ) {
			return self::erased( $n_carts > 0, array(), true );
		}
		$answer = $this->app->ask( 'erase', array( 'email' => (string) $email ) );
		if ( ! is_wp_error( $answer ) ) {
			return self::erased( ! empty( $answer['is_erased'] ) || $n_carts > 0, array(), true );
		}
		if ( self::may_ask_again( $answer, (int) $page ) ) {
			return self::erased( $n_carts > 0, array(), false );
		}
		$told                   = self::erased( $n_carts > 0, array( $answer->get_error_message() ), true );
		$told['items_retained'] = true;
		return $told;
	}

	/**
	 * Whether the app only needs a moment.
	 *
	 * @param \WP_Error $answer What it said.
	 * @param int       $page   How often it was asked.
	 */
	private static function may_ask_again( $answer, int $page ): bool {
		$status = (int) ( $answer->get_error_data()['status'] ?? 0 );
		return in_array( $status, array( 429, 503 ), true ) && $page < self::MAX_PAGES;
	}

	/**
	 * The carts kept here.
	 *
	 * @param string $email The person's address.
	 * @return array<int, array<string, mixed>>
	 */
	private static function carts( string $email ): array {
		$has_table = '' !== (string) get_option( Cart_Table::VERSION_OPTION, '' );
		return $has_table ? ( new Cart_Table() )->list_for( strtolower( $email ) ) : array();
	}

	/**
	 * A cart, as WordPress exports it.
	 *
	 * @param array<string, mixed> $row The cart as stored.
	 * @return array<string, mixed>
	 */
	private static function cart_item( array $row ): array {
		$names = array_map( 'strval', array_column( $row['cart']['items'] ?? array(), 'name' ) );
		return self::item(
			'cart-' . substr( hash( 'sha256', (string) $row['token'] ), 0, 16 ),
			__( 'Regulars: carts kept in this shop', 'regulars' ),
			array(
				__( 'E-mail address', 'regulars' ) => (string) $row['email'],
				__( 'Products', 'regulars' )       => implode( ', ', $names ),
				__( 'Changed', 'regulars' )        => (string) $row['updated_at'],
			)
		);
	}

	/**
	 * What the app tells, as WordPress exports it.
	 *
	 * @param mixed      $told     One of the app's items.
	 * @param int|string $position Where it stands among them.
	 * @return array<string, mixed>
	 */
	private static function app_item( $told, $position ): array {
		$told  = array_map( 'strval', array_filter( is_array( $told ) ? $told : array(), 'is_scalar' ) );
		$group = sanitize_text_field( $told['group'] ?? 'Regulars' );
		return self::item( 'app-' . $position, $group, array( sanitize_text_field( $told['label'] ?? '' ) => sanitize_text_field( $told['value'] ?? '' ) ) );
	}

	/**
	 * One item of an export.
	 *
	 * @param string                $id    Its name.
	 * @param string                $group The heading it stands under.
	 * @param array<string, string> $facts What it says.
	 * @return array<string, mixed>
	 */
	private static function item( string $id, string $group, array $facts ): array {
		$data = array();
		foreach ( $facts as $name => $value ) {
			$data[] = array(
				'name'  => $name,
				'value' => $value,
			);
		}
		return array(
			'group_id'    => 'regulars-' . sanitize_title( $group ),
			'group_label' => $group,
			'item_id'     => 'regulars-' . $id,
			'data'        => $data,
		);
	}

	/**
	 * An answer to an export.
	 *
	 * @param array<int, array<string, mixed>> $items   What there is.
	 * @param bool                             $is_done Whether that is all.
	 * @return array<string, mixed>
	 */
	private static function exported( array $items, bool $is_done ): array {
		return array(
			'data' => $items,
			'done' => $is_done,
		);
	}

	/**
	 * An answer to an erasure.
	 *
	 * @param bool     $is_erased Whether something was there and is gone.
	 * @param string[] $messages  What the merchant should know.
	 * @param bool     $is_done   Whether that is all.
	 * @return array<string, mixed>
	 */
	private static function erased( bool $is_erased, array $messages, bool $is_done ): array {
		return array(
			'items_removed'  => $is_erased,
			'items_retained' => false,
			'messages'       => $messages,
			'done'           => $is_done,
		);
	}
}
