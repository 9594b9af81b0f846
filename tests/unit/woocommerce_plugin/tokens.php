<?php
/**
 * The tokens of the files on standard input, one JSON list of [name, text, line] per line.
 */

foreach ( explode( "\n", trim( stream_get_contents( STDIN ) ) ) as $file ) {
	$tokens = array();
	$line   = 1;
	foreach ( token_get_all( file_get_contents( $file ) ) as $token ) {
		if ( is_array( $token ) ) {
			$line     = $token[2];
			$tokens[] = array( token_name( $token[0] ), $token[1], $line );
		} else {
			$tokens[] = array( $token, $token, $line );
		}
	}
	echo json_encode( $tokens, JSON_INVALID_UTF8_SUBSTITUTE ), "\n";
}
