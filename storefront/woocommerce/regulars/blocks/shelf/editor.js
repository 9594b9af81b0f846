/** Owns how the shelf stands in the editor: a named box with its choices; what shoppers see is drawn by the server. */
( function ( blocks, blockEditor, components, element, i18n ) {
	'use strict';

	const el = element.createElement;
	const __ = i18n.__;

	function edit( props ) {
		const { attributes, setAttributes } = props;
		const change = ( name ) => ( value ) => setAttributes( { [ name ]: value } );
		const choices = el(
			blockEditor.InspectorControls,
			{},
			el(
				components.PanelBody,
				{ title: __( 'Shelf', 'regulars' ) },
				el( components.SelectControl, {
					label: __( 'Recommend for', 'regulars' ),
					value: attributes.placement,
					options: [
						{ value: '', label: __( 'The page it stands on', 'regulars' ) },
						{ value: 'product', label: __( 'The page’s product', 'regulars' ) },
						{ value: 'cart', label: __( 'The visitor’s cart', 'regulars' ) },
						{ value: 'home', label: __( 'Nothing: what is popular', 'regulars' ) },
					],
					onChange: change( 'placement' ),
				} ),
				el( components.TextControl, {
					label: __( 'Heading', 'regulars' ),
					help: __( 'A heading set in Regulars replaces this one.', 'regulars' ),
					value: attributes.heading,
					onChange: change( 'heading' ),
				} ),
				el( components.RangeControl, {
					label: __( 'Products', 'regulars' ),
					value: attributes.limit,
					min: 2,
					max: 12,
					onChange: change( 'limit' ),
				} ),
				el( components.SelectControl, {
					label: __( 'Layout', 'regulars' ),
					value: attributes.layout,
					options: [
						{ value: '', label: __( 'As in the settings', 'regulars' ) },
						{ value: 'grid', label: __( 'Grid', 'regulars' ) },
						{ value: 'carousel', label: __( 'Carousel', 'regulars' ) },
					],
					onChange: change( 'layout' ),
				} )
			)
		);
		const box = el( components.Placeholder, {
			icon: 'products',
			label: __( 'Regulars shelf', 'regulars' ),
			instructions: __( 'Visitors see products here that go with what they look at.', 'regulars' ),
		} );
		return el( 'div', blockEditor.useBlockProps(), choices, box );
	}

	blocks.registerBlockType( 'regulars/shelf', { edit, save: () => null } );
} )( window.wp.blocks, window.wp.blockEditor, window.wp.components, window.wp.element, window.wp.i18n );
