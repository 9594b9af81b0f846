<?php
/**
 * Removes what the plugin has left: options, table, jobs, and the names of carts and lists on orders. What a shopper allowed stays
 * on the order: it is the shop's own proof.
 *
 * @package Regulars
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

global $wpdb;

foreach ( array( 'regulars_connection', 'regulars_settings', 'regulars_table_version' ) as $regulars_option ) {
	delete_option( $regulars_option );
}

if ( function_exists( 'as_unschedule_all_actions' ) ) {
	as_unschedule_all_actions( 'regulars_send_cart' );
	as_unschedule_all_actions( 'regulars_clean_carts' );
}

// phpcs:disable WordPress.DB.DirectDatabaseQuery, WordPress.DB.SlowDBQuery -- Once, when the plugin is deleted; there is no other way to reach all orders.
$wpdb->query( $wpdb->prepare( 'DROP TABLE IF EXISTS %i', $wpdb->prefix . 'regulars_carts' ) );
$wpdb->delete( $wpdb->postmeta, array( 'meta_key' => '_regulars_cart_token' ) );

$regulars_orders = $wpdb->prefix . 'wc_orders_meta';
if ( $wpdb->get_var( $wpdb->prepare( 'SHOW TABLES LIKE %s', $wpdb->esc_like( $regulars_orders ) ) ) === $regulars_orders ) {
	$wpdb->delete( $regulars_orders, array( 'meta_key' => '_regulars_cart_token' ) );
}

$regulars_lines = $wpdb->prefix . 'woocommerce_order_itemmeta';
if ( $wpdb->get_var( $wpdb->prepare( 'SHOW TABLES LIKE %s', $wpdb->esc_like( $regulars_lines ) ) ) === $regulars_lines ) {
	$wpdb->delete( $regulars_lines, array( 'meta_key' => '_regulars' ) );
}
// phpcs:enable
