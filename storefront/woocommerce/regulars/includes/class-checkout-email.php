<?php
/**
 * Owns the address a shopper types at the checkout before ordering: taken only where the merchant has decided so, with a notice
 * beside the field.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * The checkout's e-mail field.
 */
class Checkout_Email {

	const SESSION = 'regulars_email';
	const AJAX    = 'regulars_email';
	const SCRIPT  = 'regulars-checkout';

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
	 * The box at the checkout.
	 *
	 * @var Checkout_Consent
	 */
	private $consent;

	/**
	 * Who notices changed carts.
	 *
	 * @var Cart_Watch|null
	 */
	private $watch = null;

	/**
	 * With the merchant's choices.
	 *
	 * @param Connection       $connection The connection.
	 * @param Settings         $settings   The merchant's choices.
	 * @param Checkout_Consent $consent    The box at the checkout.
	 */
	public function __construct( Connection $connection, Settings $settings, Checkout_Consent $consent ) {
		$this->connection = $connection;
		$this->settings   = $settings;
		$this->consent    = $consent;
	}

	/**
	 * Hook up, where typed addresses count.
	 *
	 * @param Cart_Watch $watch Who notices changed carts.
	 */
	public function register( Cart_Watch $watch ): void {
		$this->watch = $watch;
		if ( ! $this->connection->takes_typed_addresses() ) {
			return;
		}
		add_filter( 'woocommerce_form_field_email', array( $this, 'append_notice' ), 10, 2 );
		add_filter( 'render_block_woocommerce/checkout', array( $this, 'prepend_notice' ) );
		add_action( 'woocommerce_after_checkout_billing_form', array( $this, 'load_script' ) );
		add_action( 'wc_ajax_' . self::AJAX, array( $this, 'take' ) );
	}

	/**
	 * The address of this session's shopper; null where there is none or none may be used.
	 */
	public function current(): ?string {
		if ( ! $this->connection->takes_typed_addresses() || ! WC()->session ) {
			return null;
		}
		$typed = (string) WC()->session->get( self::SESSION, '' );
		if ( '' === $typed && WC()->customer ) {
			$typed = (string) WC()->customer->get_billing_email();
		}
		return is_email( $typed ) ? strtolower( $typed ) : null;
	}

	/**
	 * The notice, below the classic checkout's e-mail field.
	 *
	 * @param string $field The field as drawn.
	 * @param string $key   The field's name.
	 */
	public function append_notice( $field, $key ): string {
		return 'billing_email' === $key && is_checkout() ? $field . $this->notice() : $field;
	}

	/**
	 * The notice, above the checkout block, whose first field is the e-mail field.
	 *
	 * @param string $content The block as rendered.
	 */
	public function prepend_notice( $content ): string {
		return $this->notice() . $content;
	}

	/**
	 * The notice.
	 */
	private function notice(): string {
		return '<p class="regulars-notice" style="font-size:.875rem">' . esc_html( $this->settings->notice_text() ) . '</p>';
	}

	/**
	 * The classic checkout tells its server nothing before it is sent off; this does. The page is never cached.
	 */
	public function load_script(): void {
		wp_enqueue_script( self::SCRIPT, plugins_url( 'assets/checkout.js', REGULARS_FILE ), array(), REGULARS_VERSION, array( 'in_footer' => true ) );
		$told = array(
			'url'   => \WC_AJAX::get_endpoint( self::AJAX ),
			'nonce' => wp_create_nonce( self::AJAX ),
		);
		wp_add_inline_script( self::SCRIPT, 'window.regularsCheckout = ' . wp_json_encode( $told ), 'before' );
	}

	/**
	 * Take an address from the classic checkout.
	 */
	public function take(): void {
		check_ajax_referer( self::AJAX, 'nonce' );
		$email = isset( $_POST['email'] ) ? sanitize_email( wp_unslash( $_POST['email'] ) ) : '';
		if ( WC()->session && WC()->cart && ! WC()->cart->is_empty() && is_email( $email ) ) {
			WC()->session->set( self::SESSION, $email );
			$this->consent->note( ! empty( $_POST['consent'] ) );
			if ( $this->watch ) {
				$this->watch->note_change();
			}
		}
		wp_send_json_success();
	}
}
