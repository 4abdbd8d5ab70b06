// SPDX-License-Identifier: GPL-2.0
/* The content of /proc/sysvipc/shmbind, and who can read it. */
#include <fcntl.h>
#include <pthread.h>

#include "segment.h"
#include "thp.h"

#define LISTING	"/proc/sysvipc/shmbind"
#define PAGES	32

/* One line of the file. */
struct listed {
	int key;
	int id;
	char binding[BINDING_MAX];
	long pages[NODES_MAX];
	long page_kib;
};

/* Parse a line strictly: only the fields of the format, in their order. */
static bool parse_listed(const char *line, struct listed *listed)
{
	long pages, fallback, failed;
	int node, last = -1, len;

	memset(listed, 0, sizeof(*listed));
	if (sscanf(line, "%d %d %4095s%n", &listed->key, &listed->id,
		   listed->binding, &len) != 3)
		return false;
	line += len;
	while (sscanf(line, " N%d=%ld%n", &node, &pages, &len) == 2) {
		if (node <= last || node >= NODES_MAX || pages <= 0)
			return false;
		listed->pages[node] = pages;
		last = node;
		line += len;
	}
	len = 0;
	if (sscanf(line, " kernelpagesize_kB=%ld%n", &listed->page_kib,
		   &len) != 1)
		return false;
	line += len;
	if (strcmp(listed->binding, "default")) {
		if (sscanf(line, " fallback=%ld failed=%ld%n", &fallback,
			   &failed, &len) != 2 || fallback < 0 || failed < 0)
			return false;
		line += len;
	}
	return !strcmp(line, "\n");
}

static bool is_header(const char *line)
{
	char key[16], shmid[16];

	return sscanf(line, "%15s %15s", key, shmid) == 2 &&
	       !strcmp(key, "key") && !strcmp(shmid, "shmid");
}

/*
 * Read the whole file. Returns how many segments it lists, or -1 if a line is
 * not in the format. @found is the line of @shmid, and @times how often it is
 * listed.
 */
static int read_listed(int shmid, struct listed *found, int *times)
{
	static __thread char line[2 * BINDING_MAX];
	static __thread struct listed listed;
	FILE *file = fopen("/proc/sysvipc/shmbind", "r");
	int segments = 0;

	*times = 0;
	if (!file)
		return -1;
	if (!fgets(line, sizeof(line), file) || !is_header(line))
		segments = -1;
	while (segments >= 0 && fgets(line, sizeof(line), file)) {
		if (!parse_listed(line, &listed)) {
			fprintf(stderr, "# not in the format: %s", line);
			segments = -1;
			break;
		}
		segments++;
		if (listed.id == shmid) {
			(*times)++;
			if (found)
				*found = listed;
		}
	}
	fclose(file);
	return segments;
}

static long listed_pages(const struct listed *listed)
{
	long pages = 0;

	for (int node = 0; node < NODES_MAX; node++)
		pages += listed->pages[node];
	return pages;
}

FIXTURE(listing)
{
	struct segment seg;
	struct nodemask memory;
	struct listed listed;
	int times;
};

FIXTURE_SETUP(listing)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	self->memory = memory_nodes();
}

FIXTURE_TEARDOWN(listing)
{
	segment_remove(&self->seg);
}

/* The file has a header and one line for each segment. */
TEST_F(listing, each_segment_has_a_line)
{
	static const key_t key = 0x5eed;
	struct segment keyed;

	EXPECT_EQ(1, read_listed(self->seg.id, &self->listed, &self->times));
	EXPECT_EQ(1, self->times);
	EXPECT_EQ(IPC_PRIVATE, self->listed.key);
	EXPECT_STREQ("default", self->listed.binding);
	EXPECT_EQ(0, listed_pages(&self->listed));
	EXPECT_EQ(page_size() / 1024, self->listed.page_kib);

	keyed.id = shmget(key, page_size(), IPC_CREAT | 0600);
	ASSERT_LE(0, keyed.id);
	keyed.addr = NULL;
	ASSERT_EQ(0, shmbind_nodes(keyed.id, 0, &self->memory));
	EXPECT_EQ(2, read_listed(keyed.id, &self->listed, &self->times));
	EXPECT_EQ(1, self->times);
	EXPECT_EQ(key, self->listed.key);
	segment_remove(&keyed);
	EXPECT_EQ(1, read_listed(keyed.id, NULL, &self->times));
	EXPECT_EQ(0, self->times);
}

/* The file of a namespace without segments is its header. */
TEST_F(listing, empty_namespace_has_only_the_header)
{
	segment_remove(&self->seg);
	EXPECT_EQ(0, read_listed(self->seg.id, NULL, &self->times));
}

/*
 * The counts for each node equal what move_pages() reports, and need no process
 * that is attached.
 */
