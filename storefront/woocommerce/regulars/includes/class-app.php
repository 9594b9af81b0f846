<?php
/**
 * Owns how this shop speaks to the app: signed as WooCommerce signs its own webhooks. Retries nothing.
 *
 * @package Regulars
 */

namespace Regulars;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * The app's side of the connection.
 */
class App {

	const CART_TOPIC         = 'regulars_cart.updated';
	const DISCONNECTED_TOPIC = 'regulars_shop.disconnected';

	// The app answers at once; whoever waits here is a merchant or a job.
	const PATIENCE_SECONDS = 15;

	/**
	 * The connection.
	 *
	 * @var Connection
	 */
	private $connection;

	/**
	 * Over this connection.
	 *
	 * @param Connection $connection The connection.
	 */
	public function __construct( Connection $connection ) {
		$this->connection = $connection;
	}

	/**
	 * What goes into X-WC-Webhook-Signature.
	 *
	 * @param string $raw    The body as sent.
	 * @param string $secret The shared secret.
	 */
	public static function signature( string $raw, string $secret ): string {
		// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode -- The form WooCommerce's own webhooks have.
		return base64_encode( hash_hmac( 'sha256', $raw, $secret, true ) );
	}

	/**
	 * A moment as the app reads it: UTC with microseconds.
	 */
	public static function now(): string {
		return ( new \DateTimeImmutable( 'now', new \DateTimeZone( 'UTC' ) ) )->format( 'Y-m-d\TH:i:s.u\Z' );
	}

	/**
	 * Deliver to the app's inbox.
	 *
	 * @param string               $topic What it is about.
	 * @param array<string, mixed> $body  What is said.
	 * @return array<string, mixed>|WP_Error The answer; or why there is none, with the status under `status`.
	 */
	public function deliver( string $topic, array $body ) {
		return $this->post( $this->connection->text( 'hook_url' ), $topic, $body );
	}

	/**
	 * Ask something of the app's desk: a sign-in link, a person's export, their erasure.
	 *
	 * @param string               $wish `sign-in`, `export` or `erase`.
	 * @param array<string, mixed> $body What it takes; time and number used once are added.
	 * @return array<string, mixed>|WP_Error The answer; or why there is none, with the status under `status`.
	 */
	public function ask( string $wish, array $body ) {
		$body  = array(
			'at'    => self::now(),
			'nonce' => wp_generate_password( 32, false ),
		) + $body;
		$topic = 'regulars_desk.' . str_replace( '-', '_', $wish );
		return $this->post( $this->connection->text( 'desk_url' ) . '/' . $wish, $topic, $body );
	}

	/**
	 * Tell the app that this shop leaves. Whether it hears it or not, the shop is gone.
	 */
	public function say_goodbye(): void {
		if ( $this->connection->is_connected() ) {
			$this->deliver( self::DISCONNECTED_TOPIC, array( 'disconnected_at' => self::now() ) );
		}
	}

	/**
	 * Send, signed.
	 *
	 * @param string               $url   Where to.
	 * @param string               $topic What it is about.
	 * @param array<string, mixed> $body  What is said.
	 * @return array<string, mixed>|WP_Error
	 */
	private function post( string $url, string $topic, array $body ) {
		if ( ! $this->connection->is_connected() ) {
			return new WP_Error( 'regulars_unconnected', __( 'This shop is not connected to Regulars.', 'regulars' ), array( 'status' => 0 ) );
		}
		$raw    = (string) wp_json_encode( $body );
		$answer = wp_remote_post(
			$url,
			array(
				'body'               => $raw,
				'timeout'            => self::PATIENCE_SECONDS,
				'redirection'        => 0,
				'reject_unsafe_urls' => ! Connection::is_local( $url ),
				'user-agent'         => 'Regulars/' . REGULARS_VERSION,
				'headers'            => array(
					'Content-Type'           => 'application/json',
					'X-WC-Webhook-Source'    => home_url( '/' ),
					'X-WC-Webhook-Topic'     => $topic,
					'X-WC-Webhook-Signature' => self::signature( $raw, $this->connection->text( 'secret' ) ),
				),
			)
		);
		return self::read( $answer );
	}

	/**
	 * The answer's JSON, or what to tell the merchant.
	 *
	 * @param array<string, mixed>|WP_Error $answer What came back.
	 * @return array<string, mixed>|WP_Error
	 */
	private static function read( $answer ) {
		$status = is_wp_error( $answer ) ? 0 : (int) wp_remote_retrieve_response_code( $answer );
		if ( $status >= 200 && $status < 300 ) {
			$body = json_decode( wp_remote_retrieve_body( $answer ), true );
			return is_array( $body ) ? $body : array();
		}
		return new WP_Error( 'regulars_' . $status, self::in_words( $status ), array( 'status' => $status ) );
	}

	/**
	 * What an answer means to a merchant.
	 *
	 * @param int $status HTTP status; 0 when nothing came.
	 */
	private static function in_words( int $status ): string {
		if ( 401 === $status || 404 === $status ) {
			return __( 'Regulars does not know this connection any more. Connect again.', 'regulars' );
		}
		if ( 429 === $status ) {
			return __( 'That was too often in a short time. Try again in a minute.', 'regulars' );
		}
		return __( 'Regulars can’t be reached right now. Try again in a minute.', 'regulars' );
	}
}
