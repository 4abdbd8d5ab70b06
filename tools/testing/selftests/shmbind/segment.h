/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segments, and the nodes of their pages.
 *
 * Each test is a process. own_ipc_namespace() frees its segments when it ends,
 * in whatever way, but later, from a work queue. A test whose pages could
 * disturb the next one calls segment_remove(), or segment_rmid() once it has
 * attached.
 */
#ifndef SELFTEST_SHMBIND_SEGMENT_H
#define SELFTEST_SHMBIND_SEGMENT_H

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "nodes.h"
#include "require.h"
#include "wrappers.h"

/* Tests take several times as long in an emulated guest with KASAN. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

struct segment {
	int id;
	size_t size;
	char *addr;	/* NULL unless attached by segment_attach() */
};

static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static inline int own_ipc_namespace(void)
{
	return unshare(CLONE_NEWIPC);
}

static inline int shmbind_nodes(int shmid, int policy,
				const struct nodemask *mask)
{
	return shmbind(shmid, policy, mask->bits, NODES_MAX);
}

/* An unbound segment of @pages pages. */
static inline int segment_create(struct segment *seg, size_t pages)
{
	seg->size = pages * page_size();
	seg->addr = NULL;
	seg->id = shmget(IPC_PRIVATE, seg->size, IPC_CREAT | 0600);
	return seg->id < 0 ? -1 : 0;
}

static inline int segment_attach(struct segment *seg)
{
	void *addr = shmat(seg->id, NULL, 0);

	if (addr == (void *)-1)
		return -1;
	seg->addr = addr;
	return 0;
}

/* The errno of an attach at @addr, or 0. */
static inline int attach_at(int shmid, void *addr, int flags)
{
	return shmat(shmid, addr, flags) == (void *)-1 ? errno : 0;
}

static inline int segment_detach(struct segment *seg)
{
	void *addr = seg->addr;

	seg->addr = NULL;
	return addr ? shmdt(addr) : 0;
}

/* A descriptor of the attached segment's file, which can be mapped, or -1. */
static inline int segment_file(const struct segment *seg)
{
	unsigned long start = (unsigned long)seg->addr;
	size_t page = page_size();
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", start,
		 start + (seg->size + page - 1) / page * page);
	return open(path, O_RDWR);
}

/* The segment will be freed with its last attach. */
static inline int segment_rmid(struct segment *seg)
{
	return shmctl(seg->id, IPC_RMID, NULL);
}

static inline void segment_remove(struct segment *seg)
{
	segment_detach(seg);
	segment_rmid(seg);
}

/* Bind and attach the segment, or remove it. */
static inline int segment_bind(struct segment *seg, int policy,
			       const struct nodemask *mask)
{
	if (!shmbind_nodes(seg->id, policy, mask) && !segment_attach(seg))
		return 0;
	segment_rmid(seg);
	return -1;
}

/* A segment of @pages pages, bound and attached. */
static inline int segment_open(struct segment *seg, size_t pages, int policy,
			       const struct nodemask *mask)
{
	if (segment_create(seg, pages))
		return -1;
	return segment_bind(seg, policy, mask);
}

#define BINDING_MAX	4096

/* The binding as text, which is the same in all files that show it. */
static inline char *binding_text(int policy, const struct nodemask *mask,
				 char *text)
{
	const char *choice = policy & MEM_STRIPE ? "stripe" :
			     policy & MEM_WEIGHTED ? "weighted" :
			     policy & MEM_MOSTFREE ? "mostfree" : "firstref";
	const char *strength = policy & MEM_HARDBIND ? "hard" :
			       policy & MEM_MASKBIND ? "mask" : "soft";
	int len;

	len = snprintf(text, BINDING_MAX, "shmbind=%s|%s:", choice, strength);
	nodes_print(mask, text + len, BINDING_MAX - len);
	return text;
}

/* The segment's binding in /proc/sysvipc/shmbind; "" if it is not listed. */
static inline char *segment_binding(int shmid, char *text)
{
	FILE *file = fopen("/proc/sysvipc/shmbind", "r");
	char line[2 * BINDING_MAX];
	int id;

	text[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %d %4095s", &id, text) == 2 &&
		    id == shmid)
			break;
		text[0] = '\0';
	}
	if (file)
		fclose(file);
	return text;
}

/* The policy of the caller's mapping at @addr in numa_maps; "" if none. */
static inline char *mapping_policy(void *addr, char *text)
{
	FILE *file = fopen("/proc/self/numa_maps", "r");
	char line[2 * BINDING_MAX];
	unsigned long start;

	text[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %4095s", &start, text) == 2 &&
		    start == (unsigned long)addr)
			break;
		text[0] = '\0';
	}
	if (file)
		fclose(file);
	return text;
}

