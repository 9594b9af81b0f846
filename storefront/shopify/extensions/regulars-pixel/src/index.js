/** Hands the pixel to Shopify; everything it does is in pixel.js. */

import { register } from '@shopify/web-pixels-extension'
import { watch } from './pixel.js'

register(watch)
