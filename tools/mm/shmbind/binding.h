/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is asked for a segment: policy, strength, nodes and page size, their
 * names, and the environment in which `shmbind run` passes them on.
 *
 * The preload library uses this, so there is no libnuma, no exit() and no
 * output here.
 */
#ifndef BINDING_H
#define BINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "nodes.h"

/**
 * struct binding - What is asked for a segment.
 * @policy: One of the MEM_ policies.
 * @strength: One of the MEM_ strengths.
 * @nodes: The mask.
 * @huge: Use huge pages.
 * @huge_kib: Their size in KiB; 0 is the default size.
 */
struct binding {
	int policy, strength;
	struct nodes nodes;
	bool huge;
	unsigned long huge_kib;
};

/**
 * struct request - What `shmbind run` asks of the preload library.
 * @binding: How to bind segments.
 * @min_size: Leave segments of fewer bytes alone.
 * @populate: Fill a segment before shmget(2) returns.
 * @best_effort: Where binding or filling fails, go on without it.
 * @verbose: Report on stderr each segment that is bound.
 */
struct request {
	struct binding binding;
	unsigned long long min_size;
	bool populate, best_effort, verbose;
};

/* Names as the listing has them ("stripe", "hard"). 0 or NULL if unknown. */
int policy_parse(const char *name);
int strength_parse(const char *name);
const char *policy_name(int policy);
const char *strength_name(int strength);

/* For messages: "firstref, stripe, mostfree, weighted"; "hard, mask, soft" */
#define POLICY_NAMES	"firstref, stripe, mostfree, weighted"
#define STRENGTH_NAMES	"hard, mask, soft"

/* Room for the longest binding_format(). */
#define BINDING_TEXT	(NODES_TEXT + 32)

/* Write "stripe|hard:0-3" to @text, which has BINDING_TEXT bytes. */
char *binding_format(char *text, const struct binding *binding);

/* The flags of shmget(2) for the page size of a binding, and the reverse. */
int huge_to_flags(const struct binding *binding);
void huge_from_flags(struct binding *binding, int flags);

/**
 * size_parse() - Parse a number of bytes with an optional suffix.
 * @text: Digits and one of KMGTPE (powers of 1024; a B or iB may follow).
 *
 * Return: Whether all of @text is a size above 0 that fits in 63 bits.
 */
bool size_parse(const char *text, unsigned long long *bytes);

/* Write "4M", "1.5G" to @text, which has SIZE_TEXT bytes. */
#define SIZE_TEXT	24
char *size_format(char *text, unsigned long long bytes);

/*
 * The environment of the preload library. Each variable but LD_PRELOAD is
 * optional; an empty one counts as not set.
 */
#define ENV_POLICY	"SHMBIND_POLICY"	/* a name; firstref */
#define ENV_STRENGTH	"SHMBIND_STRENGTH"	/* a name; soft */
#define ENV_NODES	"SHMBIND_NODES"		/* a list; all that can be had */
#define ENV_HUGE	"SHMBIND_HUGE"		/* a size, or "default"; no */
#define ENV_MIN_SIZE	"SHMBIND_MIN_SIZE"	/* a size; all, or one huge page */
#define ENV_POPULATE	"SHMBIND_POPULATE"	/* 1; 0 */
#define ENV_BEST_EFFORT	"SHMBIND_BEST_EFFORT"	/* 1; 0 */
#define ENV_VERBOSE	"SHMBIND_VERBOSE"	/* 1; 0 */

/* Room for the message of request_from_env(). */
#define MESSAGE_TEXT	512

/**
 * request_from_env() - Read the environment.
 * @why: MESSAGE_TEXT bytes, for the reason of a failure: the variable, what is
 *	wrong with it and what is accepted, in one line without a newline.
 *
 * Return: Whether every variable has a value that is accepted.
 */
bool request_from_env(struct request *request, char *why);

/*
 * The smallest segment to bind by default, in bytes. One that is smaller than a huge
 * page would waste most of it.
 */
unsigned long long default_min_size(const struct binding *binding);

/* Set the environment for programs that are executed. False: no memory. */
bool request_to_env(const struct request *request);

#endif /* BINDING_H */
