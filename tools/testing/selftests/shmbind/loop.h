/* SPDX-License-Identifier: GPL-2.0 */
/* A block device of zeroes, in memory. */
#ifndef SELFTEST_SHMBIND_LOOP_H
#define SELFTEST_SHMBIND_LOOP_H

#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOOP_PATH_MAX	64

/* What is swapped to must not be swapped out itself. */
static inline int lock_file(int file, size_t size)
{
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
			  0);

	return addr == MAP_FAILED ? -1 : mlock(addr, size);
}

/*
 * Open one of @size bytes, @mode as for open(2); it goes with the last one who
 * has it open. Returns its descriptor, or -1. Its path goes to @path, unless
 * that is NULL.
 */
static inline int loop_open(size_t size, int mode, char *path)
{
	struct loop_config config = {
		.info.lo_flags = LO_FLAGS_AUTOCLEAR |
				 (mode == O_RDONLY ? LO_FLAGS_READ_ONLY : 0),
	};
	int control = open("/dev/loop-control", O_RDWR);
	int file = memfd_create("zeroes", 0);
	char own[LOOP_PATH_MAX];
	int loop;

	if (!path)
		path = own;
	if (control < 0 || file < 0 || ftruncate(file, size))
		return -1;
	if (mode != O_RDONLY && lock_file(file, size))
		return -1;
	snprintf(path, LOOP_PATH_MAX, "/dev/loop%d",
		 ioctl(control, LOOP_CTL_GET_FREE));
	close(control);
	config.fd = file;
	loop = open(path, mode);
	if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config)) {
		close(loop);
		loop = -1;
	}
	close(file);
	return loop;
}

#endif /* SELFTEST_SHMBIND_LOOP_H */
