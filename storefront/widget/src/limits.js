/** Owns the widget's numbers, with their reasons; must hold nothing but literals, which the build then puts in place. */

// How long a shopper may wait before a shelf is no longer worth its place (reference: storefront §1.2).
export const LIST_PATIENCE_MS = 4000

// A purchase is worth waiting for longer than a shelf.
export const ADD_PATIENCE_MS = 15000

// How long "Added" stays readable before the button offers the product again.
export const ADDED_MS = 2500

// Half a card in view for this long counts as seen: the usual meaning of "viewable".
export const SEEN_MS = 1000
export const SEEN_SHARE = 0.5

// Far enough below the view for the answer to be there before the shelf is (reference: storefront §0).
export const NEAR_MARGIN = '600px 0px'

// What a row holds before its cards become small; and a shelf is a glance, not a catalogue.
export const MAX_COLUMNS = 4
export const MAX_PRODUCTS = 12
export const DEFAULT_PRODUCTS = 4

// More of a cart than this says nothing new and makes an address that caches never see twice.
export const MAX_CART_IDS = 30

// What was looked at longer ago says little, and makes an address of its own for everybody.
export const MAX_SEEN = 5

// 200 events of some 150 bytes stay well under the 64 KiB a browser lets a page send as it goes.
export const MAX_EVENTS = 200

// Pixels across a card's picture: a quarter of a wide page, or half a phone, at two dots per pixel.
export const PICTURE_WIDTH = 540
