<?php
/**
 * Puts the parts together and takes them down again; decides nothing itself.
 *
 * @package Regulars
 */

namespace Regulars;

use Automattic\WooCommerce\Utilities\FeaturesUtil;

defined( 'ABSPATH' ) || exit;

/**
 * The plugin's life: start, stop.
 */
class Plugin {

	/**
	 * Tell WooCommerce what the plugin works with: orders in their own tables, and the cart and checkout blocks.
	 */
	public static function declare_compatibility(): void {
		if ( class_exists( FeaturesUtil::class ) ) {
			FeaturesUtil::declare_compatibility( 'custom_order_tables', REGULARS_FILE, true );
			FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', REGULARS_FILE, true );
		}
	}

	/**
	 * Hook everything up. Without WooCommerce there is nothing to do.
	 */
	public static function start(): void {
		if ( ! class_exists( 'WooCommerce' ) ) {
			return;
		}
		add_action( 'init', array( self::class, 'load_translations' ) );

		$settings   = new Settings();
		$connection = new Connection();
		$app        = new App( $connection );
		$senders    = new Senders( $settings );
		( new Rest_Controller( $connection, $settings, $senders ) )->register();
		( new Settings_Page( $connection, $settings, $app ) )->register();
		( new Privacy( $connection, $app ) )->register();
		if ( ! $connection->is_connected() ) {
			return;
		}

		$senders->register();
		( new Shelf_Places( new Shelf( $connection, $settings ), $settings ) )->register();
		( new Listed_Lines() )->register();
		$consent = new Checkout_Consent( $settings );
		$consent->register();
		if ( $settings->captures_carts() ) {
			self::start_carts( $connection, $settings, $app, $consent );
		}
	}

	/**
	 * Everything that has to do with carts before they are orders.
	 *
	 * @param Connection       $connection The connection.
	 * @param Settings         $settings   The merchant's choices.
	 * @param App              $app        The app's side.
	 * @param Checkout_Consent $consent    The box at the checkout.
	 */
	private static function start_carts( Connection $connection, Settings $settings, App $app, Checkout_Consent $consent ): void {
		$table = new Cart_Table();
		$token = new Cart_Token();
		$token->register();
		$email = new Checkout_Email( $connection, $settings, $consent );
		$watch = new Cart_Watch( $table, $token, new Cart_Reading( $email, $consent ), new Cart_Courier( $table, $app ) );
		$watch->register();
		$email->register( $watch );
		( new Cart_Link( $table, $token ) )->register();
	}

	/**
	 * The bundled translations; those of the directory, where there are any, go before them.
	 */
	public static function load_translations(): void {
		load_plugin_textdomain( 'regulars', false, dirname( plugin_basename( REGULARS_FILE ) ) . '/languages' );
	}

	/**
	 * Switched off: say goodbye to the app and leave no job behind. Settings and carts stay until the plugin is deleted.
	 */
	public static function stop(): void {
		$connection = new Connection();
		( new App( $connection ) )->say_goodbye();
		$connection->forget();
		Cart_Courier::unschedule_all();
	}
}
