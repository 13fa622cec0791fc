/*
 * Preloaded into intentd for a test: a kernel, or a container, that knows no
 * seccomp(2).
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>

typedef long system_call(
    long number, long a, long b, long c, long d, long e, long f);

long
syscall(long number, ...)
{
	system_call *real;
	long values[6];
	va_list rest;

	if (number == SYS_seccomp) {
		errno = ENOSYS;
		return -1;
	}
	va_start(rest, number);
	for (size_t i = 0; i < 6; i++)
		values[i] = va_arg(rest, long);
	va_end(rest);
	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, values[0], values[1], values[2], values[3],
	    values[4], values[5]);
}
