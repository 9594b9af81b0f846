<?php
/**
 * Owns the box at both checkouts by which a shopper allows mails: never ticked beforehand, kept on the order with its moment.
 *
 * @package Regulars
 */

namespace Regulars;

use WC_Order;

defined( 'ABSPATH' ) || exit;

/**
 * The box to tick.
 */
class Checkout_Consent {

	// Order webhooks carry it to the app: `subscribed 2026-11-21T10:00:00Z`.
	const META    = '_regulars_consent';
	const FIELD   = 'regulars_consent';
	const BLOCK   = 'regulars/consent';
	const SESSION = 'regulars_consent';

	/**
	 * The merchant's choices.
	 *
	 * @var Settings
	 */
	private $settings;

	/**
	 * With the merchant's choices.
	 *
	 * @param Settings $settings The merchant's choices.
	 */
	public function __construct( Settings $settings ) {
		$this->settings = $settings;
	}

	/**
	 * Hook up, where the merchant wants the box.
	 */
	public function register(): void {
		if ( ! $this->settings->asks_consent() ) {
			return;
		}
		add_action( 'woocommerce_review_order_before_submit', array( $this, 'print_box' ) );
		add_action( 'woocommerce_checkout_create_order', array( $this, 'mark' ) );
		add_action( 'woocommerce_init', array( $this, 'register_block_field' ) );
		if ( did_action( 'woocommerce_init' ) ) {
			$this->register_block_field();
		}
		add_action( 'woocommerce_set_additional_field_value', array( $this, 'mark_from_block' ), 10, 4 );
	}

	/**
	 * The box at the classic checkout.
	 */
	public function print_box(): void {
		woocommerce_form_field(
			self::FIELD,
			array(
				'type'     => 'checkbox',
				'label'    => esc_html( $this->settings->consent_text() ),
				'required' => false,
				'class'    => array( 'form-row-wide' ),
			),
			null === $this->current() ? 0 : 1
		);
	}

	/**
	 * The box at the checkout block, from the version on that has such fields (8.9).
	 */
	public function register_block_field(): void {
		if ( function_exists( 'woocommerce_register_additional_checkout_field' ) ) {
			woocommerce_register_additional_checkout_field(
				array(
					'id'       => self::BLOCK,
					'label'    => $this->settings->consent_text(),
					'location' => 'order',
					'type'     => 'checkbox',
					'required' => false,
				)
			);
		}
	}

	/**
	 * What the shopper has said in this session; null for nothing.
	 */
	public function current(): ?string {
		$said = WC()->session ? WC()->session->get( self::SESSION ) : null;
		return is_string( $said ) && '' !== $said ? $said : null;
	}

	/**
	 * Remember what the shopper says, and since when.
	 *
	 * @param bool $is_ticked Whether the box is ticked.
	 */
	public function note( bool $is_ticked ): void {
		if ( WC()->session && $this->settings->asks_consent() ) {
			WC()->session->set( self::SESSION, $is_ticked ? $this->current() ?? self::words() : null );
		}
	}

	/**
	 * Write it onto an order of the classic checkout.
	 *
	 * @param WC_Order $order The order.
	 */
	public function mark( $order ): void {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- WooCommerce has checked the checkout's nonce before it makes the order.
		$is_ticked = ! empty( $_POST[ self::FIELD ] );
		$this->note( $is_ticked );
		if ( $is_ticked && $order instanceof WC_Order ) {
			$order->update_meta_data( self::META, $this->current() ?? self::words() );
		}
	}

	/**
	 * Write it onto an order of the checkout block.
	 *
	 * @param string $key    The field's name.
	 * @param mixed  $value  Its value.
	 * @param string $group  Its group.
	 * @param mixed  $holder What it belongs to: an order, or a customer.
	 */
	public function mark_from_block( $key, $value, $group, $holder ): void {
		if ( self::BLOCK !== $key || ! $holder instanceof WC_Order ) {
			return;
		}
		$this->note( (bool) $value );
		if ( ! $value ) {
			$holder->delete_meta_data( self::META );
		} elseif ( '' === (string) $holder->get_meta( self::META ) ) {
			$holder->update_meta_data( self::META, $this->current() ?? self::words() );
		}
	}

	/**
	 * A yes, with its moment.
	 */
	private static function words(): string {
		return 'subscribed ' . gmdate( 'Y-m-d\TH:i:s\Z' );
	}
}
