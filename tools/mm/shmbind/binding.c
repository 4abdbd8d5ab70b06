// SPDX-License-Identifier: GPL-2.0
/* Names of policies and strengths, sizes, and the environment of `run`. */
#define _GNU_SOURCE
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#include "binding.h"
#include "shmbind.h"

#ifndef SHM_HUGE_SHIFT
#define SHM_HUGE_SHIFT	26
#endif

struct name {
	int flag;
	const char *name;
};

static const struct name policies[] = {
	{ MEM_FIRSTREF, "firstref" },
	{ MEM_STRIPE, "stripe" },
	{ MEM_MOSTFREE, "mostfree" },
	{ MEM_WEIGHTED, "weighted" },
	{}
};

static const struct name strengths[] = {
	{ MEM_HARDBIND, "hard" },
	{ MEM_MASKBIND, "mask" },
	{ MEM_SOFTBIND, "soft" },
	{}
};

static int flag_of(const struct name *names, const char *name)
{
	for (; names->name; names++) {
		if (!strcmp(names->name, name))
			return names->flag;
	}
	return 0;
}

static const char *name_of(const struct name *names, int flag)
{
	for (; names->name; names++) {
		if (names->flag == flag)
			break;
	}
	return names->name;
}

int policy_parse(const char *name)
{
	return flag_of(policies, name);
}

int strength_parse(const char *name)
{
	return flag_of(strengths, name);
}

const char *policy_name(int policy)
{
	return name_of(policies, policy);
}

const char *strength_name(int strength)
{
	return name_of(strengths, strength);
}

char *binding_format(char *text, const struct binding *binding)
{
	int end = sprintf(text, "%s|%s:", policy_name(binding->policy),
			  strength_name(binding->strength));

	nodes_format(text + end, &binding->nodes);
	return text;
}

/*
 * Sizes.
 */

/* The flags have the logarithm of the page size; 0 is the default size. */
int huge_to_flags(const struct binding *binding)
{
	unsigned long kib = binding->huge_kib;

	if (!binding->huge)
		return 0;
	return SHM_HUGETLB |
		(kib ? (__builtin_ctzl(kib) + 10U) << SHM_HUGE_SHIFT : 0);
}

void huge_from_flags(struct binding *binding, int flags)
{
	unsigned int shift = (unsigned int)flags >> SHM_HUGE_SHIFT & 0x3f;

	binding->huge = flags & SHM_HUGETLB;
	binding->huge_kib = binding->huge && shift >= 10 ?
		1UL << (shift - 10) : 0;
}

static const char units[] = "KMGTPE";

/* Step over "", "K", "KB" or "KiB", and return the power of two. */
static int parse_unit(const char **text)
{
	const char *unit = **text ? strchr(units, toupper((unsigned char)**text)) : NULL;

	if (!unit)
		return 0;
	++*text;
	if ((*text)[0] == 'i' && (*text)[1] == 'B')
		*text += 2;
	else if ((*text)[0] == 'B')
		++*text;
	return 10 * (unit - units + 1);
}

bool size_parse(const char *text, unsigned long long *bytes)
{
	unsigned long long number = 0;
	int shift;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		if (number > LLONG_MAX / 10)
			return false;
		number = number * 10 + (*text - '0');
	}
	shift = parse_unit(&text);
	if (*text || !number || number > (unsigned long long)LLONG_MAX >> shift)
		return false;
	*bytes = number << shift;
	return true;
}

/* At most one digit after the point, and none if it would be zero. */
char *size_format(char *text, unsigned long long bytes)
{
	unsigned long long tenths, unit = 1;
	const char *letter = units;

	if (bytes < 1024) {
		sprintf(text, "%lluB", bytes);
		return text;
	}
	for (unit = 1024; bytes / unit >= 1024 && letter[1]; unit *= 1024)
		letter++;
	tenths = bytes / unit * 10 + bytes % unit * 10 / unit;
	if (tenths % 10 && tenths < 1000)
		sprintf(text, "%llu.%llu%c", tenths / 10, tenths % 10, *letter);
	else
		sprintf(text, "%llu%c", tenths / 10, *letter);
	return text;
}

/*
 * The environment.
 */

