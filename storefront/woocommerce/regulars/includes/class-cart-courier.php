<?php
/**
 * Owns how a cart gets to the app: one job per change, a little later, and again when it failed. WooCommerce's own webhooks
 * are never sent twice; these are.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * Takes carts to the app, in Action Scheduler's jobs.
 */
class Cart_Courier {

	const GROUP = 'regulars';
	const SEND  = 'regulars_send_cart';
	const CLEAN = 'regulars_clean_carts';

	// A shopper who fills a cart changes it several times in a row; the app needs the last.
	const DEBOUNCE_SECONDS = 30;

	// After the first failure, the second, and so on; then given up: the next change brings the whole cart again.
	const RETRY_SECONDS = array( 60, 300, 1800, 10800 );

	/**
	 * Where carts are kept.
	 *
	 * @var Cart_Table
	 */
	private $table;

	/**
	 * The app's side.
	 *
	 * @var App
	 */
	private $app;

	/**
	 * With what it carries and to whom.
	 *
	 * @param Cart_Table $table Where carts are kept.
	 * @param App        $app   The app's side.
	 */
	public function __construct( Cart_Table $table, App $app ) {
		$this->table = $table;
		$this->app   = $app;
	}

	/**
	 * Hook up.
	 */
	public function register(): void {
		add_action( self::SEND, array( $this, 'send' ), 10, 2 );
		add_action( self::CLEAN, array( $this->table, 'delete_old' ) );
	}

	/**
	 * Have a cart sent soon; once, however often this is called until then.
	 *
	 * @param string $token The cart's token.
	 */
	public function schedule( string $token ): void {
		$job = array(
			'hook'   => self::SEND,
			'args'   => array( $token, 0 ),
			'status' => 'pending',
		);
		// A job that is running may have read the cart already: only one that waits will do.
		if ( ! as_get_scheduled_actions( $job, 'ids' ) ) {
			as_schedule_single_action( time() + self::DEBOUNCE_SECONDS, self::SEND, $job['args'], self::GROUP );
		}
		if ( ! as_has_scheduled_action( self::CLEAN ) ) {
			as_schedule_recurring_action( time() + DAY_IN_SECONDS, DAY_IN_SECONDS, self::CLEAN, array(), self::GROUP );
		}
	}

	/**
	 * Send a cart as it is now; called by the job.
	 *
	 * @param string $token      The cart's token.
	 * @param int    $n_failures How often this change has failed.
	 */
	public function send( $token, $n_failures = 0 ): void {
		$row = $this->table->get( (string) $token );
		if ( null === $row ) {
			return;
		}
		$answer = $this->app->deliver( App::CART_TOPIC, self::body( $row ) );
		if ( ! is_wp_error( $answer ) ) {
			return;
		}
		$delay = self::RETRY_SECONDS[ (int) $n_failures ] ?? null;
		if ( null !== $delay && self::is_worth_repeating( (int) ( $answer->get_error_data()['status'] ?? 0 ) ) ) {
			as_schedule_single_action( time() + $delay, self::SEND, array( (string) $token, (int) $n_failures + 1 ), self::GROUP );
		}
	}

	/**
	 * Leave no job behind.
	 */
	public static function unschedule_all(): void {
		if ( function_exists( 'as_unschedule_all_actions' ) ) {
			as_unschedule_all_actions( self::SEND );
			as_unschedule_all_actions( self::CLEAN );
		}
	}

	/**
	 * The delivery's body.
	 *
	 * @param array<string, mixed> $row The cart as stored.
	 * @return array<string, mixed>
	 */
	public static function body( array $row ): array {
		$cart = $row['cart'];
		foreach ( $cart['items'] as &$line ) {
			unset( $line['variation'] );
		}
		unset( $line );
		return array(
			'cart_token'  => $row['token'],
			'updated_at'  => $row['updated_at'],
			'email'       => $row['email'],
			'restore_url' => Cart_Link::url_for( $row['token'] ),
		) + $cart;
	}

	/**
	 * Whether the same delivery may be taken later: not when the app has understood and refused it.
	 *
	 * @param int $status HTTP status; 0 when nothing came.
	 */
	private static function is_worth_repeating( int $status ): bool {
		return $status < 400 || $status >= 500 || in_array( $status, array( 401, 408, 425, 429 ), true );
	}
}
