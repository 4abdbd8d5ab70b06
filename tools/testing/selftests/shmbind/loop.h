/* SPDX-License-Identifier: GPL-2.0 */
/* A block device of zeroes, in memory. */
#ifndef SELFTEST_SHMBIND_LOOP_H
#define SELFTEST_SHMBIND_LOOP_H

#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOP_PATH_MAX	64

#define RAMFS	"/tmp/shmbind.ramfs"

/*
 * Create a file of @size bytes of zeroes that cannot be swapped out, since a
 * swap device in swappable memory would deadlock. It is freed when it is
 * closed.
 */
static inline int open_in_ramfs(size_t size)
{
	char zeroes[4096] = {};
	int file;

	mkdir(RAMFS, 0700);
	if (mount("ramfs", RAMFS, "ramfs", 0, NULL))
		return -1;
	file = open(RAMFS "/zeroes", O_RDWR | O_CREAT, 0600);
	umount2(RAMFS, MNT_DETACH);
	/* allocate all of it: swap-out has no memory to spare */
	for (size_t done = 0; file >= 0 && done < size; done += sizeof(zeroes)) {
		if (write(file, zeroes, sizeof(zeroes)) != sizeof(zeroes))
			return -1;
	}
	return file;
}

/*
 * Open a loop device of @size bytes, @mode as for open(2). It is removed when
 * it is closed. Returns its descriptor, or -1, and stores its path in @path
 * unless that is NULL.
 */
static inline int loop_open(size_t size, int mode, char *path)
{
	struct loop_config config = {
		.info.lo_flags = LO_FLAGS_AUTOCLEAR |
				 (mode == O_RDONLY ? LO_FLAGS_READ_ONLY : 0),
	};
	int control = open("/dev/loop-control", O_RDWR);
	int file = open_in_ramfs(size);
	char own[LOOP_PATH_MAX];
	int loop;

	if (!path)
		path = own;
	if (control < 0 || file < 0)
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
