// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/sysvipc/shmbind: the bindings of segments, and where their pages are.
 *
 * Unlike the other files there, this one holds neither an IPC lock nor a
 * reference to a segment while it counts the segment's pages. Counting takes a
 * long time. It must not delay a fault, an attach or a shmget(), and it must
 * not keep the memory of a segment that is removed meanwhile.
 *
 * Pages are counted in batches. Each batch is an RCU read-side critical section
 * of its own, which begins with a lookup of the segment. A segment that is gone
 * by then has no line.
 *
 * Position 0 is the header. Position n is the segment with index n - 1, or the
 * next one after it.
 */

#include <linux/cleanup.h>
#include <linux/ipc_namespace.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/msg.h>
#include <linux/nodemask.h>
#include <linux/nsproxy.h>
#include <linux/overflow.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/shmbind.h>
#include <linux/string.h>

#include "util.h"

struct shmbind_iter {
	struct ipc_namespace *ns;
	int id;
	bool bound;
	unsigned int order;		/* of the pages that are shown */
	unsigned long fallback;		/* base pages */
	unsigned long failed;
	unsigned long pages[];		/* base pages, by node */
};

/* Bytes of the longest line: a list of all nodes, and a count for each. */
static size_t line_max(void)
{
	size_t node = sizeof("1023,") + sizeof(" N1023=18446744073709551615");

	return 192 + array_size(nr_node_ids, node);
}

static void *shmbind_find(struct shmbind_iter *iter, loff_t *pos)
{
	struct shm_view view;
	int idx = *pos - 1;

	guard(rcu)();
	if (!shm_view_next(iter->ns, &idx, &view))
		return NULL;
	iter->id = view.id;
	*pos = idx + 1;
	return iter;
}

static void *shmbind_start(struct seq_file *s, loff_t *pos)
{
	return *pos == 0 ? SEQ_START_TOKEN : shmbind_find(s->private, pos);
}

static void *shmbind_next(struct seq_file *s, void *it, loff_t *pos)
{
	(*pos)++;
	return shmbind_find(s->private, pos);
}

static void shmbind_stop(struct seq_file *s, void *it)
{
}

/* Count a batch, with memory hotplug excluded. Returns false at the end. */
static bool count_batch(struct shmbind_iter *iter, struct address_space *mapping,
			pgoff_t *index, bool *gone)
{
	struct shm_view view;

	guard(rcu)();
	*gone = !shm_view_id(iter->ns, iter->id, &view) ||
		view.mapping != mapping;
	return !*gone && shmbind_count_pages(mapping, index, iter->pages);
}

/*
 * The counts are not a snapshot, and they are too low if the task is being
 * killed. Returns false if the segment has gone.
 */
static bool count_pages(struct shmbind_iter *iter, struct address_space *mapping)
{
	pgoff_t index = 0;
	bool more, gone;

	memset(iter->pages, 0, array_size(nr_node_ids, sizeof(*iter->pages)));
	do {
		get_online_mems();
		more = count_batch(iter, mapping, &index, &gone);
		put_online_mems();
		cond_resched();
	} while (more && !fatal_signal_pending(current));
	return !gone;
}

/* Returns the segment's page cache, or NULL if the segment has gone. */
static struct address_space *show_binding(struct seq_file *s,
					  struct shmbind_iter *iter)
{
	struct shm_view view;

	guard(rcu)();
	if (!shm_view_id(iter->ns, iter->id, &view))
		return NULL;
	seq_printf(s, "%10d %10d ", view.key, view.id);
	iter->bound = view.binding;
	if (view.binding) {
		shmbind_show(s, view.binding);
		shmbind_read_counts(view.binding, &iter->fallback,
				    &iter->failed);
	} else {
		seq_puts(s, "default");
	}
	iter->order = view.order;
	return view.mapping;
}

static int shmbind_line(struct seq_file *s, struct shmbind_iter *iter)
{
	struct address_space *mapping;
	unsigned int nid;

	mapping = show_binding(s, iter);
	if (!mapping || !count_pages(iter, mapping))
		return SEQ_SKIP;

	for (nid = 0; nid < nr_node_ids; nid++)
		if (iter->pages[nid])
			seq_printf(s, " N%u=%lu", nid,
				   iter->pages[nid] >> iter->order);
	seq_printf(s, " kernelpagesize_kB=%lu",
		   (PAGE_SIZE << iter->order) >> 10);
	if (iter->bound)
		seq_printf(s, " fallback=%lu failed=%lu",
			   iter->fallback >> iter->order, iter->failed);
	seq_putc(s, '\n');
	return 0;
}

static int shmbind_seq_show(struct seq_file *s, void *it)
{
	char *buf;

	if (it == SEQ_START_TOKEN) {
		seq_puts(s, "       key      shmid binding and resident pages by node\n");
		return 0;
	}

	/* If the line did not fit, seq_read() would restart the count */
	if (seq_get_buf(s, &buf) < line_max()) {
		seq_commit(s, -1);
		return 0;
	}
	return shmbind_line(s, it);
}

static const struct seq_operations shmbind_seq_ops = {
	.start	= shmbind_start,
	.next	= shmbind_next,
	.stop	= shmbind_stop,
	.show	= shmbind_seq_show,
};

static int shmbind_open(struct inode *inode, struct file *file)
{
	struct shmbind_iter *iter;

	iter = __seq_open_private(file, &shmbind_seq_ops,
				  struct_size(iter, pages, nr_node_ids));
	if (!iter)
		return -ENOMEM;

	iter->ns = get_ipc_ns(current->nsproxy->ipc_ns);
	return 0;
}

static int shmbind_release(struct inode *inode, struct file *file)
{
	struct seq_file *s = file->private_data;
	struct shmbind_iter *iter = s->private;

	put_ipc_ns(iter->ns);
	return seq_release_private(inode, file);
}

static const struct proc_ops shmbind_proc_ops = {
	.proc_flags	= PROC_ENTRY_PERMANENT,
	.proc_open	= shmbind_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= shmbind_release,
};

/**
 * shmbind_init_proc() - Create /proc/sysvipc/shmbind.
 *
 * Context: At boot, once.
 */
void __init shmbind_init_proc(void)
{
	proc_create("sysvipc/shmbind", 0444, NULL, &shmbind_proc_ops);
}
