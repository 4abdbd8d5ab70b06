// SPDX-License-Identifier: GPL-2.0
/*
 * A preloaded library that wraps shmget(2) too, and reports each call. It is one
 * that a program may have of its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/shm.h>
#include <unistd.h>

static void *find_next(void)
{
	return dlsym(RTLD_NEXT, "shmget");
}

int shmget(key_t key, size_t size, int flags)
{
	static const char line[] = "the wrapper was called\n";
	int (*next)(key_t key, size_t size, int flags) = find_next();

	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		return -1;
	return next(key, size, flags);
}