TEST_F(listing, pages_are_where_move_pages_finds_them)
{
	long per_node[NODES_MAX];

	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE, &self->memory));
	ASSERT_EQ(0, segment_attach(&self->seg));
	for (int page = 0; page < PAGES; page++) {
		/* leave holes */
		if (page % 3 == 1)
			continue;
		touch_page(self->seg.addr, page);
		count_placement(self->seg.addr, PAGES, per_node);
		EXPECT_EQ(1, read_listed(self->seg.id, &self->listed,
					 &self->times));
		EXPECT_EQ(0, memcmp(per_node, self->listed.pages,
				    sizeof(per_node)));
	}
	/* without any attach */
	ASSERT_EQ(0, segment_detach(&self->seg));
	EXPECT_EQ(1, read_listed(self->seg.id, &self->listed, &self->times));
	EXPECT_EQ(0, memcmp(per_node, self->listed.pages, sizeof(per_node)));
}

/* The pages of an unbound segment are counted, too. */
TEST_F(listing, unbound_segment_shows_its_pages)
{
	long per_node[NODES_MAX];

	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, PAGES);
	count_placement(self->seg.addr, PAGES, per_node);
	EXPECT_EQ(1, read_listed(self->seg.id, &self->listed, &self->times));
	EXPECT_STREQ("default", self->listed.binding);
	EXPECT_EQ(0, memcmp(per_node, self->listed.pages, sizeof(per_node)));
}

/* Reading the file leaves the attach counter and the times alone. */
TEST_F(listing, reading_does_not_count_as_attach)
{
	struct shmid_ds before, after;

	ASSERT_EQ(0, shmctl(self->seg.id, IPC_STAT, &before));
	EXPECT_EQ(1, read_listed(self->seg.id, NULL, &self->times));
	ASSERT_EQ(0, shmctl(self->seg.id, IPC_STAT, &after));
	EXPECT_EQ(0, after.shm_nattch);
	EXPECT_EQ(before.shm_atime, after.shm_atime);
	EXPECT_EQ(before.shm_lpid, after.shm_lpid);
	EXPECT_EQ(0, shmbind_nodes(self->seg.id, 0, &self->memory));
}

/* A removed segment is listed until its last attach is gone. */
TEST_F(listing, removed_segment_stays_while_attached)
{
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE, &self->memory));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, segment_rmid(&self->seg));
	EXPECT_EQ(1, read_listed(self->seg.id, NULL, &self->times));
	EXPECT_EQ(1, self->times);
	ASSERT_EQ(0, segment_detach(&self->seg));
	EXPECT_EQ(0, read_listed(self->seg.id, NULL, &self->times));
}

