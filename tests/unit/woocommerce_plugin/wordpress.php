<?php
/**
 * The few functions of WordPress and WooCommerce that the tested parts call, as those behave; what a test wants to see is kept in
 * $GLOBALS['world'].
 */

namespace {
	define( 'ABSPATH', __DIR__ . '/' );
	define( 'DAY_IN_SECONDS', 86400 );
	define( 'ARRAY_A', 'ARRAY_A' );
	define( 'REGULARS_VERSION', '0.1.0' );
	define( 'REGULARS_FILE', getenv( 'PLUGIN' ) . '/regulars.php' );

	$GLOBALS['world'] = array(
		'options'   => array(),
		'posts'     => array(),
		'answers'   => array(),
		'scheduled' => array(),
		'scripts'   => array(),
		'errors'    => array(),
		'home'      => 'https://ada.example',
	);

	if ( ! function_exists( 'mb_substr' ) ) {
		/** Where PHP has no mbstring WordPress brings this function (wp-includes/compat.php). */
		function mb_substr( $text, $start, $length = null ) {
			return implode( '', array_slice( preg_split( '//u', $text, -1, PREG_SPLIT_NO_EMPTY ), $start, $length ) );
		}
	}

	class WP_Error {
		private $code; private $message; private $data;
		public function __construct( $code, $message = '', $data = null ) { $this->code = $code; $this->message = $message; $this->data = $data; }
		public function get_error_code() { return $this->code; }
		public function get_error_message() { return $this->message; }
		public function get_error_data() { return $this->data; }
	}

	/** A person's rows, as $wpdb finds them. */
	class Rows {
		public $prefix = 'wp_';
		public $rows = array();
		public function prepare( $query, ...$args ) { return array( $query, $args ); }
		public function get_row( $prepared, $kind ) { return $this->rows[0] ?? null; }
		public function get_results( $prepared, $kind ) { return array_values( array_filter( $this->rows, static function ( $row ) use ( $prepared ) { return $row['email'] === end( $prepared[1] ); } ) ); }
		public function delete( $table, $where ) { $before = count( $this->rows ); $this->rows = array_filter( $this->rows, static function ( $row ) use ( $where ) { return $row['email'] !== $where['email']; } ); return $before - count( $this->rows ); }
		public function replace( $table, $row ) { $this->rows = array( $row ); return 1; }
	}
	$GLOBALS['wpdb'] = new Rows();

	/** A product as far as a cart reads it. */
	class Product {
		private $name;
		public function __construct( $name ) { $this->name = $name; }
		public function get_name() { return $this->name; }
	}

	class WC_Cart {
		public $lines = array(); public $total = '0';
		public function get_cart() { return $this->lines; }
		public function is_empty() { return ! $this->lines; }
		public function get_total( $context ) { return $this->total; }
		public function display_prices_including_tax() { return true; }
	}

	class Session {
		public $kept = array();
		public function get( $name, $default = null ) { return $this->kept[ $name ] ?? $default; }
		public function set( $name, $value ) { $this->kept[ $name ] = $value; }
		public function has_session() { return true; }
	}

	class Shop { public $cart; public $session; public $customer = null; }
	$GLOBALS['shop'] = new Shop();
	$GLOBALS['shop']->cart = new WC_Cart();
	$GLOBALS['shop']->session = new Session();
	function WC() { return $GLOBALS['shop']; }