/* The value of a variable that is set and not empty, or NULL. */
static const char *value_of(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool refuse(char *why, const char *name, const char *value,
		   const char *accepted)
{
	snprintf(why, MESSAGE_TEXT, "%s=%.100s: expected %s", name, value,
		 accepted);
	return false;
}

static bool flag_from_env(const char *name, bool *flag, char *why)
{
	const char *value = value_of(name);

	*flag = value && !strcmp(value, "1");
	return !value || *flag || !strcmp(value, "0") ||
		refuse(why, name, value, "0 or 1");
}

static bool size_from_env(const char *name, unsigned long long *bytes, char *why)
{
	const char *value = value_of(name);

	return !value || size_parse(value, bytes) ||
		refuse(why, name, value, "a size such as 64M");
}

static bool policy_from_env(struct binding *binding, char *why)
{
	const char *policy = value_of(ENV_POLICY);
	const char *strength = value_of(ENV_STRENGTH);

	binding->policy = policy ? policy_parse(policy) : MEM_FIRSTREF;
	if (!binding->policy)
		return refuse(why, ENV_POLICY, policy, POLICY_NAMES);
	binding->strength = strength ? strength_parse(strength) : MEM_SOFTBIND;
	return binding->strength ||
		refuse(why, ENV_STRENGTH, strength, STRENGTH_NAMES);
}

static bool nodes_from_env(struct nodes *nodes, char *why)
{
	const char *list = value_of(ENV_NODES);

	if (list)
		return nodes_parse(list, nodes) ||
			refuse(why, ENV_NODES, list, "a list such as 0-3,5");
	if (nodes_usable(nodes))
		return true;
	snprintf(why, MESSAGE_TEXT,
		 "cannot read the nodes of this machine; set " ENV_NODES);
	return false;
}

static bool huge_from_env(struct binding *binding, char *why)
{
	const char *huge = value_of(ENV_HUGE);
	unsigned long long bytes;

	binding->huge = huge;
	binding->huge_kib = 0;
	if (!huge || !strcmp(huge, "default"))
		return true;
	if (!size_parse(huge, &bytes) || bytes & (bytes - 1) || bytes < 1024)
		return refuse(why, ENV_HUGE, huge,
			      "default, or a size of huge pages such as 2M");
	binding->huge_kib = bytes / 1024;
	return true;
}

unsigned long long default_min_size(const struct binding *binding)
{
	unsigned long kib = binding->huge_kib;

	if (!binding->huge)
		return 1;
	return 1024ULL * (kib ? kib : default_huge_kib());
}

bool request_from_env(struct request *request, char *why)
{
	struct binding *binding = &request->binding;

	/* Flags first: they apply even if the rest is wrong */
	if (!flag_from_env(ENV_POPULATE, &request->populate, why) ||
	    !flag_from_env(ENV_BEST_EFFORT, &request->best_effort, why) ||
	    !flag_from_env(ENV_VERBOSE, &request->verbose, why) ||
	    !policy_from_env(binding, why) ||
	    !nodes_from_env(&binding->nodes, why) ||
	    !huge_from_env(binding, why))
		return false;
	request->min_size = default_min_size(binding);
	return size_from_env(ENV_MIN_SIZE, &request->min_size, why);
}

static bool set_flag(const char *name, bool flag)
{
	return !setenv(name, flag ? "1" : "0", 1);
}

static bool set_size(const char *name, unsigned long long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", bytes);
	return !setenv(name, text, 1);
}

bool request_to_env(const struct request *request)
{
	const struct binding *binding = &request->binding;
	char list[NODES_TEXT];

	return !setenv(ENV_POLICY, policy_name(binding->policy), 1) &&
		!setenv(ENV_STRENGTH, strength_name(binding->strength), 1) &&
		!setenv(ENV_NODES, nodes_format(list, &binding->nodes), 1) &&
		(binding->huge_kib ?
		 set_size(ENV_HUGE, binding->huge_kib * 1024ULL) :
		 !setenv(ENV_HUGE, binding->huge ? "default" : "", 1)) &&
		set_size(ENV_MIN_SIZE, request->min_size) &&
		set_flag(ENV_POPULATE, request->populate) &&
		set_flag(ENV_BEST_EFFORT, request->best_effort) &&
		set_flag(ENV_VERBOSE, request->verbose);
}
