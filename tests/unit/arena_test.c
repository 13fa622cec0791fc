#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdalign.h>
#include <string.h>

#include "base/arena.h"

enum { SIZE = 256 };

static alignas(max_align_t) uint8_t memory[SIZE];

static int
make_arena(void **state)
{
	static struct arena arena;

	memset(memory, 0xaa, sizeof(memory));
	arena_init(&arena, memory, sizeof(memory));
	*state = &arena;
	return 0;
}

static void
pieces_are_aligned_and_apart(void **state)
{
	struct arena *arena = *state;
	uint8_t *one = arena_take(arena, 1);
	uint8_t *two = arena_take(arena, alignof(max_align_t) + 1);
	uint8_t *three = arena_take(arena, 1);

	assert_ptr_equal(one, memory);
	assert_int_equal((uintptr_t)two % alignof(max_align_t), 0);
	assert_int_equal((uintptr_t)three % alignof(max_align_t), 0);
	assert_true(two > one);
	assert_true(three > two + alignof(max_align_t));
}

static void
a_full_arena_gives_null_and_keeps_its_state(void **state)
{
	struct arena *arena = *state;

	assert_null(arena_take(arena, SIZE + 1));
	assert_null(arena_take(arena, SIZE_MAX));
	assert_ptr_equal(arena_take(arena, SIZE), memory);
	assert_null(arena_take(arena, 1));
	assert_non_null(arena_take(arena, 0));
}

static void
what_is_left_can_be_taken(void **state)
{
	struct arena *arena = *state;

	assert_int_equal(arena_left(arena), SIZE);
	assert_non_null(arena_take(arena, 1));
	size_t left = arena_left(arena);
	assert_int_equal(left, SIZE - alignof(max_align_t));
	assert_null(arena_take(arena, left + 1));
	assert_non_null(arena_take(arena, left));
	assert_int_equal(arena_left(arena), 0);
}

static void
a_last_piece_shorter_than_the_alignment_is_lost(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, memory, alignof(max_align_t) + 1);
	assert_non_null(arena_take(&arena, alignof(max_align_t) + 1));
	assert_int_equal(arena_left(&arena), 0);
	assert_null(arena_take(&arena, 1));
}

static void
a_reset_gives_the_same_memory_again(void **state)
{
	struct arena *arena = *state;
	void *first = arena_take(arena, SIZE);

	arena_reset(arena);
	assert_int_equal(arena_left(arena), SIZE);
	assert_ptr_equal(arena_take(arena, 1), first);
}

static void
a_copy_is_followed_by_a_nul(void **state)
{
	struct arena *arena = *state;
	struct text copy = arena_copy(arena, TEXT("hello"));

	assert_ptr_equal(copy.bytes, memory);
	assert_int_equal(copy.length, 5);
	assert_string_equal(copy.bytes, "hello");
	copy = arena_copy(arena, TEXT_NONE);
	assert_int_equal(copy.length, 0);
	assert_string_equal(copy.bytes, "");
}

static void
a_copy_needs_room_for_its_nul(void **state)
{
	static const char long_text[SIZE];
	struct arena *arena = *state;

	assert_null(arena_copy(arena, (struct text){long_text, SIZE}).bytes);
	assert_non_null(
	    arena_copy(arena, (struct text){long_text, SIZE - 1}).bytes);
	assert_null(arena_copy(arena, TEXT("")).bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(pieces_are_aligned_and_apart, make_arena),
	    cmocka_unit_test_setup(
		a_full_arena_gives_null_and_keeps_its_state, make_arena),
	    cmocka_unit_test_setup(what_is_left_can_be_taken, make_arena),
	    cmocka_unit_test(a_last_piece_shorter_than_the_alignment_is_lost),
	    cmocka_unit_test_setup(
		a_reset_gives_the_same_memory_again, make_arena),
	    cmocka_unit_test_setup(a_copy_is_followed_by_a_nul, make_arena),
	    cmocka_unit_test_setup(a_copy_needs_room_for_its_nul, make_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
