#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <png.h>
#include <string.h>

#include "api/qr.h"

#define PAYLOAD                                                        \
	"ethereum:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913@8453/"    \
	"transfer?address=0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf&" \
	"uint256=4500000"

enum {
	DARK = 0,
	LIGHT_GREY = 255,
	FINDER_MODULES = 7,
	ROWS_ENOUGH = INT32_MAX,
};

static char longest[QR_PAYLOAD_BYTES_MAX + 1];
static uint8_t bytes[QR_PNG_BYTES_MAX], more_bytes[QR_PNG_BYTES_MAX];
static uint8_t pixels[QR_PIXELS][QR_PIXELS]; /* a byte each */

static int rows_until_error = ROWS_ENOUGH;

/* As libpng's own, until it is told to fail. */
void
png_write_row(png_structrp writer, png_const_bytep row)
{
	void (*library)(png_structrp, png_const_bytep) =
	    (void (*)(png_structrp, png_const_bytep))dlsym(RTLD_NEXT, __func__);

	if (rows_until_error != ROWS_ENOUGH && rows_until_error-- == 0)
		png_error(writer, "as the test wants it");
	library(writer, row);
}

static int
start(void **state)
{
	(void)state;
	memset(longest, '~', sizeof(longest));
	return 0;
}

/* Makes the picture and reads it back into `pixels`. */
static void
draw(struct text payload)
{
	struct buffer png;
	png_image image = {.version = PNG_IMAGE_VERSION};

	buffer_init(&png, bytes, sizeof(bytes));
	assert_true(qr_png(payload, &png));
	assert_true(
	    png_image_begin_read_from_memory(&image, png.bytes, png.length));
	assert_int_equal(image.width, QR_PIXELS);
	assert_int_equal(image.height, QR_PIXELS);
	image.format = PNG_FORMAT_GRAY;
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
}

static void
the_picture_is_a_png_of_400_by_400(void **state)
{
	/*
	 * RFC 2083: the signature; IHDR of 13 bytes: width, height, one bit,
	 * grey, deflated, filtered by row, not interlaced.
	 */
	static const uint8_t beginning[] = {0x89, 'P', 'N', 'G', '\r', '\n',
	    0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 400 >> 8,
	    400 & 0xff, 0, 0, 400 >> 8, 400 & 0xff, 1, 0, 0, 0, 0};
	struct buffer png;

	(void)state;
	buffer_init(&png, bytes, sizeof(bytes));
	assert_true(qr_png(TEXT(PAYLOAD), &png));
	assert_memory_equal(png.bytes, beginning, sizeof(beginning));
	assert_memory_equal(
	    png.bytes + png.length - 8, "IEND\xae\x42\x60\x82", 8);
}

static void
the_same_payload_gives_the_same_bytes(void **state)
{
	struct buffer first, again;

	(void)state;
	buffer_init(&first, bytes, sizeof(bytes));
	buffer_init(&again, more_bytes, sizeof(more_bytes));
	assert_true(qr_png(TEXT(PAYLOAD), &first));
	assert_true(qr_png(TEXT("something else in between"), &again));
	buffer_reset(&again);
	assert_true(qr_png(TEXT(PAYLOAD), &again));
	assert_int_equal(first.length, again.length);
	assert_memory_equal(first.bytes, again.bytes, first.length);
}

static void
the_picture_goes_behind_what_is_there(void **state)
{
	struct buffer png, behind;

	(void)state;
	buffer_init(&png, bytes, sizeof(bytes));
	buffer_init(&behind, more_bytes, sizeof(more_bytes));
	assert_true(qr_png(TEXT(PAYLOAD), &png));
	buffer_put_text(&behind, TEXT("head"));
	assert_true(qr_png(TEXT(PAYLOAD), &behind));
	assert_int_equal(behind.length, 4 + png.length);
	assert_memory_equal(behind.bytes, "head", 4);
	assert_memory_equal(behind.bytes + 4, png.bytes, png.length);
}

/* The first line of dark pixels is the upper edge of two finder patterns. */
static unsigned
first_dark(void)
{
	for (unsigned i = 0; i < QR_PIXELS; i++) {
		if (pixels[i][i] == DARK)
			return i;
	}
	fail_msg("the picture is empty");
	return 0;
}

static unsigned
dark_run(const uint8_t *row, unsigned from)
{
	unsigned end = from;

	while (end < QR_PIXELS && row[end] == DARK)
		end++;
	return end - from;
}

