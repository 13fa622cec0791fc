#include "store/memory.h"

#include "store_conformance.h"

static int
setup(void **state)
{
	*state = memory_open();
	return 0;
}

static int
teardown(void **state)
{
	store_close(*state);
	return 0;
}

int
main(void)
{
	return store_conformance("memory", setup, teardown);
}
