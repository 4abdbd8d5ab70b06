// SPDX-License-Identifier: GPL-2.0
/*
 * Plugin for QEMU (TCG): counts the locked read-modify-write operations that an
 * x86-64 guest executes between two marks (marks.h), by their address and that
 * of the last call.
 *
 * Writes for each figure to QEMU's log:
 *
 *	figure <median> <mean> <samples>
 *	at <address> <address of the last call before it> <times in all samples>
 *
 * The declarations are those of QEMU's plugin API, version 1, of which Debian
 * packages no header.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*vcpu_udata_cb)(unsigned int vcpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    vcpu_udata_cb cb,
					    enum qemu_plugin_cb_flags flags,
					    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_outs(const char *string);

#define EXPORT		__attribute__((visibility("default")))
#define SAMPLES_MAX	4096
#define PLACES_MAX	512	/* of one figure */

EXPORT int qemu_plugin_version = 1;

static struct place {
	uint64_t address, call, times;
} places[PLACES_MAX];

static uint32_t samples[SAMPLES_MAX];
static unsigned int nr_places, nr_samples, count;
static uint64_t last_call;
static bool counting;

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_figure(void)
{
	char line[128];
	double sum = 0;

	qsort(samples, nr_samples, sizeof(samples[0]), compare);
	for (unsigned int i = 0; i < nr_samples; i++)
		sum += samples[i];
	snprintf(line, sizeof(line), "figure %u %.1f %u\n",
		 samples[nr_samples / 2], sum / nr_samples, nr_samples);
	qemu_plugin_outs(line);
	for (unsigned int i = 0; i < nr_places; i++) {
		snprintf(line, sizeof(line), "at %lx %lx %lu\n",
			 places[i].address, places[i].call, places[i].times);
		qemu_plugin_outs(line);
	}
}

static void on_mark(unsigned int vcpu, void *data)
{
	switch ((uintptr_t)data) {
	case MARK_BEGIN:
		count = 0;
		counting = true;
		break;
	case MARK_END:
		counting = false;
		if (nr_samples == SAMPLES_MAX)
			abort();
		samples[nr_samples++] = count;
		break;
	case MARK_NEXT:
		print_figure();
		nr_samples = nr_places = 0;
		break;
	}
}

static void on_locked(unsigned int vcpu, void *data)
{
	uint64_t address = (uintptr_t)data;
	unsigned int i;

	if (!counting)
		return;
	count++;
	for (i = 0; i < nr_places; i++)
		if (places[i].address == address && places[i].call == last_call)
			break;
	if (i == PLACES_MAX)
		abort();
	if (i == nr_places)
		places[nr_places++] = (struct place){
			.address = address,
			.call = last_call,
		};
	places[i].times++;
}

static void on_call(unsigned int vcpu, void *data)
{
	last_call = (uintptr_t)data;
}

struct decoded {
	bool lock;
	const uint8_t *opcode;	/* after the prefixes; may be the end */
	size_t left;		/* bytes from there on */
};

static struct decoded decode(const struct qemu_plugin_insn *insn)
{
	struct decoded d = {
		.opcode = qemu_plugin_insn_data(insn),
		.left = qemu_plugin_insn_size(insn),
	};

	while (d.left && strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3",
				*d.opcode) && *d.opcode) {
		d.lock |= *d.opcode == 0xf0;
		d.opcode++;
		d.left--;
	}
	if (d.left && (*d.opcode & 0xf0) == 0x40) {	/* REX */
		d.opcode++;
		d.left--;
	}
	return d;
}

/* With a lock prefix, or xchg with memory, which needs none. */
static bool is_locked(const struct decoded *d)
{
	return d->lock || (d->left > 1 && (d->opcode[0] & 0xfe) == 0x86 &&
			   d->opcode[1] < 0xc0);
}

static bool is_call(const struct decoded *d)
{
	return d->left > 1 && (d->opcode[0] == 0xe8 ||
			       (d->opcode[0] == 0xff &&
				(d->opcode[1] >> 3 & 7) == 2));
}

/* The mark in nopl MARK(%rax), or 0. */
static uint32_t mark_of(const struct decoded *d)
{
	uint32_t mark;

	if (d->left != 7 || memcmp(d->opcode, "\x0f\x1f\x80", 3))
		return 0;
	memcpy(&mark, d->opcode + 3, sizeof(mark));
	return mark >= MARK_BEGIN && mark <= MARK_NEXT ? mark : 0;
}

static void watch(struct qemu_plugin_insn *insn, vcpu_udata_cb cb,
		  uintptr_t data)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, QEMU_PLUGIN_CB_NO_REGS,
					       (void *)data);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr_insns = qemu_plugin_tb_n_insns(tb);

	for (size_t i = 0; i < nr_insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct decoded d = decode(insn);

		if (is_locked(&d))
			watch(insn, on_locked, qemu_plugin_insn_vaddr(insn));
		else if (is_call(&d))
			watch(insn, on_call, qemu_plugin_insn_vaddr(insn));
		else if (mark_of(&d))
			watch(insn, on_mark, mark_of(&d));
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
			       int argc, char **argv)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