/* `width` modules of `scale` pixels, centred in light, and nothing between. */
static void
assert_layout(unsigned width, unsigned scale)
{
	unsigned margin = first_dark();

	assert_int_equal(
	    dark_run(pixels[margin], margin), FINDER_MODULES * scale);
	assert_int_equal(margin, (QR_PIXELS - width * scale) / 2);
	assert_true(margin >= QR_QUIET_MODULES * scale);
	for (unsigned y = 0; y < QR_PIXELS; y++) {
		for (unsigned x = 0; x < QR_PIXELS; x++) {
			bool inside = x >= margin && y >= margin &&
				      x < margin + width * scale &&
				      y < margin + width * scale;
			unsigned corner_x = x - (x - margin) % scale;
			unsigned corner_y = y - (y - margin) % scale;
			uint8_t expected =
			    inside ? pixels[corner_y][corner_x] : LIGHT_GREY;

			assert_int_equal(pixels[y][x], expected);
		}
	}
	/* The third finder pattern tells where the last row of modules is. */
	unsigned last = margin + width * scale - 1;
	assert_int_equal(
	    dark_run(pixels[last], margin), FINDER_MODULES * scale);
	assert_int_equal(dark_run(pixels[margin], last + 1 - 7 * scale),
	    FINDER_MODULES * scale);
}

/*
 * ISO/IEC 18004: version v has 17 + 4 v modules a side; the table gives the
 * most bytes that level M holds in it.
 */
static void
modules_are_whole_squares_in_a_quiet_zone(void **state)
{
	static const struct {
		unsigned bytes, version, scale;
	} rows[] = {
	    {1, 1, 13},
	    {14, 1, 13},
	    {15, 2, 12},
	    {26, 2, 12},
	    {27, 3, 10},
	    {122, 7, 7},
	    {123, 8, 7},
	    {152, 8, 7},
	    {153, 9, 6},
	    {213, 10, 6},
	    {666, 20, 3},
	    {QR_PAYLOAD_BYTES_MAX, 40, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		draw((struct text){longest, rows[i].bytes});
		assert_layout(17 + 4 * rows[i].version, rows[i].scale);
	}
	draw(TEXT(PAYLOAD));
	assert_layout(17 + 4 * 8, 7);
}

static void
longer_payloads_do_not_fit(void **state)
{
	struct buffer png;

	(void)state;
	buffer_init(&png, bytes, sizeof(bytes));
	assert_false(qr_png((struct text){longest, sizeof(longest)}, &png));
	/* One byte, for a library that counts in int. */
	assert_false(qr_png((struct text){longest, (1ULL << 32) + 1}, &png));
}

static void
an_error_of_the_library_comes_back_as_false(void **state)
{
	struct buffer png;

	(void)state;
	buffer_init(&png, bytes, sizeof(bytes));
	rows_until_error = 100;
	assert_false(qr_png(TEXT(PAYLOAD), &png));
	rows_until_error = ROWS_ENOUGH;
	buffer_reset(&png);
	assert_true(qr_png(TEXT(PAYLOAD), &png));
}

static void
every_picture_fits_where_the_header_says(void **state)
{
	uint32_t chance = 1;

	(void)state;
	/* Of bytes that deflate finds little order in. */
	for (size_t i = 0; i < QR_PAYLOAD_BYTES_MAX; i++) {
		chance = chance * 1664525 + 1013904223;
		longest[i] = (char)(chance >> 24);
	}
	for (unsigned length = 1; length <= QR_PAYLOAD_BYTES_MAX; length += 97)
		draw((struct text){longest, length});
	draw((struct text){longest, QR_PAYLOAD_BYTES_MAX});
}

static void
a_small_buffer_is_said_to_be_so(void **state)
{
	struct buffer png;

	(void)state;
	buffer_init(&png, bytes, sizeof(bytes));
	assert_true(qr_png(TEXT(PAYLOAD), &png));
	size_t length = png.length;
	for (size_t size = 0; size <= length; size += size < 100 ? 1 : 13) {
		buffer_init(&png, more_bytes, size);
		assert_int_equal(qr_png(TEXT(PAYLOAD), &png), size >= length);
	}
	buffer_init(&png, more_bytes, length);
	assert_true(qr_png(TEXT(PAYLOAD), &png));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_picture_is_a_png_of_400_by_400),
	    cmocka_unit_test(the_same_payload_gives_the_same_bytes),
	    cmocka_unit_test(the_picture_goes_behind_what_is_there),
	    cmocka_unit_test(modules_are_whole_squares_in_a_quiet_zone),
	    cmocka_unit_test(longer_payloads_do_not_fit),
	    cmocka_unit_test(an_error_of_the_library_comes_back_as_false),
	    cmocka_unit_test(every_picture_fits_where_the_header_says),
	    cmocka_unit_test(a_small_buffer_is_said_to_be_so),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
