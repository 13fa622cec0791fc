/*
 * A QR code (ISO/IEC 18004) as a picture.
 *
 * The codes are libqrencode's, the PNG is libpng's; both keep buffers of
 * their own while they work and give them back.
 */
#ifndef API_QR_H
#define API_QR_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/text.h"

enum {
	/* A row of one-bit pixels. */
	QR_ROW_BYTES = 50,
	/* Contract, stable.md: 400 x 400. */
	QR_PIXELS = 8 * QR_ROW_BYTES,
	/* ISO/IEC 18004: the quiet zone on each side, in modules. */
	QR_QUIET_MODULES = 4,
	/* ISO/IEC 18004, version 40: more bytes fit into no code of level M. */
	QR_PAYLOAD_BYTES_MAX = 2331,
	/* Every picture fits: its rows as they are, and what goes around. */
	QR_PNG_BYTES_MAX = QR_PIXELS * (1 + QR_ROW_BYTES) + 600,
};

/*
 * Appends to `png` a grey PNG of QR_PIXELS x QR_PIXELS: `payload` (not empty)
 * in error correction level M, dark on light, centred, each module a square
 * of the same whole number of pixels.  The same payload gives the same bytes.
 *
 * False if that does not fit: the payload into a code, the picture into the
 * buffer, or either library's work into the memory of the host.  `png` then
 * holds nothing of use.
 */
bool qr_png(struct text payload, struct buffer *png)
    __attribute__((warn_unused_result));

#endif
