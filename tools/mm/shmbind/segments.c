// SPDX-License-Identifier: GPL-2.0
/* The segments of this IPC namespace, from procfs and shmctl(2). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "segments.h"
#include "shmbind.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB	0x0004U
#endif
#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT	26
#endif

#define LISTING		"/proc/sysvipc/shmbind"
#define BOUND		"shmbind="

/*
 * A line of the listing. Its fields are taken off one by one.
 */

/* Parse a decimal number that is all of @text. */
static bool parse_number(const char *text, unsigned long *number)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return !*end && !errno;
}

static bool parse_int(const char *text, int *number)
{
	bool negative = text && *text == '-';
	unsigned long value;

	if (!parse_number(negative ? text + 1 : text, &value) ||
	    value > (unsigned long)INT_MAX + negative)
		return false;
	*number = negative ? -(long long)value : (long long)value;
	return true;
}

/* Parse "<name>=<number>". */
static bool parse_count(const char *text, const char *name,
			unsigned long *number)
{
	size_t length = strlen(name);

	return text && !strncmp(text, name, length) && text[length] == '=' &&
		parse_number(text + length + 1, number);
}

/* Parse "<policy>|<strength>:<nodes>", and overwrite the separators. */
static bool parse_binding(char *text, struct binding *binding)
{
	char *policy = strsep(&text, "|"), *strength = strsep(&text, ":");

	if (!text)
		return false;
	binding->policy = policy_parse(policy);
	binding->strength = strength_parse(strength);
	return binding->policy && binding->strength && *text &&
		nodes_parse(text, &binding->nodes);
}

/* Parse "N<node>=<pages>"; nodes are in ascending order. */
static bool parse_resident(char *text, int *last, unsigned long *resident)
{
	char *node = strsep(&text, "=");
	unsigned long number;

	if (!parse_number(node + 1, &number) || number >= MAX_NODES ||
	    (int)number <= *last)
		return false;
	*last = number;
	return parse_number(text, &resident[number]);
}

static char *next_field(char **line)
{
	char *field;

	do {
		field = strsep(line, "\n ");
	} while (field && !*field);
	return field;
}

/* Later kernels may have further fields, "<name>=<value>". */
static bool rest_is_fields(char *line)
{
	char *field;

	while ((field = next_field(&line))) {
		if (!strchr(field, '='))
			return false;
	}
	return true;
}

static bool parse_fields(char *line, struct segment *segment)
{
	char *field;
	int last = -1;

	if (!parse_int(next_field(&line), &segment->key) ||
	    !parse_int(next_field(&line), &segment->shmid) ||
	    segment->shmid < 0)
		return false;
	field = next_field(&line);
	segment->bound = field && !strncmp(field, BOUND, strlen(BOUND));
	if (segment->bound) {
		if (!parse_binding(field + strlen(BOUND), &segment->binding))
			return false;
	} else if (!field || strcmp(field, "default")) {
		return false;
	}
	while ((field = next_field(&line)) && *field == 'N') {
		if (!parse_resident(field, &last, segment->resident))
			return false;
	}
	if (!parse_count(field, "kernelpagesize_kB", &segment->page_kib) ||
	    !segment->page_kib)
		return false;
	return (!segment->bound ||
		(parse_count(next_field(&line), "fallback", &segment->fallback) &&
		 parse_count(next_field(&line), "failed", &segment->failed))) &&
		rest_is_fields(line);
}

bool segment_parse(const char *line, struct segment *segment)
{
	char *copy = strdup(line);
	bool parsed;

	memset(segment, 0, sizeof(*segment));
	parsed = copy && parse_fields(copy, segment);
	free(copy);
	return parsed;
}

/*
 * The listing.
 */

/*
 * Read lines up to one that can be parsed, and count the others. The header is the
 * first of them. False at the end of the file.
 */
static bool read_segment(FILE *file, char **line, size_t *size,
			 struct segment *segment, long *others)
{
	while (getline(line, size, file) > 0) {
		if (segment_parse(*line, segment))
			return true;
		++*others;
	}
	return false;
}

bool segment_read(int shmid, struct segment *segment)
{
	FILE *file = fopen(LISTING, "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;
	long others = 0;

	while (file && !found &&
	       read_segment(file, &line, &size, segment, &others))
		found = segment->shmid == shmid;
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* Return the array with room for one more, or NULL. It grows when it is full. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? 2 * count : 1, size);
}

static long read_listing(FILE *file, struct segment **segments, long *others)
{
	struct segment segment, *bigger;
	char *line = NULL;
	size_t size = 0;
	long count = 0;

	*segments = NULL;
	while (read_segment(file, &line, &size, &segment, others)) {
		bigger = grow(*segments, count, sizeof(segment));
		if (!bigger) {
			free(*segments);
			count = -1;
			break;
		}
		*segments = bigger;
		bigger[count++] = segment;
	}
	free(line);
	return count;
}

/*
 * What shmctl(2) knows. It finds segments by their index, not by their id.
 */

static int by_id(const void *a, const void *b)
{
	const struct segment *left = a, *right = b;

	return (left->shmid > right->shmid) - (left->shmid < right->shmid);
}

static struct segment *find_segment(struct segment *segments, long count,
				    int shmid)
{
	struct segment key;

	key.shmid = shmid;
	return count ? bsearch(&key, segments, count, sizeof(key), by_id) : NULL;
}

