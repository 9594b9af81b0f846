<?php
/**
 * Owns the form of the merchant's choices: which fields there are and what they say.
 *
 * @package Regulars
 */

namespace Regulars;

defined( 'ABSPATH' ) || exit;

/**
 * The fields, in WordPress's own form.
 */
class Settings_Form {

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
	 * All sections of the page.
	 *
	 * @param string     $page       The page.
	 * @param Connection $connection The connection.
	 */
	public function add_sections( string $page, Connection $connection ): void {
		if ( ! $connection->is_connected() && ! defined( 'REGULARS_APP_URL' ) ) {
			add_settings_section( 'regulars_app', __( 'Your Regulars', 'regulars' ), '__return_false', $page );
			$this->add( $page, 'regulars_app', 'app_url', __( 'Address', 'regulars' ), 'print_text', __( 'Where your Regulars runs, as in https://regulars.example.', 'regulars' ) );
		}
		$this->add_shelves( $page );
		$this->add_carts( $page );
	}

	/**
	 * Where shelves show and what they look like.
	 *
	 * @param string $page The page.
	 */
	private function add_shelves( string $page ): void {
		$section = 'regulars_shelves';
		add_settings_section( $section, __( 'Shelves', 'regulars' ), '__return_false', $page );
		$this->add( $page, $section, 'product', __( 'Product pages', 'regulars' ), 'print_choice', '', $this->ways() );
		$this->add( $page, $section, 'cart', __( 'Cart page', 'regulars' ), 'print_choice', __( 'Shortcode: [regulars_shelf placement="product"]. The block is called “Regulars shelf”. The heading is set in Regulars.', 'regulars' ), $this->ways() );
		$this->add( $page, $section, 'n_products', __( 'Products on a shelf', 'regulars' ), 'print_number' );
		$this->add(
			$page,
			$section,
			'layout',
			__( 'Layout', 'regulars' ),
			'print_choice',
			'',
			array(
				'grid'     => __( 'Grid', 'regulars' ),
				'carousel' => __( 'Carousel', 'regulars' ),
			)
		);
	}

	/**
	 * What is noted of carts and said at the checkout.
	 *
	 * @param string $page The page.
	 */
	private function add_carts( string $page ): void {
		$section = 'regulars_carts';
		add_settings_section( $section, __( 'Carts and checkout', 'regulars' ), '__return_false', $page );
		$this->add( $page, $section, 'captures_carts', __( 'Carts', 'regulars' ), 'print_box', __( 'Tell Regulars of carts before they are orders, so that it can bring them back', 'regulars' ) );
		$this->add( $page, $section, 'notice_text', __( 'Notice at the e-mail field', 'regulars' ), 'print_text', __( 'Shown where typed addresses count before the order. Left empty:', 'regulars' ) . ' “' . ( new Settings() )->notice_text() . '”' );
		$this->add( $page, $section, 'asks_consent', __( 'Consent', 'regulars' ), 'print_box', __( 'Show a box at the checkout by which shoppers allow e-mails; it is never ticked beforehand', 'regulars' ) );
		$this->add( $page, $section, 'consent_text', __( 'Text beside the box', 'regulars' ), 'print_text', __( 'Left empty:', 'regulars' ) . ' “' . ( new Settings() )->consent_text() . '”' );
		$this->add( $page, $section, 'replaces_core', __( 'WooCommerce’s own reminder', 'regulars' ), 'print_box', __( 'Keep WooCommerce’s own recovery e-mail (11.0 and newer) silent, so that Regulars may write', 'regulars' ) );
	}

	/**
	 * How a shelf gets onto a page.
	 *
	 * @return array<string, string>
	 */
	private function ways(): array {
		return array(
			'hook'  => __( 'By itself, below the content', 'regulars' ),
			'block' => __( 'Only where I put the block or the shortcode', 'regulars' ),
			'off'   => __( 'Not at all', 'regulars' ),
		);
	}

	/**
	 * One field.
	 *
	 * @param string                $page    The page.
	 * @param string                $section Its section.
	 * @param string                $name    Its name.
	 * @param string                $label   Its label.
	 * @param string                $printer The method that draws it.
	 * @param string                $help    What is said about it.
	 * @param array<string, string> $choices What can be chosen.
	 */
	private function add( string $page, string $section, string $name, string $label, string $printer, string $help = '', array $choices = array() ): void {
		$told = array(
			'name'      => $name,
			'help'      => $help,
			'choices'   => $choices,
			'label_for' => 'regulars-' . $name,
		);
		add_settings_field( 'regulars-' . $name, esc_html( $label ), array( $this, $printer ), $page, $section, $told );
	}

	/**
	 * A line of text.
	 *
	 * @param array<string, mixed> $told The field.
	 */
	public function print_text( array $told ): void {
		printf( '<input class="regular-text" type="text" maxlength="300" id="%s" name="%s" value="%s">', esc_attr( $told['label_for'] ), esc_attr( self::name( $told ) ), esc_attr( (string) $this->value( $told ) ) );
		self::print_help( $told );
	}

	/**
	 * A small number.
	 *
	 * @param array<string, mixed> $told The field.
	 */
	public function print_number( array $told ): void {
		printf( '<input class="small-text" type="number" min="%d" max="%d" id="%s" name="%s" value="%d">', absint( Settings::MIN_PRODUCTS ), absint( Settings::MAX_PRODUCTS ), esc_attr( $told['label_for'] ), esc_attr( self::name( $told ) ), absint( $this->value( $told ) ) );
	}

	/**
	 * A box to tick, with its help as its text.
	 *
	 * @param array<string, mixed> $told The field.
	 */
	public function print_box( array $told ): void {
		printf( '<label><input type="checkbox" id="%s" name="%s" value="1"%s> %s</label>', esc_attr( $told['label_for'] ), esc_attr( self::name( $told ) ), checked( (bool) $this->value( $told ), true, false ), esc_html( $told['help'] ) );
	}

	/**
	 * One of several.
	 *
	 * @param array<string, mixed> $told The field.
	 */
	public function print_choice( array $told ): void {
		printf( '<select id="%s" name="%s">', esc_attr( $told['label_for'] ), esc_attr( self::name( $told ) ) );
		foreach ( $told['choices'] as $value => $label ) {
			printf( '<option value="%s"%s>%s</option>', esc_attr( $value ), selected( $this->value( $told ), $value, false ), esc_html( $label ) );
		}
		echo '</select>';
		self::print_help( $told );
	}

	/**
	 * What is said about a field.
	 *
	 * @param array<string, mixed> $told The field.
	 */
	private static function print_help( array $told ): void {
		if ( '' !== $told['help'] ) {
			echo '<p class="description">' . esc_html( $told['help'] ) . '</p>';
		}
	}

	/**
	 * The field's name in the form.
	 *
	 * @param array<string, mixed> $told The field.
	 */
	private static function name( array $told ): string {
		return Settings::OPTION . '[' . $told['name'] . ']';
	}

	/**
	 * The field's value as stored.
	 *
	 * @param array<string, mixed> $told The field.
	 * @return mixed
	 */
	private function value( array $told ) {
		return $this->settings->all()[ $told['name'] ];
	}
}
