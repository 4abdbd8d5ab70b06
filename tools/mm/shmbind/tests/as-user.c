// SPDX-License-Identifier: GPL-2.0
/* as-user UID PROGRAM [ARG...] - Run a program as that user and group. */
#define _GNU_SOURCE
#include <err.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	uid_t id;

	if (argc < 3)
		errx(2, "usage: as-user UID PROGRAM [ARG...]");
	id = strtoul(argv[1], NULL, 10);
	if (setgroups(0, NULL) || setresgid(id, id, id) ||
	    setresuid(id, id, id))
		err(2, "cannot become user %u", id);
	execvp(argv[2], argv + 2);
	err(2, "%s", argv[2]);
}