/* The file lists the segments of the reader's IPC namespace. */
TEST_F(listing, reader_sees_its_own_ipc_namespace)
{
	pid_t pid = fork();

	if (!pid) {
		struct segment seg;

		if (own_ipc_namespace() ||
		    read_listed(self->seg.id, NULL, &self->times) != 0 ||
		    segment_create(&seg, 1) || segment_create(&seg, 1) ||
		    shmbind_nodes(seg.id, 0, &self->memory) ||
		    read_listed(seg.id, NULL, &self->times) != 2)
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(1, read_listed(self->seg.id, NULL, &self->times));
}

/* Every user can read the file, and nobody can write it. */
TEST_F(listing, everyone_can_read_and_nobody_write)
{
	int fd = open("/proc/sysvipc/shmbind", O_WRONLY);

	if (fd >= 0) {
		EXPECT_EQ(-1, write(fd, "0", 1));
		close(fd);
	}
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	EXPECT_EQ(1, read_listed(self->seg.id, NULL, &self->times));
}

/* Reads in one piece, in pieces of various sizes, and from any offset. */

enum { MANY = 300, LISTING_MAX = 1 << 20 };

static ssize_t read_in_pieces(size_t piece, char *text)
{
	int fd = open("/proc/sysvipc/shmbind", O_RDONLY);
	ssize_t len = 0, got;

	while (len < LISTING_MAX) {
		size_t room = LISTING_MAX - len;

		got = read(fd, text + len, piece < room ? piece : room);
		if (got <= 0)
			break;
		len += got;
	}
	close(fd);
	return len;
}

static char *listing_buffer(void)
{
	return mmap(NULL, LISTING_MAX, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Create many segments and store their ids; returns their number, or -1. */
static int create_many(const struct nodemask *memory, int *ids)
{
	struct segment seg[MANY];
	int many = 0;

	for (int i = 0; i < MANY; i++) {
		if (segment_create(&seg[i], 1 + i % 3))
			return -1;
	}
	for (int i = 0; i < MANY; i++) {
		/* remove some of them, so ids are missing */
		if (i % 7 == 3) {
			segment_remove(&seg[i]);
			continue;
		}
		if (i % 2 && shmbind_nodes(seg[i].id, MEM_STRIPE, memory))
			return -1;
		ids[many++] = seg[i].id;
	}
	return many;
}

/* Each segment is listed once, although ids between them are missing. */
TEST_F(listing, each_segment_is_listed_once)
{
	int ids[MANY], many = create_many(&self->memory, ids);

	ASSERT_LT(0, many);
	for (int i = 0; i < many; i += 5) {
		EXPECT_EQ(1 + many, read_listed(ids[i], NULL, &self->times));
		EXPECT_EQ(1, self->times) TH_LOG("id %d", ids[i]);
	}
}

/* The content does not depend on the size of the reads. */
TEST_F(listing, piece_size_does_not_matter)
{
	static const size_t pieces[] = { 1, 7, 64, 100, 1000, 4095, 4096, 4097 };
	char *whole = listing_buffer(), *pieced = listing_buffer();
	int ids[MANY];
	ssize_t len;

	ASSERT_LT(0, create_many(&self->memory, ids));
	len = read_in_pieces(LISTING_MAX, whole);
	EXPECT_LT(MANY * 20, len);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		EXPECT_EQ(len, read_in_pieces(pieces[i], pieced))
			TH_LOG("pieces of %zu", pieces[i]);
		EXPECT_EQ(0, memcmp(whole, pieced, len))
			TH_LOG("pieces of %zu", pieces[i]);
	}
}

/* A read from any offset, back and forth, gets the content from there on. */
TEST_F(listing, reading_from_any_offset_works)
{
	int fd = open("/proc/sysvipc/shmbind", O_RDONLY);
	char *whole = listing_buffer(), piece[200];
	int ids[MANY];
	ssize_t len;

	ASSERT_LE(0, fd);
	ASSERT_LT(0, create_many(&self->memory, ids));
	len = read_in_pieces(LISTING_MAX, whole);
	/* back and forth */
	for (int i = 0; i < 60; i++) {
		off_t at = (off_t)i * 7919 % (len - sizeof(piece));
		ssize_t got;

		if (i % 2) {
			got = pread(fd, piece, sizeof(piece), at);
		} else {
			ASSERT_EQ(at, lseek(fd, at, SEEK_SET));
			got = read(fd, piece, sizeof(piece));
		}
		/* a read may stop at the end of a line, but not at once */
		EXPECT_LT(0, got) TH_LOG("at %ld", (long)at);
		EXPECT_EQ(0, memcmp(whole + at, piece, got > 0 ? got : 0))
			TH_LOG("at %ld", (long)at);
	}
	EXPECT_EQ(0, pread(fd, piece, sizeof(piece), len));
	EXPECT_EQ(0, pread(fd, piece, sizeof(piece), len + 1000));
	close(fd);
}

/* A segment of huge pages is counted in huge pages. */
TEST_F(listing, huge_pages_are_counted_in_their_size)
{
	struct segment huge = {};
	FILE *file = fopen("/proc/meminfo", "r");
	char line[256];
	long kib = 0;

	ASSERT_NE(NULL, file);
	while (!kib && fgets(line, sizeof(line), file))
		sscanf(line, "Hugepagesize: %ld", &kib);
	fclose(file);
	ASSERT_LT(0, kib);
	/* without a reservation, the pool may be empty */
	huge.id = shmget(IPC_PRIVATE, kib * 1024, IPC_CREAT | 0600 |
			 SHM_HUGETLB | SHM_NORESERVE);
	ASSERT_LE(0, huge.id);
	EXPECT_EQ(2, read_listed(huge.id, &self->listed, &self->times));
	EXPECT_STREQ("default", self->listed.binding);
	EXPECT_EQ(kib, self->listed.page_kib);
	EXPECT_EQ(0, listed_pages(&self->listed));
	segment_remove(&huge);
}

#define BIG_PAGES	4096

/* All pages of a segment are counted, however many, and no others. */
TEST_F(listing, every_page_of_a_big_segment_counts)
{
	int pages = 2 * BIG_PAGES + 5;
	struct segment big;

	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(0, segment_open(&big, pages, MEM_STRIPE, &self->memory));
	touch_pages(big.addr, pages);
	EXPECT_EQ(2, read_listed(big.id, &self->listed, &self->times));
	EXPECT_EQ(pages, listed_pages(&self->listed));
	segment_remove(&big);
}

/* A large folio is counted in base pages. */
TEST_F(listing, large_folios_are_counted_by_pages)
{
	int pages = FOLIO_SIZE / page_size();
	struct segment large;
	size_t mapped;

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	open_aligned(_metadata, &large, pages, MEM_STRIPE, &self->memory);
	touch_page(large.addr, 0);
	mapped = large_bytes(&large);
	EXPECT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	EXPECT_EQ(FOLIO_SIZE, mapped);
	EXPECT_EQ(2, read_listed(large.id, &self->listed, &self->times));
	EXPECT_EQ(pages, listed_pages(&self->listed));
	segment_remove(&large);
}

/* Reading the file while segments change */

struct traffic {
	struct segment *big;
	struct nodemask memory;
	int over;
	int failed;
	long turns;
	pthread_t thread;
};

static bool traffic_over(struct traffic *traffic)
{
	return __atomic_load_n(&traffic->over, __ATOMIC_RELAXED);
}

/* Remove pages and have faults allocate them again, over and over. */
static void *fault_in(void *arg)
{
	struct traffic *traffic = arg;
	size_t part = 64 * page_size();

	for (long turn = 0; !traffic_over(traffic); turn++) {
		char *addr = traffic->big->addr +
			     turn * part % traffic->big->size;

		traffic->failed |= madvise(addr, part, MADV_REMOVE);
		touch_pages(addr, 64);
		traffic->turns++;
	}
	return NULL;
}

static void *come_and_go(void *arg)
{
	struct traffic *traffic = arg;

	while (!traffic_over(traffic)) {
		struct segment seg;

		if (segment_open(&seg, 4, MEM_STRIPE, &traffic->memory)) {
			traffic->failed = 1;
			break;
		}
		touch_pages(seg.addr, 4);
		segment_remove(&seg);
		traffic->turns++;
	}
	return NULL;
}

static void *read_on(void *arg)
{
	struct traffic *traffic = arg;
	int times;

	while (!traffic_over(traffic)) {
		if (read_listed(traffic->big->id, NULL, &times) < 0 ||
		    times != 1)
			traffic->failed = 1;
		traffic->turns++;
	}
	return NULL;
}

/* Reads, faults, new segments and removals go on at the same time. */
TEST_F(listing, concurrent_reads_disturb_nothing)
{
	static void *(*const what[])(void *) = {
		fault_in, come_and_go, come_and_go, read_on, read_on,
	};
	struct traffic traffic[ARRAY_SIZE(what)] = {};
	struct segment big;

	ASSERT_EQ(0, segment_open(&big, BIG_PAGES, MEM_STRIPE, &self->memory));
	touch_pages(big.addr, BIG_PAGES);
	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		traffic[i].big = &big;
		traffic[i].memory = self->memory;
		ASSERT_EQ(0, pthread_create(&traffic[i].thread, NULL, what[i],
					    &traffic[i]));
	}
	sleep(2);
	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		__atomic_store_n(&traffic[i].over, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		pthread_join(traffic[i].thread, NULL);
		EXPECT_EQ(0, traffic[i].failed) TH_LOG("thread %zu", i);
		EXPECT_LT(0, traffic[i].turns) TH_LOG("thread %zu", i);
	}
	EXPECT_EQ(2, read_listed(big.id, &self->listed, &self->times));
	EXPECT_EQ(BIG_PAGES, listed_pages(&self->listed));
	segment_remove(&big);
}

/* The content does not depend on the size of the buffer. */
TEST(buffer_size_does_not_matter)
{
	static const size_t sizes[] = { 1, 7, 64, 200, 4096, 65536 };
	enum { SEGMENTS = 40 };
	struct nodemask memory = memory_nodes();
	struct segment segs[SEGMENTS];
	char *listing[2], *buf;
	long len[2] = {};

	ASSERT_EQ(0, own_ipc_namespace());
	buf = malloc(65536);
	for (int i = 0; i < 2; i++) {
		listing[i] = calloc(1, 65536);
		ASSERT_NE(NULL, listing[i]);
	}
	for (int i = 0; i < SEGMENTS; i++) {
		ASSERT_EQ(0, segment_open(&segs[i], 4,
					  MEM_STRIPE | (i % 2 ? MEM_HARDBIND :
							MEM_SOFTBIND),
					  &memory));
		touch_pages(segs[i].addr, i % 5);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = open(LISTING, O_RDONLY), which = !!i;
		ssize_t got;

		ASSERT_LE(0, fd);
		len[which] = 0;
		while ((got = read(fd, buf, sizes[i])) > 0 &&
		       len[which] + got < 65536) {
			memcpy(listing[which] + len[which], buf, got);
			len[which] += got;
		}
		close(fd);
		EXPECT_EQ(len[0], len[which]);
		EXPECT_EQ(0, memcmp(listing[0], listing[which], len[0]));
	}
	for (int i = 0; i < SEGMENTS; i++)
		segment_remove(&segs[i]);
}

TEST_HARNESS_MAIN
