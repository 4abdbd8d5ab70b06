// SPDX-License-Identifier: GPL-2.0
/* shmbind check */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fit.h"
#include "shmlimits.h"
#include "options.h"
#include "shmbind.h"

static const struct options check_options = {
	.help =
	"Usage: shmbind check SIZE [OPTION...]\n"
	"Tell whether a segment of that size would fit, and which settings it needs.\n"
	"\n"
	OPTIONS_HELP
	OPTIONS_HUGE_HELP
	OPTIONS_HELP_HELP
	"\n"
	"For each node: FREE memory, the POOL of huge pages (free/all), the pages that\n"
	"it HAS for the segment, and the pages that the policy may NEED there. The exit\n"
	"status is 0 if the segment fits, and 1 if it does not.\n",
	.binds = true,
	.wrong = EXIT_USAGE,
};

/* A segment that is asked about. */
struct check {
	unsigned long long bytes;
	struct binding binding;
	struct nodes online, memory, allowed;
	bool good;	/* nothing that was found prevents it */
	struct fit fit;
};

/*
 * The table.
 */

/* Why shmbind(2) refuses the node, or NULL. */
static const char *refused(const struct check *check, int node)
{
	if (!nodes_has(&check->online, node))
		return "is not online";
	if (!nodes_has(&check->memory, node))
		return "has no memory";
	if (!nodes_has(&check->allowed, node))
		return "is outside the cpuset";
	return NULL;
}

static void print_pool(const struct check *check, int node)
{
	struct pool pool;
	char text[64] = "-";

	if (!check->binding.huge)
		return;
	if (node_pool(node, check->fit.page_kib, &pool))
		snprintf(text, sizeof(text), "%ld/%ld", pool.free, pool.total);
	printf(" %11s", text);
}

static void print_verdict(const struct check *check, int node)
{
	unsigned long need = check->fit.need[node];
	unsigned long supply = check->fit.supply[node];

	if (!nodes_has(&check->binding.nodes, node))
		printf("not in the mask\n");
	else if (refused(check, node))
		printf("%s\n", refused(check, node));
	else if (!nodes_has(&check->fit.nodes, node))
		printf("has no pool\n");
	else if (!need)
		printf("counts in the sum\n");
	else if (supply < need)
		printf("is short of %lu\n", need - supply);
	else
		printf("fits\n");
}

static void print_node(const struct check *check, int node)
{
	char free[SIZE_TEXT] = "-", need[24] = "-";
	long long bytes = node_free(node);

	if (bytes >= 0)
		size_format(free, bytes);
	if (check->fit.need[node])
		snprintf(need, sizeof(need), "%lu", check->fit.need[node]);
	printf("%4d %5s", node, free);
	print_pool(check, node);
	printf(" %10lu %10s  ", check->fit.supply[node], need);
	print_verdict(check, node);
}

static void print_table(const struct check *check)
{
	int node;

	printf("NODE  FREE%s        HAS       NEED  VERDICT\n",
	       check->binding.huge ? "        POOL" : "");
	for (node = 0; node < MAX_NODES; node++) {
		if (nodes_has(&check->memory, node) ||
		    nodes_has(&check->binding.nodes, node))
			print_node(check, node);
	}
}

static void print_title(const struct check *check)
{
	char size[SIZE_TEXT], page[SIZE_TEXT], text[BINDING_TEXT];

	size_format(size, check->bytes);
	size_format(page, 1024ULL * check->fit.page_kib);
	printf("%s, %s: %lu pages of %s\n", size,
	       binding_format(text, &check->binding), check->fit.pages, page);
}

static void print_reserved(const struct check *check)
{
	long reserved = pool_reserved(check->fit.page_kib);

	if (check->binding.huge && reserved > 0)
		printf("reserved: %ld huge pages of the pools, for other segments and mappings\n",
		       reserved);
}

/*
 * Settings, as lines for a shell.
 */

static void setting(struct check *check, const char *format, ...)
	__attribute__
	((format(printf, 2, 3)));