static long join_shmctl(struct segment *segments, long count)
{
	struct segment *segment;
	struct shm_info info;
	struct shmid_ds ds = {};	/* valgrind does not know the call */
	long i, kept = 0;
	int index, last, shmid;

	last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	for (index = 0; index <= last; index++) {
		shmid = shmctl(index, SHM_STAT_ANY, &ds);
		segment = find_segment(segments, count, shmid);
		if (shmid < 0 || !segment)
			continue;
		segment->uid = ds.shm_perm.uid;
		segment->mode = ds.shm_perm.mode & 0777;
		segment->destroyed = ds.shm_perm.mode & SHM_DEST;
		segment->size = ds.shm_segsz;
		segment->attaches = ds.shm_nattch;
	}
	/* A segment has at least one byte, unless it has gone. */
	for (i = 0; i < count; i++) {
		if (segments[i].size)
			segments[kept++] = segments[i];
	}
	return kept;
}

/*
 * Processes. In /proc/<pid>/maps, a segment is a file of an internal mount. Its
 * inode number is the id of the segment. A file made by memfd_create(2) is on the
 * same mount, so it shows the mount's device.
 */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U	/* vm.memfd_noexec may demand it */
#endif

struct device {
	unsigned int major, minor;
};

static bool find_device(unsigned long page_kib, struct device *device)
{
	unsigned int flags = MFD_CLOEXEC | MFD_NOEXEC_SEAL;
	struct stat stat;
	bool found;
	int fd;

	if (page_kib * 1024 != (unsigned long)sysconf(_SC_PAGESIZE))
		flags |= MFD_HUGETLB |
			(__builtin_ctzl(page_kib) + 10) << MFD_HUGE_SHIFT;
	fd = memfd_create("shmbind", flags);
	if (fd < 0)
		return false;
	found = !fstat(fd, &stat);
	close(fd);
	if (found) {
		device->major = major(stat.st_dev);
		device->minor = minor(stat.st_dev);
	}
	return found;
}

static bool add_pid(struct segment *segment, pid_t pid)
{
	pid_t *bigger;

	if (segment->npids && segment->pids[segment->npids - 1] == pid)
		return true;
	bigger = grow(segment->pids, segment->npids, sizeof(pid));
	if (!bigger)
		return false;
	segment->pids = bigger;
	bigger[segment->npids++] = pid;
	return true;
}

/* The segment that a line of maps shows, or NULL. */
static struct segment *mapped_segment(const char *line,
				      struct segment *segments, long count)
{
	struct device device, mount;
	struct segment *segment;
	unsigned long inode;
	int path = 0;

	if (sscanf(line, "%*s %*s %*s %x:%x %lu %n", &device.major,
		   &device.minor, &inode, &path) != 3 ||
	    strncmp(line + path, "/SYSV", 5) || inode > INT_MAX)
		return NULL;
	segment = find_segment(segments, count, inode);
	if (!segment || !find_device(segment->page_kib, &mount) ||
	    device.major != mount.major || device.minor != mount.minor)
		return NULL;
	return segment;
}

static bool read_maps(pid_t pid, struct segment *segments, long count)
{
	struct segment *segment;
	char path[64], *line = NULL;
	bool memory = true;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (memory && getline(&line, &size, file) > 0) {
		segment = mapped_segment(line, segments, count);
		memory = !segment || add_pid(segment, pid);
	}
	free(line);
	fclose(file);
	return memory;
}

/* Ids are unique only in a namespace. Kernels without them have no such file. */
static bool in_this_namespace(pid_t pid)
{
	struct stat mine, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	return stat("/proc/self/ns/ipc", &mine) ||
		(!stat(path, &other) && mine.st_dev == other.st_dev &&
		 mine.st_ino == other.st_ino);
}

static bool find_processes(struct segment *segments, long count)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool memory = true;
	int pid;

	while (dir && memory && (entry = readdir(dir))) {
		if (parse_int(entry->d_name, &pid) && in_this_namespace(pid))
			memory = read_maps(pid, segments, count);
	}
	if (dir)
		closedir(dir);
	return memory;
}

bool segment_processes(struct segment *segment)
{
	return find_processes(segment, 1);
}

void process_name(pid_t pid, char *name, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, size, file))
		snprintf(name, size, "?");
	name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

bool segment_set_mode(int shmid, unsigned int mode)
{
	struct shmid_ds change = {};

	change.shm_perm.uid = geteuid();
	change.shm_perm.gid = getegid();
	change.shm_perm.mode = mode;
	return !shmctl(shmid, IPC_SET, &change);
}

long segments_read(struct segment **segments, bool processes, long *unknown)
{
	FILE *file = fopen(LISTING, "re");
	long count, others = 0;

	if (!file)
		return -1;
	count = read_listing(file, segments, &others);
	fclose(file);
	*unknown = others - 1;	/* the header */
	if (count < 0) {
		errno = ENOMEM;
		return -1;
	}
	if (count)
		qsort(*segments, count, sizeof(**segments), by_id);
	count = join_shmctl(*segments, count);
	if (processes && !find_processes(*segments, count)) {
		segments_free(*segments, count);
		errno = ENOMEM;
		return -1;
	}
	return count;
}

void segments_free(struct segment *segments, long count)
{
	long i;

	for (i = 0; i < count; i++)
		free(segments[i].pids);
	free(segments);
}