	function __( $text, $domain ) { return $text; }
	function esc_html__( $text, $domain ) { return esc_html( $text ); }
	function esc_html( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
	function esc_attr( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
	function esc_url( $url ) { return htmlspecialchars( esc_url_raw( $url ), ENT_QUOTES ); }
	function esc_url_raw( $url ) { return preg_match( '#^https?://#', $url ) ? str_replace( array( ' ', '"', '<', '>' ), '', $url ) : ''; }
	function sanitize_text_field( $text ) { return trim( preg_replace( '/\s+/', ' ', strip_tags( $text ) ) ); }
	function sanitize_title( $text ) { return trim( preg_replace( '/[^a-z0-9]+/', '-', strtolower( $text ) ), '-' ); }
	function untrailingslashit( $text ) { return rtrim( $text, '/' ); }
	function wp_parse_url( $url, $part = -1 ) { return parse_url( $url, $part ); }
	function wp_strip_all_tags( $text ) { return strip_tags( $text ); }
	function wp_json_encode( $value ) { return json_encode( $value ); }
	function wp_generate_password( $n, $special ) { return substr( str_repeat( 'aB3', 40 ), 0, $n ); }
	function wp_salt( $scheme ) { return 'salt of ' . $scheme; }
	function add_query_arg( $name, $value, $url ) { return $url . ( strpos( $url, '?' ) ? '&' : '?' ) . $name . '=' . $value; }
	function absint( $value ) { return abs( (int) $value ); }
	function is_wp_error( $thing ) { return $thing instanceof WP_Error; }
	function is_email( $text ) { return false !== strpos( $text, '@' ) ? $text : false; }
	function home_url( $path = '' ) { return $GLOBALS['world']['home'] . $path; }
	function rest_url( $path ) { return home_url( '/wp-json/' . $path ); }
	function plugins_url( $path, $file ) { return home_url( '/wp-content/plugins/regulars/' . $path ); }
	function plugin_dir_path( $file ) { return getenv( 'UNPACKED' ) . '/'; }
	function determine_locale() { return 'sr_RS'; }
	function get_current_user_id() { return $GLOBALS['world']['user'] ?? 0; }
	function is_multisite() { return false; }
	function add_action( ...$told ) { $GLOBALS['world']['hooks'][] = $told[0]; }
	function add_filter( ...$told ) { $GLOBALS['world']['hooks'][] = $told[0]; }
	function add_settings_error( $setting, $code, $text ) { $GLOBALS['world']['errors'][] = $code; }
	function get_option( $name, $default = false ) { return $GLOBALS['world']['options'][ $name ] ?? $default; }
	function update_option( $name, $value, $autoload = null ) { $GLOBALS['world']['options'][ $name ] = $value; $GLOBALS['world']['autoload'][ $name ] = $autoload; }
	function delete_option( $name ) { unset( $GLOBALS['world']['options'][ $name ] ); }
	function wp_enqueue_script( $handle, ...$told ) { $GLOBALS['world']['scripts'][] = $handle; }
	function wp_register_style( ...$told ) {}
	function wp_enqueue_style( ...$told ) {}
	function wp_add_inline_style( ...$told ) {}
	function wp_remote_post( $url, $told ) { $GLOBALS['world']['posts'][] = array( $url, $told ); return array_shift( $GLOBALS['world']['answers'] ) ?? array( 200, '{}' ); }
	function wp_remote_retrieve_response_code( $answer ) { return $answer[0]; }
	function wp_remote_retrieve_body( $answer ) { return $answer[1]; }
	function get_woocommerce_currency() { return 'EUR'; }
	function get_woocommerce_currency_symbol() { return '&euro;'; }
	function get_woocommerce_price_format() { return '%2$s&nbsp;%1$s'; }
	function wc_get_price_thousand_separator() { return '.'; }
	function wc_get_price_decimal_separator() { return ','; }
	function wc_get_price_decimals() { return 2; }
	function wc_format_decimal( $amount, $n ) { return number_format( (float) $amount, $n, '.', '' ); }
	function wc_tax_enabled() { return $GLOBALS['world']['tax'] ?? false; }
	function wc_prices_include_tax() { return true; }
	function as_schedule_single_action( $at, $hook, $args, $group ) { $GLOBALS['world']['scheduled'][] = array( $at - time(), $hook, $args ); }
	function as_schedule_recurring_action( $at, $every, $hook, $args, $group ) { $GLOBALS['world']['scheduled'][] = array( $every, $hook, $args ); }
	function as_has_scheduled_action( $hook ) { foreach ( $GLOBALS['world']['scheduled'] as $job ) { if ( $job[1] === $hook ) { return true; } } return false; }
	function as_get_scheduled_actions( $wanted, $form ) { return array_keys( array_filter( $GLOBALS['world']['scheduled'], static function ( $job ) use ( $wanted ) { return $job[1] === $wanted['hook'] && $job[2] === $wanted['args']; } ) ); }

	spl_autoload_register(
		static function ( $name ) {
			$file = getenv( 'PLUGIN' ) . '/includes/class-' . strtolower( str_replace( array( 'Regulars\\', '_' ), array( '', '-' ), $name ) ) . '.php';
			if ( 0 === strpos( $name, 'Regulars\\' ) && is_readable( $file ) ) {
				require $file;
			}
		}
	);

	/** Any warning is a defect. */
	set_error_handler( static function ( $level, $text, $file, $line ) { throw new ErrorException( $text, 0, $level, $file, $line ); } );

	const GIVEN = array(
		'app_url'               => 'https://app.example',
		'hook_url'              => 'https://app.example/webhooks/woocommerce/key.token',
		'desk_url'              => 'https://app.example/plugin/woocommerce/key.token',
		'secret'                => 'whsec_lab_0123456789abcdef',
		'public_key'            => 'pk_ada_12345',
		'takes_typed_addresses' => true,
		'is_conflicted'         => false,
		'shop_name'             => 'Ada',
	);

	function connected( array $more = array() ) {
		$connection = new Regulars\Connection();
		$connection->accept( $more + GIVEN );
		return $connection;
	}

	function show( $value ) { echo json_encode( $value ); }
}
