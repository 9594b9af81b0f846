<?php
/**
 * Owns which other senders of cart reminders this shop has; shoppers should hear of one cart once.
 *
 * @package Regulars
 */

namespace Regulars;

use Automattic\WooCommerce\Utilities\FeaturesUtil;

defined( 'ABSPATH' ) || exit;

/**
 * Who else writes to shoppers about their carts.
 */
class Senders {

	// WooCommerce's own (11.0): includes/emails/class-wc-email-customer-abandoned-cart-recovery.php.
	const CORE          = 'woocommerce-recovery-email';
	const CORE_OPTION   = 'woocommerce_customer_abandoned_cart_recovery_settings';
	const CORE_FEATURE  = 'abandoned_cart_recovery';
	const CORE_SUPPRESS = 'woocommerce_abandoned_cart_recovery_suppress';

	// Folders of plugins whose purpose, or one of whose main purposes, are mails about carts that were left.
	const PLUGINS = array(
		'abandoned-cart-for-woocommerce',
		'automatewoo',
		'cart-recovery',
		'klaviyo',
		'mailchimp-for-woocommerce',
		'mailpoet',
		'omnisend-connect',
		'retainful-next-order-coupon-for-woocommerce',
		'woo-abandoned-cart-recovery',
		'woo-cart-abandonment-recovery',
		'woo-save-abandoned-carts',
		'woocommerce-abandoned-cart',
		'woocommerce-abandon-cart-pro',
		'yith-woocommerce-recover-abandoned-cart',
	);

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
	 * Keep WooCommerce's own mail silent where the merchant has chosen so.
	 */
	public function register(): void {
		if ( $this->settings->replaces_core() ) {
			add_filter( self::CORE_SUPPRESS, '__return_true' );
		}
	}

	/**
	 * Folders of the active ones, and WooCommerce's own mail where it goes out by itself.
	 *
	 * @return string[]
	 */
	public function found(): array {
		$active = (array) get_option( 'active_plugins', array() );
		if ( is_multisite() ) {
			$active = array_merge( $active, array_keys( (array) get_site_option( 'active_sitewide_plugins', array() ) ) );
		}
		$folders = array_map( 'dirname', array_map( 'strval', $active ) );
		$found   = array_values( array_intersect( self::PLUGINS, $folders ) );
		return $this->is_core_sending() ? array_merge( array( self::CORE ), $found ) : $found;
	}

	/**
	 * Whether WooCommerce's own mail goes out by itself.
	 */
	private function is_core_sending(): bool {
		if ( $this->settings->replaces_core() || ! class_exists( FeaturesUtil::class ) || ! FeaturesUtil::feature_is_enabled( self::CORE_FEATURE ) ) {
			return false;
		}
		$mail = get_option( self::CORE_OPTION, array() );
		return is_array( $mail ) && 'yes' === ( $mail['enabled'] ?? 'no' ) && 'yes' === ( $mail['automated'] ?? 'no' );
	}
}