static void setting(struct check *check, const char *format, ...)
{
	va_list args;

	check->good = false;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void set_limits(struct check *check)
{
	unsigned long long page = sysconf(_SC_PAGESIZE), pages;
	struct limits limits;

	if (!limits_read(&limits))
		die(EXIT_FAILED, "cannot read the limits of segments: %s",
		    strerror(errno));
	pages = limits.pages + (check->bytes + page - 1) / page;
	if (check->bytes > limits.shmmax)
		setting(check, "sysctl -w kernel.shmmax=%llu", check->bytes);
	if (pages > limits.shmall)
		setting(check, "sysctl -w kernel.shmall=%llu", pages);
	if (limits.segments >= limits.shmmni)
		setting(check, "sysctl -w kernel.shmmni=%lu",
			limits.segments + 1);
	if (check->binding.huge && !limits.may_use_huge)
		setting(check, "sysctl -w vm.hugetlb_shm_group=%u", getegid());
}

/* The nodes of the mask that shmbind(2) accepts. */
static struct nodes mask_nodes(const struct check *check)
{
	struct nodes nodes = {};
	int node;

	for (node = -1; nodes_next(&node, &check->binding.nodes);) {
		if (!refused(check, node))
			nodes_add(&nodes, node);
	}
	return nodes;
}

static unsigned long shortage(unsigned long need, unsigned long supply)
{
	return need > supply ? need - supply : 0;
}

/*
 * Find how many huge pages each node of the mask should get. Those that have no
 * pool at all are not in fit.nodes: give them an equal share.
 */
static void plan_pools(const struct check *check, const struct nodes *mask,
		       unsigned long *more)
{
	const struct fit *fit = &check->fit;
	unsigned long count = nodes_count(mask), need, given = 0, missing;
	bool equal = nodes_count(&fit->nodes) != nodes_count(mask);
	int node;

	for (node = -1; nodes_next(&node, mask);) {
		need = equal ? (fit->pages + count - 1) / count :
			fit->need[node];
		more[node] = shortage(need, fit->supply[node]);
		given += more[node];
	}
	/* the sum is short by more if other segments have reserved pages */
	missing = fit->short_sum ? shortage(fit->pages, fit->sum + given) : 0;
	for (node = -1; nodes_next(&node, mask); count--) {
		more[node] += (missing + count - 1) / count;
		missing -= (missing + count - 1) / count;
	}
}

#define POOL	"/sys/devices/system/node/node%d/hugepages/hugepages-%lukB"

static void set_pools(struct check *check)
{
	unsigned long more[MAX_NODES] = {}, kib = check->fit.page_kib;
	struct nodes mask = mask_nodes(check);
	struct pool pool;
	int node;

	if (!nodes_empty(&mask))
		plan_pools(check, &mask, more);
	for (node = -1; nodes_next(&node, &mask);) {
		if (more[node] && node_pool(node, kib, &pool))
			setting(check, "echo %lu >" POOL "/nr_hugepages",
				pool.total + more[node], node, kib);
	}
}

/*
 * The answer.
 */

static void print_answer(struct check *check, bool fits)
{
	char text[MESSAGE_TEXT];
	int node;

	for (node = -1; nodes_next(&node, &check->binding.nodes);) {
		if (refused(check, node)) {
			printf("cannot be bound: node %d %s\n", node,
			       refused(check, node));
			check->good = false;
			return;
		}
	}
	if (fits) {
		puts("fits");
		return;
	}
	printf("does not fit: %s\n", fit_message(text, &check->fit));
	check->good = false;
}

static bool check_segment(struct check *check)
{
	bool fits = fit_segment(&check->fit, &check->binding, check->bytes, NULL);

	check->good = true;
	print_title(check);
	print_table(check);
	print_reserved(check);
	printf("rule: %s\n", check->fit.rule);
	print_answer(check, fits);
	set_limits(check);
	if (check->binding.huge && !fits)
		set_pools(check);
	return check->good;
}

int cmd_check(int argc, char *argv[])
{
	struct check check = {};

	while (options_next(argc, argv, &check_options, &check.binding) >= 0)
		;
	check.bytes = options_size(&check_options, "SIZE",
				   options_operand(argc, argv, &check_options,
						   "SIZE"));
	if (!require_shmbind())
		return EXIT_FAILED;
	if (!nodes_online(&check.online) || !nodes_with_memory(&check.memory) ||
	    !nodes_allowed(&check.allowed))
		die(EXIT_FAILED,
		    "cannot read the nodes of this machine; is /sys mounted?");
	return check_segment(&check) ? EXIT_DONE : EXIT_FAILED;
}
