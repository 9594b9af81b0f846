<?php
/**
 * Owns what the app may ask of this shop beyond WooCommerce's own REST API, under the same keys.
 *
 * @package Regulars
 */

namespace Regulars;

use WP_Error;
use WP_REST_Request;
use WP_REST_Response;

defined( 'ABSPATH' ) || exit;

/**
 * Routes of wc-regulars/v1. WooCommerce checks its keys for every namespace that begins with `wc-`.
 */
class Rest_Controller {

	const NAME_SPACE = 'wc-regulars/v1';

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
	 * Who else writes about carts.
	 *
	 * @var Senders
	 */
	private $senders;

	/**
	 * With what it reports on.
	 *
	 * @param Connection $connection The connection.
	 * @param Settings   $settings   The merchant's choices.
	 * @param Senders    $senders    Who else writes about carts.
	 */
	public function __construct( Connection $connection, Settings $settings, Senders $senders ) {
		$this->connection = $connection;
		$this->settings   = $settings;
		$this->senders    = $senders;
	}

	/**
	 * Hook up.
	 */
	public function register(): void {
		add_action( 'rest_api_init', array( $this, 'register_routes' ) );
	}

	/**
	 * The routes.
	 */
	public function register_routes(): void {
		$may = array( $this, 'may_manage' );
		register_rest_route(
			self::NAME_SPACE,
			'/connection',
			array(
				array(
					'methods'             => 'PUT',
					'callback'            => array( $this, 'put_connection' ),
					'permission_callback' => $may,
				),
				array(
					'methods'             => 'DELETE',
					'callback'            => array( $this, 'delete_connection' ),
					'permission_callback' => $may,
				),
			)
		);
		register_rest_route(
			self::NAME_SPACE,
			'/status',
			array(
				'methods'             => 'GET',
				'callback'            => array( $this, 'get_status' ),
				'permission_callback' => $may,
			)
		);
	}

	/**
	 * Whether the key's user may manage the shop.
	 */
	public function may_manage(): bool {
		return current_user_can( 'manage_woocommerce' );
	}

	/**
	 * The app hands over what it takes to speak with it.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public function put_connection( WP_REST_Request $request ) {
		$result = $this->connection->accept( (array) $request->get_json_params() );
		return is_wp_error( $result ) ? $result : $this->get_status();
	}

	/**
	 * The app says goodbye: nothing is sent to it any more.
	 */
	public function delete_connection(): WP_REST_Response {
		$this->connection->forget();
		Cart_Courier::unschedule_all();
		return rest_ensure_response( array( 'is_connected' => false ) );
	}

	/**
	 * How things are on this side.
	 */
	public function get_status(): WP_REST_Response {
		$is_connected = $this->connection->is_connected();
		return rest_ensure_response(
			array(
				'version'               => REGULARS_VERSION,
				'is_connected'          => $is_connected,
				'app_url'               => $is_connected ? $this->connection->text( 'app_url' ) : null,
				'public_key'            => $is_connected ? $this->connection->text( 'public_key' ) : null,
				'secret_mark'           => $this->connection->secret_mark(),
				'takes_typed_addresses' => $this->connection->takes_typed_addresses(),
				'is_conflicted'         => $this->connection->is_conflicted(),
				'captures_carts'        => $is_connected && $this->settings->captures_carts(),
				'shelves'               => array(
					'product' => $this->settings->way( 'product' ),
					'cart'    => $this->settings->way( 'cart' ),
				),
				'senders'               => $this->senders->found(),
				'wc_version'            => defined( 'WC_VERSION' ) ? WC_VERSION : '',
			)
		);
	}
}