static inline void touch_page(char *addr, size_t page)
{
	__atomic_store_n(addr + page * page_size(), 1, __ATOMIC_RELAXED);
}

static inline char read_page(char *addr, size_t page)
{
	return __atomic_load_n(addr + page * page_size(), __ATOMIC_RELAXED);
}

static inline void touch_pages(char *addr, size_t pages)
{
	for (size_t page = 0; page < pages; page++)
		touch_page(addr, page);
}

/* How many minor faults the calling thread has had. */
static inline long thread_faults(void)
{
	struct rusage usage = {};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/*
 * The nodes of @count pages from @addr on in process @pid (0: the caller). A
 * page that the process has not mapped has a negative error instead.
 */
static inline int placement_of(pid_t pid, char *addr, size_t count, int *nodes)
{
	/* Linux 6.12 tells 32-bit callers wrong nodes after the first 16 */
	enum { BATCH = sizeof(long) == 4 ? 16 : 512 };
	void *pages[BATCH];

	for (size_t done = 0; done < count; done += BATCH) {
		size_t batch = count - done < BATCH ? count - done : BATCH;

		for (size_t i = 0; i < batch; i++)
			pages[i] = addr + (done + i) * page_size();
		if (move_pages(pid, batch, pages, NULL, nodes + done, 0))
			return -1;
	}
	return 0;
}

static inline int placement(char *addr, size_t count, int *nodes)
{
	return placement_of(0, addr, count, nodes);
}

/* The node of one page, or a negative error. */
static inline int page_node(char *addr, size_t page)
{
	int node;

	if (placement(addr + page * page_size(), 1, &node))
		return -errno;
	return node;
}

/* Move the first @count pages, as an administrator does. */
static inline int segment_move(struct segment *seg, size_t count, int node)
{
	void *pages[count];
	int nodes[count], status[count];

	for (size_t page = 0; page < count; page++) {
		pages[page] = seg->addr + page * page_size();
		nodes[page] = node;
	}
	return move_pages(0, count, pages, nodes, status, 0);
}

/*
 * Count the pages on each node; @per_node has NODES_MAX entries. Returns how
 * many of the @count pages are on any node, or -1.
 */
static inline long count_placement(char *addr, size_t count, long *per_node)
{
	int *nodes = malloc(count * sizeof(*nodes));
	long present = 0;

	memset(per_node, 0, NODES_MAX * sizeof(*per_node));
	if (!nodes || placement(addr, count, nodes)) {
		free(nodes);
		return -1;
	}
	for (size_t page = 0; page < count; page++) {
		if (nodes[page] < 0)
			continue;
		per_node[nodes[page]]++;
		present++;
	}
	free(nodes);
	return present;
}

/*
 * count_placement() once all pages are on a node. A page that compaction is
 * moving seems to be on none.
 */
static inline long count_settled(char *addr, size_t count, long *per_node)
{
	long present = 0;

	for (int tries = 0; tries < 1000 && present < (long)count; tries++) {
		usleep(tries ? 10000 : 0);
		present = count_placement(addr, count, per_node);
	}
	return present;
}

/* The exit status of @pid; -1 if a signal or an error ended it. */
static inline int wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/*
 * Attach, map the pages that are resident, and look up their nodes. A fault on
 * a hole would allocate a page.
 */
static inline int look_at_placement(int shmid, size_t count, int *nodes)
{
	unsigned char *resident = malloc(count);
	char *addr = shmat(shmid, NULL, SHM_RDONLY);

	if (!resident || addr == (char *)-1 ||
	    mincore(addr, count * page_size(), resident))
		return -1;
	for (size_t page = 0; page < count; page++) {
		if (resident[page] & 1)
			read_page(addr, page);
	}
	return placement(addr, count, nodes);
}

/* placement() in a process that neither bound nor touched the segment. */
static inline int placement_elsewhere(int shmid, size_t count, int *nodes)
{
	size_t size = count * sizeof(*nodes);
	int *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int err;

	if (shared == MAP_FAILED)
		return -1;
	pid = fork();
	if (pid == 0)
		_exit(look_at_placement(shmid, count, shared) ? 1 : 0);
	err = wait_for(pid);
	memcpy(nodes, shared, size);
	munmap(shared, size);
	return err ? -1 : 0;
}

#endif /* SELFTEST_SHMBIND_SEGMENT_H */
