// SPDX-License-Identifier: GPL-2.0
/* shmbind create and shmbind bind. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands.h"
#include "shmlimits.h"
#include "options.h"
#include "reason.h"
#include "segments.h"
#include "shmbind.h"

/*
 * The mode of a segment that is not bound yet: its owner may bind it, and nobody
 * may attach it.
 */
#define MODE_BINDING	0200

enum { OPTION_KEY = OPTION_OWN, OPTION_MODE };

static const struct option create_own[] = {
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "mode", required_argument, NULL, OPTION_MODE },
	{}
};

static const struct options create_options = {
	.help =
	"Usage: shmbind create SIZE [OPTION...]\n"
	"Create a segment, bind it, and print its id.\n"
	"\n"
	OPTIONS_HELP
	OPTIONS_HUGE_HELP
	"      --key KEY            decimal or 0x...; without it, IPC_PRIVATE\n"
	"      --mode MODE          octal (0600)\n"
	OPTIONS_HELP_HELP
	"\n"
	"SIZE is in bytes, or has a unit: 64M, 2G. The segment exists until\n"
	"`ipcrm -m ID`.\n",
	.own = create_own,
	.binds = true,
	.wrong = EXIT_USAGE,
};

static const struct options bind_options = {
	.help =
	"Usage: shmbind bind ID [OPTION...]\n"
	"Bind a segment that was never attached.\n"
	"\n"
	OPTIONS_HELP
	OPTIONS_HELP_HELP
	"\n"
	"A segment keeps the page size that it was created with, so there is no --huge\n"
	"here.\n",
	.binds = true,
	.wrong = EXIT_USAGE,
};

/* A segment to create. */
struct plan {
	key_t key;
	unsigned int mode;
	unsigned long long size;
	struct binding binding;
};

static key_t parse_key(const char *text)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = text + 2 * hex;
	unsigned long key;
	char *end;

	errno = 0;
	key = strtoul(digits, &end, hex ? 16 : 10);
	/* strtoul() takes a sign, blanks, and a second 0x as well */
	if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" :
				      "0123456789")] || errno || key > 0xffffffff)
		die(EXIT_USAGE,
		    "--key %.100s: not a key; expected a number from 0 to 0xffffffff",
		    text);
	return key;
}

static unsigned int parse_mode(const char *text)
{
	if (!*text || text[strspn(text, "01234567")] ||
	    strtoul(text, NULL, 8) > 0777)
		die(EXIT_USAGE,
		    "--mode %.100s: not a mode; expected octal digits up to 0777",
		    text);
	return strtoul(text, NULL, 8);
}

/*
 * Why shmget() failed.
 */

static void no_space(const struct plan *plan, const struct limits *limits)
{
	if (limits->segments >= limits->shmmni)
		die(EXIT_FAILED,
		    "cannot create a segment: there are %lu, and kernel.shmmni is %lu",
		    limits->segments, limits->shmmni);
	die(EXIT_FAILED,
	    "cannot create %llu bytes: other segments have %lu pages, and kernel.shmall is %lu pages",
	    plan->size, limits->pages, limits->shmall);
}

static void no_creation(const struct plan *plan, int error)
{
	bool huge = plan->binding.huge;
	struct limits limits = {};

	limits_read(&limits);
	if (error == EEXIST)
		die(EXIT_FAILED,
		    "--key 0x%x: segment %d has this key; expected one that is not in use",
		    plan->key, (int)syscall(SYS_shmget, plan->key, 0, 0));
	if (error == EINVAL && plan->size > limits.shmmax)
		die(EXIT_FAILED,
		    "cannot create %llu bytes: kernel.shmmax is %lu bytes",
		    plan->size, limits.shmmax);
	if (error == ENOSPC)
		no_space(plan, &limits);
	if (error == EPERM && huge)
		die(EXIT_FAILED,
		    "cannot use huge pages: that needs CAP_IPC_LOCK, or the group %ld (vm.hugetlb_shm_group)",
		    limits.group);
	if (error == ENOMEM && huge)
		die(EXIT_FAILED,
		    "cannot reserve %llu bytes of huge pages: the pool is too small; see shmbind check",
		    plan->size);
	die(EXIT_FAILED, "cannot create %llu bytes: %s", plan->size,
	    strerror(error));
}

/*
 * Creating.
 */

static bool bind_segment(int id, const struct binding *binding)
{
	char why[MESSAGE_TEXT];

	if (!shmbind(id, binding->policy | binding->strength,
		     binding->nodes.bits, MAX_NODES))
		return true;
	complain("cannot bind segment %d: %s", id,
		 shmbind_reason(why, errno, id, binding));
	return false;
}

/* Bind the segment, and print its id when it can be used. */
static bool complete(int id, const struct plan *plan)
{
	if (!bind_segment(id, &plan->binding))
		return false;
	/* Only now can it be attached */
	if (!segment_set_mode(id, plan->mode)) {
		complain("cannot set the mode of segment %d: %s", id,
			 strerror(errno));
		return false;
	}
	if (dprintf(STDOUT_FILENO, "%d\n", id) < 0) {
		complain("cannot print the id, so segment %d is removed: %s", id,
			 strerror(errno));
		return false;
	}
	return true;
}

static int create(const struct plan *plan)
{
	int id = -1, error = ENOMEM;
	sigset_t all;

	/* A signal must not leave a segment whose id nobody has seen */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (plan->size <= SIZE_MAX) {
		/* Not the shmget() of a preload library */
		id = syscall(SYS_shmget, plan->key, (size_t)plan->size,
			     IPC_CREAT | IPC_EXCL | MODE_BINDING |
			     huge_to_flags(&plan->binding));
		error = errno;
	}
	if (id < 0)
		no_creation(plan, error);
	if (complete(id, plan))
		return EXIT_DONE;
	shmctl(id, IPC_RMID, NULL);
	return EXIT_FAILED;
}

static void refuse_rmid_forced(void)
{
	struct limits limits;

	if (limits_read(&limits) && limits.rmid_forced)
		die(EXIT_FAILED,
		    "kernel.shm_rmid_forced is 1, so the segment would be removed when this command ends; set it to 0, or use shmbind run");
}

int cmd_create(int argc, char *argv[])
{
	struct plan plan = { .key = IPC_PRIVATE, .mode = 0600 };
	int option;

	while ((option = options_next(argc, argv, &create_options,
				      &plan.binding)) >= 0) {
		if (option == OPTION_KEY)
			plan.key = parse_key(optarg);
		else
			plan.mode = parse_mode(optarg);
	}
	plan.size = options_size(&create_options, "SIZE",
				 options_operand(argc, argv, &create_options,
						 "SIZE"));
	if (!require_shmbind())
		return EXIT_FAILED;
	refuse_rmid_forced();
	return create(&plan);
}

int cmd_bind(int argc, char *argv[])
{
	struct binding binding = {};
	int id;

	while (options_next(argc, argv, &bind_options, &binding) >= 0)
		;
	if (binding.huge)
		die(EXIT_USAGE,
		    "--huge: the page size of a segment cannot be changed; expected in shmbind create");
	id = options_id(&bind_options, "ID",
			options_operand(argc, argv, &bind_options, "ID"));
	if (!require_shmbind())
		return EXIT_FAILED;
	return bind_segment(id, &binding) ? EXIT_DONE : EXIT_FAILED;
}
