#include "api/qr.h"

#include <assert.h>
#include <png.h>
#include <qrencode.h>
#include <string.h>

enum {
	VERSION_SMALLEST = 0, /* libqrencode: the first that the data fit in */
	WIDTH_MAX = 177,      /* ISO/IEC 18004: modules of version 40 */
	BITS_PER_PIXEL = 1,
	LIGHT = 0xff,
};

_Static_assert(
    QR_PIXELS / (WIDTH_MAX + 2 * QR_QUIET_MODULES) >= 2, "a module is seen");

/* A code laid out on the picture. */
struct layout {
	const QRcode *code; /* borrowed */
	unsigned width;	    /* modules */
	unsigned scale;	    /* pixels a module */
	unsigned margin;    /* pixels to the left and above */
};

static struct layout
layout_of(const QRcode *code)
{
	assert(code->width > 0);
	assert(code->width <= WIDTH_MAX);
	struct layout layout = {.code = code, .width = (unsigned)code->width};

	layout.scale = QR_PIXELS / (layout.width + 2 * QR_QUIET_MODULES);
	layout.margin = (QR_PIXELS - layout.width * layout.scale) / 2;
	assert(layout.margin >= layout.scale * QR_QUIET_MODULES);
	return layout;
}

static void
paint_light(uint8_t bits[QR_ROW_BYTES])
{
	memset(bits, LIGHT, QR_ROW_BYTES);
}

static void
paint_modules(
    const struct layout *layout, unsigned row, uint8_t bits[QR_ROW_BYTES])
{
	const uint8_t *modules = layout->code->data + row * layout->width;

	paint_light(bits);
	for (unsigned i = 0; i < layout->width * layout->scale; i++) {
		unsigned x = layout->margin + i;

		/* libqrencode: the lowest bit says dark. */
		if (modules[i / layout->scale] & 1)
			bits[x / 8] &= (uint8_t) ~(0x80 >> x % 8);
	}
}

static void
write_rows(png_structp writer, const uint8_t bits[QR_ROW_BYTES], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		png_write_row(writer, bits);
}

static void
write_picture(png_structp writer, const struct layout *layout)
{
	uint8_t bits[QR_ROW_BYTES];
	unsigned height = layout->width * layout->scale;

	paint_light(bits);
	write_rows(writer, bits, layout->margin);
	for (unsigned row = 0; row < layout->width; row++) {
		paint_modules(layout, row, bits);
		write_rows(writer, bits, layout->scale);
	}
	paint_light(bits);
	write_rows(writer, bits, QR_PIXELS - layout->margin - height);
}

static void
put(png_structp writer, png_bytep bytes, size_t length)
{
	buffer_put(png_get_io_ptr(writer), bytes, length);
}

/* libpng's own flush takes the buffer for a stream of stdio. */
static void
flush(png_structp writer)
{
	(void)writer;
}

/*
 * libpng tells of errors by a jump back to here.  Nothing of this function is
 * changed between setjmp() and the jump, and the caller owns what to free.
 */
static bool
encode(png_structp writer, png_infop info, const struct layout *layout,
    struct buffer *png)
{
	if (setjmp(png_jmpbuf(writer)) != 0)
		return false;
	png_set_write_fn(writer, png, put, flush);
	png_set_IHDR(writer, info, QR_PIXELS, QR_PIXELS, BITS_PER_PIXEL,
	    PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
	    PNG_FILTER_TYPE_BASE);
	png_write_info(writer, info);
	write_picture(writer, layout);
	png_write_end(writer, info);
	return true;
}

static bool
write_png(const struct layout *layout, struct buffer *png)
{
	bool written = false;
	png_infop info = NULL;
	png_structp writer =
	    png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);

	if (writer != NULL)
		info = png_create_info_struct(writer);
	if (info != NULL)
		written = encode(writer, info, layout, png);
	png_destroy_write_struct(&writer, &info);
	return written && !png->overflow;
}

bool
qr_png(struct text payload, struct buffer *png)
{
	assert(payload.length > 0);
	if (payload.length > QR_PAYLOAD_BYTES_MAX)
		return false;
	QRcode *code = QRcode_encodeData((int)payload.length,
	    (const unsigned char *)payload.bytes, VERSION_SMALLEST,
	    QR_ECLEVEL_M);
	if (code == NULL)
		return false;
	struct layout layout = layout_of(code);
	bool written = write_png(&layout, png);
	QRcode_free(code);
	return written;
}
