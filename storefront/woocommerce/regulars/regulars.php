<?php
/**
 * Plugin Name:          Regulars
 * Description:          Shelves of products your customers really buy together, and reminders for carts that were left: shown and written by your Regulars app.
 * Version:              0.1.0
 * Requires at least:    6.3
 * Requires PHP:         7.4
 * Requires Plugins:     woocommerce
 * Author:               The Regulars authors
 * License:              GPL-2.0-or-later
 * License URI:          https://www.gnu.org/licenses/old-licenses/gpl-2.0.html
 * Text Domain:          regulars
 * Domain Path:          /languages
 * WC requires at least: 8.2
 * WC tested up to:      10.5
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

define( 'REGULARS_VERSION', '0.1.0' );
define( 'REGULARS_FILE', __FILE__ );

// Written by the app that serves this plugin: its own address, so that nobody has to type it.
if ( is_readable( __DIR__ . '/regulars-app.php' ) ) {
	require __DIR__ . '/regulars-app.php';
}

spl_autoload_register(
	static function ( string $name ): void {
		if ( 0 !== strpos( $name, __NAMESPACE__ . '\\' ) ) {
			return;
		}
		$noun = strtolower( str_replace( '_', '-', substr( $name, strlen( __NAMESPACE__ ) + 1 ) ) );
		$file = __DIR__ . '/includes/class-' . $noun . '.php';
		if ( is_readable( $file ) ) {
			require $file;
		}
	}
);

add_action( 'before_woocommerce_init', array( Plugin::class, 'declare_compatibility' ) );
add_action( 'plugins_loaded', array( Plugin::class, 'start' ) );
register_activation_hook( __FILE__, array( Cart_Table::class, 'create' ) );
register_deactivation_hook( __FILE__, array( Plugin::class, 'stop' ) );
