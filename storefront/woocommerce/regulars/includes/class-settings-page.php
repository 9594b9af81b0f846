<?php
/**
 * Owns the page under WooCommerce: how the connection stands, the way to the app, and the choices of this side.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * The page under WooCommerce.
 */
class Settings_Page {

	const SLUG       = 'regulars';
	const CAPABILITY = 'manage_woocommerce';
	const OPEN       = 'regulars_open';
	const DISCONNECT = 'regulars_disconnect';

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
	 * The app's side.
	 *
	 * @var App
	 */
	private $app;

	/**
	 * With what it shows.
	 *
	 * @param Connection $connection The connection.
	 * @param Settings   $settings   The merchant's choices.
	 * @param App        $app        The app's side.
	 */
	public function __construct( Connection $connection, Settings $settings, App $app ) {
		$this->connection = $connection;
		$this->settings   = $settings;
		$this->app        = $app;
	}

	/**
	 * Hook up.
	 */
	public function register(): void {
		add_action( 'admin_menu', array( $this, 'add_page' ) );
		add_action( 'admin_init', array( $this, 'register_fields' ) );
		add_action( 'admin_post_' . self::OPEN, array( $this, 'open_app' ) );
		add_action( 'admin_post_' . self::DISCONNECT, array( $this, 'disconnect' ) );
		add_filter( 'option_page_capability_' . self::SLUG, array( $this, 'capability' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( REGULARS_FILE ), array( $this, 'add_link' ) );
	}

	/**
	 * Who may change the settings: shop managers as well.
	 */
	public function capability(): string {
		return self::CAPABILITY;
	}

	/**
	 * Put the page into the menu.
	 */
	public function add_page(): void {
		add_submenu_page( 'woocommerce', __( 'Regulars', 'regulars' ), __( 'Regulars', 'regulars' ), self::CAPABILITY, self::SLUG, array( $this, 'print_page' ) );
	}

	/**
	 * Put the way to the page into the list of plugins.
	 *
	 * @param string[] $links The plugin's links.
	 * @return string[]
	 */
	public function add_link( $links ): array {
		$link = '<a href="' . esc_url( self::url() ) . '">' . esc_html__( 'Settings', 'regulars' ) . '</a>';
		return array_merge( array( $link ), (array) $links );
	}

	/**
	 * The page's address.
	 *
	 * @param array<string, string> $more More parameters.
	 */
	private static function url( array $more = array() ): string {
		return add_query_arg( array( 'page' => self::SLUG ) + $more, admin_url( 'admin.php' ) );
	}

	/**
	 * The choices, for WordPress's own form.
	 */
	public function register_fields(): void {
		register_setting(
			self::SLUG,
			Settings::OPTION,
			array(
				'type'              => 'array',
				'sanitize_callback' => array( $this->settings, 'clean' ),
			)
		);
		$form = new Settings_Form( $this->settings );
		$form->add_sections( self::SLUG, $this->connection );
	}

	/**
	 * The page.
	 */
	public function print_page(): void {
		if ( ! current_user_can( self::CAPABILITY ) ) {
			return;
		}
		echo '<div class="wrap"><h1>' . esc_html__( 'Regulars', 'regulars' ) . '</h1>';
		settings_errors();
		$this->print_problem();
		if ( $this->connection->is_connected() ) {
			$this->print_connected();
		} else {
			$this->print_unconnected();
		}
		echo '<form action="' . esc_url( admin_url( 'options.php' ) ) . '" method="post">';
		settings_fields( self::SLUG );
		do_settings_sections( self::SLUG );
		submit_button();
		echo '</form></div>';
	}

	/**
	 * What went wrong with the last button, by its code and never by a text in the address.
	 */
	private function print_problem(): void {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- Only shown.
		$code  = isset( $_GET['problem'] ) ? sanitize_key( wp_unslash( $_GET['problem'] ) ) : '';
		$texts = array(
			'unknown' => __( 'Regulars does not know this connection any more. Connect again.', 'regulars' ),
			'later'   => __( 'Regulars can’t be reached right now. Try again in a minute.', 'regulars' ),
		);
		if ( isset( $texts[ $code ] ) ) {
			self::print_notice( 'error', $texts[ $code ] );
		}
	}

	/**
	 * A connected shop: what holds, the way into the app, and the way out.
	 */
	private function print_connected(): void {
		if ( $this->connection->is_conflicted() ) {
			self::print_notice( 'warning', __( 'Something else in this shop also sends reminders about carts, so Regulars holds its own back. Decide in Regulars, or below, which of them should write.', 'regulars' ) );
		}
		$shop = $this->connection->text( 'shop_name' );
		echo '<p>' . esc_html( '' !== $shop ? sprintf( /* translators: 1: the shop's name, 2: the app's address */ __( 'This shop is connected as “%1$s” to %2$s.', 'regulars' ), $shop, $this->connection->text( 'app_url' ) ) : sprintf( /* translators: %s: the app's address */ __( 'This shop is connected to %s.', 'regulars' ), $this->connection->text( 'app_url' ) ) ) . '</p>';
		echo '<p>' . esc_html( $this->connection->takes_typed_addresses() ? __( 'An address typed at the checkout counts before the order is placed. You decided this when you connected; change it in Regulars.', 'regulars' ) : __( 'An address typed at the checkout counts only once the order is placed. You can change this in Regulars.', 'regulars' ) ) . '</p>';
		echo '<div style="display:flex;gap:8px">';
		self::print_button( self::OPEN, __( 'Open Regulars', 'regulars' ), 'primary' );
		self::print_button( self::DISCONNECT, __( 'Disconnect', 'regulars' ), 'secondary' );
		echo '</div>';
	}

	/**
	 * An unconnected shop: what connecting means, and the way to it.
	 */
	private function print_unconnected(): void {
		$app_url = $this->settings->app_url();
		echo '<p>' . esc_html__( 'This shop is not connected. Nothing is sent anywhere until you connect it.', 'regulars' ) . '</p>';
		if ( '' === $app_url ) {
			echo '<p>' . esc_html__( 'Type the address of your Regulars below and save; then the button to connect appears here.', 'regulars' ) . '</p>';
			return;
		}
		if ( '' === (string) get_option( 'permalink_structure' ) ) {
			self::print_notice( 'warning', __( 'This shop uses plain permalinks, with which WooCommerce’s keys don’t work. Choose another form under Settings > Permalinks first.', 'regulars' ) );
		}
		echo '<p>' . esc_html__( 'Connecting hands your Regulars a key to this shop’s products, orders and customers. You approve it on a page of your own shop.', 'regulars' ) . '</p>';
		$connect = add_query_arg( 'store', rawurlencode( home_url() ), $app_url . '/connect/woocommerce' );
		echo '<p><a class="button button-primary" href="' . esc_url( $connect ) . '">' . esc_html__( 'Connect', 'regulars' ) . '</a></p>';
	}

	/**
	 * A button that posts, with its nonce.
	 *
	 * @param string $action What it does.
	 * @param string $label  What it says.
	 * @param string $kind   `primary` or `secondary`.
	 */
	private static function print_button( string $action, string $label, string $kind ): void {
		echo '<form action="' . esc_url( admin_url( 'admin-post.php' ) ) . '" method="post"><input type="hidden" name="action" value="' . esc_attr( $action ) . '">';
		wp_nonce_field( $action );
		echo '<button class="button button-' . esc_attr( $kind ) . '">' . esc_html( $label ) . '</button></form>';
	}

	/**
	 * A notice, on this page only.
	 *
	 * @param string $kind `error`, `warning` or `success`.
	 * @param string $text What it says.
	 */
	private static function print_notice( string $kind, string $text ): void {
		echo '<div class="notice inline notice-' . esc_attr( $kind ) . '"><p>' . esc_html( $text ) . '</p></div>';
	}

	/**
	 * Fetch a link that signs this person in once, and follow it.
	 */
	public function open_app(): void {
		self::check( self::OPEN );
		$person = wp_get_current_user();
		$answer = $this->app->ask(
			'sign-in',
			array(
				'user_email' => $person->user_email,
				'user_name'  => $person->display_name,
			)
		);
		$url    = is_wp_error( $answer ) ? '' : (string) ( $answer['url'] ?? '' );
		if ( 0 !== strpos( $url, $this->connection->text( 'app_url' ) . '/' ) ) {
			$status = is_wp_error( $answer ) ? (int) ( $answer->get_error_data()['status'] ?? 0 ) : 0;
			wp_safe_redirect( self::url( array( 'problem' => in_array( $status, array( 401, 404 ), true ) ? 'unknown' : 'later' ) ) );
			exit;
		}
		nocache_headers();
		// phpcs:ignore WordPress.Security.SafeRedirect.wp_redirect_wp_redirect -- To the connected app, whose address was just compared.
		wp_redirect( $url );
		exit;
	}

	/**
	 * Leave the app.
	 */
	public function disconnect(): void {
		self::check( self::DISCONNECT );
		$this->app->say_goodbye();
		$this->connection->forget();
		Cart_Courier::unschedule_all();
		wp_safe_redirect( self::url() );
		exit;
	}

	/**
	 * Whether this person meant it, and may.
	 *
	 * @param string $action What is about to be done.
	 */
	private static function check( string $action ): void {
		check_admin_referer( $action );
		if ( ! current_user_can( self::CAPABILITY ) ) {
			wp_die( esc_html__( 'You may not manage this shop.', 'regulars' ), '', array( 'response' => 403 ) );
		}
	}
}
